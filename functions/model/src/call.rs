//! The event and the reply.

use crate::error::CallError;
use crate::handles;
use crate::message::{Block, Content, Message, NotRun, Origin, Role, ToolResult, ToolUse};
use crate::prices::{MicroDollars, Tokens};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// One call of a model, as it comes in. A field that is not here is an error; one that is `null` is as if it were not there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Whether the model must, may or must not call a tool; it may unless this says otherwise.
    #[serde(default)]
    pub tool_choice: Option<ToolChoice>,
    /// How freely the model chooses its words. Not sent unless it is here.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// From how much of the likely words it chooses. Not sent unless it is here.
    #[serde(default)]
    pub top_p: Option<f64>,
    /// How much the model thinks: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`. Not sent unless it is here.
    #[serde(default)]
    pub reasoning_effort: Option<String>,
    /// Texts at which the model ends.
    #[serde(default)]
    pub stop_sequences: Option<Vec<String>>,
    /// The provider's tier of service. With a budget, one that the row has prices for.
    #[serde(default)]
    pub service_tier: Option<String>,
    /// Whose usage it is. Letters, digits and `.`, `_`, `-`.
    #[serde(default)]
    pub agent_name: Option<String>,
    /// What calls share that begin with the same text, for providers that look for their cache by it; the agent's name unless it is here.
    #[serde(default)]
    pub cache_key: Option<String>,
    /// The most tokens that it may write. Never more than the model's row allows.
    #[serde(default)]
    pub max_tokens: Option<u64>,
    /// Only `false`: an answer is one reply.
    #[serde(default)]
    pub stream: Option<bool>,
}

/// Which tools the model may call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// Any or none.
    Auto,
    /// None. For an answer in words when there is no turn left for tools.
    None,
    /// At least one.
    Required,
    /// This one: `{"name": "print_output"}`.
    Name(String),
}

/// Whom to ask. What is left out is taken from the model's row.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
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

/// What a provider said, in the unified words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) blocks: Vec<Block>,
    /// `end_turn`, `tool_use`, `max_tokens`, `stop_sequence`, `refusal`, `content_filtered`, `context_overflow`,
    /// `malformed_tool_use`, or the provider's own word.
    pub(crate) stop_reason: String,
}

/// What the model reads of a call that could not be read, where the provider says no more about it.
const UNREADABLE_CALL: &str =
    "Your last answer was a call of a tool that could not be read, so nothing was run. Call the tool again, or answer.";

impl Said {
    /// Says of each call whether it may be run, and what follows from that. `is_allowed`: the model was free to call tools.
    pub(crate) fn judged(mut self, is_allowed: bool) -> Self {
        let why = match self.stop_reason.as_str() {
            _ if !is_allowed => Some(NotRun::NotAllowed),
            "tool_use" => None,
            "malformed_tool_use" => Some(NotRun::Malformed),
            _ => Some(NotRun::CutOff),
        };
        let mut calls = 0;
        for call in self.blocks.iter_mut().filter_map(Block::as_tool_use_mut) {
            calls += 1;
            call.not_run = why.or(call.not_run);
        }
        self.stop_reason = match self.stop_reason.as_str() {
            "malformed_tool_use" if !is_allowed => "end_turn".to_owned(),
            "malformed_tool_use" => "tool_use".to_owned(),
            "tool_use" if calls == 0 || !is_allowed => "end_turn".to_owned(),
            _ => self.stop_reason,
        };
        self
    }
}

/// The reply.
#[derive(Debug, Clone, Serialize)]
pub struct Reply {
    /// What the model says.
    pub message: Message,
    /// The tools to call, in the model's order: those calls of `message` that may be run.
    pub function_calls: Vec<FunctionCall>,
    /// The conversation with the tools' results and `message`: the next call's `messages`.
    pub messages: Vec<Message>,
    /// The texts of `message`, one after the other: a state machine has no way to join them.
    pub text: String,
    /// The handles that tools have left in the conversation, oldest first.
    pub references: Vec<String>,
    /// What the call took.
    pub metadata: Metadata,
}

/// A call of a tool, without what only the conversation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields of the block that it is")]
pub struct FunctionCall {
    pub id: String,
    pub name: String,
    pub input: Value,
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
    /// How often the provider was asked.
    pub attempts: u32,
}

/// Tokens as they are billed. Zeros if the provider does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TokensUsed {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub total_tokens: u64,
    /// Of `input_tokens`.
    pub cache_read_tokens: u64,
    /// Of `input_tokens`.
    pub cache_write_tokens: u64,
    /// Of `output_tokens`.
    pub reasoning_tokens: u64,
}

impl From<Tokens> for TokensUsed {
    fn from(tokens: Tokens) -> Self {
        Self {
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            total_tokens: tokens.input.saturating_add(tokens.output),
            cache_read_tokens: tokens.cache_read,
            cache_write_tokens: tokens.cache_write,
            reasoning_tokens: tokens.reasoning,
        }
    }
}

/// What a call took, whatever was said.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) latency: Duration,
    pub(crate) tokens: Tokens,
    /// Of all attempts.
    pub(crate) cost: MicroDollars,
    pub(crate) attempts: u32,
}

impl Reply {
    pub(crate) fn new(mut messages: Vec<Message>, said: Said, origin: Origin, taken: &Taken, at: SystemTime) -> Self {
        let Said { blocks, stop_reason } = said;
        let metadata = Metadata::new(&origin, stop_reason, taken, at);
        let message = Message { role: Role::Assistant, content: Content::Blocks(blocks), origin: Some(origin) };
        let is_lost = metadata.stop_reason == "tool_use" && message.tool_uses().next().is_none();
        messages.push(message.clone());
        if is_lost {
            messages.push(Message::new(Role::User, Content::Text(UNREADABLE_CALL.to_owned())));
        }
        Self {
            function_calls: message.tool_uses().filter(|call| call.not_run.is_none()).map(FunctionCall::from).collect(),
            text: message.texts().collect(),
            references: handles::in_messages(&messages),
            message,
            messages,
            metadata,
        }
    }
}

impl Metadata {
    fn new(origin: &Origin, stop_reason: String, taken: &Taken, at: SystemTime) -> Self {
        Self {
            model_id: origin.model.clone(),
            provider_id: origin.provider.clone(),
            latency_ms: u64::try_from(taken.latency.as_millis()).unwrap_or(u64::MAX),
            tokens_used: taken.tokens.into(),
            stop_reason,
            cost_usd: taken.cost.to_string(),
            cost_micro_usd: taken.cost.0,
            completed_at: at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
            attempts: taken.attempts,
        }
    }
}

impl From<&ToolUse> for FunctionCall {
    fn from(call: &ToolUse) -> Self {
        Self { id: call.id.clone(), name: call.name.clone(), input: call.input.clone() }
    }
}
