//! A passage: a part of a text, by its offset.

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Passage<'text> {
    /// Bytes in front of it.
    pub(crate) offset: usize,
    pub(crate) text: &'text str,
}
