//! Google's Gemini API, `generateContent`.
//!
//! Gemini's calls of tools need no ids: results are told apart by their order. The unified message needs some, so they are
//! made of the call's position in the conversation: asking again for the same answer gives the same ids. An id that Gemini did
//! give goes back with the result, a made one does not.

use super::dialect::{Dialect, Unreadable, read, set};
use crate::call::{Answer, Tool};
use crate::conversation::{Part, Turn};
use crate::message::{Block, ToolResult, ToolUse};
use crate::prices::Tokens;
use crate::prompt::Prompt;
use crate::target::Target;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(crate) const DIALECT: Dialect = Dialect { auth: ("x-goog-api-key", ""), headers: &[], request, answer };

/// What ids begin with that are not Gemini's.
const MADE_ID: &str = "gemini-call-";
/// The only formats that Gemini takes for a text. For another it refuses the whole request.
const FORMATS: [&str; 2] = ["date-time", "enum"];

fn request(prompt: &Prompt<'_>, _: &Target) -> Value {
    let mut config = json!({"maxOutputTokens": prompt.settings.max_tokens});
    set(&mut config, "temperature", prompt.settings.temperature);
    set(&mut config, "topP", prompt.settings.top_p);
    let contents: Vec<Value> = prompt.turns.iter().map(|turn| content(turn, &prompt.turns)).collect();
    let mut request = json!({"contents": contents, "generationConfig": config});
    set(
        &mut request,
        "systemInstruction",
        (!prompt.system.is_empty()).then(|| json!({"parts": [{"text": prompt.system}]})),
    );
    set(&mut request, "tools", (!prompt.tools.is_empty()).then(|| tools(prompt.tools)));
    request
}

fn tools(tools: &[Tool]) -> Value {
    let declarations = tools.iter().map(|tool| {
        json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": without_formats(tool.schema.clone())})
    });
    json!([{"functionDeclarations": declarations.collect::<Vec<_>>()}])
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
    json!({"role": role, "parts": turn.parts.iter().map(|said| part(said, turns)).collect::<Vec<_>>()})
}

fn part(part: &Part<'_>, turns: &[Turn<'_>]) -> Value {
    match part {
        Part::Text(text) => json!({"text": text}),
        Part::Image { media_type, data } => json!({"inlineData": {"mimeType": media_type, "data": data}}),
        Part::ToolUse(call) => {
            let mut function = json!({"name": call.name, "args": call.input});
            set(&mut function, "id", given_id(&call.id));
            let mut part = json!({"functionCall": function});
            set(&mut part, "thoughtSignature", call.thought_signature.as_deref());
            part
        }
        Part::ToolResult(result) => json!({"functionResponse": response(result, turns)}),
    }
}

fn response(result: &ToolResult, turns: &[Turn<'_>]) -> Value {
    let field = if result.is_error { "error" } else { "output" };
    let mut response = json!({"name": name_of(result, turns), "response": {field: result.text()}});
    set(&mut response, "id", given_id(&result.tool_use_id));
    response
}

/// Gemini wants the tool's name with the result, which a result need not have: its call does.
fn name_of<'a>(result: &ToolResult, turns: &[Turn<'a>]) -> &'a str {
    let calls = turns.iter().rev().flat_map(|turn| &turn.parts);
    let mut names = calls.filter_map(|part| match part {
        Part::ToolUse(call) if call.id == result.tool_use_id => Some(call.name.as_str()),
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
    usage_metadata: Usage,
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
    parts: Vec<Said>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(default)]
    text: Option<String>,
    /// A summary of what the model thought; nothing that it said.
    #[serde(default)]
    thought: bool,
    #[serde(default)]
    function_call: Option<Call>,
    #[serde(default)]
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: String,
}

/// Counts that are zero are left out. Thoughts are billed as what is written, and not among the candidates' tokens.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "Google's names")]
struct Usage {
    prompt_token_count: u64,
    tool_use_prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
}

fn answer(body: &[u8], prompt: &Prompt<'_>) -> Result<Answer, Unreadable> {
    let Response { candidates, prompt_feedback, usage_metadata: usage } = read(body)?;
    let (said, reason) = match (candidates.into_iter().next(), prompt_feedback) {
        (Some(candidate), _) => (candidate.content.parts, candidate.finish_reason),
        (None, Some(feedback)) => (Vec::new(), Some(feedback.block_reason)),
        (None, None) => return Err(Unreadable::new("it has no candidate")),
    };
    let blocks = blocks(said, prompt);
    let has_calls = blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
    let reason = reason.ok_or_else(|| Unreadable::new("it has no `finishReason`"))?;
    Ok(Answer {
        blocks,
        stop_reason: stop_reason_of(&reason, has_calls),
        tokens: Tokens {
            input: usage.prompt_token_count + usage.tool_use_prompt_token_count,
            output: usage.candidates_token_count + usage.thoughts_token_count,
        },
    })
}

fn blocks(said: Vec<Said>, prompt: &Prompt<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut position = prompt.calls();
    for Said { text, function_call, thought_signature, .. } in said.into_iter().filter(|said| !said.thought) {
        if let Some(Call { id, name, args }) = function_call {
            let id = id.unwrap_or_else(|| format!("{MADE_ID}{position}"));
            blocks.push(Block::ToolUse(ToolUse { id, name, input: Value::Object(args), thought_signature }));
            position += 1;
        } else if let Some(text) = text.filter(|text| !text.is_empty()) {
            blocks.push(Block::Text { text });
        }
    }
    blocks
}

fn stop_reason_of(reason: &str, has_calls: bool) -> String {
    let unified = match reason {
        "STOP" if has_calls => "tool_use",
        "STOP" => "end_turn",
        "MAX_TOKENS" => "max_tokens",
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => "content_filtered",
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => "malformed_tool_use",
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
