//! Splicing: replacing spans of a byte string, everything between them untouched.

use std::ops::Range;

use bytes::Bytes;

/// One span of a payload and which of the plan's values takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Bytes to replace, quotation marks included.
    pub(crate) span: Range<usize>,
    /// Index of the replacement.
    pub(crate) value: usize,
}

/// `text` with every edit made: `len` says how many bytes an edit's replacement takes, `write` appends it.
///
/// Edits are in order and disjoint. One allocation, of exactly the right size.
pub(crate) fn splice(
    text: &Bytes,
    edits: &[Edit],
    len: impl Fn(&Edit) -> usize,
    write: impl Fn(&Edit, &mut Vec<u8>),
) -> Bytes {
    if edits.is_empty() {
        return text.clone();
    }
    let removed: usize = edits.iter().map(|edit| edit.span.len()).sum();
    let added: usize = edits.iter().map(len).sum();
    let mut out = Vec::with_capacity(text.len() - removed + added);
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&text[at..edit.span.start]);
        write(edit, &mut out);
        at = edit.span.end;
    }
    out.extend_from_slice(&text[at..]);
    out.into()
}
