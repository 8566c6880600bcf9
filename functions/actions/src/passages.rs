//! Passages: which parts of a text have most to do with a query, by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance
//! Framework", 2009). Pure, in time linear in the text and in little memory, since texts may be tens of megabytes.
//!
//! The text is cut into passages that do not overlap, at line ends, sentence ends or spaces. The first pass counts in how many
//! of them each word of the query is; the second scores each passage: a word counts more the fewer passages it is in, a repeated
//! word by less each time, and long passages by less. Two words that are neighbours as in the query count once more.

mod passage;
mod pieces;
mod words;

use std::collections::HashSet;

pub(crate) use self::passage::Passage;
use self::pieces::pieces;
use self::words::words;

/// More words than these are not looked for.
const MOST_TERMS: usize = 32;

/// Longer runs of letters are no words but data.
const LONGEST_WORD: usize = 64;

/// Letters that a word may have more than a term to be taken for a form of it: `forecast`, `forecasting`.
const ENDING: usize = 3;

/// Terms shorter than this have no forms: `in` is not `inch`.
const SHORTEST_STEM: usize = 4;

/// How soon repeating a word stops to count, and how much the length of a passage counts: the usual values.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// What to look for.
#[derive(Debug)]
pub(crate) struct Query {
    /// In lower case, distinct, in the query's order.
    terms: Vec<String>,
}

/// What of a query is in one passage.
struct Counts {
    words: usize,
    /// How often each term occurs.
    of_terms: Vec<usize>,
    /// Whether each term comes right after the term that is in front of it in the query.
    following: Vec<bool>,
}

/// What the passages of a text are compared with.
struct Statistics {
    /// Words of a passage, on average.
    average: f64,
    /// What each term is worth: the fewer passages have it, the more.
    weights: Vec<f64>,
}

impl Query {
    /// The words of a query; `None` if there are none.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut seen = HashSet::new();
        let terms = words(text).map(|(_, word)| word.to_lowercase()).filter(|term| seen.insert(term.clone()));
        let terms: Vec<_> = terms.take(MOST_TERMS).collect();
        (!terms.is_empty()).then_some(Self { terms })
    }

    /// At most `count` passages of at most `length` bytes, best first. They do not overlap.
    pub(crate) fn search<'text>(&self, text: &'text str, count: usize, length: usize) -> Vec<Passage<'text>> {
        let statistics = self.statistics(text, length);
        let mut best: Vec<(f64, Passage<'text>)> = vec![];
        for passage in pieces(text, length) {
            let score = self.counts(passage.text).score(&statistics);
            let place = best.partition_point(|(better, _)| *better >= score);
            if score > 0.0 && place < count {
                best.truncate(count - 1);
                best.insert(place, (score, passage));
            }
        }
        best.into_iter().map(|(_, passage)| passage).collect()
    }

    fn statistics(&self, text: &str, length: usize) -> Statistics {
        let (mut passages, mut words, mut having) = (0_u32, 0, vec![0_u32; self.terms.len()]);
        for passage in pieces(text, length) {
            let counts = self.counts(passage.text);
            passages += 1;
            words += counts.words;
            for (having, count) in having.iter_mut().zip(counts.of_terms) {
                *having += u32::from(count > 0);
            }
        }
        let all = f64::from(passages.max(1));
        let weight = |&some| (1.0 + (all - f64::from(some) + 0.5) / (f64::from(some) + 0.5)).ln();
        Statistics { average: (words as f64 / all).max(1.0), weights: having.iter().map(weight).collect() }
    }

    fn counts(&self, passage: &str) -> Counts {
        let size = self.terms.len();
        let mut counts = Counts { words: 0, of_terms: vec![0; size], following: vec![false; size] };
        let (mut lower, mut before) = (String::new(), None);
        for (_, word) in words(passage) {
            counts.words += 1;
            let term = self.term(word, &mut lower);
            if let Some(term) = term {
                counts.of_terms[term] += 1;
                counts.following[term] |= term > 0 && before == Some(term - 1);
            }
            before = term;
        }
        counts
    }

    /// Which term a word is, or a form of; `lower` is room that is used for every word.
    fn term(&self, word: &str, lower: &mut String) -> Option<usize> {
        if word.len() > LONGEST_WORD {
            return None;
        }
        lower.clear();
        lower.extend(word.chars().flat_map(char::to_lowercase));
        self.terms.iter().position(|term| is_form(lower, term))
    }
}

