//! OpenAI's Chat Completions, which xAI and DeepSeek speak too.
//!
//! Where the three differ, the form is used that all of them take: a content without pictures is one text (DeepSeek knows no
//! parts), and tokens are counted from the total (xAI's `completion_tokens` leave out the reasoning, which is billed). One
//! difference remains: OpenAI's newer models refuse `max_tokens`, the others know nothing else.

use super::dialect::{Dialect, Unreadable, read, set};
use crate::call::{Answer, Tool};
use crate::conversation::{Part, Turn};
use crate::message::{Block, ToolUse};
use crate::prices::Tokens;
use crate::prompt::Prompt;
use crate::target::Target;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(crate) const DIALECT: Dialect = Dialect { auth: ("authorization", "Bearer "), headers: &[], request, answer };

fn request(prompt: &Prompt<'_>, target: &Target) -> Value {
    let rules = (!prompt.system.is_empty()).then(|| json!({"role": "system", "content": prompt.system}));
    let messages: Vec<Value> = rules.into_iter().chain(prompt.turns.iter().flat_map(messages)).collect();
    let limit = if target.provider_id == "openai" { "max_completion_tokens" } else { "max_tokens" };
    let mut request = json!({"model": target.model_id, "messages": messages, limit: prompt.settings.max_tokens});
    set(&mut request, "temperature", prompt.settings.temperature);
    set(&mut request, "top_p", prompt.settings.top_p);
    set(&mut request, "tools", (!prompt.tools.is_empty()).then(|| prompt.tools.iter().map(tool).collect::<Vec<_>>()));
    request
}

fn tool(tool: &Tool) -> Value {
    json!({"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema}})
}

/// A turn is several messages: each result of a tool is one of its own.
fn messages(turn: &Turn<'_>) -> Vec<Value> {
    if turn.is_assistant { vec![assistant(&turn.parts)] } else { user(&turn.parts) }
}

fn assistant(parts: &[Part<'_>]) -> Value {
    let calls: Vec<Value> = parts.iter().filter_map(call).collect();
    let mut message = json!({"role": "assistant", "content": text(parts)});
    set(&mut message, "tool_calls", (!calls.is_empty()).then_some(calls));
    message
}

fn call(part: &Part<'_>) -> Option<Value> {
    let Part::ToolUse(ToolUse { id, name, input, .. }) = part else { return None };
    Some(json!({"id": id, "type": "function", "function": {"name": name, "arguments": input.to_string()}}))
}

fn user(parts: &[Part<'_>]) -> Vec<Value> {
    let results = parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) => {
            Some(json!({"role": "tool", "tool_call_id": result.tool_use_id, "content": result.text()}))
        }
        _ => None,
    });
    let said = content(parts).map(|content| json!({"role": "user", "content": content}));
    results.chain(said).collect()
}

fn content(parts: &[Part<'_>]) -> Option<Value> {
    if !parts.iter().any(|part| matches!(part, Part::Image { .. })) {
        return text(parts).map(Value::String);
    }
    Some(parts.iter().filter_map(content_part).collect())
}

fn content_part(part: &Part<'_>) -> Option<Value> {
    match part {
        Part::Text(text) => Some(json!({"type": "text", "text": text})),
        Part::Image { media_type, data } => {
            Some(json!({"type": "image_url", "image_url": {"url": format!("data:{media_type};base64,{data}")}}))
        }
        Part::ToolUse(_) | Part::ToolResult(_) => None,
    }
}

/// The texts as one.
fn text(parts: &[Part<'_>]) -> Option<String> {
    let texts: Vec<&str> =
        parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(*text) } else { None }).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

#[derive(Deserialize)]
struct Response {
    choices: Vec<Choice>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
struct Call {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's names")]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
}

fn answer(body: &[u8], _: &Prompt<'_>) -> Result<Answer, Unreadable> {
    let Response { choices, usage } = read(body)?;
    let Choice { message, finish_reason } =
        choices.into_iter().next().ok_or_else(|| Unreadable::new("it has no choice"))?;
    let reason = finish_reason.ok_or_else(|| Unreadable::new("it has no `finish_reason`"))?;
    let is_refused = message.refusal.is_some();
    let blocks = blocks(message)?;
    let has_calls = blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
    Ok(Answer {
        blocks,
        stop_reason: if is_refused { "content_filtered".to_owned() } else { stop_reason_of(reason, has_calls) },
        tokens: usage.into(),
    })
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        let output = usage.completion_tokens.max(usage.total_tokens.saturating_sub(usage.prompt_tokens));
        Self { input: usage.prompt_tokens, output }
    }
}

fn blocks(message: Said) -> Result<Vec<Block>, Unreadable> {
    let texts = [message.content, message.refusal].into_iter().flatten().filter(|text| !text.is_empty());
    let texts = texts.map(|text| Ok(Block::Text { text }));
    texts.chain(message.tool_calls.into_iter().flatten().map(tool_use)).collect()
}

fn tool_use(Call { id, function: Function { name, arguments } }: Call) -> Result<Block, Unreadable> {
    let not_an_object = |_| Unreadable::new("the arguments of a call are no JSON object");
    // Some models write nothing at all for no arguments.
    let text = if arguments.trim().is_empty() { "{}" } else { &arguments };
    let input: Map<String, Value> = serde_json::from_str(text).map_err(not_an_object)?;
    Ok(Block::ToolUse(ToolUse { id, name, input: Value::Object(input), thought_signature: None }))
}

fn stop_reason_of(reason: String, has_calls: bool) -> String {
    let unified = match reason.as_str() {
        "stop" if has_calls => "tool_use",
        "stop" => "end_turn",
        "tool_calls" | "function_call" => "tool_use",
        "length" => "max_tokens",
        "content_filter" => "content_filtered",
        _ => return reason,
    };
    unified.to_owned()
}
