//! The unified message: what every provider's messages become, and are made from.
//!
//! It is JSON that somebody else keeps between two calls. What is named here goes out as it came in: a text stays a text and does not
//! become a list of one block, since long texts are stored under a name made of their content, and only the same one is known again.
//!
//! What only its provider understands (thinking with its signature, reasoning items, fields beside a text or a call) stays in the
//! message as JSON *text*: what keeps the conversation may write numbers anew or sort fields, but it leaves a string alone. `origin`
//! says who made these parts; they go back to nobody else.

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
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
    /// Who made the opaque parts of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// The model that gave an answer, and the API it was asked by. Opaque parts go back only where all three are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The provider's name in rows.
    pub provider: String,
    /// The model's name in rows.
    pub model: String,
    /// The transformer: `anthropic_v1`.
    pub api: String,
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
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    /// A text.
    Text {
        /// The text.
        text: String,
        /// The fields that its provider has beside it, as the JSON text of an object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<String>,
    },
    /// The model wants a tool called.
    ToolUse(ToolUse),
    /// What a tool returned.
    ToolResult(ToolResult),
    /// A picture.
    Image {
        /// Its bytes.
        source: Source,
    },
    /// A document in PDF.
    Document {
        /// Its bytes.
        source: Source,
        /// What it is called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    /// What only the provider understands, and wants back unchanged.
    Opaque {
        /// The JSON text of the provider's own block.
        data: String,
    },
}

/// What a result begins with that says that its tool failed, where an API has no field for it.
pub(crate) const FAILED: &str = "Error: ";

/// Why a call of a tool must not be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotRun {
    /// The answer ended at `max_tokens`: the call may be half of one.
    CutOff,
    /// Its arguments are not a JSON object.
    Malformed,
    /// No tool was to be called.
    NotAllowed,
}

impl NotRun {
    /// What the model reads in place of a result.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::CutOff => "This call was not run: the answer was cut off at its length limit.",
            Self::Malformed => {
                "This call was not run: its arguments were not a JSON object. Call again with valid JSON."
            }
            Self::NotAllowed => "This call was not run: no tool could be called in this turn.",
        }
    }
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolUse {
    /// Unique in its conversation. Its result names it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The tool's arguments: an object.
    #[serde(default = "empty_object")]
    pub input: Value,
    /// Whether it must not be run. Such a call gets its result here, when the conversation goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_run: Option<NotRun>,
    /// The fields that its provider has beside these, as the JSON text of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
    /// Gemini's signature in conversations that were begun before there was `opaque`. It is read and no longer written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thought_signature: Option<String>,
}

/// What a tool returned, in the words of the tool's own reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolResult {
    /// Says what it is where it is not among other blocks.
    #[serde(rename = "type", default, skip_serializing)]
    #[doc(hidden)]
    pub kind: Option<ToolResultKind>,
    /// The call that this answers.
    pub tool_use_id: String,
    /// The tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A text, or a list of texts, pictures and documents; anything else is shown to the model as its JSON.
    #[serde(default)]
    pub content: Value,
    /// Whether the tool failed, and `content` says why.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_error: bool,
}

/// The only `type` of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[doc(hidden)]
pub enum ToolResultKind {
    /// As blocks are called.
    ToolResult,
}

/// Where the bytes of a picture or of a document are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// Here.
    Base64 {
        /// `image/png`, `image/jpeg`, `image/gif`, `image/webp`, or for a document `application/pdf`.
        media_type: String,
        /// The bytes in base64.
        data: String,
    },
}

impl Message {
    /// A message that was not given by a model.
    pub(crate) fn new(role: Role, content: Content) -> Self {
        Self { role, content, origin: None }
    }

    /// The calls of tools in it, in order.
    pub fn tool_uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.content
            .blocks()
            .iter()
            .filter_map(|block| if let Block::ToolUse(call) = block { Some(call) } else { None })
    }

    /// What tools returned in it, in order.
    pub fn tool_results(&self) -> impl Iterator<Item = &ToolResult> {
        self.content
            .blocks()
            .iter()
            .filter_map(|block| if let Block::ToolResult(result) = block { Some(result) } else { None })
    }

    /// Its texts, in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let whole = if let Content::Text(text) = &self.content { Some(text.as_str()) } else { None };
        let blocks = self.content.blocks().iter();
        let texts =
            blocks.filter_map(|block| if let Block::Text { text, .. } = block { Some(text.as_str()) } else { None });
        whole.into_iter().chain(texts)
    }
}

