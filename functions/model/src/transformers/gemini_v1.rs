//! Google's Gemini API, `generateContent`.
//!
//! Gemini's calls of tools need no ids: results are distinguished by their order. The unified message needs some, so they are
//! made of the call's position in the conversation: asking again for the same answer gives the same ids. An id that Gemini did
//! give goes back with the result, a made one does not.
//!
//! A thought's signature is beside the part that it was made for, and goes back there: without it a model that thinks refuses
//! the conversation.

use super::dialect::{
    Dialect, Heard, Streaming, Unreadable, append, beside, count, part as read, set, update, verbatim, with,
};
use crate::call::{Said, Tool, ToolChoice};
use crate::conversation::{Part, Picture, Turn};
use crate::message::{Block, Source, ToolResult, ToolUse};
use crate::prices::Tokens;
use crate::prompt::{Prompt, Settings};
use crate::target::Target;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const DIALECT: Dialect = Dialect {
    auth: ("x-goog-api-key", ""),
    headers: &[],
    takes_stops: true,
    request,
    usage,
    answer,
    streaming: Streaming { ask: |_, endpoint| stream(endpoint), add, is_whole },
};

/// What ids begin with that are not Gemini's.
const MADE_ID: &str = "gemini-call-";
/// The only formats that Gemini takes for a text. For another it refuses the whole request.
const FORMATS: [&str; 2] = ["date-time", "enum"];

fn request(prompt: &Prompt<'_>, _: &Target) -> Value {
    let settings = &prompt.settings;
    let contents: Vec<Value> = prompt.turns.iter().map(|turn| content(turn, &prompt.turns)).collect();
    let mut request = json!({"contents": contents, "generationConfig": config(settings)});
    let rules = (!prompt.system.is_empty()).then(|| json!({"parts": [{"text": prompt.system}]}));
    set(&mut request, "systemInstruction", rules);
    set(&mut request, "serviceTier", settings.service_tier.clone());
    if !prompt.tools.is_empty() {
        request["tools"] = tools(prompt.tools);
        set(&mut request, "toolConfig", settings.tool_choice.as_ref().map(tool_config));
    }
    request
}

/// Another method of the same model, and events instead of one JSON list.
fn stream(endpoint: &mut Url) {
    let path = endpoint.path().replace(":generateContent", ":streamGenerateContent");
    endpoint.set_path(&path);
    endpoint.query_pairs_mut().append_pair("alt", "sse");
}

fn config(settings: &Settings) -> Value {
    let mut config = json!({"maxOutputTokens": settings.max_tokens});
    set(&mut config, "temperature", settings.temperature);
    set(&mut config, "topP", settings.top_p);
    set(&mut config, "stopSequences", (!settings.stop_sequences.is_empty()).then(|| settings.stop_sequences.clone()));
    let level = settings.reasoning_effort.as_deref().map(|effort| match effort {
        // No model stops thinking, and none thinks more than much.
        "none" => "minimal",
        "xhigh" | "max" => "high",
        other => other,
    });
    set(&mut config, "thinkingConfig", level.map(|level| json!({"thinkingLevel": level})));
    config
}

fn tools(tools: &[Tool]) -> Value {
    let declarations = tools.iter().map(|tool| {
        json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": without_formats(tool.schema.clone())})
    });
    json!([{"functionDeclarations": declarations.collect::<Vec<_>>()}])
}

fn tool_config(choice: &ToolChoice) -> Value {
    let config = match choice {
        ToolChoice::Auto => json!({"mode": "AUTO"}),
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
        ToolChoice::Name(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    };
    json!({"functionCallingConfig": config})
}

/// The schema without the formats that Gemini does not know. A property may have the name: then it is no text.
fn without_formats(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            fields.retain(|name, value| {
                name != "format" || value.as_str().is_none_or(|format| FORMATS.contains(&format))
            });
            fields.values_mut().for_each(|value| *value = without_formats(value.take()));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = without_formats(value.take())),
        _ => {}
    }
    schema
}

fn content(turn: &Turn<'_>, turns: &[Turn<'_>]) -> Value {
    let role = if turn.is_assistant { "model" } else { "user" };
    json!({"role": role, "parts": turn.parts.iter().filter_map(|said| part(said, turns)).collect::<Vec<_>>()})
}

