//! Splicing: replacing spans of a byte string, everything between them untouched.

use std::ops::Range;

use bytes::Bytes;

use crate::reference::ContentRef;

/// One span of a payload and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit<V> {
    /// Bytes to replace, quotation marks included.
    pub(crate) span: Range<usize>,
    /// The replacement, or its index in the plan.
    pub(crate) value: V,
}

/// `text` with every edit made: `len` says how many bytes an edit's replacement takes, `write` appends it.
///
/// Edits are in order and disjoint. One allocation, of exactly the right size.
pub(crate) fn splice<V>(
    text: &Bytes,
    edits: &[Edit<V>],
    len: impl Fn(&Edit<V>) -> usize,
    write: impl Fn(&Edit<V>, &mut Vec<u8>),
) -> Bytes {
    if edits.is_empty() {
        return text.clone();
    }
    let mut out = Vec::with_capacity(spliced_len(text, edits, len));
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&text[at..edit.span.start]);
        write(edit, &mut out);
        at = edit.span.end;
    }
    out.extend_from_slice(&text[at..]);
    out.into()
}

/// `text` with references in place of what the edits, by index, take away.
pub(crate) fn splice_references(text: &Bytes, edits: &[Edit<usize>], references: &[ContentRef]) -> Bytes {
    let spelt: Vec<_> = references.iter().map(|reference| format!("\"{reference}\"")).collect();
    splice(text, edits, |edit| spelt[edit.value].len(), |edit, out| out.extend_from_slice(spelt[edit.value].as_bytes()))
}

/// Bytes that [`splice`] makes.
fn spliced_len<V>(text: &[u8], edits: &[Edit<V>], len: impl Fn(&Edit<V>) -> usize) -> usize {
    let removed: usize = edits.iter().map(|edit| edit.span.len()).sum();
    let added: usize = edits.iter().map(len).sum();
    text.len() - removed + added
}