impl Block {
    /// The call that it is.
    pub(crate) fn as_tool_use_mut(&mut self) -> Option<&mut ToolUse> {
        if let Self::ToolUse(call) = self { Some(call) } else { None }
    }
}

impl Content {
    /// What it says as blocks; nothing is left.
    pub(crate) fn take_blocks(&mut self) -> Vec<Block> {
        match std::mem::replace(self, Self::Blocks(Vec::new())) {
            Self::Text(text) => vec![Block::Text { text, opaque: None }],
            Self::Blocks(blocks) => blocks,
        }
    }

    fn blocks(&self) -> &[Block] {
        match self {
            Self::Text(_) => &[],
            Self::Blocks(blocks) => blocks,
        }
    }
}

impl ToolResult {
    /// What the model reads of a call that was not run.
    pub(crate) fn of_not_run(call: &ToolUse, why: NotRun) -> Self {
        Self {
            kind: None,
            tool_use_id: call.id.clone(),
            name: Some(call.name.clone()),
            content: why.words().into(),
            is_error: true,
        }
    }

    /// The blocks that `content` is, if it is a list of texts, pictures and documents and of nothing else.
    pub(crate) fn blocks(&self) -> Option<Vec<Block>> {
        let blocks = self.content.as_array().filter(|list| !list.is_empty())?;
        let blocks = blocks.iter().map(|block| Block::deserialize(block).ok()).collect::<Option<Vec<_>>>()?;
        let is_shown =
            |block: &Block| matches!(block, Block::Text { .. } | Block::Image { .. } | Block::Document { .. });
        blocks.iter().all(is_shown).then_some(blocks)
    }

    /// What the model reads.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.content {
            Value::String(text) => Cow::Borrowed(text),
            Value::Null => Cow::Borrowed(""),
            other => Cow::Owned(other.to_string()),
        }
    }
}

pub(crate) fn empty_object() -> Value {
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
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="}, "title": "t"},
            ]}),
            json!({"role": "assistant", "origin": {"provider": "p", "model": "m", "api": "anthropic_v1"}, "content": [
                {"type": "opaque", "data": "{\"type\":\"thinking\",\"n\":1.0}"},
                {"type": "text", "text": "t", "opaque": "{}"},
                {"type": "tool_use", "id": "1", "name": "t", "input": {}, "not_run": "cut_off", "opaque": "{}"},
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
        assert!(
            error.contains("expected one of `text`, `tool_use`, `tool_result`, `image`, `document`, `opaque`"),
            "{error}"
        );
    }

    #[test]
    fn a_field_that_is_unknown_is_named() {
        for (message, field) in [
            (r#"{"role":"user","content":"","name":"x"}"#, "`name`"),
            (r#"{"role":"user","content":[{"type":"text","text":"","cache_control":{}}]}"#, "`cache_control`"),
            (r#"{"role":"user","content":[{"type":"tool_use","id":"","name":"","args":{}}]}"#, "`args`"),
            (r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"","error":true}]}"#, "`error`"),
            (r#"{"role":"user","content":[{"type":"opaque","data":"{}","provider":"x"}]}"#, "`provider`"),
        ] {
            let error = serde_json::from_str::<Message>(message).expect_err("unknown").to_string();
            assert!(error.contains(&format!("unknown field {field}")), "{error}");
        }
    }

    #[test]
    fn a_list_of_blocks_is_no_json_to_show() {
        let result =
            |content| ToolResult { kind: None, tool_use_id: String::new(), name: None, content, is_error: false };
        let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}});
        let text = json!({"type": "text", "text": "t"});
        assert_eq!(result(json!([text, picture])).blocks().map(|blocks| blocks.len()), Some(2));
        for content in [json!([]), json!([text, 1]), json!([{"type": "tool_use", "id": "", "name": ""}]), json!("t")] {
            assert_eq!(result(content).blocks(), None);
        }
    }

    #[test]
    fn the_model_reads_text_and_the_json_of_anything_else() {
        for (content, text) in [(json!("a\nb"), "a\nb"), (json!({"a": [1]}), r#"{"a":[1]}"#), (Value::Null, "")] {
            let result = ToolResult { kind: None, tool_use_id: String::new(), name: None, content, is_error: false };
            assert_eq!(result.text(), text);
        }
    }
}
