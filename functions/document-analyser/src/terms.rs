//! Words, and which of them are terms worth counting.
//!
//! A word is a run of letters and digits of any script, with apostrophes inside (`don't`). A term is a word in lower case that
//! says something: no stop word, no number, more than one character, of at most [`LONGEST_TERM`] bytes.

use std::borrow::Cow;
use std::collections::HashMap;

/// Longer runs are no language but data (hashes, base64, DNA), and would make the answer long.
const LONGEST_TERM: usize = 40;

/// The commonest words of English and German, and those that belong to every text rather than to its subject. Sorted, for a binary
/// search; a test keeps it so.
const STOP_WORDS: &[&str] = &[
    "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "auch", "auf", "aus", "be",
    "because", "been", "before", "bei", "being", "but", "by", "can", "could", "das", "dass", "dem", "den", "der",
    "des", "did", "die", "do", "does", "don't", "each", "ein", "eine", "einem", "einen", "einer", "es", "for", "from",
    "für", "had", "has", "hat", "have", "he", "her", "him", "his", "how", "ich", "if", "im", "in", "into", "is", "ist",
    "it", "it's", "its", "just", "kann", "man", "may", "me", "mit", "more", "most", "must", "my", "nach", "nicht",
    "no", "not", "nur", "oder", "of", "on", "one", "only", "or", "other", "our", "out", "over", "she", "should",
    "sich", "sie", "sind", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these",
    "they", "this", "those", "to", "um", "und", "up", "us", "use", "used", "using", "very", "von", "war", "was", "we",
    "were", "what", "when", "where", "which", "while", "who", "will", "wird", "with", "would", "you", "your", "zu",
    "zum", "zur",
];

/// How often each term occurs. A term that is in the text in lower case borrows from it.
pub(crate) type TermCounts<'text> = HashMap<Cow<'text, str>, u64>;

/// The words of a text, and its terms.
#[derive(Default)]
pub(crate) struct Tally<'text> {
    pub(crate) words: u64,
    pub(crate) terms: TermCounts<'text>,
}

impl<'text> Tally<'text> {
    /// One pass; a word costs an allocation only when it is a new term that is not in lower case already.
    pub(crate) fn of(text: &'text str) -> Self {
        let mut tally = Self::default();
        let mut lower = String::new();
        for word in words(text) {
            tally.words += 1;
            tally.count(word, &mut lower);
        }
        tally
    }

    /// Counts `word` if it is a term; `lower` is room that is used again for every word.
    fn count(&mut self, word: &'text str, lower: &mut String) {
        if word.len() > LONGEST_TERM {
            return;
        }
        if is_lower(word) {
            if is_term(word) {
                *self.terms.entry(Cow::Borrowed(word)).or_default() += 1;
            }
            return;
        }
        lower.clear();
        lower.extend(word.chars().flat_map(char::to_lowercase));
        if let Some(count) = self.terms.get_mut(lower.as_str()) {
            *count += 1;
        } else if is_term(lower) {
            self.terms.insert(Cow::Owned(lower.clone()), 1);
        }
    }

    /// Adds the counts of another part of the same text.
    pub(crate) fn add(&mut self, part: Self) {
        self.words += part.words;
        for (term, count) in part.terms {
            *self.terms.entry(term).or_default() += count;
        }
    }
}

fn is_lower(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

fn is_term(lower: &str) -> bool {
    lower.chars().nth(1).is_some()
        && lower.chars().any(char::is_alphabetic)
        && STOP_WORDS.binary_search(&lower).is_err()
}

/// The words of `text`, in order.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !is_word_character(letter))
        .map(|run| run.trim_matches(APOSTROPHES))
        .filter(|word| !word.is_empty())
}

const APOSTROPHES: [char; 2] = ['\'', '’'];

fn is_word_character(letter: char) -> bool {
    if letter.is_ascii() {
        letter.is_ascii_alphanumeric() || letter == '\''
    } else {
        letter.is_alphanumeric() || letter == '’'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> Vec<(String, u64)> {
        let mut counts: Vec<_> =
            Tally::of(text).terms.into_iter().map(|(term, count)| (term.into_owned(), count)).collect();
        counts.sort();
        counts
    }

    #[test]
    fn stop_words_are_sorted_and_in_lower_case() {
        assert!(STOP_WORDS.is_sorted());
        assert!(STOP_WORDS.iter().all(|word| word.to_lowercase() == **word));
    }

    #[test]
    fn words_of_any_script() {
        let text = "Don't 'quote' l’été — naïve, 北京 Ελλάδα x86_64\u{a0}end\u{2028}";
        let expected = ["Don't", "quote", "l’été", "naïve", "北京", "Ελλάδα", "x86", "64", "end"];
        assert_eq!(words(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn spellings_of_one_term_count_together() {
        assert_eq!(counts("Éte éte ÉTE tree Tree TREE"), [("tree".to_owned(), 3), ("éte".to_owned(), 3)]);
    }

    #[test]
    fn what_says_nothing_is_no_term() {
        assert_eq!(counts(&format!("The the a b 42 1999 für {} ok", "x".repeat(41))), [("ok".to_owned(), 1)]);
    }

    #[test]
    fn every_word_counts_as_a_word() {
        assert_eq!(Tally::of("The 3 trees ' '' --- a").words, 4);
    }
}
