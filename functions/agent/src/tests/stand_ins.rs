//! A model that follows a script, and functions that do what their input says: as `local/tests/handlers/agent.py` does.

use crate::invocation::Invoking;
use crate::model_call::{Answering, Hear};
use model::budget::BudgetError;
use model::prices::MicroDollars;
use model::{Block, Call, CallError, Content, FunctionCall, Message, Metadata, Reply, Role, ToolResult, ToolUse};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A model whose answers are by its name.
#[derive(Debug)]
pub(super) struct Script {
    turns: Map<String, Value>,
    played: Mutex<HashMap<String, usize>>,
}

impl Script {
    /// The turns of each model.
    pub(super) fn of(turns: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self { turns: turns.into_iter().collect(), played: Mutex::default() }
    }

    fn next(&self, model: &str) -> Value {
        let mut played = self.played.lock().unwrap();
        let count = played.entry(model.to_owned()).or_default();
        *count += 1;
        self.turns[model][*count - 1].clone()
    }
}

impl Answering for Script {
    async fn answer(&self, call: Call, _: Duration, _: Option<Hear<'_>>) -> Result<Reply, CallError> {
        let turn = self.next(&call.provider_config.model_id);
        match turn["error"].as_str() {
            Some(name) => Err(error(name)),
            None => Ok(reply(call, &turn)),
        }
    }
}

fn error(name: &str) -> CallError {
    let spent = MicroDollars(0);
    let resets_at = "2026-11-22T00:00:00Z".parse().unwrap();
    let provider_id = "stand-in".to_owned();
    match name {
        "BudgetExceeded" => CallError::BudgetExceeded(BudgetError::Exceeded {
            spent,
            estimate: spent,
            cap: spent,
            reset_in_seconds: 1,
            resets_at,
        }),
        "ContextOverflow" => CallError::ContextOverflow { provider_id },
        "RateLimited" => CallError::RateLimited { provider_id, retry_after: Some(Duration::from_millis(2500)) },
        "Timeout" => CallError::Timeout { provider_id, within: Duration::from_secs(1) },
        "ProviderUnavailable" => CallError::ProviderUnavailable { provider_id, reason: "answers 500".to_owned() },
        "BadResponse" => CallError::BadResponse { provider_id, reason: "it ends too early".to_owned() },
        "ServiceUnavailable" => CallError::ServiceUnavailable("the table of costs cannot be used".to_owned()),
        other => panic!("no error {other}"),
    }
}

fn reply(call: Call, turn: &Value) -> Reply {
    let results = call.tool_results.clone().unwrap_or_default();
    let text = match turn["text"].as_str().unwrap_or_default() {
        "results" => json!(results.iter().map(shown).collect::<Vec<_>>()).to_string(),
        "offered" => offered(&call),
        "sizes" => sizes(&results),
        "event" => asked(&call).to_string(),
        text => text.to_owned(),
    };
    let mut messages = call.messages;
    if !results.is_empty() {
        messages.push(message(Role::User, results.into_iter().map(Block::ToolResult).collect()));
    }
    let calls = calls(turn);
    let said = (!text.is_empty()).then(|| Block::Text { text: text.clone(), opaque: None });
    let uses = calls.iter().map(|call| Block::ToolUse(tool_use(call)));
    let answer = message(Role::Assistant, said.into_iter().chain(uses).collect());
    messages.push(answer.clone());
    let stop = if calls.is_empty() { "end_turn" } else { "tool_use" };
    let metadata = metadata(turn["stop"].as_str().unwrap_or(stop), turn["at"].as_u64().unwrap_or(1000));
    Reply { message: answer, function_calls: calls, messages, text, references: references(turn), metadata }
}

fn message(role: Role, blocks: Vec<Block>) -> Message {
    Message { role, content: Content::Blocks(blocks), origin: None }
}

fn shown(result: &ToolResult) -> Value {
    json!({ "name": result.name, "content": result.content, "is_error": result.is_error })
}

