//! A conversation: checked, so that no provider has to refuse it, and put in the order that all of them take.
//!
//! Providers differ in how much disorder they forgive. What is made here is the strictest: user and assistant take turns, each
//! call of a tool has its result in the turn that follows, in the order of the calls and before anything else.

use crate::error::CallError;
use crate::message::{Block, Content, Message, Origin, Role, Source, ToolResult, ToolUse};
use std::collections::HashSet;

/// Pictures that all providers take.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Documents that all providers take that take any.
const DOCUMENT: &str = "application/pdf";

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
    /// With the fields that the provider wants back beside it.
    Text(&'a str, Option<&'a str>),
    Image(Picture<'a>),
    Document {
        data: &'a str,
        title: Option<&'a str>,
    },
    /// With the fields that the provider wants back beside it.
    ToolUse(&'a ToolUse, Option<&'a str>),
    ToolResult(&'a ToolResult),
    /// What the provider itself made, as JSON text.
    Opaque(&'a str),
}

/// A picture in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picture<'a> {
    pub(crate) media_type: &'a str,
    pub(crate) data: &'a str,
}

impl Conversation {
    pub(crate) fn new(mut messages: Vec<Message>, results: Vec<ToolResult>, system: Option<&str>) -> Self {
        let leading = messages.iter().take_while(|message| message.role == Role::System).flat_map(Message::texts);
        let rules: Vec<&str> = system.into_iter().chain(leading).filter(|text| !text.is_empty()).collect();
        let system = rules.join("\n\n");
        if !results.is_empty() {
            let content = Content::Blocks(results.into_iter().map(Block::ToolResult).collect());
            messages.push(Message::new(Role::User, content));
        }
        answer_what_was_not_run(&mut messages);
        Self { system, messages }
    }

    /// How many messages are the assistant's.
    pub(crate) fn spoken(&self) -> usize {
        self.messages.iter().filter(|message| message.role == Role::Assistant).count()
    }

    /// Whether it is one that providers take.
    pub(crate) fn check(&self) -> Result<(), CallError> {
        let nobody = Origin { provider: String::new(), model: String::new(), api: String::new() };
        self.turns(&nobody).map(drop)
    }

    /// The messages after the rules, as turns, with the opaque parts that `origin` made and those of nobody else.
    pub(crate) fn turns(&self, origin: &Origin) -> Result<Vec<Turn<'_>>, CallError> {
        let mut turns = Vec::new();
        for message in self.messages.iter().skip_while(|message| message.role == Role::System) {
            take_turn(&mut turns, message, origin)?;
        }
        if turns.is_empty() {
            return Err(CallError::invalid("`messages` has no message that a model could answer"));
        }
        pair_results_with_calls(&mut turns)?;
        Ok(turns)
    }
}

/// Gives the calls that must not be run the results that say so, unless somebody else has.
fn answer_what_was_not_run(messages: &mut Vec<Message>) {
    let answered: HashSet<(usize, String)> = messages
        .iter()
        .enumerate()
        .flat_map(|(at, message)| message.tool_results().map(move |result| (at, result.tool_use_id.clone())))
        .collect();
    for at in (0..messages.len()).rev() {
        let not_run = messages[at].tool_uses().filter(|call| !answered.contains(&(at + 1, call.id.clone())));
        let results: Vec<Block> =
            not_run.filter_map(|call| Some(Block::ToolResult(ToolResult::of_not_run(call, call.not_run?)))).collect();
        if !results.is_empty() {
            put_results(messages, at + 1, results);
        }
    }
}

/// Puts results into the user's message at `at`, or into one of their own.
fn put_results(messages: &mut Vec<Message>, at: usize, mut results: Vec<Block>) {
    match messages.get_mut(at).filter(|message| message.role == Role::User) {
        Some(message) => {
            results.extend(message.content.take_blocks());
            message.content = Content::Blocks(results);
        }
        None => messages.insert(at, Message::new(Role::User, Content::Blocks(results))),
    }
}

/// Adds what a message says to the turn of the one who says it. What is empty says nothing: providers refuse it.
fn take_turn<'a>(turns: &mut Vec<Turn<'a>>, message: &'a Message, origin: &Origin) -> Result<(), CallError> {
    if message.role == Role::System {
        return Err(CallError::invalid("a message of role `system` comes after others"));
    }
    let is_assistant = message.role == Role::Assistant;
    let is_own = is_assistant && message.origin.as_ref() == Some(origin);
    for part in parts(&message.content, is_assistant, is_own)? {
        match turns.last_mut() {
            Some(turn) if turn.is_assistant == is_assistant => turn.parts.push(part),
            _ => turns.push(Turn { is_assistant, parts: vec![part] }),
        }
    }
    Ok(())
}

