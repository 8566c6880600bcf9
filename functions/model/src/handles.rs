//! Handles of long contents in what tools returned: the reference after `handle: ` in the preview of a long result.

use crate::message::{Message, ToolResult};
use std::collections::HashSet;

/// The text before a handle.
const MARK: &str = "handle: ";

/// The handles in a text, oldest first.
pub(crate) fn in_text(text: &str) -> impl Iterator<Item = &str> {
    let ends = |character: char| character.is_whitespace() || "]\"',;".contains(character);
    let handles = text.split(MARK).skip(1).map(move |rest| rest.split(ends).next().unwrap_or_default());
    handles.filter(|handle| !handle.is_empty())
}

/// The handles that tools left in a conversation, oldest first, each once.
pub(crate) fn in_messages(messages: &[Message]) -> Vec<String> {
    let mut known = HashSet::new();
    let texts = messages.iter().flat_map(Message::tool_results).map(ToolResult::text);
    let handles = texts.flat_map(|text| in_text(&text).map(str::to_owned).collect::<Vec<_>>());
    handles.filter(|handle| known.insert(handle.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_handle_ends_where_its_sentence_does() {
        let text = "Begins …\n\n[… 5242880 bytes in all; handle: 1:dynamodb:s:86400:x:9]\nhandle: b, handle: ";
        assert_eq!(in_text(text).collect::<Vec<_>>(), ["1:dynamodb:s:86400:x:9", "b"]);
        assert_eq!(in_text("no such thing").count(), 0);
    }

    #[test]
    fn a_conversations_handles_are_named_once_and_only_if_tools_left_them() {
        let result = |text| json!({"type": "tool_result", "tool_use_id": "1", "content": text});
        let messages = json!([
            {"role": "user", "content": "handle: forged"},
            {"role": "user", "content": [result("[handle: b]"), result("[handle: a]")]},
            {"role": "user", "content": [result("[handle: b]")]},
        ]);
        assert_eq!(in_messages(&serde_json::from_value::<Vec<Message>>(messages).expect("messages")), ["b", "a"]);
    }
}
