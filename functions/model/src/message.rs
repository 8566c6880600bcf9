//! The unified message: what every provider's messages become, and are made from.
//!
//! It is JSON that somebody else keeps between two calls. What is named here goes out as it came in: a text stays a text and does not
//! become a list of one block, since long texts are stored under a name made of their content, and only the same one is known again.

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Who sets the rules. Only at the head of a conversation.
    System,
    /// Who asks, and who hands back what tools returned.
    User,
    /// The model.
    Assistant,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
}

/// What a message says: a text, or blocks of several kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// Only text.
    Text(String),
    /// Text among other things.
    Blocks(Vec<Block>),
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// The model wants a tool called.
    ToolUse(ToolUse),
    /// What a tool returned.
    ToolResult(ToolResult),
    /// A picture.
    Image {
        /// Its bytes.
        source: ImageSource,
    },
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// Unique in its conversation. Its result names it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The tool's arguments: an object.
    #[serde(default = "empty_object")]
    pub input: Value,
    /// What Gemini wants back with the call, unread: models that think refuse a conversation without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thought_signature: Option<String>,
}

/// What a tool returned, in the words of the tool's own reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call that this answers.
    pub tool_use_id: String,
    /// The tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A text; anything else is shown to the model as its JSON.
    #[serde(default)]
    pub content: Value,
    /// Whether the tool failed, and `content` says why.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_error: bool,
}

/// Where a picture's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ImageSource {
    /// Here.
    Base64 {
        /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
        media_type: String,
        /// The bytes in base64.
        data: String,
    },
}

impl Message {
    /// The calls of tools in it, in order.
    pub fn tool_uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.content
            .blocks()
            .iter()
            .filter_map(|block| if let Block::ToolUse(call) = block { Some(call) } else { None })
    }

    /// What tools returned in it, in order.
    pub(crate) fn tool_results(&self) -> impl Iterator<Item = &ToolResult> {
        self.content
            .blocks()
            .iter()
            .filter_map(|block| if let Block::ToolResult(result) = block { Some(result) } else { None })
    }

    /// Its texts, in order.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let whole = if let Content::Text(text) = &self.content { Some(text.as_str()) } else { None };
        let blocks = self.content.blocks().iter();
        let texts =
            blocks.filter_map(|block| if let Block::Text { text } = block { Some(text.as_str()) } else { None });
        whole.into_iter().chain(texts)
    }
}

impl Content {
    fn blocks(&self) -> &[Block] {
        match self {
            Self::Text(_) => &[],
            Self::Blocks(blocks) => blocks,
        }
    }
}

impl ToolResult {
    /// What the model reads.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.content {
            Value::String(text) => Cow::Borrowed(text),
            Value::Null => Cow::Borrowed(""),
            other => Cow::Owned(other.to_string()),
        }
    }
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// By hand: serde's own way for untagged enums keeps to itself what is wrong with a block.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of blocks")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, blocks: A) -> Result<Content, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(blocks)).map(Content::Blocks)
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_comes_in_goes_out_as_it_was() {
        for message in [
            json!({"role": "user", "content": "text"}),
            json!({"role": "system", "content": [{"type": "text", "text": "text"}]}),
            json!({"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "t", "input": {"a": 1.5}}]}),
            json!({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "name": "t", "content": {"any": ["thing"]}, "is_error": true},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
            ]}),
        ] {
            let read: Message = serde_json::from_value(message.clone()).expect("a message");
            assert_eq!(serde_json::to_value(read).expect("JSON"), message);
        }
    }

    #[test]
    fn a_block_of_no_known_type_is_described() {
        let message = r#"{"role":"user","content":[{"type":"audio"}]}"#;
        let error = serde_json::from_str::<Message>(message).expect_err("no block").to_string();
        assert!(error.contains("expected one of `text`, `tool_use`, `tool_result`, `image`"), "{error}");
    }

    #[test]
    fn the_model_reads_text_and_the_json_of_anything_else() {
        for (content, text) in [(json!("a\nb"), "a\nb"), (json!({"a": [1]}), r#"{"a":[1]}"#), (Value::Null, "")] {
            let result = ToolResult { tool_use_id: String::new(), name: None, content, is_error: false };
            assert_eq!(result.text(), text);
        }
    }
}
