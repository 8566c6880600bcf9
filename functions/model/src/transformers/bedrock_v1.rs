//! Bedrock's Converse, by the SDK: signed by this function's role, or with Bedrock's own kind of key.
//!
//! The model may be an inference profile or its ARN. Converse has no way to say that no tool may be called: the words after the
//! conversation say so. Where a row's model can cache, the same ends are marked as for Anthropic.

use super::dialect::{Unreadable, verbatim};
use crate::attempt::{Answered, Billing, Failed, Question};
use crate::call::{Said, Tool as Offered, ToolChoice as Choice};
use crate::conversation::{Part, Picture, Turn};
use crate::error::CallError;
use crate::http::{Refusal, is_overflow, retry_after_of};
use crate::message::{Block, NotRun, Source, ToolResult, ToolUse};
use crate::prices::Tokens;
use crate::prompt::{Prompt, Settings};
use crate::target::Target;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Token;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse::builders::ConverseInputBuilder;
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseInput, ConverseOutput};
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    AnyToolChoice, AutoToolChoice, CachePointBlock, CachePointType, ContentBlock, ConversationRole, DocumentBlock,
    DocumentFormat, DocumentSource, ImageBlock, ImageFormat, ImageSource, InferenceConfiguration, Message,
    ReasoningContentBlock, ReasoningTextBlock, ServiceTier, SpecificToolChoice, SystemContentBlock, TokenUsage, Tool,
    ToolChoice, ToolConfiguration, ToolInputSchema, ToolResultBlock, ToolResultContentBlock, ToolResultStatus,
    ToolSpecification, ToolUseBlock,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::{Document, Number, base64};
use secrets::Secret;
use serde_json::{Value, json};
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What is said where no tool may be called.
const NO_TOOLS: &str = "Answer now, in words, without calling a tool.";

/// Asks Bedrock once.
pub(crate) async fn converse(client: &Client, question: Question<'_>) -> Result<Answered, Failed> {
    let Question { target, prompt, key, within, .. } = question;
    let input = input(prompt, target).map_err(Failed::unsent)?;
    let client = client_for(client, target, key);
    let asked = client
        .converse()
        .model_id(&target.model_id)
        .set_messages(input.messages)
        .set_system(input.system)
        .set_inference_config(input.inference_config)
        .set_tool_config(input.tool_config)
        .set_service_tier(input.service_tier)
        .set_additional_model_request_fields(input.additional_model_request_fields);
    let beginning = Beginning::default();
    let sent = asked.customize().interceptor(beginning.clone()).send();
    let late = |_| Failed::late(&target.provider_id, within, !beginning.has_come());
    let output = tokio::time::timeout(within, sent).await.map_err(late)?;
    let output = output.map_err(|error| failure(&error, &target.provider_id, within))?;
    let tokens = output.usage.as_ref().map(tokens);
    let said = answer(&output).map_err(|unreadable| unreadable.of(&target.provider_id, tokens))?;
    Ok(Answered { said, tokens })
}

/// Whether the beginning of an answer has come, with which it is billed.
#[derive(Debug, Clone, Default)]
struct Beginning(Arc<AtomicBool>);

