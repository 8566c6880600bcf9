//! What a tool's function returned, as a model reads it: whole where it is short, and its beginning and a handle where it is long.

use crate::error::TurnError;
use bytes::Bytes;
use functions_content::tool_reply::{LONGEST_TEXT, is_of_blocks, spelt, taken_apart};
use functions_content::{Asking, ContentError, ContentTable, Handle, opened, preview};
use functions_shared::Refusal;
use model::Message;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// Bytes of a text that a tool's function gets as it is.
const LONGEST_INLINE: usize = 5000;

/// Makes results of what functions return.
#[derive(Debug, Clone)]
pub(crate) struct Results(pub(crate) Arc<ContentTable>);

impl Results {
    /// The content of a result, and whether it says what went wrong. A reply without `content` is the content.
    pub(crate) async fn given(&self, reply: Value, until: Instant) -> Result<(Value, bool), ContentError> {
        let (content, is_error) = taken_apart(reply);
        let content = self.resolved(content, until).await?;
        if is_of_blocks(&content) {
            return Ok((content, is_error));
        }
        Ok((Value::String(self.shortened(spelt(content), until).await?), is_error))
    }

    /// The whole text of a long result that a tool has left in a conversation. The handle of anything else opens nothing here.
    pub(crate) async fn long(&self, messages: &[Message], handle: &str, until: Instant) -> Result<String, TurnError> {
        let none = || Refusal::NotFound("this conversation has no result with such a handle".to_owned());
        let is_left = |text: &str| text.contains(&format!("handle: {handle}]"));
        let mut results = messages.iter().flat_map(Message::tool_results);
        let handle = Handle::of(handle).filter(|_| results.any(|result| is_left(&result.text()))).ok_or_else(none)?;
        Ok(self.0.get(handle, asking(until)).await?)
    }

    /// The input of a tool, with the contents of the handles in it. Functions behind the layer get references to long ones.
    pub(crate) async fn opened(&self, input: Value, schema: &Value, until: Instant) -> Result<Value, ContentError> {
        match input {
            Value::Object(input) => opened(input, schema, LONGEST_INLINE, &self.0, asking(until)).await,
            other => Ok(other),
        }
    }

    /// A function behind the layer returns references in place of long values: their contents.
    async fn resolved(&self, mut content: Value, until: Instant) -> Result<Value, ContentError> {
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
