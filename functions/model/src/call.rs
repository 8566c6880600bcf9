//! The event and the reply.

use crate::error::CallError;
use crate::handles;
use crate::message::{Block, Message, Role, ToolResult, ToolUse};
use crate::prices::{MicroDollars, Tokens};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// One call of a model, as it comes in.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// Whom to ask.
    pub provider_config: ProviderConfig,
    /// The conversation so far, oldest first. One of role `system` may lead it.
    pub messages: Vec<Message>,
    /// What the tools returned that the last message calls.
    #[serde(default)]
    pub tool_results: Option<Vec<ToolResult>>,
    /// Rules for the model, before those of a leading message of role `system`.
    #[serde(default)]
    pub system: Option<String>,
    /// Tools that the model may call.
    #[serde(default)]
    pub tools: Option<Vec<ToolOffer>>,
    /// How freely the model chooses its words.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// From how much of the likely words it chooses.
    #[serde(default)]
    pub top_p: Option<f64>,
    /// The most tokens that it may write. Never more than the model's row allows.
    #[serde(default)]
    pub max_tokens: Option<u64>,
    /// Only `false`: an answer is one reply.
    #[serde(default)]
    pub stream: Option<bool>,
}

/// Whom to ask. What is left out is taken from the model's row.
#[derive(Debug, Clone, Default, Deserialize)]
#[expect(missing_docs, reason = "the attributes of the model's row, which describes them")]
pub struct ProviderConfig {
    pub provider_id: String,
    pub model_id: String,
    #[serde(default)]
    pub endpoint: Option<String>,
    #[serde(default)]
    pub auth_header_name: Option<String>,
    #[serde(default)]
    pub auth_header_prefix: Option<String>,
    /// The name of the secret of keys. Only the one that this function is configured with.
    #[serde(default)]
    pub secret_path: Option<String>,
    #[serde(default)]
    pub secret_key_name: Option<String>,
    #[serde(default)]
    pub request_transformer: Option<String>,
    #[serde(default)]
    pub response_transformer: Option<String>,
    /// In seconds.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// Further headers of the request. None may say who asks, or whom.
    #[serde(default)]
    pub custom_headers: Option<BTreeMap<String, String>>,
}

/// A tool as the event offers it.
#[derive(Debug, Clone, Deserialize)]
pub struct ToolOffer {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The JSON Schema of its arguments: an object, or the JSON text of one, as registries keep it.
    #[serde(default)]
    pub input_schema: Option<Value>,
}

/// A tool that a model can be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: String,
    /// An object.
    pub(crate) schema: Value,
}

impl TryFrom<ToolOffer> for Tool {
    type Error = CallError;

    fn try_from(offer: ToolOffer) -> Result<Self, CallError> {
        let schema = match offer.input_schema {
            Some(Value::String(text)) => serde_json::from_str(&text).ok(),
            schema => schema,
        };
        let schema = schema.filter(Value::is_object).ok_or_else(|| {
            CallError::invalid(format!("the tool `{}` has no `input_schema` that is a JSON object", offer.name))
        })?;
        Ok(Self { name: offer.name, description: offer.description.unwrap_or_default(), schema })
    }
}

/// What a provider answered, in the unified words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) blocks: Vec<Block>,
    /// As Bedrock's Converse names them: `end_turn`, `tool_use`, `max_tokens`, `stop_sequence`, `content_filtered` …
    pub(crate) stop_reason: String,
    pub(crate) tokens: Tokens,
}

/// The reply.
#[derive(Debug, Clone, Serialize)]
pub struct Reply {
    /// What the model says.
    pub message: Message,
    /// The tools that it wants called, in its order.
    pub function_calls: Vec<ToolUse>,
    /// The conversation with the tools' results and `message`: the next call's `messages`.
    pub messages: Vec<Message>,
    /// The texts of `message`, one after the other: a state machine has no way to join them.
    pub text: String,
    /// The handles that tools have left in the conversation, oldest first.
    pub references: Vec<String>,
    /// What the call took.
    pub metadata: Metadata,
}

/// What a call took.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Metadata {
    pub model_id: String,
    pub provider_id: String,
    /// From asking the provider to its whole answer.
    pub latency_ms: u64,
    pub tokens_used: TokensUsed,
    pub stop_reason: String,
    /// Decimal US dollars, to the micro-dollar.
    pub cost_usd: String,
    /// The same in whole micro-dollars, which a state machine can add.
    pub cost_micro_usd: u64,
    /// When the answer was there, in seconds since 1970: a state machine has no clock.
    pub completed_at: u64,
}

/// Tokens as they are billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TokensUsed {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub total_tokens: u64,
}

impl From<Tokens> for TokensUsed {
    fn from(tokens: Tokens) -> Self {
        let total_tokens = tokens.input.saturating_add(tokens.output);
        Self { input_tokens: tokens.input, output_tokens: tokens.output, total_tokens }
    }
}

impl Reply {
    pub(crate) fn new(
        mut messages: Vec<Message>,
        answer: Answer,
        (provider_id, model_id): (String, String),
        latency: Duration,
        cost: MicroDollars,
        completed_at: SystemTime,
    ) -> Self {
        let message = Message { role: Role::Assistant, content: crate::message::Content::Blocks(answer.blocks) };
        messages.push(message.clone());
        let metadata = Metadata {
            model_id,
            provider_id,
            latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
            tokens_used: answer.tokens.into(),
            stop_reason: answer.stop_reason,
            cost_usd: cost.to_string(),
            cost_micro_usd: cost.0,
            completed_at: completed_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
        };
        Self {
            function_calls: message.tool_uses().cloned().collect(),
            text: message.texts().collect(),
            references: handles::in_messages(&messages),
            message,
            messages,
            metadata,
        }
    }
}
