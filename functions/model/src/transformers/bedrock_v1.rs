//! Bedrock's Converse, by the SDK: signed by this function's role, or with Bedrock's own kind of key.

use super::dialect::Unreadable;
use crate::call::{Answer, Tool as Offered};
use crate::conversation::{Part, Turn};
use crate::error::CallError;
use crate::http::{bad_response, refusal, retry_after_of};
use crate::message::{Block, ToolResult, ToolUse};
use crate::prices::Tokens;
use crate::prompt::{Prompt, Settings};
use crate::target::Target;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Token;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, ImageBlock, ImageFormat, ImageSource, InferenceConfiguration, Message,
    SystemContentBlock, TokenUsage, Tool, ToolConfiguration, ToolInputSchema, ToolResultBlock, ToolResultContentBlock,
    ToolResultStatus, ToolSpecification, ToolUseBlock,
};
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_types::{Document, Number, base64};
use secrets::Secret;
use serde_json::Value;

/// Asks Bedrock once.
pub(crate) async fn converse(
    client: &Client,
    target: &Target,
    prompt: &Prompt<'_>,
    key: Option<&Secret>,
) -> Result<Answer, CallError> {
    let unbuilt = |error: BuildError| CallError::invalid(format!("Bedrock takes no such message: {error}"));
    let mut request = client_for(client, target, key).converse().model_id(&target.model_id);
    for turn in &prompt.turns {
        request = request.messages(message(turn)?);
    }
    let rules = (!prompt.system.is_empty()).then(|| vec![SystemContentBlock::Text(prompt.system.to_owned())]);
    let request = request
        .set_system(rules)
        .inference_config(settings(prompt.settings))
        .set_tool_config(tools(prompt.tools).map_err(unbuilt)?);
    let output = request.send().await.map_err(|error| failure(&error, target))?;
    answer(&output).map_err(|unreadable| unreadable.of(&target.provider_id))
}

/// The shared client, unless this call goes elsewhere or with a key. Connections are shared all the same.
fn client_for(client: &Client, target: &Target, key: Option<&Secret>) -> Client {
    if target.endpoint.is_none() && key.is_none() {
        return client.clone();
    }
    let mut config = client.config().to_builder();
    if let Some(endpoint) = &target.endpoint {
        config = config.endpoint_url(endpoint.as_str());
    }
    if let Some(key) = key {
        let bearer = AuthSchemeId::from("httpBearerAuth");
        config = config.bearer_token(Token::new(key.expose(), None)).auth_scheme_preference([bearer]);
    }
    Client::from_conf(config.build())
}

fn message(turn: &Turn<'_>) -> Result<Message, CallError> {
    let role = if turn.is_assistant { ConversationRole::Assistant } else { ConversationRole::User };
    let blocks = turn.parts.iter().map(block).collect::<Result<Vec<_>, _>>()?;
    let message = Message::builder().role(role).set_content(Some(blocks)).build();
    message.map_err(|error| CallError::invalid(format!("Bedrock takes no such message: {error}")))
}

fn block(part: &Part<'_>) -> Result<ContentBlock, CallError> {
    let built = match part {
        Part::Text(text) => Ok(ContentBlock::Text((*text).to_owned())),
        Part::Image { media_type, data } => return image(media_type, data),
        Part::ToolUse(call) => tool_use(call).map(ContentBlock::ToolUse),
        Part::ToolResult(result) => tool_result(result).map(ContentBlock::ToolResult),
    };
    built.map_err(|error| CallError::invalid(format!("Bedrock takes no such block: {error}")))
}

fn image(media_type: &str, data: &str) -> Result<ContentBlock, CallError> {
    let bytes = base64::decode(data).map_err(|_| CallError::invalid("an image is not base64"))?;
    let format = ImageFormat::from(media_type.trim_start_matches("image/"));
    let image = ImageBlock::builder().format(format).source(ImageSource::Bytes(Blob::new(bytes))).build();
    image.map(ContentBlock::Image).map_err(|error| CallError::invalid(format!("Bedrock takes no such image: {error}")))
}

fn tool_use(call: &ToolUse) -> Result<ToolUseBlock, BuildError> {
    ToolUseBlock::builder().tool_use_id(&call.id).name(&call.name).input(document(&call.input)).build()
}

fn tool_result(result: &ToolResult) -> Result<ToolResultBlock, BuildError> {
    ToolResultBlock::builder()
        .tool_use_id(&result.tool_use_id)
        .content(ToolResultContentBlock::Text(result.text().into_owned()))
        .set_status(result.is_error.then_some(ToolResultStatus::Error))
        .build()
}

fn settings(settings: Settings) -> InferenceConfiguration {
    InferenceConfiguration::builder()
        .max_tokens(i32::try_from(settings.max_tokens).unwrap_or(i32::MAX))
        .set_temperature(settings.temperature.map(|heat| heat as f32))
        .set_top_p(settings.top_p.map(|share| share as f32))
        .build()
}

