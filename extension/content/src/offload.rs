//! Offloading: finding the values of a response that are too long to travel, and putting references in their places.
//!
//! ```
//! use bytes::Bytes;
//! use long_content::offload::{self, Limits};
//! use long_content::reference::{Content, Scope, Ttl};
//!
//! let response = Bytes::from(r#"{"n":1e400,"text":"long\ntext"}"#);
//! let plan = offload::plan(&response, &Limits { threshold: 8, kept: &[] });
//! assert_eq!(plan.contents(), [Content::string("long\ntext")]);
//!
//! let reference = Scope::new("AgentContext-dev").reference(Ttl::NONE, &plan.contents()[0]);
//! assert_eq!(plan.apply(&[reference]), format!(r#"{{"n":1e400,"text":"{reference}"}}"#));
//! ```

use bytes::Bytes;
use memchr::memmem;

use crate::json::{self, StringToken};
use crate::reference::{Content, ContentRef, PREFIX};
use crate::splice::{Edit, splice};

/// What may stay in a response.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// Strings of more bytes than this, of decoded UTF-8, are offloaded.
    pub threshold: usize,
    /// References that this invocation's event held and that were handed over as they are: they may leave as they came.
    pub kept: &'a [ContentRef],
}

/// Which values leave a response, and from where.
#[derive(Debug)]
pub struct OffloadPlan {
    response: Bytes,
    edits: Vec<Edit>,
    contents: Vec<Content>,
    has_look_alike: bool,
}

/// Finds every string value of `response` that is longer than the threshold or reads like a reference. A response that
/// is not valid JSON has none.
///
/// A response no longer than the threshold costs one search for what could spell a reference.
pub fn plan(response: &Bytes, limits: &Limits<'_>) -> OffloadPlan {
    let mut plan = OffloadPlan { response: response.clone(), edits: vec![], contents: vec![], has_look_alike: false };
    if response.len() <= limits.threshold && !may_spell_prefix(response) {
        return plan;
    }
    let candidates: Vec<_> = json::strings(response).filter(|token| is_candidate(response, token, limits)).collect();
    if !candidates.is_empty() && json::is_valid(response) {
        for token in &candidates {
            plan.add(token, limits);
        }
    }
    plan
}

/// Whether any string of the text could decode to the prefix of a reference: as it is, or by `\u` escapes.
fn may_spell_prefix(text: &[u8]) -> bool {
    memmem::find(text, PREFIX.as_bytes()).is_some() || memmem::find(text, b"\\u").is_some()
}

/// Whether a string is worth a closer look. Escapes only make a string longer than what it says, so one whose spelling is
/// within the threshold is.
fn is_candidate(text: &[u8], token: &StringToken, limits: &Limits<'_>) -> bool {
    let raw = token.raw(text);
    (raw.len() > limits.threshold || spells_prefix(raw)) && !token.is_key(text)
}

/// Whether a string as spelt decodes to text that begins with the prefix of a reference.
fn spells_prefix(mut raw: &[u8]) -> bool {
    PREFIX.bytes().all(|wanted| match raw {
        [first, rest @ ..] if *first == wanted => {
            raw = rest;
            true
        }
        [b'\\', b'u', hex @ ..] if hex.len() >= 4 && code_unit(&hex[..4]) == Some(u16::from(wanted)) => {
            raw = &hex[4..];
            true
        }
        _ => false,
    })
}

fn code_unit(hex: &[u8]) -> Option<u16> {
    hex.iter().try_fold(0, |unit, &digit| Some(unit << 4 | u16::try_from(char::from(digit).to_digit(16)?).ok()?))
}

impl OffloadPlan {
    fn add(&mut self, token: &StringToken, limits: &Limits<'_>) {
        let text = json::decode(&self.response, token);
        let looks_alike = text.starts_with(PREFIX.as_bytes());
        if is_kept(&text, limits) || text.len() <= limits.threshold && !looks_alike {
            return;
        }
        let content = match std::str::from_utf8(&text) {
            Ok(_) => Content::string(json::slice_or_copy(&self.response, text)),
            Err(_) => Content::json(self.response.slice(token.open..=token.close)),
        };
        self.has_look_alike |= looks_alike;
        self.edits.push(Edit { span: token.open..token.close + 1, value: self.contents.len() });
        self.contents.push(content);
    }

    /// Whether the response goes on as it is.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The contents to store, one for each value that leaves. Equal values appear as often as they stand there.
    pub fn contents(&self) -> &[Content] {
        &self.contents
    }

    /// Whether text that merely reads like a reference is among them: such a response may never leave as it is.
    pub fn has_look_alike(&self) -> bool {
        self.has_look_alike
    }

    /// The response with references in place, given in the order of [`contents`](Self::contents).
    pub fn apply(&self, references: &[ContentRef]) -> Bytes {
        let spelt: Vec<_> = references.iter().map(|reference| format!("\"{reference}\"")).collect();
        splice(
            &self.response,
            &self.edits,
            |edit| spelt[edit.value].len(),
            |edit, out| out.extend_from_slice(spelt[edit.value].as_bytes()),
        )
    }
}

fn is_kept(text: &[u8], limits: &Limits<'_>) -> bool {
    let spelt = |reference: &ContentRef| reference.to_string().as_bytes() == text;
    text.starts_with(PREFIX.as_bytes()) && limits.kept.iter().any(spelt)
}
