//! Anthropic's Messages API. The unified message is modelled on it, so little has to be said in other words.

use super::dialect::{Dialect, Unreadable, read, set};
use crate::call::Answer;
use crate::conversation::{Part, Turn};
use crate::message::{Block, ToolUse};
use crate::prices::Tokens;
use crate::prompt::Prompt;
use crate::target::Target;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const DIALECT: Dialect =
    Dialect { auth: ("x-api-key", ""), headers: &[("anthropic-version", "2023-06-01")], request, answer };

fn request(prompt: &Prompt<'_>, target: &Target) -> Value {
    let messages: Vec<Value> = prompt.turns.iter().map(message).collect();
    let mut request = json!({"model": target.model_id, "max_tokens": prompt.settings.max_tokens, "messages": messages});
    set(&mut request, "system", (!prompt.system.is_empty()).then_some(prompt.system));
    set(&mut request, "temperature", prompt.settings.temperature);
    set(&mut request, "top_p", prompt.settings.top_p);
    set(&mut request, "tools", (!prompt.tools.is_empty()).then(|| tools(prompt)));
    request
}

fn tools(prompt: &Prompt<'_>) -> Vec<Value> {
    let tool = |tool: &crate::call::Tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema});
    prompt.tools.iter().map(tool).collect()
}

fn message(turn: &Turn<'_>) -> Value {
    let role = if turn.is_assistant { "assistant" } else { "user" };
    json!({"role": role, "content": turn.parts.iter().map(block).collect::<Vec<_>>()})
}

fn block(part: &Part<'_>) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Image { media_type, data } => {
            json!({"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}})
        }
        Part::ToolUse(call) => json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}),
        Part::ToolResult(result) => {
            let mut block = json!({"type": "tool_result", "tool_use_id": result.tool_use_id, "content": result.text()});
            set(&mut block, "is_error", result.is_error.then_some(true));
            block
        }
    }
}

#[derive(Deserialize)]
struct Response {
    content: Vec<Said>,
    stop_reason: Option<String>,
    usage: Usage,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Text {
        text: String,
    },
    ToolUse(ToolUse),
    /// Kinds that are only there if somebody asks for them.
    #[serde(other)]
    Other,
}

/// What is read from or written to a cache is counted apart, and is read all the same.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "Anthropic's names")]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
}

fn answer(body: &[u8], _: &Prompt<'_>) -> Result<Answer, Unreadable> {
    let Response { content, stop_reason, usage } = read(body)?;
    let cached =
        usage.cache_creation_input_tokens.unwrap_or_default() + usage.cache_read_input_tokens.unwrap_or_default();
    Ok(Answer {
        blocks: content.into_iter().filter_map(said).collect(),
        stop_reason: stop_reason_of(&stop_reason.ok_or_else(|| Unreadable::new("it has no `stop_reason`"))?),
        tokens: Tokens { input: usage.input_tokens + cached, output: usage.output_tokens },
    })
}

fn said(said: Said) -> Option<Block> {
    match said {
        Said::Text { text } => Some(Block::Text { text }),
        Said::ToolUse(call) => Some(Block::ToolUse(call)),
        Said::Other => None,
    }
}

fn stop_reason_of(reason: &str) -> String {
    if reason == "refusal" { "content_filtered".to_owned() } else { reason.to_owned() }
}