fn parts(content: &Content, is_assistant: bool, is_own: bool) -> Result<Vec<Part<'_>>, CallError> {
    match content {
        Content::Text(text) => Ok(text_part(text, None).into_iter().collect()),
        Content::Blocks(blocks) => {
            blocks.iter().filter_map(|block| part(block, is_assistant, is_own).transpose()).collect()
        }
    }
}

fn part(block: &Block, is_assistant: bool, is_own: bool) -> Result<Option<Part<'_>>, CallError> {
    match block {
        Block::Text { text, opaque } => Ok(text_part(text, opaque.as_deref().filter(|_| is_own))),
        Block::Image { source } => picture(source).map(|picture| Some(Part::Image(picture))),
        Block::Document { source, title } => document(source, title.as_deref()).map(Some),
        Block::ToolUse(call) if is_assistant => {
            Ok(Some(Part::ToolUse(call, call.opaque.as_deref().filter(|_| is_own))))
        }
        Block::ToolResult(result) if !is_assistant => check_result(result).map(|()| Some(Part::ToolResult(result))),
        Block::ToolUse(_) => Err(CallError::invalid("a `tool_use` is in a message that is not the assistant's")),
        Block::ToolResult(_) => Err(CallError::invalid("a `tool_result` is in a message of the assistant")),
        Block::Opaque { data } => Ok(is_own.then_some(Part::Opaque(data))),
    }
}

/// What is in a list of blocks is held to the rules of the same blocks elsewhere.
fn check_result(result: &ToolResult) -> Result<(), CallError> {
    let blocks = result.blocks().unwrap_or_default();
    blocks.iter().try_for_each(|block| part(block, false, false).map(drop))
}

pub(crate) fn picture(source: &Source) -> Result<Picture<'_>, CallError> {
    let Source::Base64 { media_type, data } = source;
    if !IMAGES.contains(&media_type.as_str()) {
        return Err(CallError::invalid(format!("an image is not one of {}", IMAGES.join(", "))));
    }
    Ok(Picture { media_type, data })
}

fn document<'a>(source: &'a Source, title: Option<&'a str>) -> Result<Part<'a>, CallError> {
    let Source::Base64 { media_type, data } = source;
    if media_type != DOCUMENT {
        return Err(CallError::invalid(format!("a document is not {DOCUMENT}")));
    }
    Ok(Part::Document { data, title })
}

fn text_part<'a>(text: &'a str, opaque: Option<&'a str>) -> Option<Part<'a>> {
    (!text.is_empty()).then_some(Part::Text(text, opaque))
}

