//! Nested text: how much of the JSON inside of strings is decoded to look for references there.
//!
//! Encoders double the backslashes with every string that text is in, so within Lambda's 6 MB they get 22 strings deep.
//! Spelt by hand (`\u005c` for each backslash) a string costs a few bytes, and text nests as deep as somebody likes: what
//! bounds the search is not the depth but the bytes that it decodes.

use std::borrow::Cow;

use crate::json::{self, StringToken};

/// How many times its own length of nested text is decoded of an event: more than encoders can nest.
const TIMES: u64 = 24;

/// What may still be decoded of one document. It bounds time, memory and depth: a text that is n strings deep has marks of
/// 5n bytes, so that decoding all of it takes n³ bytes or more.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    left: u64,
    exhausted: bool,
}

impl Budget {
    /// The budget of an event, or of a content that may hold references: never more than `limit` bytes.
    pub(crate) fn of_event(event: &[u8], limit: u64) -> Self {
        Self { left: limit.min(TIMES.saturating_mul(event.len() as u64)), exhausted: false }
    }

    /// A budget of which nothing is left, and more was needed.
    pub(crate) fn exhausted() -> Self {
        Self { left: 0, exhausted: true }
    }

    /// The budget of one text of a response. What it covers is covered in every event that the text may be in later: in
    /// some of them inside of further strings, which cost as well.
    pub(crate) fn of_text(text: &[u8]) -> Self {
        Self { left: TIMES / 2 * text.len() as u64, exhausted: false }
    }

    /// What a string of `text` says, `None` if that is too much. Text in which nothing is escaped costs nothing.
    pub(crate) fn decode<'a>(&mut self, text: &'a [u8], token: &StringToken) -> Option<Cow<'a, [u8]>> {
        let cost = if token.escaped { token.raw(text).len() as u64 } else { 0 };
        let left = self.left.checked_sub(cost);
        self.exhausted |= left.is_none();
        self.left = left?;
        Some(json::decode(text, token))
    }

    /// Whether something was not decoded.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted
    }
}
