//! OpenAI's Responses API, without anything kept there.
//!
//! `store` is false, so what the model thinks comes back encrypted and goes along with the conversation, each item as it came and
//! in its place.

use super::dialect::{
    Dialect, Heard, Streaming, Unreadable, arguments, beside, count, part as read, set, verbatim, with,
};
use crate::call::{Said, Tool, ToolChoice};
use crate::conversation::{Part, Picture, Turn};
use crate::message::{Block, FAILED, NotRun, Source, ToolResult, ToolUse};
use crate::prices::Tokens;
use crate::prompt::Prompt;
use crate::target::Target;
use serde_json::{Value, json};

pub(crate) const DIALECT: Dialect = Dialect {
    auth: ("authorization", "Bearer "),
    headers: &[],
    takes_stops: false,
    request,
    usage,
    answer,
    streaming: Streaming {
        ask: |request, _| request["stream"] = true.into(),
        add,
        is_whole: |body| !body["status"].is_null() || !body["error"].is_null(),
    },
};

fn request(prompt: &Prompt<'_>, target: &Target) -> Value {
    let settings = &prompt.settings;
    let input: Vec<Value> = prompt.turns.iter().flat_map(items).collect();
    let mut request = json!({
        "model": target.model_id, "input": input, "max_output_tokens": settings.max_tokens,
        "store": false, "include": ["reasoning.encrypted_content"],
    });
    set(&mut request, "instructions", (!prompt.system.is_empty()).then_some(prompt.system));
    set(&mut request, "temperature", settings.temperature);
    set(&mut request, "top_p", settings.top_p);
    set(&mut request, "reasoning", settings.reasoning_effort.as_ref().map(|effort| json!({"effort": effort})));
    set(&mut request, "service_tier", settings.service_tier.clone());
    set(&mut request, "prompt_cache_key", settings.cache_key.clone().filter(|_| settings.caches));
    if !prompt.tools.is_empty() {
        request["tools"] = prompt.tools.iter().map(tool).collect();
        set(&mut request, "tool_choice", settings.tool_choice.as_ref().map(tool_choice));
    }
    request
}

/// Not strict: a strict schema must name every property as required.
fn tool(tool: &Tool) -> Value {
    json!({"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema, "strict": false})
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Name(name) => json!({"type": "function", "name": name}),
    }
}

/// The items of a turn, in its order. What the user says between results is one message.
fn items(turn: &Turn<'_>) -> Vec<Value> {
    if turn.is_assistant {
        return turn.parts.iter().filter_map(said_item).collect();
    }
    let results = turn.parts.iter().filter_map(result_item);
    let content: Vec<Value> = turn.parts.iter().filter_map(content).collect();
    let message = (!content.is_empty()).then(|| json!({"type": "message", "role": "user", "content": content}));
    results.chain(message).collect()
}

fn said_item(part: &Part<'_>) -> Option<Value> {
    match part {
        Part::Text(text, opaque) => Some(with(message_item(text), *opaque)),
        Part::ToolUse(call, opaque) => Some(with(call_item(call), *opaque)),
        Part::Opaque(data) => verbatim(data),
        Part::Image(_) | Part::Document { .. } | Part::ToolResult(_) => None,
    }
}

fn message_item(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text, "annotations": []}]})
}

fn call_item(ToolUse { id, name, input, .. }: &ToolUse) -> Value {
    json!({"type": "function_call", "call_id": id, "name": name, "arguments": input.to_string()})
}

fn result_item(part: &Part<'_>) -> Option<Value> {
    let Part::ToolResult(result) = part else { return None };
    Some(json!({"type": "function_call_output", "call_id": result.tool_use_id, "output": output(result)}))
}

/// There is no field that says that a tool failed: a word does.
fn output(result: &ToolResult) -> Value {
    let word = if result.is_error { FAILED } else { "" };
    let Some(blocks) = result.blocks() else { return format!("{word}{}", result.text()).into() };
    let parts = blocks.iter().filter_map(shown);
    result.is_error.then(|| input_text(word)).into_iter().chain(parts).collect()
}

fn shown(block: &Block) -> Option<Value> {
    match block {
        Block::Text { text, .. } => Some(input_text(text)),
        Block::Image { source: Source::Base64 { media_type, data } } => Some(image(Picture { media_type, data })),
        Block::Document { source: Source::Base64 { data, .. }, title } => Some(document(data, title.as_deref())),
        _ => None,
    }
}

fn content(part: &Part<'_>) -> Option<Value> {
    match part {
        Part::Text(text, _) => Some(input_text(text)),
        Part::Image(picture) => Some(image(*picture)),
        Part::Document { data, title } => Some(document(data, *title)),
        Part::ToolUse(..) | Part::ToolResult(_) | Part::Opaque(_) => None,
    }
}

fn input_text(text: &str) -> Value {
    json!({"type": "input_text", "text": text})
}

fn image(Picture { media_type, data }: Picture<'_>) -> Value {
    json!({"type": "input_image", "image_url": format!("data:{media_type};base64,{data}")})
}