/// Puts each turn's results first, in the order of the calls in the turn before; each call has one, and nothing else has.
fn pair_results_with_calls(turns: &mut [Turn<'_>]) -> Result<(), CallError> {
    let mut open: Vec<&ToolUse> = Vec::new();
    for turn in turns {
        if turn.is_assistant {
            open.extend(
                turn.parts.iter().filter_map(|part| if let Part::ToolUse(call, _) = part { Some(*call) } else { None }),
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
            "the result for `{id}` does not follow a call with that id, or the call has two results"
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

    fn origin() -> Origin {
        Origin { provider: "p".to_owned(), model: "m".to_owned(), api: "a".to_owned() }
    }

    fn conversation(messages: Value, results: Value) -> Conversation {
        let read = |messages| serde_json::from_value(messages).expect("messages");
        Conversation::new(read(messages), serde_json::from_value(results).expect("results"), None)
    }

    /// The turns in short: `u` and `a` for the sides, then the parts.
    fn shape(messages: Value, results: Value) -> Result<String, String> {
        let conversation = conversation(messages, results);
        let turns = conversation.turns(&origin()).map_err(|error| error.to_string())?;
        Ok(turns.iter().map(in_short).collect::<Vec<_>>().join(" | "))
    }

    fn in_short(turn: &Turn<'_>) -> String {
        let part = |part: &Part<'_>| match part {
            Part::Text(text, opaque) => format!("{text}{}", opaque.unwrap_or_default()),
            Part::Image(_) => "image".to_owned(),
            Part::Document { .. } => "document".to_owned(),
            Part::ToolUse(call, opaque) => format!("call-{}{}", call.id, opaque.unwrap_or_default()),
            Part::ToolResult(result) => format!("result-{}", result.tool_use_id),
            Part::Opaque(data) => format!("<{data}>"),
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
        let letter = json!({"type": "document", "source": {"type": "base64", "media_type": "text/html", "data": ""}});
        for (messages, results, reason) in [
            (json!([]), json!([]), "`messages` has no message"),
            (json!([{"role": "system", "content": "rules"}]), json!([]), "`messages` has no message"),
            (json!([user("")]), json!([]), "`messages` has no message"),
            (json!([user("ask"), {"role": "system", "content": "rules"}]), json!([]), "`system` comes after others"),
            (json!([user("ask"), calls(&["x"])]), json!([]), "the call `x` of `tool` has no result"),
            (json!([user("ask"), calls(&["x", "y"])]), json!([result("x")]), "the call `y` of `tool` has no result"),
            (json!([user("ask"), calls(&["x"]), user("again")]), json!([]), "the call `x` of `tool` has no result"),
            (json!([user("ask"), calls(&["x"])]), json!([result("x"), result("x")]), "the result for `x`"),
            (json!([user("ask")]), json!([result("z")]), "the result for `z`"),
            (json!([user("ask"), assistant_result]), json!([]), "`tool_result` is in"),
            (
                json!([{"role": "user", "content": [{"type": "tool_use", "id": "x", "name": "t"}]}]),
                json!([]),
                "`tool_use` is in",
            ),
            (json!([{"role": "user", "content": [picture]}]), json!([]), "an image is not one of image/png"),
            (json!([{"role": "user", "content": [letter]}]), json!([]), "a document is not application/pdf"),
            (
                json!([user("ask"), calls(&["x"])]),
                json!([{"tool_use_id": "x", "content": [picture]}]),
                "an image is not one of",
            ),
        ] {
            let refused = shape(messages.clone(), results).expect_err(reason);
            assert!(refused.contains(reason), "{messages}: {refused}");
        }
    }

    #[test]
    fn opaque_parts_go_back_to_who_made_them_and_to_nobody_else() {
        let answer = |origin: Value| {
            json!({"role": "assistant", "origin": origin, "content": [
                {"type": "opaque", "data": "thought"}, {"type": "text", "text": "2", "opaque": "+"},
                {"type": "tool_use", "id": "x", "name": "t", "opaque": "*"},
            ]})
        };
        let (own, mut other) =
            (json!({"provider": "p", "model": "m", "api": "a"}), json!({"provider": "p", "model": "m", "api": "a"}));
        let said = |answer| shape(json!([user("1"), answer]), json!([result("x")])).expect("turns");
        assert_eq!(said(answer(own)), "u: 1 | a: <thought> 2+ call-x* | u: result-x");
        for field in ["provider", "model", "api"] {
            other[field] = json!("other");
            assert_eq!(said(answer(other.clone())), "u: 1 | a: 2 call-x | u: result-x", "{field}");
            other[field] = json!(&field[..1]);
        }
        assert_eq!(said(answer(Value::Null)), "u: 1 | a: 2 call-x | u: result-x");
    }

    #[test]
    fn a_call_that_must_not_be_run_gets_its_result_here() {
        let call = |id: &str, not_run: Value| json!({"type": "tool_use", "id": id, "name": "tool", "not_run": not_run});
        let said = json!({"role": "assistant", "content": [call("x", json!("malformed")), call("y", json!(null))]});
        let conversation = conversation(json!([user("ask"), said]), json!([result("y")]));
        let results = serde_json::to_value(&conversation.messages[2].content).expect("JSON");
        assert_eq!((&results[0]["tool_use_id"], &results[0]["is_error"]), (&json!("x"), &json!(true)));
        assert!(results[0]["content"].as_str().is_some_and(|text| text.contains("not a JSON object")), "{results}");
        assert_eq!((results[1].clone(), results.as_array().map(Vec::len)), (result("y"), Some(2)));

        let cut = json!({"role": "assistant", "content": [call("x", json!("cut_off"))]});
        assert_eq!(
            shape(json!([user("1"), cut, user("2")]), json!([])).as_deref(),
            Ok("u: 1 | a: call-x | u: result-x 2")
        );
        assert_eq!(shape(json!([user("1"), cut]), json!([])).as_deref(), Ok("u: 1 | a: call-x | u: result-x"));
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