fn part(part: &Part<'_>, turns: &[Turn<'_>]) -> Option<Value> {
    Some(match part {
        Part::Text(text, opaque) => with(json!({"text": text}), *opaque),
        Part::Image(Picture { media_type, data }) => inline(media_type, data),
        Part::Document { data, .. } => inline("application/pdf", data),
        Part::ToolUse(call, opaque) => {
            let mut part = with(function_call(call), *opaque);
            set(&mut part, "thoughtSignature", call.thought_signature.as_deref());
            part
        }
        Part::ToolResult(result) => json!({"functionResponse": response(result, turns)}),
        Part::Opaque(data) => return verbatim(data),
    })
}

fn inline(media_type: &str, data: &str) -> Value {
    json!({"inlineData": {"mimeType": media_type, "data": data}})
}

fn function_call(call: &ToolUse) -> Value {
    let mut function = json!({"name": call.name, "args": call.input});
    set(&mut function, "id", given_id(&call.id));
    json!({"functionCall": function})
}

/// Pictures and documents are beside what the tool said.
fn response(result: &ToolResult, turns: &[Turn<'_>]) -> Value {
    let field = if result.is_error { "error" } else { "output" };
    let blocks = result.blocks();
    let texts = blocks.as_ref().map(|blocks| blocks.iter().filter_map(text_of).collect::<Vec<_>>().join("\n"));
    let said = texts.unwrap_or_else(|| result.text().into_owned());
    let shown: Vec<Value> = blocks.iter().flatten().filter_map(shown).collect();
    let mut response = json!({"name": name_of(result, turns), "response": {field: said}});
    set(&mut response, "id", given_id(&result.tool_use_id));
    set(&mut response, "parts", (!shown.is_empty()).then_some(shown));
    response
}

fn text_of(block: &Block) -> Option<&str> {
    if let Block::Text { text, .. } = block { Some(text) } else { None }
}

fn shown(block: &Block) -> Option<Value> {
    let (Block::Image { source } | Block::Document { source, .. }) = block else { return None };
    let Source::Base64 { media_type, data } = source;
    Some(inline(media_type, data))
}

/// Gemini wants the tool's name with the result, which a result need not have: its call does.
fn name_of<'a>(result: &ToolResult, turns: &[Turn<'a>]) -> &'a str {
    let calls = turns.iter().rev().flat_map(|turn| &turn.parts);
    let mut names = calls.filter_map(|part| match part {
        Part::ToolUse(call, _) if call.id == result.tool_use_id => Some(call.name.as_str()),
        _ => None,
    });
    names.next().unwrap_or_default()
}