fn document(data: &str, title: Option<&str>) -> Value {
    let filename = title.unwrap_or("document.pdf");
    json!({"type": "input_file", "filename": filename, "file_data": format!("data:application/pdf;base64,{data}")})
}

/// What is read from or written to a cache is among the input, and what the model thinks among the output.
fn usage(body: &Value) -> Option<Tokens> {
    let usage = &body["usage"];
    let detail = |pointer| count(usage, pointer).unwrap_or_default();
    Some(Tokens {
        input: count(usage, "/input_tokens")?,
        cache_read: detail("/input_tokens_details/cached_tokens"),
        cache_write: detail("/input_tokens_details/cache_write_tokens"),
        output: count(usage, "/output_tokens")?,
        reasoning: detail("/output_tokens_details/reasoning_tokens"),
    })
}

fn answer(mut body: Value, _: &Prompt<'_>) -> Result<Said, Unreadable> {
    if body["status"] == "failed" || (body["output"].is_null() && !body["error"].is_null()) {
        return Err(Unreadable::failed(&body["error"]));
    }
    let output: Vec<Value> = read(body["output"].take())?;
    let blocks = output.iter().map(said).collect::<Result<Vec<_>, _>>()?;
    let stop_reason = stop_reason_of(&body, &output)?;
    Ok(Said { blocks, stop_reason })
}

fn said(item: &Value) -> Result<Block, Unreadable> {
    match item["type"].as_str() {
        Some("message") => Ok(message(item)),
        Some("function_call") => call(item),
        Some(_) => Ok(Block::Opaque { data: item.to_string() }),
        None => Err(Unreadable::new("an item has no `type`")),
    }
}

fn message(item: &Value) -> Block {
    let content = item["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = content.iter().filter_map(|part| part["text"].as_str().or(part["refusal"].as_str()));
    let text: String = texts.collect();
    let is_plain = content.len() == 1 && is_plain(&content[0]);
    let mut item = item.clone();
    if is_plain {
        // The same, without lists that are empty.
        item["content"] = message_item(&text)["content"].clone();
    }
    if text.is_empty() {
        return Block::Opaque { data: item.to_string() };
    }
    Block::Text { opaque: beside(&item, &message_item(&text)), text }
}

/// Whether a part is a text and nothing else.
fn is_plain(part: &Value) -> bool {
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let mut fields = part.as_object().into_iter().flatten();
    fields.all(|(name, value)| match name.as_str() {
        "type" => value == "output_text",
        "text" => true,
        _ => is_empty(value),
    })
}

fn call(item: &Value) -> Result<Block, Unreadable> {
    let field = |name: &str| {
        item[name].as_str().map(str::to_owned).ok_or_else(|| Unreadable::new(format!("a call has no `{name}`")))
    };
    let input = arguments(&item["arguments"]);
    let not_run = input.is_none().then_some(NotRun::Malformed);
    let input = input.unwrap_or_else(crate::message::empty_object);
    let mut call =
        ToolUse { id: field("call_id")?, name: field("name")?, input, not_run, opaque: None, thought_signature: None };
    // Arguments that cannot be read among it: they go back as they came.
    call.opaque = beside(item, &call_item(&call));
    Ok(Block::ToolUse(call))
}

/// The last event has the whole response.
fn add(body: &mut Value, mut event: Value) -> Heard {
    match event["type"].as_str() {
        Some("response.output_text.delta" | "response.refusal.delta") => {
            Heard::Text(event["delta"].as_str().unwrap_or_default().to_owned())
        }
        Some("response.completed" | "response.incomplete" | "response.failed") => {
            *body = event["response"].take();
            Heard::End
        }
        Some("error") => {
            *body = json!({"error": event});
            Heard::End
        }
        _ => Heard::Nothing,
    }
}

fn stop_reason_of(body: &Value, output: &[Value]) -> Result<String, Unreadable> {
    let is_refused = output.iter().any(|item| item["content"][0]["type"] == "refusal");
    let calls = output.iter().any(|item| item["type"] == "function_call");
    let reason = match (body["status"].as_str(), body["incomplete_details"]["reason"].as_str()) {
        (Some("completed"), _) if is_refused => "refusal",
        (Some("completed"), _) if calls => "tool_use",
        (Some("completed"), _) => "end_turn",
        (Some("incomplete"), Some("max_output_tokens")) => "max_tokens",
        (Some("incomplete"), Some("content_filter")) => "content_filtered",
        (Some("incomplete"), reason) => reason.unwrap_or("incomplete"),
        (status, _) => return Err(Unreadable::new(format!("its `status` is {}", status.map_or("missing", known)))),
    };
    Ok(reason.to_owned())
}

/// A status that is no end, if it is one that there is.
fn known(status: &str) -> &'static str {
    match status {
        "queued" => "queued",
        "in_progress" => "in_progress",
        "cancelled" => "cancelled",
        _ => "unknown",
    }
}
