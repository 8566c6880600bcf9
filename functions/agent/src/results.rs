//! What a tool's function returned, as a model reads it: whole where it is short, and its beginning and a handle where it is long.

use crate::error::TurnError;
use bytes::Bytes;
use functions_content::{Asking, ContentError, ContentTable, Handle, preview};
use functions_shared::Refusal;
use model::Message;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// Bytes of a text that a model is given whole.
const LONGEST_TEXT: usize = 65_536;
/// Kinds of blocks that go to a model as they are.
const BLOCKS: [&str; 3] = ["text", "image", "document"];

/// Makes results of what functions return.
#[derive(Debug, Clone)]
pub(crate) struct Results(pub(crate) Arc<ContentTable>);

impl Results {
    /// The content of a result, and whether it says what went wrong. A reply without `content` is the content.
    pub(crate) async fn given(&self, reply: Value, until: Instant) -> Result<(Value, bool), ContentError> {
        let (content, is_error) = taken_apart(reply);
        let content = self.opened(content, until).await?;
        if is_of_blocks(&content) {
            return Ok((content, is_error));
        }
        let text = match content {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok((Value::String(self.shortened(text, until).await?), is_error))
    }

    /// The whole text of a long result that a tool has left in a conversation. The handle of anything else opens nothing here.
    pub(crate) async fn long(&self, messages: &[Message], handle: &str, until: Instant) -> Result<String, TurnError> {
        let none = || Refusal::NotFound("this conversation has no result with such a handle".to_owned());
        let is_left = |text: &str| text.contains(&format!("handle: {handle}]"));
        let mut results = messages.iter().flat_map(Message::tool_results);
        let handle = Handle::of(handle).filter(|_| results.any(|result| is_left(&result.text()))).ok_or_else(none)?;
        Ok(self.0.get(handle, asking(until)).await?)
    }

    /// A function behind the layer returns references in place of long values: their contents.
    async fn opened(&self, mut content: Value, until: Instant) -> Result<Value, ContentError> {
        let mut places = Vec::new();
        references(&content, String::new(), &mut places);
        for (place, reference) in places {
            let value = self.0.value(&reference, asking(until)).await?;
            if let Some(opened) = content.pointer_mut(&place) {
                *opened = value;
            }
        }
        Ok(content)
    }

    async fn shortened(&self, text: String, until: Instant) -> Result<String, ContentError> {
        if text.len() <= LONGEST_TEXT {
            return Ok(text);
        }
        let handle = self.0.put(Bytes::from(text.clone()), asking(until)).await?;
        Ok(preview(&text, handle))
    }
}

/// What the text of a reference begins with. A function behind the layer returns no text that does and is none.
const REFERENCE: &str = "@content:";

/// The references in a value, by JSON Pointers.
fn references(value: &Value, place: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if text.starts_with(REFERENCE) => found.push((place, text.clone())),
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                references(entry, format!("{place}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                references(member, format!("{place}/{name}"), found);
            }
        }
        _ => {}
    }
}

fn asking(until: Instant) -> Asking<'static> {
    Asking { tenant: None, until }
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
}
