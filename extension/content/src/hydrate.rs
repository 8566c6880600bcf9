//! Hydrating: finding the references in an event, and putting the contents back in their places.
//!
//! ```
//! use bytes::Bytes;
//! use long_content::hydrate;
//! use long_content::reference::{Content, Scope, Ttl};
//!
//! let reference = Scope::new("AgentContext-dev").reference(Ttl::NONE, &Content::string("long\ntext"));
//! let event = Bytes::from(format!(r#"{{"n":1e400,"text":"{reference}"}}"#));
//!
//! let plan = hydrate::plan(&event);
//! assert_eq!(plan.references(), [reference]);
//! let hydrated = plan.apply(&[Some(Bytes::from("long\ntext"))]);
//! assert_eq!(hydrated, r#"{"n":1e400,"text":"long\ntext"}"#);
//! ```

use std::collections::HashMap;

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::json::{self, StringToken};
use crate::reference::{ContentRef, Kind, MAX_LEN, ParseRefError};
use crate::splice::{Edit, splice};

/// A string value that begins with a reference, as every encoder spells it.
const NEEDLE: &[u8] = b"\"@content:";

/// Which references stand where in one event.
#[derive(Debug)]
pub struct HydratePlan {
    event: Bytes,
    edits: Vec<Edit>,
    references: Vec<ContentRef>,
    malformed: Vec<(String, ParseRefError)>,
}

/// Finds every string value of `event` that is a reference. An event that is not valid JSON has none.
///
/// An event without a reference costs one search for `"@content:`.
pub fn plan(event: &Bytes) -> HydratePlan {
    let mut plan = HydratePlan { event: event.clone(), edits: vec![], references: vec![], malformed: vec![] };
    let mut indices = HashMap::new();
    for open in memmem::find_iter(event, NEEDLE) {
        let Some((token, text)) = candidate(event, open) else { continue };
        match text.parse::<ContentRef>() {
            Ok(reference) => {
                let value = *indices.entry(reference).or_insert_with(|| {
                    plan.references.push(reference);
                    plan.references.len() - 1
                });
                plan.edits.push(Edit { span: token.open..token.close + 1, value });
            }
            Err(ParseRefError::NotAReference) => {}
            Err(error) => plan.malformed.push((text.to_owned(), error)),
        }
    }
    if !plan.is_empty() && !json::is_valid(event) {
        plan.edits.clear();
        plan.references.clear();
        plan.malformed.clear();
    }
    plan
}

/// The string value that opens at `open`, if it is one: not a key, not an escaped quotation mark inside other text.
fn candidate(event: &[u8], open: usize) -> Option<(StringToken, &str)> {
    let backslashes = event[..open].iter().rev().take_while(|&&byte| byte == b'\\').count();
    if backslashes % 2 == 1 {
        return None;
    }
    let window = &event[..event.len().min(open + MAX_LEN + 2)];
    let token = StringToken::at(window, open)?;
    let text = std::str::from_utf8(token.raw(event)).ok()?;
    (!token.escaped && !token.is_key(event)).then_some((token, text))
}

impl HydratePlan {
    /// Whether the event goes on as it is.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.malformed.is_empty()
    }

    /// The distinct references of the event, in order of appearance.
    pub fn references(&self) -> &[ContentRef] {
        &self.references
    }

    /// Strings with the outline of a reference that cannot be read: truncated, altered, or of a newer version.
    pub fn malformed(&self) -> &[(String, ParseRefError)] {
        &self.malformed
    }

    /// Bytes of the hydrated event, before JSON escapes: known from the references alone, so that an event that would
    /// be too large costs no read. Saturates.
    pub fn hydrated_size(&self) -> u64 {
        let contents = self.edits.iter().map(|edit| self.references[edit.value].size);
        contents.fold(self.event.len() as u64, u64::saturating_add)
    }

    /// The event with contents in place, given in the order of [`references`](Self::references); `None` leaves that
    /// reference where it stands.
    ///
    /// # Panics
    ///
    /// When a content is of kind [`Kind::String`] and not UTF-8: stores verify what they read, so that is a bug.
    pub fn apply(&self, contents: &[Option<Bytes>]) -> Bytes {
        let values: Vec<_> =
            self.references.iter().zip(contents).map(|(r, c)| Value::new(r.kind, c.as_deref())).collect();
        let kept = |edit: &Edit| &self.event[edit.span.clone()];
        splice(
            &self.event,
            &self.edits,
            |edit| values[edit.value].len().unwrap_or(edit.span.len()),
            |edit, out| match values[edit.value] {
                Value::Kept => out.extend_from_slice(kept(edit)),
                Value::Text(text, _) => json::encode(out, text),
                Value::Json(text) => out.extend_from_slice(text),
            },
        )
    }

    /// Whether the event is a batch of records (SQS, SNS, Kinesis, DynamoDB streams), of which one may be bad.
    pub fn is_batch(&self) -> bool {
        #[derive(Deserialize)]
        struct Batch {
            #[serde(rename = "Records")]
            _records: Vec<IgnoredAny>,
        }
        serde_json::from_slice::<Batch>(&self.event).is_ok()
    }
}

/// What takes a reference's place.
enum Value<'a> {
    Kept,
    /// With the bytes it takes as a JSON string.
    Text(&'a str, usize),
    Json(&'a [u8]),
}

impl<'a> Value<'a> {
    fn new(kind: Kind, content: Option<&'a [u8]>) -> Self {
        match (kind, content) {
            (_, None) => Self::Kept,
            (Kind::Json, Some(text)) => Self::Json(text),
            (Kind::String, Some(text)) => {
                let text = std::str::from_utf8(text).expect("BUG: the store verified a text that is not UTF-8");
                Self::Text(text, json::encoded_len(text))
            }
        }
    }

    fn len(&self) -> Option<usize> {
        match self {
            Self::Kept => None,
            Self::Text(_, len) => Some(*len),
            Self::Json(text) => Some(text.len()),
        }
    }
}
