//! Leaving: the values that are taken out of a response (that *leave* it), and the references that are spliced into their
//! places. Everything between them stays unchanged.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::json::StringToken;
use crate::reference::{Content, ContentRef};

/// Values that leave a response, and from where.
#[derive(Debug)]
pub struct Leaving {
    response: Bytes,
    /// Bytes of each, quotation marks included: in order, and disjoint.
    spans: Vec<Range<usize>>,
    contents: Vec<Content>,
    has_look_alike: bool,
    is_invalid: bool,
    /// Where strings begin that would leave if no pointer kept them.
    stays: Vec<usize>,
}

impl Leaving {
    /// Nothing leaves `response` yet.
    pub(crate) fn nothing_of(response: &Bytes) -> Self {
        Self {
            response: response.clone(),
            spans: vec![],
            contents: vec![],
            has_look_alike: false,
            is_invalid: false,
            stays: vec![],
        }
    }

    /// Adds a value that leaves, after those before it.
    pub(crate) fn push(&mut self, span: Range<usize>, content: Content) {
        self.spans.push(span);
        self.contents.push(content);
    }

    /// Adds a string with the decoded text `text` that leaves, after those before it.
    pub(crate) fn push_string(&mut self, token: &StringToken, text: Cow<'_, [u8]>, looks_alike: bool) {
        let content = string_content(&self.response, token, text);
        self.has_look_alike |= looks_alike;
        self.push(token.open..token.close + 1, content);
    }

    /// Notes that a value that was added leaves because it, or something in it, looks like a reference.
    pub(crate) fn note_look_alike(&mut self) {
        self.has_look_alike = true;
    }

    /// Notes that a string that is too long stays, because a pointer keeps it.
    pub(crate) fn note_kept(&mut self, start: usize) {
        self.stays.push(start);
    }

    /// Notes that something might leave, but the response is not valid JSON.
    pub(crate) fn note_invalid(&mut self) {
        self.is_invalid = true;
    }

    /// Whether nothing leaves, so that the response stays unchanged.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The contents to store, one for each value that leaves. Equal values appear as often as they are there.
    pub fn contents(&self) -> &[Content] {
        &self.contents
    }

    /// Where the values that leave begin, in the order of [`contents`](Self::contents).
    pub fn starts(&self) -> Vec<usize> {
        self.spans.iter().map(|span| span.start).collect()
    }

    /// Whether some text leaves only because it looks like a reference. Then the original response must never be sent.
    pub fn has_look_alike(&self) -> bool {
        self.has_look_alike
    }

    /// Where strings begin that are too long and stay, because a pointer keeps them.
    pub fn stays(&self) -> &[usize] {
        &self.stays
    }

    /// Whether nothing leaves only because the response is not valid JSON.
    pub fn is_invalid(&self) -> bool {
        self.is_invalid
    }

    /// The response with references in place of the values, given in the order of [`contents`](Self::contents). It makes one
    /// allocation, of exactly the right size.
    pub fn apply(&self, references: &[ContentRef]) -> Bytes {
        if self.is_empty() {
            return self.response.clone();
        }
        let spelt: Vec<_> = references.iter().map(|reference| format!("\"{reference}\"")).collect();
        let removed: usize = self.spans.iter().map(Range::len).sum();
        let added: usize = spelt.iter().map(String::len).sum();
        let mut out = Vec::with_capacity(self.response.len() - removed + added);
        let mut at = 0;
        for (span, reference) in self.spans.iter().zip(&spelt) {
            out.extend_from_slice(&self.response[at..span.start]);
            out.extend_from_slice(reference.as_bytes());
            at = span.end;
        }
        out.extend_from_slice(&self.response[at..]);
        out.into()
    }
}

/// The content of a string of `whole` with the decoded text `text`. If nothing in the string is escaped, the text is not
/// copied. If UTF-8 cannot represent the text, the content is the string as it is spelt.
pub(crate) fn string_content(whole: &Bytes, token: &StringToken, text: Cow<'_, [u8]>) -> Content {
    match text {
        Cow::Borrowed(text) => Content::string(whole.slice_ref(text)),
        Cow::Owned(text) if std::str::from_utf8(&text).is_ok() => Content::string(text),
        Cow::Owned(_) => Content::json(whole.slice(token.open..=token.close)),
    }
}
