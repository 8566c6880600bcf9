//! Anthropic's Messages API. The unified message is modelled on it, so little has to be said in other words.
//!
//! What the model thinks is signed and goes back as it came, in its place. The provider is told to keep the tools, the rules, the
//! conversation up to the last message but one, and all of it: what was new in this call is read from the cache in the next.

use super::dialect::{
    Dialect, Heard, Streaming, Unreadable, append, arguments, beside, count, fields, part as read, set, update,
    verbatim, with,
};
use crate::call::{Said, Tool, ToolChoice};
use crate::conversation::{Part, Picture, Turn};
use crate::message::{Block, NotRun, Source, ToolResult, ToolUse};
use crate::prices::Tokens;
use crate::prompt::Prompt;
use crate::target::Target;
use serde_json::{Value, json};

pub(crate) const DIALECT: Dialect = Dialect {
    auth: ("x-api-key", ""),
    headers: &[("anthropic-version", "2023-06-01")],
    takes_stops: true,
    request,
    usage,
    answer,
    streaming: Streaming { ask: |request, _| request["stream"] = true.into(), add, is_whole },
};

fn request(prompt: &Prompt<'_>, target: &Target) -> Value {
    let settings = &prompt.settings;
    let mut messages: Vec<Value> = prompt.turns.iter().map(message).collect();
    let mut tools: Vec<Value> = prompt.tools.iter().map(tool).collect();
    let mut system = vec![json!({"type": "text", "text": prompt.system})];
    if settings.caches {
        mark_ends(&mut messages);
        [&mut tools, &mut system].into_iter().filter_map(|list| list.last_mut()).for_each(mark);
    }
    let mut request = json!({"model": target.model_id, "max_tokens": settings.max_tokens, "messages": messages});
    set(&mut request, "system", (!prompt.system.is_empty()).then_some(system));
    set(&mut request, "temperature", settings.temperature);
    set(&mut request, "top_p", settings.top_p);
    set(&mut request, "stop_sequences", (!settings.stop_sequences.is_empty()).then(|| settings.stop_sequences.clone()));
    set(&mut request, "service_tier", settings.service_tier.clone());
    set(&mut request, "tool_choice", settings.tool_choice.as_ref().filter(|_| !tools.is_empty()).map(tool_choice));
    set(&mut request, "tools", (!tools.is_empty()).then_some(tools));
    think(&mut request, settings.reasoning_effort.as_deref());
    request
}

/// How much to think. There is no least effort: the lowest is the nearest.
fn think(request: &mut Value, effort: Option<&str>) {
    match effort {
        None => {}
        Some("none") => request["thinking"] = json!({"type": "disabled"}),
        Some(effort) => {
            request["thinking"] = json!({"type": "adaptive"});
            request["output_config"] = json!({"effort": if effort == "minimal" { "low" } else { effort }});
        }
    }
}

fn tool(tool: &Tool) -> Value {
    json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema})
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::None => json!({"type": "none"}),
        ToolChoice::Required => json!({"type": "any"}),
        ToolChoice::Name(name) => json!({"type": "tool", "name": name}),
    }
}

/// Marks the end of the last message and of the one before it.
fn mark_ends(messages: &mut [Value]) {
    for message in messages.iter_mut().rev().take(2) {
        let blocks = message["content"].as_array_mut().into_iter().flatten().rev();
        // What the model thought cannot carry a mark.
        let mut blocks =
            blocks.filter(|block| !matches!(block["type"].as_str(), Some("thinking" | "redacted_thinking")));
        if let Some(block) = blocks.next() {
            mark(block);
        }
    }
}

fn mark(block: &mut Value) {
    block["cache_control"] = json!({"type": "ephemeral"});
}

fn message(turn: &Turn<'_>) -> Value {
    let role = if turn.is_assistant { "assistant" } else { "user" };
    json!({"role": role, "content": turn.parts.iter().filter_map(block).collect::<Vec<_>>()})
}

fn block(part: &Part<'_>) -> Option<Value> {
    Some(match part {
        Part::Text(said, opaque) => with(text(said), *opaque),
        Part::Image(picture) => image(*picture),
        Part::Document { data, title } => document(data, *title),
        Part::ToolUse(call, opaque) => with(tool_use(call), *opaque),
        Part::ToolResult(result) => tool_result(result),
        Part::Opaque(data) => return verbatim(data),
    })
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn image(Picture { media_type, data }: Picture<'_>) -> Value {
    json!({"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}})
}

fn document(data: &str, title: Option<&str>) -> Value {
    let mut block =
        json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}});
    set(&mut block, "title", title);
    block
}

fn tool_use(call: &ToolUse) -> Value {
    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.input})
}

fn tool_result(result: &ToolResult) -> Value {
    let shown = result.blocks().map(|blocks| Value::Array(blocks.iter().filter_map(shown).collect()));
    let content = shown.unwrap_or_else(|| result.text().into());
    let mut block = json!({"type": "tool_result", "tool_use_id": result.tool_use_id, "content": content});
    set(&mut block, "is_error", result.is_error.then_some(true));
    block
}

