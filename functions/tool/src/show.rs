//! What people and callers without a layer read: a value whose strings are text, or what does not fit as its beginning and a handle.
//!
//! A state machine holds references in place of long strings. It hands the value over here, the layer puts the contents in, and what goes
//! back stays inline, by `LRAP_KEEP` of this function.

use bytes::Bytes;
use functions_content::{Asking, ContentError, ContentTable, LONGEST, beginning, preview, unmarked};
use serde_json::Value;

/// So many strings are shown in part. With more of them the value is shown as one text.
const MOST_PREVIEWS: usize = 16;

/// `value` in at most `longest` bytes of JSON, if that is more than a preview takes. The longest strings are shortened first.
pub(crate) async fn shown(
    value: &Value,
    longest: usize,
    contents: Option<&ContentTable>,
    asking: Asking<'_>,
) -> Result<Value, ContentError> {
    let mut shown = unmarked(value);
    let Some(places) = too_long(&shown, longest) else {
        let whole = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return Ok(Value::String(shortened(whole, contents, asking).await?));
    };
    for place in places {
        // The content itself is stored as it was.
        let text = value.pointer(&place).and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(shown) = shown.pointer_mut(&place) {
            *shown = Value::String(shortened(text, contents, asking).await?);
        }
    }
    Ok(shown)
}

/// A text's beginning and its handle, without anything that reads like a reference. Without a table there is no handle.
pub(crate) async fn shortened(
    text: String,
    contents: Option<&ContentTable>,
    asking: Asking<'_>,
) -> Result<String, ContentError> {
    let short = match contents {
        Some(contents) => {
            let handle = contents.put(Bytes::from(text.clone()), asking).await?;
            preview(&text, handle)
        }
        None => format!("{}\n\n[… {} bytes in all]", beginning(&text, LONGEST), text.len()),
    };
    Ok(unmarked(&Value::String(short)).as_str().unwrap_or_default().to_owned())
}

/// Where the strings are that must be shortened, as JSON Pointers. `None` if that does not suffice.
fn too_long(value: &Value, longest: usize) -> Option<Vec<String>> {
    let mut size = value.to_string().len();
    let mut candidates = vec![];
    long_strings(value, String::new(), &mut candidates);
    candidates.sort_unstable();
    let mut places = vec![];
    while size > longest {
        let (length, place) = candidates.pop().filter(|_| places.len() < MOST_PREVIEWS)?;
        size = size - length + longest_preview();
        places.push(place);
    }
    Some(places)
}

/// A preview in JSON may be six times as long as the text: a control character is `\u0000`.
fn longest_preview() -> usize {
    6 * LONGEST
}

/// Strings that a preview would make shorter, with their length as JSON.
fn long_strings(value: &Value, place: String, found: &mut Vec<(usize, String)>) {
    match value {
        Value::String(text) if text.len() > longest_preview() => found.push((value.to_string().len(), place)),
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                long_strings(entry, format!("{place}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                long_strings(member, format!("{place}/{name}"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_longest_strings_are_shortened_first_and_no_more_than_needed() {
        let value = json!({"a/b": "x".repeat(50_000), "c": ["y".repeat(40_000), "z"], "d": "w".repeat(20_000)});
        assert_eq!(too_long(&value, 200_000), Some(vec![]));
        assert_eq!(too_long(&value, 100_000), Some(vec!["/a~1b".to_owned()]));
        assert_eq!(too_long(&value, 60_000), Some(vec!["/a~1b".to_owned(), "/c/0".to_owned()]));
    }

    #[test]
    fn what_many_values_make_long_cannot_be_shortened() {
        assert_eq!(too_long(&json!(vec![7; 50_000]), 60_000), None);
        assert_eq!(too_long(&json!(vec!["x".repeat(20_000); 50]), 60_000), None);
    }
}
