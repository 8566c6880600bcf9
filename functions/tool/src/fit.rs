//! What another function gave as a tool's result, which may be anything: it becomes one that a model reads and a state holds.

use functions_content::{Asking, ContentError, ContentTable};
use serde_json::{Value, json};

use crate::show::shortened;

/// Bytes of a text that a model is given whole; a longer one as its beginning and a handle.
const LONGEST_TEXT: usize = 65_536;
/// Bytes of JSON that a result may take in a state, where the results of five calls meet.
const LONGEST_INLINE: usize = 12_000;
/// What a reference takes in place of a long string.
const REFERENCE: usize = 160;
/// Kinds of blocks that go to a model as they are.
const BLOCKS: [&str; 3] = ["text", "image", "document"];

/// The content of a result, and whether it says what went wrong. A reply without `content` is the content. Strings of more than
/// `threshold` bytes leave by the layer.
pub(crate) async fn fitted(
    reply: Value,
    threshold: usize,
    contents: Option<&ContentTable>,
    asking: Asking<'_>,
) -> Result<(Value, bool), ContentError> {
    let (content, is_error) = taken_apart(reply);
    if is_of_blocks(&content) && inline(&content, threshold) <= LONGEST_INLINE {
        return Ok((content, is_error));
    }
    let text = match content {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let leaves = text.len() > threshold;
    let fits = text.len() <= LONGEST_TEXT && (leaves || json!(text).to_string().len() <= LONGEST_INLINE);
    let text = if fits { text } else { shortened(text, contents, asking).await? };
    Ok((Value::String(text), is_error))
}

fn taken_apart(reply: Value) -> (Value, bool) {
    match reply {
        Value::Object(mut reply) if reply.contains_key("content") => {
            let is_error = reply.get("is_error") == Some(&Value::Bool(true));
            (reply.remove("content").unwrap_or_default(), is_error)
        }
        other => (other, false),
    }
}

/// Whether it is a list of what models read besides text.
fn is_of_blocks(content: &Value) -> bool {
    let is_block = |block: &Value| block["type"].as_str().is_some_and(|kind| BLOCKS.contains(&kind));
    let is_readable = |block: &Value| block["text"].as_str().is_none_or(|text| text.len() <= LONGEST_TEXT);
    content
        .as_array()
        .is_some_and(|blocks| !blocks.is_empty() && blocks.iter().all(|block| is_block(block) && is_readable(block)))
}

/// Bytes of JSON when the layer has taken the long strings out.
fn inline(value: &Value, threshold: usize) -> usize {
    match value {
        Value::String(text) if text.len() > threshold => REFERENCE,
        Value::Array(entries) => 2 + entries.iter().map(|entry| 1 + inline(entry, threshold)).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, member)| name.len() + 4 + inline(member, threshold)).sum::<usize>()
        }
        other => other.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_its_content_or_has_one() {
        assert_eq!(taken_apart(json!({"content": 7, "is_error": true})), (json!(7), true));
        assert_eq!(taken_apart(json!({"content": "a", "is_error": "yes"})), (json!("a"), false));
        for other in [json!(null), json!("a"), json!([1]), json!({"a": 1}), json!(false)] {
            assert_eq!(taken_apart(other.clone()), (other, false));
        }
    }

    #[test]
    fn blocks_are_those_that_models_read() {
        let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}});
        assert!(is_of_blocks(&json!([{"type": "text", "text": "a"}, image])));
        for other in [json!([]), json!(["a"]), json!([{"type": "tool_use"}]), json!({"type": "text"})] {
            assert!(!is_of_blocks(&other), "{other}");
        }
        assert!(!is_of_blocks(&json!([{"type": "text", "text": "x".repeat(LONGEST_TEXT + 1)}])));
    }

    #[test]
    fn long_strings_weigh_as_references() {
        assert_eq!(inline(&json!("x".repeat(5001)), 5000), REFERENCE);
        assert!(inline(&json!({"a": ["x".repeat(5000), 7]}), 5000) >= 5000);
    }
}