fn shown(block: &Block) -> Option<Value> {
    match block {
        Block::Text { text: said, .. } => Some(text(said)),
        Block::Image { source: Source::Base64 { media_type, data } } => Some(image(Picture { media_type, data })),
        Block::Document { source: Source::Base64 { data, .. }, title } => Some(document(data, title.as_deref())),
        _ => None,
    }
}

/// What is read from or written to a cache is counted apart, and is read all the same.
fn usage(body: &Value) -> Option<Tokens> {
    let usage = &body["usage"];
    let [cache_read, cache_write] = ["/cache_read_input_tokens", "/cache_creation_input_tokens"]
        .map(|counted| count(usage, counted).unwrap_or_default());
    Some(Tokens {
        input: count(usage, "/input_tokens")? + cache_read + cache_write,
        cache_read,
        cache_write,
        output: count(usage, "/output_tokens")?,
        reasoning: count(usage, "/output_tokens_details/thinking_tokens").unwrap_or_default(),
    })
}

fn answer(mut body: Value, _: &Prompt<'_>) -> Result<Said, Unreadable> {
    if body["type"] == "error" {
        return Err(Unreadable::failed(&body["error"]));
    }
    let content: Vec<Value> = read(body["content"].take())?;
    let reason = body["stop_reason"].as_str().ok_or_else(|| Unreadable::new("it has no `stop_reason`"))?;
    Ok(Said { blocks: content.iter().map(said).collect::<Result<_, _>>()?, stop_reason: stop_reason_of(reason) })
}

/// Adds an event of a stream to the message that it is about.
fn add(body: &mut Value, mut event: Value) -> Heard {
    match event["type"].as_str() {
        Some("message_start") => *body = event["message"].take(),
        Some("content_block_start") => {
            if let Some(content) = body.pointer_mut("/content").and_then(Value::as_array_mut) {
                content.push(event["content_block"].take());
            }
        }
        Some("content_block_delta") => {
            return block_of(body, &event).map_or(Heard::Nothing, |block| grow(block, &event["delta"]));
        }
        Some("content_block_stop") => block_of(body, &event).into_iter().for_each(complete),
        Some("message_delta") => {
            update(body, event["delta"].take());
            update(fields(body).entry("usage").or_insert(Value::Null), event["usage"].take());
        }
        Some("message_stop") => return Heard::End,
        Some("error") => {
            *body = event;
            return Heard::End;
        }
        _ => {}
    }
    Heard::Nothing
}

fn is_whole(body: &Value) -> bool {
    body["stop_reason"].is_string() || body["type"] == "error"
}

fn block_of<'a>(body: &'a mut Value, event: &Value) -> Option<&'a mut Value> {
    let index = usize::try_from(event["index"].as_u64()?).ok()?;
    body.get_mut("content")?.get_mut(index)
}

/// Where the arguments of a call are collected until they are JSON.
const PARTIAL: &str = "partial_json";

fn grow(block: &mut Value, delta: &Value) -> Heard {
    let text = |name: &str| delta[name].as_str().unwrap_or_default();
    match delta["type"].as_str() {
        Some("text_delta") => {
            append(block, "text", text("text"));
            return Heard::Text(text("text").to_owned());
        }
        Some("input_json_delta") => append(block, PARTIAL, text(PARTIAL)),
        Some("thinking_delta") => append(block, "thinking", text("thinking")),
        Some("signature_delta") => append(block, "signature", text("signature")),
        Some("citations_delta") => match block.get_mut("citations") {
            Some(Value::Array(citations)) => citations.push(delta["citation"].clone()),
            _ => update(block, json!({"citations": [delta["citation"]]})),
        },
        _ => {}
    }
    Heard::Nothing
}

/// Arguments that are no JSON stay a text, which is a malformed call's.
fn complete(block: &mut Value) {
    let partial = block.as_object_mut().and_then(|block| block.remove(PARTIAL));
    if let Some(text) = partial.as_ref().and_then(Value::as_str).filter(|text| !text.is_empty()) {
        block["input"] = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    }
}

fn said(native: &Value) -> Result<Block, Unreadable> {
    let field = |name: &str| {
        native[name].as_str().map(str::to_owned).ok_or_else(|| Unreadable::new(format!("a block has no `{name}`")))
    };
    match native["type"].as_str() {
        Some("text") => {
            let said = field("text")?;
            Ok(Block::Text { opaque: beside(native, &text(&said)), text: said })
        }
        Some("tool_use") => {
            let input = arguments(&native["input"]);
            let not_run = input.is_none().then_some(NotRun::Malformed);
            let input = input.unwrap_or_else(crate::message::empty_object);
            let mut call = ToolUse {
                id: field("id")?,
                name: field("name")?,
                input,
                not_run,
                opaque: None,
                thought_signature: None,
            };
            call.opaque = beside(native, &tool_use(&call)).filter(|_| not_run.is_none());
            Ok(Block::ToolUse(call))
        }
        Some(_) => Ok(Block::Opaque { data: native.to_string() }),
        None => Err(Unreadable::new("a block has no `type`")),
    }
}

fn stop_reason_of(reason: &str) -> String {
    match reason {
        "model_context_window_exceeded" => "context_overflow",
        other => other,
    }
    .to_owned()
}
