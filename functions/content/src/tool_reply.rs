//! What a tool's function replies, which may be any JSON: the content of a result, and whether a model reads it as it is.

use serde_json::Value;

/// Bytes of a text that a model is given whole; a longer one is its beginning and a handle.
pub const LONGEST_TEXT: usize = 65_536;

/// Kinds of blocks that go to a model as they are.
const BLOCKS: [&str; 3] = ["text", "image", "document"];

/// The content of a reply, and whether it says what went wrong. A reply without `content` is the content.
pub fn taken_apart(reply: Value) -> (Value, bool) {
    match reply {
        Value::Object(mut reply) if reply.contains_key("content") => {
            let is_error = reply.get("is_error") == Some(&Value::Bool(true));
            (reply.remove("content").unwrap_or_default(), is_error)
        }
        other => (other, false),
    }
}

/// Whether a content is a list of what models read besides text, with texts of at most [`LONGEST_TEXT`] bytes.
pub fn is_of_blocks(content: &Value) -> bool {
    let is_block = |block: &Value| block["type"].as_str().is_some_and(|kind| BLOCKS.contains(&kind));
    let is_readable = |block: &Value| block["text"].as_str().is_none_or(|text| text.len() <= LONGEST_TEXT);
    let blocks = content.as_array().filter(|blocks| !blocks.is_empty());
    blocks.is_some_and(|blocks| blocks.iter().all(|block| is_block(block) && is_readable(block)))
}

/// A content that is no list of blocks, as one text: JSON, unless it is a text.
pub fn spelt(content: Value) -> String {
    match content {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        assert!(is_of_blocks(&json!([{"type": "text", "text": "x".repeat(LONGEST_TEXT)}])));
        assert!(!is_of_blocks(&json!([{"type": "text", "text": "x".repeat(LONGEST_TEXT + 1)}])));
    }

    #[test]
    fn a_text_is_spelt_without_quotes_and_anything_else_as_json() {
        assert_eq!(spelt(json!("a")), "a");
        assert_eq!(spelt(json!({"degrees": 7})), r#"{"degrees":7}"#);
    }
}
