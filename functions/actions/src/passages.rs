//! Passages: which parts of a text have most to do with a query. Pure, in time linear in the text and in little memory, since texts
//! may be tens of megabytes.
//!
//! The text is gone through twice. The first time tells how rare each word of the query is; the second moves a window over
//! the text and scores it at each place where one stands: every word by its rarity, a repeated word by less, and two
//! words that stand together as in the query by as much again. Of each stretch of the text the best window remains, and of
//! those the best that do not overlap.

use std::collections::{HashSet, VecDeque};

/// More words than these are not looked for.
const MOST_TERMS: usize = 32;

/// Longer runs of letters are no words but data.
const LONGEST_WORD: usize = 64;

/// Letters that a word may have more than a term to be taken for a form of it: `forecast`, `forecasting`.
const ENDING: usize = 3;

/// Terms shorter than this have no forms: `in` is not `inch`.
const SHORTEST_STEM: usize = 4;

/// What the second and each further occurrence of a word counts, of what the first does.
const REPEATED: f64 = 0.2;

/// How often a repeated word counts.
const MOST_REPEATED: usize = 4;

/// What to look for.
#[derive(Debug)]
pub(crate) struct Query {
    /// In lower case, distinct, in the query's order.
    terms: Vec<String>,
}

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Passage<'text> {
    /// Bytes in front of it.
    pub(crate) offset: usize,
    pub(crate) text: &'text str,
}

/// A word of the query in the text.
#[derive(Debug, Clone, Copy)]
struct Hit {
    term: usize,
    start: usize,
    end: usize,
    /// Whether the word in front of it is the one that is in front of it in the query.
    follows: bool,
}

/// A stretch from one hit to another, and what it is worth.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: usize,
    end: usize,
    score: f64,
}

impl Query {
    /// The words of a query; `None` if there are none.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut seen = HashSet::new();
        let terms = words(text).map(|(_, word)| word.to_lowercase()).filter(|term| seen.insert(term.clone()));
        let terms: Vec<_> = terms.take(MOST_TERMS).collect();
        (!terms.is_empty()).then_some(Self { terms })
    }

    /// At most `count` passages of about `length` bytes, never more, best first.
    pub(crate) fn search<'text>(&self, text: &'text str, count: usize, length: usize) -> Vec<Passage<'text>> {
        let weights = self.weights(text, length);
        let mut best = self.best_windows(text, length / 2, &weights); // The other half is what stands around it.
        best.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.start.cmp(&b.start)));
        let mut passages: Vec<Passage<'_>> = vec![];
        for window in best {
            if passages.len() == count {
                break;
            }
            let passage = around(text, &window, length);
            if passages.iter().all(|other| other.is_apart_from(&passage)) {
                passages.push(passage);
            }
        }
        passages
    }

    /// What each term is worth: the fewer stretches of the text it stands in, the more.
    fn weights(&self, text: &str, length: usize) -> Vec<f64> {
        let mut stretches = vec![0_u32; self.terms.len()];
        let mut last = vec![usize::MAX; self.terms.len()];
        for hit in self.hits(text) {
            let stretch = hit.start / length;
            if last[hit.term] != stretch {
                last[hit.term] = stretch;
                stretches[hit.term] += 1;
            }
        }
        let all = (text.len() / length + 1) as f64;
        stretches.iter().map(|&some| (1.0 + all / f64::from(some.max(1))).ln()).collect()
    }

    /// For each stretch of the text, the best window of at most `length` bytes that begins in it.
    fn best_windows(&self, text: &str, length: usize, weights: &[f64]) -> Vec<Window> {
        let mut best: Vec<Window> = vec![];
        let mut open = OpenWindow::new(weights);
        for hit in self.hits(text) {
            open.add(hit, length);
            let window = open.window();
            match best.last_mut() {
                Some(last) if last.start / length == window.start / length => {
                    if window.score > last.score {
                        *last = window;
                    }
                }
                _ => best.push(window),
            }
        }
        best
    }

    fn hits<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Hit> + 'a {
        let mut lower = String::new();
        let mut before = None;
        words(text).filter_map(move |(start, word)| {
            let term = self.term(word, &mut lower);
            let follows = term.is_some_and(|term| term > 0 && before == Some(term - 1));
            before = term;
            Some(Hit { term: term?, start, end: start + word.len(), follows })
        })
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

/// The window that ends at the latest hit.
struct OpenWindow<'a> {
    weights: &'a [f64],
    hits: VecDeque<Hit>,
    /// How many of the hits are of each term, and how many of those follow their neighbour in the query.
    counts: Vec<[usize; 2]>,
}

