//! Spans: where the long values of a content end. They are found in one pass, so that a search for a value can skip them.

use super::spelling::MAX_TOKENS;
use crate::json::{StringToken, value_end};

/// The usual length from which values have a span. A shorter value is scanned again whenever it is skipped.
pub(super) const LONG: usize = 4096;

/// Values inside of more containers than this have no span, because no pointer leads there.
const MAX_DEPTH: usize = MAX_TOKENS + 2;

/// Where long values begin and end. Together they take no more memory than the content, and usually a thousandth.
#[derive(Debug)]
pub(super) struct Spans(Vec<(u32, u32)>);

impl Spans {
    /// The spans of values of `long` bytes or more, of a content of less than 4 GiB.
    pub(super) fn of(text: &[u8], long: usize) -> Self {
        let (mut found, mut open, mut deeper, mut at) = (vec![], vec![], 0_usize, 0);
        let mut note = |start: usize, end: usize| {
            if end - start >= long {
                found.push((start as u32, end as u32));
            }
        };
        while let Some(byte) = text.get(at) {
            let start = at;
            at += 1;
            match byte {
                b'"' => {
                    at = StringToken::at(text, start).map_or(text.len(), |token| token.close + 1);
                    if deeper == 0 {
                        note(start, at);
                    }
                }
                b'{' | b'[' if deeper > 0 || open.len() == MAX_DEPTH => deeper += 1,
                b'{' | b'[' => open.push(start),
                b'}' | b']' if deeper > 0 => deeper -= 1,
                b'}' | b']' => open.pop().into_iter().for_each(|start| note(start, at)),
                _ => {}
            }
        }
        found.sort_unstable();
        Self(found)
    }

    /// Whether a long value begins at `at`.
    pub(super) fn is_long(&self, at: usize) -> bool {
        self.0.binary_search_by_key(&at, |(start, _)| *start as usize).is_ok()
    }

    /// Index after the value that begins at `at`, and how many bytes had to be scanned to find it.
    pub(super) fn end(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        match self.0.binary_search_by_key(&at, |(start, _)| *start as usize) {
            Ok(index) => Some((self.0[index].1 as usize, 0)),
            Err(_) => value_end(text, at).map(|end| (end, end - at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_values_have_spans() {
        let text = format!(r#" {{"a": "{}", "b": [1, "{}"]}} "#, "x".repeat(LONG - 3), "]".repeat(LONG));
        let spans: Vec<_> = Spans::of(text.as_bytes(), LONG)
            .0
            .iter()
            .map(|(start, end)| &text[*start as usize..*end as usize])
            .collect();
        let found: Vec<_> = spans.iter().map(|span| (&span[..2], span.len())).collect();
        assert_eq!(found, [("{\"", text.len() - 2), ("[1", LONG + 7), ("\"]", LONG + 2)]);
        assert_eq!(Spans::of(text.as_bytes(), LONG).end(text.as_bytes(), 7), Some((7 + LONG - 1, LONG - 1)));
    }

    #[test]
    fn depth_costs_neither_stack_nor_memory() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(Spans::of(deep.as_bytes(), LONG).0.len(), MAX_DEPTH);
    }
}