impl Beginning {
    fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Beginning {
    fn name(&self) -> &'static str {
        "beginning of the answer"
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn input(prompt: &Prompt<'_>, target: &Target) -> Result<ConverseInput, CallError> {
    let settings = &prompt.settings;
    let caches = settings.caches && target.can_cache;
    let mut messages = prompt.turns.iter().map(message).collect::<Result<Vec<_>, _>>()?;
    if !prompt.may_call() && !prompt.tools.is_empty() {
        say(&mut messages, NO_TOOLS);
    }
    if caches {
        mark_ends(&mut messages)?;
    }
    let tier = settings.service_tier.as_deref();
    let tier = tier.map(|tier| ServiceTier::builder().r#type(tier.into()).build()).transpose().map_err(unbuilt)?;
    let input: ConverseInputBuilder = ConverseInput::builder()
        .set_messages(Some(messages))
        .set_system(system(prompt.system, caches)?)
        .inference_config(inference(settings))
        .set_tool_config(tools(prompt, caches).map_err(unbuilt)?)
        .set_service_tier(tier)
        .set_additional_model_request_fields(additional(settings, target)?);
    input.build().map_err(unbuilt)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` calls it")]
fn unbuilt(error: BuildError) -> CallError {
    CallError::invalid(format!("Bedrock does not accept such a request: {error}"))
}

/// What only this model's makers have a name for, and what the row adds.
fn additional(settings: &Settings, target: &Target) -> Result<Option<Document>, CallError> {
    let fields = match settings.reasoning_effort.as_deref() {
        Some(effort) => thinking(effort, &target.model_id)?,
        None => json!({}),
    };
    let fields = target.changes.applied(fields);
    Ok(fields.as_object().is_some_and(|fields| !fields.is_empty()).then(|| document(&fields)))
}

fn thinking(effort: &str, model_id: &str) -> Result<Value, CallError> {
    match effort {
        "none" if model_id.contains("anthropic.") => Ok(json!({"thinking": {"type": "disabled"}})),
        _ if model_id.contains("anthropic.") => {
            let effort = if effort == "minimal" { "low" } else { effort };
            Ok(json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}))
        }
        _ if model_id.contains("openai.") => Ok(json!({"reasoning_effort": effort})),
        "none" if model_id.contains("amazon.nova-2") => Ok(json!({"reasoningConfig": {"type": "disabled"}})),
        _ if model_id.contains("amazon.nova-2") => {
            Ok(json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}))
        }
        _ => Err(CallError::invalid(
            "`reasoning_effort`: Bedrock has no one name for it; use the row's `request_overrides`",
        )),
    }
}

fn cache_point() -> Result<CachePointBlock, CallError> {
    CachePointBlock::builder().r#type(CachePointType::Default).build().map_err(unbuilt)
}

fn mark_ends(messages: &mut [Message]) -> Result<(), CallError> {
    for message in messages.iter_mut().rev().take(2) {
        message.content.push(ContentBlock::CachePoint(cache_point()?));
    }
    Ok(())
}

fn say(messages: &mut [Message], text: &str) {
    if let Some(last) = messages.last_mut().filter(|last| last.role == ConversationRole::User) {
        last.content.push(ContentBlock::Text(text.to_owned()));
    }
}

fn system(rules: &str, caches: bool) -> Result<Option<Vec<SystemContentBlock>>, CallError> {
    if rules.is_empty() {
        return Ok(None);
    }
    let mut blocks = vec![SystemContentBlock::Text(rules.to_owned())];
    if caches {
        blocks.push(SystemContentBlock::CachePoint(cache_point()?));
    }
    Ok(Some(blocks))
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
    let blocks = turn.parts.iter().filter_map(|part| block(part).transpose()).collect::<Result<Vec<_>, _>>()?;
    Message::builder().role(role).set_content(Some(blocks)).build().map_err(unbuilt)
}

fn block(part: &Part<'_>) -> Result<Option<ContentBlock>, CallError> {
    Ok(Some(match part {
        Part::Text(text, _) => ContentBlock::Text((*text).to_owned()),
        Part::Image(picture) => ContentBlock::Image(image(*picture)?),
        Part::Document { data, .. } => ContentBlock::Document(pdf(data)?),
        Part::ToolUse(call, _) => ContentBlock::ToolUse(tool_use(call).map_err(unbuilt)?),
        Part::ToolResult(result) => ContentBlock::ToolResult(tool_result(result)?),
        Part::Opaque(data) => return Ok(reasoning(data).map(ContentBlock::ReasoningContent)),
    }))
}

fn bytes(data: &str) -> Result<Blob, CallError> {
    base64::decode(data).map(Blob::new).map_err(|_| CallError::invalid("an image or a document is not base64"))
}

fn image(Picture { media_type, data }: Picture<'_>) -> Result<ImageBlock, CallError> {
    let format = ImageFormat::from(media_type.trim_start_matches("image/"));
    ImageBlock::builder().format(format).source(ImageSource::Bytes(bytes(data)?)).build().map_err(unbuilt)
}

/// Bedrock allows few characters in a name, and advises to give none that a model could take for an instruction.
fn pdf(data: &str) -> Result<DocumentBlock, CallError> {
    let source = DocumentSource::Bytes(bytes(data)?);
    DocumentBlock::builder().format(DocumentFormat::Pdf).name("document").source(source).build().map_err(unbuilt)
}

fn tool_use(call: &ToolUse) -> Result<ToolUseBlock, BuildError> {
    ToolUseBlock::builder().tool_use_id(&call.id).name(&call.name).input(document(&call.input)).build()
}

fn tool_result(result: &ToolResult) -> Result<ToolResultBlock, CallError> {
    let shown = result.blocks().map(|blocks| blocks.iter().map(shown).collect::<Result<Vec<_>, _>>()).transpose()?;
    let content = shown.unwrap_or_else(|| vec![ToolResultContentBlock::Text(result.text().into_owned())]);
    ToolResultBlock::builder()
        .tool_use_id(&result.tool_use_id)
        .set_content(Some(content))
        .set_status(result.is_error.then_some(ToolResultStatus::Error))
        .build()
        .map_err(unbuilt)
}

fn shown(block: &Block) -> Result<ToolResultContentBlock, CallError> {
    match block {
        Block::Image { source: Source::Base64 { media_type, data } } => {
            image(Picture { media_type, data }).map(ToolResultContentBlock::Image)
        }
        Block::Document { source: Source::Base64 { data, .. }, .. } => pdf(data).map(ToolResultContentBlock::Document),
        Block::Text { text, .. } => Ok(ToolResultContentBlock::Text(text.clone())),
        _ => Err(CallError::invalid("a tool's result has a block that is not text, image or document")),
    }
}

/// What the model thought, as Converse's own JSON has it.
fn reasoning(data: &str) -> Option<ReasoningContentBlock> {
    let block = verbatim(data)?;
    let reasoning = &block["reasoningContent"];
    if let Some(redacted) = reasoning["redactedContent"].as_str() {
        return Some(ReasoningContentBlock::RedactedContent(Blob::new(base64::decode(redacted).ok()?)));
    }
    let said = &reasoning["reasoningText"];
    let signature = said["signature"].as_str().map(str::to_owned);
    let text = ReasoningTextBlock::builder().text(said["text"].as_str()?).set_signature(signature).build().ok()?;
    Some(ReasoningContentBlock::ReasoningText(text))
}

fn opaque(reasoning: &ReasoningContentBlock) -> Option<Block> {
    let content = match reasoning {
        ReasoningContentBlock::ReasoningText(said) => {
            let mut text = json!({"text": said.text});
            super::dialect::set(&mut text, "signature", said.signature.clone());
            json!({"reasoningText": text})
        }
        ReasoningContentBlock::RedactedContent(bytes) => json!({"redactedContent": base64::encode(bytes)}),
        _ => return None,
    };
    Some(Block::Opaque { data: json!({"reasoningContent": content}).to_string() })
}

fn inference(settings: &Settings) -> InferenceConfiguration {
    InferenceConfiguration::builder()
        .max_tokens(i32::try_from(settings.max_tokens).unwrap_or(i32::MAX))
        .set_temperature(settings.temperature.map(|heat| heat as f32))
        .set_top_p(settings.top_p.map(|share| share as f32))
        .set_stop_sequences((!settings.stop_sequences.is_empty()).then(|| settings.stop_sequences.clone()))
        .build()
}

fn tools(prompt: &Prompt<'_>, caches: bool) -> Result<Option<ToolConfiguration>, BuildError> {
    if prompt.tools.is_empty() {
        return Ok(None);
    }
    let mut tools =
        prompt.tools.iter().map(|tool| tool_specification(tool).map(Tool::ToolSpec)).collect::<Result<Vec<_>, _>>()?;
    if caches {
        tools.push(Tool::CachePoint(CachePointBlock::builder().r#type(CachePointType::Default).build()?));
    }
    let choice = prompt.settings.tool_choice.as_ref().map(tool_choice).transpose()?.flatten();
    ToolConfiguration::builder().set_tools(Some(tools)).set_tool_choice(choice).build().map(Some)
}

fn tool_choice(choice: &Choice) -> Result<Option<ToolChoice>, BuildError> {
    Ok(match choice {
        Choice::Auto => Some(ToolChoice::Auto(AutoToolChoice::builder().build())),
        Choice::Required => Some(ToolChoice::Any(AnyToolChoice::builder().build())),
        Choice::Name(name) => Some(ToolChoice::Tool(SpecificToolChoice::builder().name(name).build()?)),
        Choice::None => None,
    })
}

fn tool_specification(tool: &Offered) -> Result<ToolSpecification, BuildError> {
    ToolSpecification::builder()
        .name(&tool.name)
        .set_description(Some(tool.description.clone()).filter(|text| !text.is_empty()))
        .input_schema(ToolInputSchema::Json(document(&tool.schema)))
        .build()
}

fn answer(output: &ConverseOutput) -> Result<Said, Unreadable> {
    let message = output.output.as_ref().and_then(|output| output.as_message().ok());
    let message = message.ok_or_else(|| Unreadable::new("it has no message"))?;
    let blocks = message.content.iter().filter_map(said).collect();
    Ok(Said { blocks, stop_reason: stop_reason_of(output.stop_reason.as_str()).to_owned() })
}

fn stop_reason_of(reason: &str) -> &str {
    match reason {
        "guardrail_intervened" => "content_filtered",
        "model_context_window_exceeded" => "context_overflow",
        "malformed_model_output" => "malformed_tool_use",
        other => other,
    }
}

/// What is read from or written to a cache is counted apart, and is read all the same.
fn tokens(usage: &TokenUsage) -> Tokens {
    let counted = |count: i32| u64::try_from(count).unwrap_or_default();
    let [cache_read, cache_write] =
        [usage.cache_read_input_tokens, usage.cache_write_input_tokens].map(|count| counted(count.unwrap_or_default()));
    let input = counted(usage.input_tokens) + cache_read + cache_write;
    Tokens { input, cache_read, cache_write, output: counted(usage.output_tokens), reasoning: 0 }
}

fn said(block: &ContentBlock) -> Option<Block> {
    match block {
        ContentBlock::Text(text) => Some(Block::Text { text: text.clone(), opaque: None }),
        ContentBlock::ToolUse(call) => Some(Block::ToolUse(called(call))),
        ContentBlock::ReasoningContent(reasoning) => opaque(reasoning),
        _ => None,
    }
}

fn called(call: &ToolUseBlock) -> ToolUse {
    let input = Some(value(&call.input)).filter(Value::is_object);
    ToolUse {
        id: call.tool_use_id.clone(),
        name: call.name.clone(),
        not_run: input.is_none().then_some(NotRun::Malformed),
        input: input.unwrap_or_else(crate::message::empty_object),
        opaque: None,
        thought_signature: None,
    }
}

fn failure(failed: &SdkError<ConverseError>, provider_id: &str, within: Duration) -> Failed {
    match failed {
        SdkError::ServiceError(refused) if refused.err().is_model_timeout_exception() => {
            Failed::late(provider_id, within, true)
        }
        SdkError::ServiceError(refused) => refusal_of(provider_id, refused.raw(), failed.code()),
        SdkError::ResponseError(unreadable) => refusal_of(provider_id, unreadable.raw(), None),
        SdkError::ConstructionFailure(_) => Failed::unsent(CallError::ProviderError {
            provider_id: provider_id.to_owned(),
            reason: "cannot be called without credentials".to_owned(),
        }),
        SdkError::DispatchFailure(_) => {
            let reason = "cannot be reached".to_owned();
            let error = CallError::ProviderUnavailable { provider_id: provider_id.to_owned(), reason };
            let billing = if is_refused_connection(failed) { Billing::Nothing } else { Billing::Unknown };
            Failed { error, billing, may_be_retried: true, retry_after: None }
        }
        _ => Failed::late(provider_id, within, false),
    }
}

/// Whether there never was a connection, so that nothing was sent.
fn is_refused_connection(failed: &(dyn Error + 'static)) -> bool {
    let chain = std::iter::successors(Some(failed), |error: &&(dyn Error + 'static)| (*error).source());
    let mut kinds = chain.filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.any(|kind| kind == io::ErrorKind::ConnectionRefused)
}

/// A success that the SDK takes for a failure is one that it cannot read.
fn refusal_of(provider_id: &str, response: &HttpResponse, code: Option<&str>) -> Failed {
    if response.status().is_success() {
        return Unreadable::new("it is not a response of Converse").of(provider_id, None);
    }
    let retry_after = response.headers().get("retry-after").and_then(retry_after_of);
    let refusal = Refusal { status: response.status().as_u16(), retry_after };
    let body = response.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    refusal.failed(provider_id, code, is_overflow(&body))
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