impl<'a> OpenWindow<'a> {
    fn new(weights: &'a [f64]) -> Self {
        Self { weights, hits: VecDeque::new(), counts: vec![[0, 0]; weights.len()] }
    }

    /// Takes a hit in, and lets go of those that are then too far away.
    fn add(&mut self, hit: Hit, length: usize) {
        self.hits.push_back(hit);
        self.counts[hit.term][0] += 1;
        self.counts[hit.term][1] += usize::from(hit.follows);
        while let Some(first) = self.hits.pop_front_if(|first| hit.end - first.start > length) {
            self.counts[first.term][0] -= 1;
            self.counts[first.term][1] -= usize::from(first.follows);
        }
    }

    fn window(&self) -> Window {
        let (first, last) = (self.hits.front(), self.hits.back());
        let start = first.map_or(0, |hit| hit.start);
        Window { start, end: last.map_or(start, |hit| hit.end), score: self.score() }
    }

    fn score(&self) -> f64 {
        let terms = self.weights.iter().zip(&self.counts).filter(|(_, [count, _])| *count > 0);
        terms.map(|(weight, [count, following])| weight * worth(*count, *following > 0)).sum()
    }
}

/// What a term's occurrences in one window count.
fn worth(count: usize, follows: bool) -> f64 {
    let repeated = (count - 1).min(MOST_REPEATED) as f64 * REPEATED;
    1.0 + repeated + if follows { 1.0 } else { 0.0 }
}

impl Passage<'_> {
    fn is_apart_from(&self, other: &Self) -> bool {
        self.offset + self.text.len() <= other.offset || other.offset + other.text.len() <= self.offset
    }
}

/// A window with what stands around it, from a word's beginning to a word's end; a third of it stands in front.
fn around<'text>(text: &'text str, window: &Window, length: usize) -> Passage<'text> {
    let spare = length.saturating_sub(window.end - window.start);
    let start = text.ceil_char_boundary(window.start.saturating_sub(spare / 3)).min(window.start);
    let end = text.floor_char_boundary(start + length).max(window.end);
    let (before, after) = (&text[start..window.start], &text[window.end..end]);
    let cut_before = if start == 0 { 0 } else { before.find(char::is_whitespace).unwrap_or(0) };
    let cut_after =
        if end == text.len() { after.len() } else { after.rfind(char::is_whitespace).unwrap_or(after.len()) };
    let passage = &text[start + cut_before..window.end + cut_after];
    let trimmed = passage.trim_start();
    Passage { offset: start + cut_before + passage.len() - trimmed.len(), text: trimmed.trim_end() }
}

/// The words of a text and where they begin: runs of letters and digits. Where words have no spaces between them, each sign is a word.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(char::is_alphanumeric)?;
        let first = text[start..].chars().next()?;
        let ends = |letter: char| !letter.is_alphanumeric() || is_sign(letter);
        let end = text[start + first.len_utf8()..].find(ends).filter(|_| !is_sign(first));
        at = match end {
            Some(end) => start + first.len_utf8() + end,
            None if is_sign(first) => start + first.len_utf8(),
            None => text.len(),
        };
        Some((start, &text[start..at]))
    })
}

/// Scripts without spaces: Chinese, Japanese, Thai, Lao, Burmese, Khmer.
fn is_sign(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' |
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
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
    fn rare_words_count_more_and_words_together_more_still() {
        let text = format!(
            "{0}The grass is a reactor.\n{0}A reactor has a core.\n{0}The core, not of the reactor.\n{0}",
            hay(50)
        );
        let firsts: Vec<_> = search(&text, "grass reactor core", 3).iter().map(|passage| passage.offset).collect();
        let best = search(&text, "reactor core", 1)[0];
        assert!(best.text.contains("A reactor has a core.") || best.text.contains("core, not of the reactor"));
        assert_eq!(firsts.len(), 3);
        let text = format!("{0}The core, and then a reactor.\n{0}The reactor core.\n{0}", hay(50));
        assert!(search(&text, "reactor core", 1)[0].text.contains("The reactor core."));
    }

    #[test]
    fn passages_do_not_overlap_and_are_no_longer_than_asked() {
        let text = "needle and needle, ".repeat(500);
        let passages = search(&text, "needle", 8);
        assert_eq!(passages.len(), 8);
        for (at, passage) in passages.iter().enumerate() {
            assert!(passage.text.len() <= 200);
            assert!(passages[..at].iter().all(|other| other.is_apart_from(passage)));
        }
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
        assert_eq!(words("a1 — 北京b’c").map(|(_, word)| word).collect::<Vec<_>>(), ["a1", "北", "京", "b", "c"]);
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
