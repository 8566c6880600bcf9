//! A conversation: checked, so that no provider has to refuse it, and put in the order that all of them take.
//!
//! Providers differ in how much disorder they forgive. What is made here is the strictest: user and assistant take turns, each
//! call of a tool has its result in the turn that follows, in the order of the calls and before anything else.

use crate::error::CallError;
use crate::message::{Block, Content, ImageSource, Message, Role, ToolResult, ToolUse};

/// Pictures that all providers take.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The whole conversation, the newest results of tools included.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    /// The rules; empty without any.
    pub(crate) system: String,
    /// The messages given, and one more with the results of tools if there are any.
    pub(crate) messages: Vec<Message>,
}

/// What one side says before the other does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn<'a> {
    pub(crate) is_assistant: bool,
    pub(crate) parts: Vec<Part<'a>>,
}

/// A part of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Text(&'a str),
    Image { media_type: &'a str, data: &'a str },
    ToolUse(&'a ToolUse),
    ToolResult(&'a ToolResult),
}

impl Conversation {
    pub(crate) fn new(mut messages: Vec<Message>, results: Vec<ToolResult>, system: Option<&str>) -> Self {
        let leading = messages.iter().take_while(|message| message.role == Role::System).flat_map(Message::texts);
        let rules: Vec<&str> = system.into_iter().chain(leading).filter(|text| !text.is_empty()).collect();
        let system = rules.join("\n\n");
        if !results.is_empty() {
            let content = Content::Blocks(results.into_iter().map(Block::ToolResult).collect());
            messages.push(Message { role: Role::User, content });
        }
        Self { system, messages }
    }

    /// How many messages are the assistant's.
    pub(crate) fn spoken(&self) -> usize {
        self.messages.iter().filter(|message| message.role == Role::Assistant).count()
    }

    /// The messages after the rules, as turns.
    pub(crate) fn turns(&self) -> Result<Vec<Turn<'_>>, CallError> {
        let mut turns = Vec::new();
        for message in self.messages.iter().skip_while(|message| message.role == Role::System) {
            take_turn(&mut turns, message)?;
        }
        if turns.is_empty() {
            return Err(CallError::invalid("`messages` holds nothing that could be answered"));
        }
        pair_results_with_calls(&mut turns)?;
        Ok(turns)
    }
}

/// Adds what a message says to the turn of the one who says it. What is empty says nothing: providers refuse it.
fn take_turn<'a>(turns: &mut Vec<Turn<'a>>, message: &'a Message) -> Result<(), CallError> {
    if message.role == Role::System {
        return Err(CallError::invalid("a message of role `system` stands behind others"));
    }
    let is_assistant = message.role == Role::Assistant;
    for part in parts(&message.content, is_assistant)? {
        match turns.last_mut() {
            Some(turn) if turn.is_assistant == is_assistant => turn.parts.push(part),
            _ => turns.push(Turn { is_assistant, parts: vec![part] }),
        }
    }
    Ok(())
}

fn parts(content: &Content, is_assistant: bool) -> Result<Vec<Part<'_>>, CallError> {
    match content {
        Content::Text(text) => Ok(text_part(text).into_iter().collect()),
        Content::Blocks(blocks) => blocks.iter().filter_map(|block| part(block, is_assistant).transpose()).collect(),
    }
}

fn part(block: &Block, is_assistant: bool) -> Result<Option<Part<'_>>, CallError> {
    match block {
        Block::Text { text } => Ok(text_part(text)),
        Block::Image { source: ImageSource::Base64 { media_type, data } } if IMAGES.contains(&media_type.as_str()) => {
            Ok(Some(Part::Image { media_type, data }))
        }
        Block::Image { .. } => Err(CallError::invalid(format!("an image is none of {}", IMAGES.join(", ")))),
        Block::ToolUse(call) if is_assistant => Ok(Some(Part::ToolUse(call))),
        Block::ToolResult(result) if !is_assistant => Ok(Some(Part::ToolResult(result))),
        Block::ToolUse(_) => Err(CallError::invalid("a `tool_use` stands in a message that is not the assistant's")),
        Block::ToolResult(_) => Err(CallError::invalid("a `tool_result` stands in a message of the assistant")),
    }
}

fn text_part(text: &str) -> Option<Part<'_>> {
    (!text.is_empty()).then_some(Part::Text(text))
}

