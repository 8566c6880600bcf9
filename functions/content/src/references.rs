//! References that somebody outside wrote: what opens them later would give away a content that they were never given.

use functions_shared::Refusal;
use long_content::reference::{ContentRef, ParseRefError};
use serde_json::Value;

/// Refuses a value that is a reference or holds one, by its place; `place` is that of the value itself.
pub fn refuse_references(place: &str, value: &Value) -> Result<(), Refusal> {
    match value {
        Value::String(text) if is_reference(text) => {
            Err(Refusal::invalid(place, "must not be a reference to a content"))
        }
        Value::Array(list) => {
            let mut entries = list.iter().enumerate();
            entries.try_for_each(|(index, entry)| refuse_references(&format!("{place}[{index}]"), entry))
        }
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            refuse_references(&place, member)
        }),
        _ => Ok(()),
    }
}

/// Also one that is damaged: the extension would fail the invocation that reads it.
fn is_reference(text: &str) -> bool {
    let is_none = matches!(text.parse::<ContentRef>(), Err(ParseRefError::NotAReference));
    !is_none || ContentRef::parse_legacy(text).is_some()
}