fn given_id(id: &str) -> Option<&str> {
    (!id.starts_with(MADE_ID)).then_some(id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    candidates: Vec<Candidate>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Content,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Content {
    #[serde(default)]
    parts: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: String,
}

/// Counts that are zero are left out. Thoughts are billed as what is written, and not among the candidates' tokens.
fn usage(body: &Value) -> Option<Tokens> {
    let usage = body.get("usageMetadata")?;
    let counted = |name: &str| count(usage, name).unwrap_or_default();
    let reasoning = counted("/thoughtsTokenCount");
    Some(Tokens {
        input: counted("/promptTokenCount") + counted("/toolUsePromptTokenCount"),
        cache_read: counted("/cachedContentTokenCount"),
        cache_write: 0,
        output: counted("/candidatesTokenCount") + reasoning,
        reasoning,
    })
}

fn answer(body: Value, prompt: &Prompt<'_>) -> Result<Said, Unreadable> {
    let Response { candidates, prompt_feedback } = read(body)?;
    let (said, reason) = match (candidates.into_iter().next(), prompt_feedback) {
        (Some(candidate), _) => (candidate.content.parts, candidate.finish_reason),
        (None, Some(feedback)) => (Vec::new(), Some(feedback.block_reason)),
        (None, None) => return Err(Unreadable::new("it has no candidate")),
    };
    let blocks = blocks(&said, prompt);
    let has_calls = blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
    let reason = reason.ok_or_else(|| Unreadable::new("it has no `finishReason`"))?;
    Ok(Said { blocks, stop_reason: stop_reason_of(&reason, has_calls) })
}

/// Adds an event, which is a response with some of the parts.
fn add(body: &mut Value, mut event: Value) -> Heard {
    if !event.is_object() {
        return Heard::Nothing;
    }
    let parts = event.pointer_mut("/candidates/0/content/parts").map(Value::take);
    let parts = parts.and_then(|parts| if let Value::Array(parts) = parts { Some(parts) } else { None });
    let text: String = parts
        .iter()
        .flatten()
        .filter(|part| part["thought"] != true)
        .filter_map(|part| part["text"].as_str())
        .collect();
    let mut so_far = body.pointer_mut("/candidates/0/content/parts").map_or_else(|| json!([]), Value::take);
    for part in parts.into_iter().flatten() {
        add_part(&mut so_far, part);
    }
    let reason = event.pointer("/candidates/0/finishReason").or(body.pointer("/candidates/0/finishReason")).cloned();
    if event["error"].is_null() && event["promptFeedback"].is_null() {
        event["candidates"] = json!([{"content": {"parts": so_far}, "finishReason": reason}]);
    }
    update(body, event);
    if text.is_empty() { Heard::Nothing } else { Heard::Text(text) }
}

/// A text that goes on is one part, as it is in an answer that comes whole.
fn add_part(parts: &mut Value, part: Value) {
    let Some(parts) = parts.as_array_mut() else { return };
    let is_plain = |part: &Value| part["text"].is_string() && part.as_object().is_some_and(|part| part.len() == 1);
    match parts.last_mut().filter(|last| is_plain(last) && is_plain(&part)) {
        Some(last) => append(last, "text", part["text"].as_str().unwrap_or_default()),
        None => parts.push(part),
    }
}

fn is_whole(body: &Value) -> bool {
    let has_ended = body.pointer("/candidates/0/finishReason").is_some_and(Value::is_string);
    has_ended || !body["promptFeedback"].is_null() || !body["error"].is_null()
}

fn blocks(said: &[Value], prompt: &Prompt<'_>) -> Vec<Block> {
    let mut position = prompt.calls();
    let mut block = |native: &Value| {
        let call = native.get("functionCall").and_then(|_| tool_use(native, position));
        position += usize::from(call.is_some());
        call.map_or_else(|| text(native), Block::ToolUse)
    };
    said.iter().map(&mut block).collect()
}

fn tool_use(native: &Value, position: usize) -> Option<ToolUse> {
    let call = &native["functionCall"];
    let id = call["id"].as_str().map_or_else(|| format!("{MADE_ID}{position}"), str::to_owned);
    let args = call.get("args").filter(|args| args.is_object()).cloned();
    let input = args.unwrap_or_else(crate::message::empty_object);
    let name = call["name"].as_str()?.to_owned();
    let mut call = ToolUse { id, name, input, not_run: None, opaque: None, thought_signature: None };
    call.opaque = beside(native, &function_call(&call));
    Some(call)
}

/// A text that the model says; what it thinks, an empty text with a signature and whatever else there is goes back unread.
fn text(native: &Value) -> Block {
    let said = native["text"].as_str().filter(|text| !text.is_empty() && native["thought"] != true);
    match said {
        Some(text) => Block::Text { opaque: beside(native, &json!({"text": text})), text: text.to_owned() },
        None => Block::Opaque { data: native.to_string() },
    }
}

fn stop_reason_of(reason: &str, has_calls: bool) -> String {
    let unified = match reason {
        "STOP" if has_calls => "tool_use",
        "STOP" => "end_turn",
        "MAX_TOKENS" => "max_tokens",
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => "content_filtered",
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "MALFORMED_RESPONSE" => "malformed_tool_use",
        _ => return reason.to_ascii_lowercase(),
    };
    unified.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_formats_go_that_gemini_refuses() {
        let schema = json!({"type": "object", "properties": {
            "document": {"type": "string", "format": "content"},
            "when": {"type": "string", "format": "date-time"},
            "format": {"type": "string"},
        }, "anyOf": [{"format": "uri"}]});
        let expected = json!({"type": "object", "properties": {
            "document": {"type": "string"},
            "when": {"type": "string", "format": "date-time"},
            "format": {"type": "string"},
        }, "anyOf": [{}]});
        assert_eq!(without_formats(schema), expected);
    }
}