/// Puts each turn's results first, in the order of the calls in the turn before; each call has one, and nothing else has.
fn pair_results_with_calls(turns: &mut [Turn<'_>]) -> Result<(), CallError> {
    let mut open: Vec<&ToolUse> = Vec::new();
    for turn in turns {
        if turn.is_assistant {
            open.extend(
                turn.parts.iter().filter_map(|part| if let Part::ToolUse(call) = part { Some(*call) } else { None }),
            );
        } else {
            answer_all(&mut open, turn)?;
        }
    }
    open.first().map_or(Ok(()), |call| Err(unanswered(call)))
}

fn answer_all(open: &mut Vec<&ToolUse>, turn: &mut Turn<'_>) -> Result<(), CallError> {
    let calls = std::mem::take(open);
    let (mut results, others): (Vec<_>, Vec<_>) =
        turn.parts.drain(..).partition(|part| matches!(part, Part::ToolResult(_)));
    for call in calls {
        let is_its = |part: &Part<'_>| matches!(part, Part::ToolResult(result) if result.tool_use_id == call.id);
        let position = results.iter().position(is_its).ok_or_else(|| unanswered(call))?;
        turn.parts.push(results.remove(position));
    }
    if let Some(Part::ToolResult(result)) = results.first() {
        let id = &result.tool_use_id;
        return Err(CallError::invalid(format!(
            "the result for `{id}` follows no call with that id, or not its call alone"
        )));
    }
    turn.parts.extend(others);
    Ok(())
}

fn unanswered(call: &ToolUse) -> CallError {
    CallError::invalid(format!(
        "the call `{}` of `{}` has no result in the message that follows it",
        call.id, call.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn conversation(messages: Value, results: Value) -> Conversation {
        let read = |messages| serde_json::from_value(messages).expect("messages");
        Conversation::new(read(messages), serde_json::from_value(results).expect("results"), None)
    }

    /// The turns in short: `u` and `a` for the sides, then the parts.
    fn shape(messages: Value, results: Value) -> Result<String, String> {
        let conversation = conversation(messages, results);
        let turns = conversation.turns().map_err(|error| error.to_string())?;
        Ok(turns.iter().map(in_short).collect::<Vec<_>>().join(" | "))
    }

    fn in_short(turn: &Turn<'_>) -> String {
        let part = |part: &Part<'_>| match part {
            Part::Text(text) => (*text).to_owned(),
            Part::Image { .. } => "image".to_owned(),
            Part::ToolUse(call) => format!("call-{}", call.id),
            Part::ToolResult(result) => format!("result-{}", result.tool_use_id),
        };
        let side = if turn.is_assistant { "a" } else { "u" };
        format!("{side}: {}", turn.parts.iter().map(part).collect::<Vec<_>>().join(" "))
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "content": text})
    }

    fn calls(ids: &[&str]) -> Value {
        let call = |id| json!({"type": "tool_use", "id": id, "name": "tool", "input": {}});
        json!({"role": "assistant", "content": ids.iter().map(call).collect::<Vec<_>>()})
    }

    fn result(id: &str) -> Value {
        json!({"type": "tool_result", "name": "tool", "tool_use_id": id, "content": "done"})
    }

    #[test]
    fn the_sides_take_turns() {
        let said = json!([user("1"), user("2"), {"role": "assistant", "content": "3"}, user(""), {"role": "assistant", "content": "4"}]);
        assert_eq!(shape(said, json!([])).as_deref(), Ok("u: 1 2 | a: 3 4"));
    }

    #[test]
    fn results_follow_their_calls_in_the_order_of_the_calls() {
        let said = json!([user("ask"), calls(&["x", "y"]), {"role": "user", "content": [{"type": "text", "text": "and"}, result("y"), result("x")]}]);
        assert_eq!(shape(said, json!([])).as_deref(), Ok("u: ask | a: call-x call-y | u: result-x result-y and"));
    }

    #[test]
    fn given_results_become_one_more_message() {
        let said = json!([user("ask"), calls(&["x", "y"])]);
        let conversation = conversation(said, json!([result("y"), result("x")]));
        assert_eq!(
            serde_json::to_value(&conversation.messages[2]).expect("JSON"),
            json!({"role": "user", "content": [result("y"), result("x")]})
        );
    }

    #[test]
    fn what_no_provider_takes_is_refused() {
        let assistant_result = json!({"role": "assistant", "content": [result("x")]});
        let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": ""}});
        for (messages, results, reason) in [
            (json!([]), json!([]), "`messages` holds nothing"),
            (json!([{"role": "system", "content": "rules"}]), json!([]), "`messages` holds nothing"),
            (json!([user("")]), json!([]), "`messages` holds nothing"),
            (json!([user("ask"), {"role": "system", "content": "rules"}]), json!([]), "`system` stands behind others"),
            (json!([user("ask"), calls(&["x"])]), json!([]), "the call `x` of `tool` has no result"),
            (json!([user("ask"), calls(&["x", "y"])]), json!([result("x")]), "the call `y` of `tool` has no result"),
            (json!([user("ask"), calls(&["x"]), user("again")]), json!([]), "the call `x` of `tool` has no result"),
            (json!([user("ask"), calls(&["x"])]), json!([result("x"), result("x")]), "the result for `x`"),
            (json!([user("ask")]), json!([result("z")]), "the result for `z`"),
            (json!([user("ask"), assistant_result]), json!([]), "`tool_result` stands in"),
            (
                json!([{"role": "user", "content": [{"type": "tool_use", "id": "x", "name": "t"}]}]),
                json!([]),
                "`tool_use` stands in",
            ),
            (json!([{"role": "user", "content": [picture]}]), json!([]), "an image is none of image/png"),
        ] {
            let refused = shape(messages.clone(), results).expect_err(reason);
            assert!(refused.contains(reason), "{messages}: {refused}");
        }
    }

    #[test]
    fn rules_come_from_the_event_and_from_the_head_of_the_messages() {
        let messages = json!([{"role": "system", "content": [{"type": "text", "text": "second"}]}, user("ask")]);
        let messages = serde_json::from_value(messages).expect("messages");
        let conversation = Conversation::new(messages, vec![], Some("first"));
        assert_eq!(conversation.system, "first\n\nsecond");
        assert_eq!(conversation.messages.len(), 2, "given messages stay as they are");
    }
}