fn tools(offered: &[Offered]) -> Result<Option<ToolConfiguration>, BuildError> {
    if offered.is_empty() {
        return Ok(None);
    }
    let tools =
        offered.iter().map(|tool| tool_specification(tool).map(Tool::ToolSpec)).collect::<Result<Vec<_>, _>>()?;
    ToolConfiguration::builder().set_tools(Some(tools)).build().map(Some)
}

fn tool_specification(tool: &Offered) -> Result<ToolSpecification, BuildError> {
    ToolSpecification::builder()
        .name(&tool.name)
        .set_description(Some(tool.description.clone()).filter(|text| !text.is_empty()))
        .input_schema(ToolInputSchema::Json(document(&tool.schema)))
        .build()
}

fn answer(output: &ConverseOutput) -> Result<Answer, Unreadable> {
    let usage = output.usage.as_ref().ok_or_else(|| Unreadable::new("it has no `usage`"))?;
    let tokens = tokens(usage);
    let message = output.output.as_ref().and_then(|output| output.as_message().ok());
    let message = message.ok_or_else(|| Unreadable::new("it has no message"))?;
    let blocks = message.content.iter().filter_map(said).collect();
    Ok(Answer { blocks, stop_reason: output.stop_reason.as_str().to_owned(), tokens })
}

/// What is read from or written to a cache is counted apart, and is read all the same.
fn tokens(usage: &TokenUsage) -> Tokens {
    let sum = |counts: &[i32]| counts.iter().map(|count| u64::try_from(*count).unwrap_or_default()).sum();
    let cached = [usage.cache_read_input_tokens, usage.cache_write_input_tokens].map(Option::unwrap_or_default);
    Tokens { input: sum(&[usage.input_tokens, cached[0], cached[1]]), output: sum(&[usage.output_tokens]) }
}

fn said(block: &ContentBlock) -> Option<Block> {
    match block {
        ContentBlock::Text(text) => Some(Block::Text { text: text.clone() }),
        ContentBlock::ToolUse(call) => Some(Block::ToolUse(ToolUse {
            id: call.tool_use_id.clone(),
            name: call.name.clone(),
            input: value(&call.input),
            thought_signature: None,
        })),
        _ => None,
    }
}

fn failure(error: &SdkError<ConverseError>, target: &Target) -> CallError {
    let provider_id = &target.provider_id;
    let nothing =
        |reason: &str| CallError::ProviderError { provider_id: provider_id.clone(), reason: reason.to_owned() };
    match error {
        SdkError::ServiceError(refused) if refused.err().is_model_timeout_exception() => {
            CallError::Timeout { provider_id: provider_id.clone(), within: target.timeout }
        }
        SdkError::ServiceError(refused) => refusal_of(provider_id, refused.raw(), error.code()),
        SdkError::ResponseError(unreadable) => refusal_of(provider_id, unreadable.raw(), None),
        SdkError::ConstructionFailure(_) => nothing("cannot be asked without credentials"),
        _ => nothing("cannot be reached"),
    }
}

/// A success that the SDK takes for a failure is one that it cannot read.
fn refusal_of(provider_id: &str, response: &HttpResponse, code: Option<&str>) -> CallError {
    if response.status().is_success() {
        return bad_response(provider_id, "it is no answer of Converse");
    }
    let retry_after = response.headers().get("retry-after").and_then(retry_after_of);
    refusal(provider_id, response.status().as_u16(), retry_after, code)
}

fn document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(flag) => Document::Bool(*flag),
        Value::Number(number) => Document::Number(sdk_number(number)),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(values) => Document::Array(values.iter().map(document).collect()),
        Value::Object(fields) => {
            Document::Object(fields.iter().map(|(name, value)| (name.clone(), document(value))).collect())
        }
    }
}

fn sdk_number(number: &serde_json::Number) -> Number {
    let whole = number.as_u64().map(Number::PosInt).or_else(|| number.as_i64().map(Number::NegInt));
    whole.unwrap_or_else(|| Number::Float(number.as_f64().unwrap_or_default()))
}

fn value(document: &Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(flag) => Value::Bool(*flag),
        Document::Number(Number::PosInt(number)) => (*number).into(),
        Document::Number(Number::NegInt(number)) => (*number).into(),
        Document::Number(Number::Float(number)) => (*number).into(),
        Document::String(text) => Value::String(text.clone()),
        Document::Array(values) => values.iter().map(value).collect(),
        Document::Object(fields) => fields.iter().map(|(name, document)| (name.clone(), value(document))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_becomes_a_document_and_comes_back() {
        let json = json!({"a": [1, -1, 1.5, "text", true, null, {}], "b": u64::MAX, "c": i64::MIN});
        assert_eq!(value(&document(&json)), json);
    }
}
