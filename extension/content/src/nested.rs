//! Nested text: how much of the JSON inside of strings is decoded to search it for references.
//!
//! Encoders double the backslashes with every string that contains the text, so within Lambda's 6 MB they reach a depth of
//! 22 strings. But a person can spell each backslash as `\u005c`. Then a further string costs only a few bytes, and text can
//! be nested to any depth. So the search is limited not by depth but by the bytes that it decodes.

use std::borrow::Cow;

use crate::json::{self, StringToken};

/// The bytes that are decoded for an event, as a multiple of its length. It is more than encoders can nest.
const TIMES: u64 = 24;

/// How many bytes of one document may still be decoded. This limits time, memory and depth: a text that is n strings deep
/// has quotation marks of 5n bytes, so decoding all of it takes n³ bytes or more.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    left: u64,
    exhausted: bool,
}

impl Budget {
    /// The budget of an event, or of a content that may contain references. It is never more than `limit` bytes.
    pub(crate) fn of_event(event: &[u8], limit: u64) -> Self {
        Self { left: limit.min(TIMES.saturating_mul(event.len() as u64)), exhausted: false }
    }

    /// A budget that was not enough: nothing is left, and more was needed.
    pub(crate) fn exhausted() -> Self {
        Self { left: 0, exhausted: true }
    }

    /// The budget of one text of a response. It is smaller than that of an event: whatever can be decoded with it can also
    /// be decoded in every event that may contain the text later, even inside of further strings, which cost as well.
    pub(crate) fn of_text(text: &[u8]) -> Self {
        Self { left: TIMES / 2 * text.len() as u64, exhausted: false }
    }

    /// The decoded text of a string of `text`; `None` if the budget is not enough. Text in which nothing is escaped costs
    /// nothing.
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
