//! Gaps: determines whether a text can contain a string longer than a threshold, without reading all of it.
//!
//! In a long string, there are many bytes without a quotation mark. So one byte in every `threshold + 1` is examined: a
//! string longer than the threshold contains at least one such byte, with more than `threshold` bytes around it that have no
//! quotation mark. In a response of many short strings, this reads a few bytes in each step; in a response of long strings,
//! not much more than half of them.

use memchr::{memchr, memrchr};

/// Whether some stretch of more than `threshold` bytes has no quotation marks except escaped ones. Every string that long is
/// such a stretch, and so is a long list of numbers. For a text that is not JSON, the result has no meaning, but the
/// function ends.
pub(crate) fn has_longer_than(text: &[u8], threshold: usize) -> bool {
    let mut at = threshold;
    while at < text.len() {
        let from = at.saturating_sub(threshold);
        let until = text.len().min(at + threshold + 1);
        let start = last_quote(text, from, at).map_or(from, |quote| quote + 1);
        let end = first_quote(text, at, until).unwrap_or(until);
        if end - start > threshold {
            return true;
        }
        at += threshold + 1;
    }
    false
}

/// The same for a text that arrives in pieces. If an escape may lie across two pieces, it may report a gap that is not
/// there.
#[derive(Debug)]
pub(crate) struct Gaps {
    threshold: usize,
    /// Bytes since the last quotation mark.
    open: usize,
    /// Whether the last piece ended in a backslash.
    in_escape: bool,
}

impl Gaps {
    pub(crate) fn new(threshold: usize) -> Self {
        Self { threshold, open: 0, in_escape: false }
    }

    /// Whether the text, up to this piece, has a gap of more than the threshold that ends or lies in the piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> bool {
        let certain = self.certain_from(piece);
        let first = first_quote(piece, certain, piece.len());
        let before = self.open.saturating_add(first.unwrap_or(piece.len()));
        self.open = last_quote(piece, certain, piece.len()).map_or(before, |quote| piece.len() - quote - 1);
        self.in_escape = piece.last() == Some(&b'\\');
        before > self.threshold || has_longer_than(piece, self.threshold)
    }

    /// Where in a piece no quotation mark can be escaped by what came before it.
    fn certain_from(&self, piece: &[u8]) -> usize {
        if !self.in_escape {
            return 0;
        }
        let backslashes = piece.iter().take_while(|&&byte| byte == b'\\').count();
        piece.len().min(backslashes + 1)
    }
}

/// Index of the last quotation mark in `from..to` that is not escaped.
fn last_quote(text: &[u8], from: usize, mut to: usize) -> Option<usize> {
    loop {
        to = from + memrchr(b'"', &text[from..to])?;
        if !is_escaped(text, to) {
            return Some(to);
        }
    }
}

/// Index of the first quotation mark in `from..to` that is not escaped.
fn first_quote(text: &[u8], mut from: usize, to: usize) -> Option<usize> {
    loop {
        let at = from + memchr(b'"', &text[from..to])?;
        if !is_escaped(text, at) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Whether an odd number of backslashes is before `at`.
fn is_escaped(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use proptest::prelude::*;

    fn document() -> impl Strategy<Value = Vec<u8>> {
        let piece =
            prop_oneof![Just(r#"\""#.to_owned()), Just(r"\\".to_owned()), Just(r"\u0022".to_owned()), "[a-z ]{0,9}"];
        let string = proptest::collection::vec(piece, 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()));
        let value = prop_oneof![3 => string, 1 => "[0-9]{1,9}"];
        proptest::collection::vec(value, 0..12).prop_map(|values| format!("[{}]", values.join(",")).into_bytes())
    }

    fn longest_gap(text: &[u8]) -> usize {
        let quotes: Vec<_> = (0..text.len()).filter(|&at| text[at] == b'"' && !is_escaped(text, at)).collect();
        let starts = std::iter::once(0).chain(quotes.iter().map(|quote| quote + 1));
        let ends = quotes.iter().copied().chain([text.len()]);
        starts.zip(ends).map(|(start, end)| end - start).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_longer_string_is_missed(text in document(), threshold in 0_usize..30) {
            let longest = json::strings(&text).map(|token| token.raw(&text).len()).max().unwrap_or(0);
            prop_assert!(longest <= threshold || has_longer_than(&text, threshold));
        }

        #[test]
        fn what_is_found_is_a_gap(text in document(), threshold in 0_usize..30) {
            prop_assert_eq!(has_longer_than(&text, threshold), longest_gap(&text) > threshold);
        }

        #[test]
        fn no_gap_is_missed_across_pieces(text in document(), threshold in 0_usize..30, len in 1_usize..40) {
            let mut gaps = Gaps::new(threshold);
            let found = text.chunks(len).any(|piece| gaps.push(piece));
            prop_assert!(found || longest_gap(&text) <= threshold);
            let has_escapes = text.contains(&b'\\');
            prop_assert!(!found || has_escapes || longest_gap(&text) > threshold);
        }

        #[test]
        fn any_bytes_are_judged_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200), threshold in 0_usize..300) {
            let _ = has_longer_than(&text, threshold);
        }
    }

    #[test]
    fn short_strings_are_told_from_a_long_one() {
        let short = format!("[{}]", "\"word\",".repeat(1_000));
        assert!(!has_longer_than(short.as_bytes(), 100));
        let with_a_long_one = format!("[{}\"{}\"]", "\"word\",".repeat(1_000), "\\\"".repeat(51));
        assert!(has_longer_than(with_a_long_one.as_bytes(), 100));
    }
}