fn offered(call: &Call) -> String {
    let mut names: Vec<&str> = call.tools.iter().flatten().map(|tool| tool.name.as_str()).collect();
    names.sort_unstable();
    listed(names.into_iter().map(Value::from))
}

fn sizes(results: &[ToolResult]) -> String {
    let size = |text: &str| if text.contains("bytes in all; handle: ") { json!("handle") } else { json!(text.len()) };
    let size = |result: &ToolResult| listed([json!(result.name), size(result.content.as_str().unwrap())]);
    format!("[{}]", results.iter().map(size).collect::<Vec<_>>().join(", "))
}

fn references(turn: &Value) -> Vec<String> {
    let listed = turn["references"].as_array().into_iter().flatten();
    listed.map(|reference| reference.as_str().unwrap().to_owned()).collect()
}

/// As Python writes a list.
fn listed(values: impl IntoIterator<Item = Value>) -> String {
    format!("[{}]", values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", "))
}

fn asked(call: &Call) -> Value {
    let choice = call.tool_choice.as_ref().map(|choice| format!("{choice:?}").to_lowercase());
    json!({
        "tool_choice": choice, "max_tokens": call.max_tokens, "temperature": call.temperature,
        "agent_name": call.agent_name, "reasoning_effort": call.reasoning_effort,
    })
}

fn calls(turn: &Value) -> Vec<FunctionCall> {
    let calls = turn["calls"].as_array().into_iter().flatten().enumerate();
    let call = |(n, call): (usize, &Value)| FunctionCall {
        id: format!("call-{n}"),
        name: call[0].as_str().unwrap().to_owned(),
        input: call[1].clone(),
    };
    calls.map(call).collect()
}

fn tool_use(FunctionCall { id, name, input }: &FunctionCall) -> ToolUse {
    let (id, name, input) = (id.clone(), name.clone(), input.clone());
    ToolUse { id, name, input, not_run: None, opaque: None, thought_signature: None }
}

fn metadata(stop_reason: &str, completed_at: u64) -> Metadata {
    let tokens = json!({ "input": 10 });
    let tokens = model::prices::Tokens { input: tokens["input"].as_u64().unwrap(), output: 2, ..Default::default() };
    Metadata {
        model_id: "m".to_owned(),
        provider_id: "stand-in".to_owned(),
        latency_ms: 1,
        tokens_used: tokens.into(),
        stop_reason: stop_reason.to_owned(),
        cost_usd: "0.000060".to_owned(),
        cost_micro_usd: 60,
        completed_at,
        attempts: 1,
    }
}

/// Functions that say that they are done, or what their input says.
#[derive(Debug, Default)]
pub(super) struct Functions {
    pub(super) failed: AtomicUsize,
    /// What they were invoked with.
    pub(super) invoked: Mutex<Vec<Value>>,
}

impl Functions {
    fn is_first_try(&self, payload: &Value) -> bool {
        let key = &payload["idempotency_key"];
        self.invoked.lock().unwrap().iter().filter(|earlier| earlier["idempotency_key"] == *key).count() == 1
    }
}

impl Invoking for Functions {
    async fn invoke(&self, _: &str, payload: Value, _: Duration) -> Result<Value, String> {
        self.invoked.lock().unwrap().push(payload.clone());
        let input = &payload["input"];
        if let Some(error) = input["fail"].as_str() {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return Err(error.to_owned());
        }
        if let Some(error) = input["first"].as_str().filter(|_| self.is_first_try(&payload)) {
            return Err(error.to_owned());
        }
        if let Some(reply) = input.get("reply") {
            return Ok(reply.clone());
        }
        let long = input["bytes"].as_u64().map(|bytes| "x".repeat(usize::try_from(bytes).unwrap()));
        let handles = || input.get("handles").map(|_| listed(payload["handles"].as_array().unwrap().clone()));
        let content = long.or_else(handles).unwrap_or_else(|| "done".to_owned());
        Ok(json!({ "type": "tool_result", "name": payload["name"], "tool_use_id": payload["id"], "content": content }))
    }
}
