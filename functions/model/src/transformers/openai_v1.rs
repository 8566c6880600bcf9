//! OpenAI's Chat Completions, which xAI, DeepSeek, and servers such as Ollama, vLLM and `LiteLLM` speak too.
//!
//! Where they differ, the form is used that all of them take: a content without pictures is one text (DeepSeek knows no parts), and
//! tokens are counted from the total (some leave the reasoning out of `completion_tokens`, which is billed). What remains is distinguished
//! by the provider's name, or by the row's `omit` and `request_overrides`.
//!
//! Reasoning is beside the answer and goes back with it: DeepSeek refuses calls of tools without theirs.

use super::dialect::{
    Dialect, Heard, Streaming, Unreadable, append, arguments, beside, count, fields, part as read, set, with,
};
use crate::call::{Said, Tool, ToolChoice};
use crate::conversation::{Part, Picture, Turn};
use crate::message::{Block, FAILED, NotRun, Source, ToolResult, ToolUse};
use crate::prices::Tokens;
use crate::prompt::Prompt;
use crate::target::Target;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(crate) const DIALECT: Dialect = Dialect {
    auth: ("authorization", "Bearer "),
    headers: &[],
    takes_stops: true,
    request,
    usage,
    answer,
    streaming: Streaming { ask: stream, add, is_whole },
};

/// What a provider wants back beside an answer: DeepSeek's, vLLM's and Ollama's, and those of routers.
const REASONING: [&str; 3] = ["reasoning_content", "reasoning", "reasoning_details"];
/// What ids begin with of calls that came without one.
const MADE_ID: &str = "call-";

fn request(prompt: &Prompt<'_>, target: &Target) -> Value {
    let settings = &prompt.settings;
    let rules = (!prompt.system.is_empty()).then(|| json!({"role": "system", "content": prompt.system}));
    let messages: Vec<Value> = rules.into_iter().chain(prompt.turns.iter().flat_map(messages)).collect();
    let provider = target.provider_id.as_str();
    // The older name leaves out what the model thinks, or is refused.
    let limit = if matches!(provider, "openai" | "xai") { "max_completion_tokens" } else { "max_tokens" };
    let mut request = json!({"model": target.model_id, "messages": messages, limit: settings.max_tokens});
    set(&mut request, "temperature", settings.temperature);
    set(&mut request, "top_p", settings.top_p);
    set(&mut request, "stop", (!settings.stop_sequences.is_empty()).then(|| settings.stop_sequences.clone()));
    set(&mut request, "service_tier", settings.service_tier.clone());
    set(
        &mut request,
        "prompt_cache_key",
        settings.cache_key.clone().filter(|_| provider == "openai" && settings.caches),
    );
    if !prompt.tools.is_empty() {
        request["tools"] = prompt.tools.iter().map(tool).collect();
        set(&mut request, "tool_choice", settings.tool_choice.as_ref().map(tool_choice));
    }
    think(&mut request, provider, settings.reasoning_effort.as_deref());
    request
}

/// Asks for a stream whose last event counts the tokens.
fn stream(request: &mut Value, _: &mut Url) {
    request["stream"] = true.into();
    request["stream_options"] = json!({"include_usage": true});
}

/// How much to think. DeepSeek has a switch beside the effort.
fn think(request: &mut Value, provider: &str, effort: Option<&str>) {
    match effort {
        Some("none") if provider == "deepseek" => request["thinking"] = json!({"type": "disabled"}),
        Some(effort) => request["reasoning_effort"] = effort.into(),
        None => {}
    }
}

