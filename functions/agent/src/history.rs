//! A conversation as people read it: without what only models understand.

use crate::sessions::Conversation;
use model::{Block, Content, Message, Role, ToolResult};
use serde_json::{Value, json};

/// Bytes of text in one answer. Lambda returns at most six megabytes, of which JSON may make escapes.
const MOST: usize = 1 << 20;
/// Bytes of one part of a long result.
const PART: usize = 256 << 10;

/// The newest messages of a conversation, as many as one answer takes.
pub(crate) fn shown(conversation: &Conversation) -> Value {
    let Conversation { id, created_at, updated_at, messages } = conversation;
    let (mut left, mut newest) = (MOST, Vec::new());
    for message in messages.iter().rev().map(entry) {
        let bytes = message.to_string().len();
        if bytes > left {
            break;
        }
        left -= bytes;
        newest.push(message);
    }
    newest.reverse();
    let omitted = messages.len() - newest.len();
    json!({
        "session_id": id, "created_at": created_at, "updated_at": updated_at, "omitted": omitted, "messages": newest,
    })
}

fn entry(message: &Message) -> Value {
    let role = if message.role == Role::Assistant { "assistant" } else { "user" };
    let parts: Vec<Value> = match &message.content {
        Content::Text(text) => vec![json!({ "type": "text", "text": text })],
        Content::Blocks(blocks) => blocks.iter().filter_map(part_of).collect(),
    };
    json!({ "role": role, "content": parts })
}

fn part_of(block: &Block) -> Option<Value> {
    match block {
        Block::Text { text, .. } => Some(json!({ "type": "text", "text": text })),
        Block::ToolUse(call) => {
            Some(json!({ "type": "tool_call", "id": call.id, "name": call.name, "input": call.input }))
        }
        Block::ToolResult(result) => Some(result_of(result)),
        Block::Image { .. } => Some(json!({ "type": "text", "text": "[a picture]" })),
        Block::Document { .. } => Some(json!({ "type": "text", "text": "[a document]" })),
        Block::Opaque { .. } => None,
    }
}

fn result_of(result: &ToolResult) -> Value {
    json!({
        "type": "tool_result", "id": result.tool_use_id, "name": result.name, "content": result.content,
        "is_error": result.is_error,
    })
}

/// A part of a long text that begins at a byte, and where the next one does.
pub(crate) fn part(text: &str, from: usize) -> Value {
    let from = text.floor_char_boundary(from);
    let to = text.floor_char_boundary(from + PART);
    let next = (to < text.len()).then_some(to);
    json!({ "bytes": text.len(), "from": from, "text": &text[from..to], "next": next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_text_are_the_text() {
        let text = "ä🦀x".repeat(200_000);
        let (mut read, mut from) = (String::new(), Some(0));
        while let Some(at) = from {
            let part = part(&text, at);
            read.push_str(part["text"].as_str().expect("a text"));
            from = part["next"].as_u64().and_then(|next| usize::try_from(next).ok());
        }
        assert!(read == text);
        assert_eq!(part("short", 99)["text"], "");
    }

    #[test]
    fn the_newest_messages_are_shown_and_the_others_counted() {
        let message =
            |bytes: usize| Message { role: Role::User, content: Content::Text("x".repeat(bytes)), origin: None };
        let messages = vec![message(10), message(MOST), message(20)];
        let conversation =
            Conversation { id: "a".into(), created_at: String::new(), updated_at: String::new(), messages };
        let shown = shown(&conversation);
        assert_eq!((&shown["omitted"], shown["messages"].as_array().expect("a list").len()), (&json!(2), 1));
    }
}