fn is_form(word: &str, term: &str) -> bool {
    let Some(ending) = word.strip_prefix(term) else { return false };
    ending.is_empty() || (term.len() >= SHORTEST_STEM && ending.chars().count() <= ENDING)
}

impl Counts {
    /// BM25, and a term's weight once more where it follows its neighbour.
    fn score(&self, Statistics { average, weights }: &Statistics) -> f64 {
        let length = 1.0 - B + B * self.words as f64 / average;
        let terms = self.of_terms.iter().zip(&self.following).zip(weights);
        let worth = |count: usize| count as f64 * (K1 + 1.0) / (count as f64 + K1 * length);
        terms.map(|((&count, &follows), weight)| weight * (worth(count) + f64::from(u8::from(follows)))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search<'text>(text: &'text str, query: &str, count: usize) -> Vec<Passage<'text>> {
        Query::of(query).expect("a query").search(text, count, 200)
    }

    /// Sentences that hold none of the words that tests look for.
    fn hay(sentences: usize) -> String {
        "The grass of the field is green, and it is said to be dry.\n".repeat(sentences)
    }

    #[test]
    fn a_needle_is_found_where_it_is() {
        let needle = "The reactor was designed by Alma Ruiz in 1974.";
        let text = format!("{}{needle}\n{}", hay(1000), hay(1000));
        let found = search(&text, "who designed the reactor?", 1)[0];
        assert!(found.text.contains(needle), "{found:?}");
        assert_eq!(&text[found.offset..][..found.text.len()], found.text);
    }

    #[test]
    fn rare_words_count_more_and_neighbours_more_still() {
        let text = format!("{0}Grass, grass, grass and grass.\n{0}A reactor in the field.\n{0}", hay(50));
        assert!(search(&text, "grass reactor", 1)[0].text.contains("reactor"));
        let text = format!("{0}The core, and then a reactor.\n{0}The reactor core.\n{0}", hay(50));
        assert!(search(&text, "reactor core", 1)[0].text.contains("The reactor core."));
    }

    #[test]
    fn a_word_in_a_short_passage_counts_more_than_in_a_long_one() {
        let text = format!("needle {}\n{}\nThe needle.", "hay ".repeat(45), "hay ".repeat(49));
        let found: Vec<_> = search(&text, "needle", 2).iter().map(|passage| passage.text.len()).collect();
        assert_eq!(found, ["The needle.".len(), 186]);
    }

    #[test]
    fn passages_are_no_longer_than_asked_and_do_not_overlap() {
        let text = "needle and needle, ".repeat(500);
        let mut passages = search(&text, "needle", 8);
        passages.sort_by_key(|passage| passage.offset);
        assert_eq!(passages.len(), 8);
        assert!(passages.iter().all(|passage| passage.text.len() <= 200));
        assert!(passages.windows(2).all(|pair| pair[0].offset + pair[0].text.len() <= pair[1].offset));
    }

    #[test]
    fn a_word_has_its_forms_and_no_others() {
        let forms = |text, query| search(text, query, 1).len();
        assert_eq!((forms("Forecasts", "forecast"), forms("FORECASTING", "forecast")), (1, 1));
        assert_eq!((forms("inch", "in"), forms("reactionary", "react"), forms("cast", "forecast")), (0, 0, 0));
    }

    #[test]
    fn every_script_has_words() {
        for (text, query) in
            [("Im ÄRMELKANAL weht es.", "ärmelkanal"), ("我在北京大学学习。", "北京"), ("Η ΘΆΛΑΣΣΑ", "θάλασσα")]
        {
            assert_eq!(search(text, query, 1).len(), 1, "{query}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(search(&hay(10), "reactor", 4), []);
        assert_eq!(search("", "reactor", 4), []);
        assert!(Query::of(" ?! ").is_none());
    }

    #[test]
    fn any_text_can_be_cut() {
        for unit in ["🦀needle", "é needle ü", "needle\u{2028}", "needle", "北京needle"] {
            let text = unit.repeat(300);
            for passage in search(&text, "needle é 北", 8) {
                assert!(passage.text.len() <= 200 && text[passage.offset..].starts_with(passage.text), "{passage:?}");
            }
        }
    }
}