fn tool(tool: &Tool) -> Value {
    json!({"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema}})
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Name(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

/// A turn is several messages: each result of a tool is one of its own.
fn messages(turn: &Turn<'_>) -> Vec<Value> {
    if turn.is_assistant { vec![assistant(&turn.parts)] } else { user(&turn.parts) }
}

fn assistant(parts: &[Part<'_>]) -> Value {
    let calls: Vec<Value> = parts.iter().filter_map(call).collect();
    let mut message = json!({"role": "assistant", "content": text(parts)});
    set(&mut message, "tool_calls", (!calls.is_empty()).then_some(calls));
    let opaque = parts.iter().filter_map(|part| if let Part::Opaque(data) = part { Some(*data) } else { None });
    opaque.fold(message, |message, data| with(message, Some(data)))
}

fn call(part: &Part<'_>) -> Option<Value> {
    let Part::ToolUse(call, opaque) = part else { return None };
    Some(with(tool_call(call), *opaque))
}

fn tool_call(ToolUse { id, name, input, .. }: &ToolUse) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": input.to_string()}})
}

/// The results, and then what the user says. No result takes a picture: those of results are the user's.
fn user(parts: &[Part<'_>]) -> Vec<Value> {
    let (mut messages, mut shown) = (Vec::new(), Vec::new());
    for result in parts.iter().filter_map(|part| if let Part::ToolResult(result) = part { Some(*result) } else { None })
    {
        messages
            .push(json!({"role": "tool", "tool_call_id": result.tool_use_id, "content": words(result, &mut shown)}));
    }
    let said = content(parts, shown).map(|content| json!({"role": "user", "content": content}));
    messages.extend(said);
    messages
}

/// The words of a result. What else is in it goes to `shown`. There is no field that says that a tool failed: a word does.
fn words(result: &ToolResult, shown: &mut Vec<Value>) -> String {
    let words = said(result, shown);
    if result.is_error { format!("{FAILED}{words}") } else { words }
}

fn said(result: &ToolResult, shown: &mut Vec<Value>) -> String {
    let Some(blocks) = result.blocks() else { return result.text().into_owned() };
    let texts =
        blocks.iter().filter_map(|block| if let Block::Text { text, .. } = block { Some(text.as_str()) } else { None });
    let texts: Vec<&str> = texts.collect();
    let pictures: Vec<Value> = blocks.iter().filter_map(picture_of).collect();
    if pictures.is_empty() {
        return texts.join("\n");
    }
    let note = format!("What the tool returned for {} beside its text:", result.tool_use_id);
    shown.push(json!({"type": "text", "text": note}));
    shown.extend(pictures);
    if texts.is_empty() { "See the user's message below.".to_owned() } else { texts.join("\n") }
}

fn picture_of(block: &Block) -> Option<Value> {
    match block {
        Block::Image { source: Source::Base64 { media_type, data } } => Some(image(Picture { media_type, data })),
        Block::Document { source: Source::Base64 { data, .. }, title } => Some(document(data, title.as_deref())),
        _ => None,
    }
}

fn content(parts: &[Part<'_>], shown: Vec<Value>) -> Option<Value> {
    if shown.is_empty() && !parts.iter().any(|part| matches!(part, Part::Image(_) | Part::Document { .. })) {
        return text(parts).map(Value::String);
    }
    Some(shown.into_iter().chain(parts.iter().filter_map(content_part)).collect())
}

fn content_part(part: &Part<'_>) -> Option<Value> {
    match part {
        Part::Text(text, _) => Some(json!({"type": "text", "text": text})),
        Part::Image(picture) => Some(image(*picture)),
        Part::Document { data, title } => Some(document(data, *title)),
        Part::ToolUse(..) | Part::ToolResult(_) | Part::Opaque(_) => None,
    }
}

fn image(Picture { media_type, data }: Picture<'_>) -> Value {
    json!({"type": "image_url", "image_url": {"url": format!("data:{media_type};base64,{data}")}})
}

fn document(data: &str, title: Option<&str>) -> Value {
    let filename = title.unwrap_or("document.pdf");
    json!({"type": "file", "file": {"filename": filename, "file_data": format!("data:application/pdf;base64,{data}")}})
}

/// The texts as one.
fn text(parts: &[Part<'_>]) -> Option<String> {
    let texts: Vec<&str> =
        parts.iter().filter_map(|part| if let Part::Text(text, _) = part { Some(*text) } else { None }).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

#[derive(Deserialize)]
struct Choice {
    message: Value,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
}

/// What a provider has read before is among the prompt's tokens, under one of two names.
fn usage(body: &Value) -> Option<Tokens> {
    let usage = &body["usage"];
    let (input, written) = (count(usage, "/prompt_tokens")?, count(usage, "/completion_tokens").unwrap_or_default());
    let beyond = count(usage, "/total_tokens").unwrap_or_default().saturating_sub(input);
    let cached = count(usage, "/prompt_tokens_details/cached_tokens").or(count(usage, "/prompt_cache_hit_tokens"));
    Some(Tokens {
        input,
        cache_read: cached.unwrap_or_default(),
        cache_write: count(usage, "/prompt_tokens_details/cache_write_tokens").unwrap_or_default(),
        output: written.max(beyond),
        reasoning: count(usage, "/completion_tokens_details/reasoning_tokens").unwrap_or_default(),
    })
}

fn answer(mut body: Value, prompt: &Prompt<'_>) -> Result<Said, Unreadable> {
    if body["choices"].is_null() && !body["error"].is_null() {
        return Err(Unreadable::failed(&body["error"]));
    }
    let choices: Vec<Choice> = read(body["choices"].take())?;
    let Choice { message: native, finish_reason } =
        choices.into_iter().next().ok_or_else(|| Unreadable::new("it has no choice"))?;
    let reason = finish_reason.ok_or_else(|| Unreadable::new("it has no `finish_reason`"))?;
    let opaque = reasoning(&native);
    let message: Message = read(native)?;
    let is_refused = message.refusal.is_some();
    let blocks = blocks(message, opaque, prompt)?;
    let has_calls = blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
    let stop_reason = if is_refused { "refusal".to_owned() } else { stop_reason_of(reason, has_calls) };
    Ok(Said { blocks, stop_reason })
}

/// Adds an event of a stream to the choice that it is about. Only the first one is wanted.
fn add(body: &mut Value, mut event: Value) -> Heard {
    if !event["error"].is_null() {
        *body = event;
        return Heard::End;
    }
    if !event["usage"].is_null() {
        fields(body).insert("usage".to_owned(), event["usage"].take());
    }
    let Some(choice) = event.pointer_mut("/choices/0").map(Value::take) else { return Heard::Nothing };
    let choices = fields(body).entry("choices").or_insert_with(|| json!([{"message": {}, "finish_reason": null}]));
    let so_far = &mut choices[0];
    if choice["finish_reason"].is_string() {
        so_far["finish_reason"] = choice["finish_reason"].clone();
    }
    grow(&mut so_far["message"], &choice["delta"]);
    let text = choice["delta"]["content"].as_str().or(choice["delta"]["refusal"].as_str());
    text.map_or(Heard::Nothing, |text| Heard::Text(text.to_owned()))
}

fn is_whole(body: &Value) -> bool {
    body["choices"][0]["finish_reason"].is_string() || !body["error"].is_null()
}

/// Texts that come whole.
const WHOLE: [&str; 3] = ["role", "id", "type"];

/// Texts are appended, lists by the places that their entries name.
fn grow(so_far: &mut Value, delta: &Value) {
    for (name, value) in delta.as_object().into_iter().flatten() {
        let field = fields(so_far).entry(name.clone()).or_insert(Value::Null);
        match value {
            Value::Null => {}
            Value::String(text) if !WHOLE.contains(&name.as_str()) => append(so_far, name, text),
            Value::Array(entries) => entries.iter().for_each(|entry| grow_entry(field, entry)),
            Value::Object(_) => grow(field, value),
            other => *field = other.clone(),
        }
    }
}

fn grow_entry(list: &mut Value, entry: &Value) {
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    let is_same = |known: &&mut Value| !entry["index"].is_null() && known["index"] == entry["index"];
    match list.iter_mut().find(is_same) {
        Some(known) => grow(known, entry),
        None => list.push(entry.clone()),
    }
}

fn reasoning(message: &Value) -> Option<Block> {
    let field = |name: &&str| Some(((*name).to_owned(), message.get(*name)?.clone()));
    let fields = REASONING.iter().filter_map(field).filter(|(_, value)| !value.is_null() && value != "");
    let fields: Map<String, Value> = fields.collect();
    (!fields.is_empty()).then(|| Block::Opaque { data: Value::Object(fields).to_string() })
}

fn blocks(message: Message, opaque: Option<Block>, prompt: &Prompt<'_>) -> Result<Vec<Block>, Unreadable> {
    let texts = [message.content, message.refusal].into_iter().flatten().filter(|text| !text.is_empty());
    let texts = texts.map(|text| Ok(Block::Text { text, opaque: None }));
    let calls = message.tool_calls.into_iter().flatten().enumerate();
    let calls = calls.map(|(at, native)| tool_use(&native, prompt.calls() + at));
    opaque.map(Ok).into_iter().chain(texts).chain(calls).collect()
}

fn tool_use(native: &Value, position: usize) -> Result<Block, Unreadable> {
    let function = &native["function"];
    let name = function["name"].as_str().ok_or_else(|| Unreadable::new("a call has no name"))?.to_owned();
    let id = native["id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
    let input = arguments(&function["arguments"]);
    let not_run = input.is_none().then_some(NotRun::Malformed);
    let input = input.unwrap_or_else(crate::message::empty_object);
    let mut call = ToolUse {
        id: id.unwrap_or_else(|| format!("{MADE_ID}{position}")),
        name,
        input,
        not_run,
        opaque: None,
        thought_signature: None,
    };
    // What cannot be read is not said again: some servers read what they are sent.
    call.opaque = beside(&kept(native), &tool_call(&call)).filter(|_| not_run.is_none());
    Ok(Block::ToolUse(call))
}

/// A call without what only a stream needs.
fn kept(native: &Value) -> Value {
    let fields = native.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| name.as_str() != "index" && value.as_str() != Some(""))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

fn stop_reason_of(reason: String, has_calls: bool) -> String {
    let unified = match reason.as_str() {
        "stop" | "tool_calls" | "function_call" if has_calls => "tool_use",
        "stop" | "tool_calls" | "function_call" => "end_turn",
        "length" => "max_tokens",
        "content_filter" => "content_filtered",
        _ => return reason,
    };
    unified.to_owned()
}
