//! References that somebody outside wrote: what opens them later would give away a content that they were never given.

use bytes::Bytes;
use functions_shared::Refusal;
use long_content::markers::break_all;
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

/// Also one that is damaged, which would fail the invocation that reads it, and one inside of JSON text: the extension finds both.
fn is_reference(text: &str) -> bool {
    let is_none = matches!(text.parse::<ContentRef>(), Err(ParseRefError::NotAReference));
    !is_none || ContentRef::parse_legacy(text).is_some() || is_marked(text)
}

/// By the extension's own search, so that both find the same.
fn is_marked(text: &str) -> bool {
    let (_, marks) = break_all(&Bytes::from(Value::from(text).to_string()), &[]);
    marks > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reference_is_found_however_deep_it_is_spelt() {
        let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
        let nested = json!([reference]).to_string().replace('@', r"\u0040");
        for text in [reference, &nested, &json!({ "Message": nested }).to_string()] {
            let refusal = refuse_references("", &json!({ "a": [text] })).expect_err(text);
            assert_eq!(refusal.field(), Some("a[0]"), "{text}");
        }
        assert!(refuse_references("", &json!({ "a": format!("see {reference}"), "b": "[1, 2]" })).is_ok());
    }
}
