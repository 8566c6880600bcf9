//! One invocation: a model's call becomes a tool result, whatever happens; an operator's list is a list, or a failure with its reason.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use functions_content::{Asking, LONGEST, preview, unmarked};
use functions_shared::{Context, Failure, LambdaEvent};
use http_guard::{FetchError, Target};
use rmcp::model::Tool;
use serde_json::{Value, json};
use tokio::time::timeout_at;

use crate::error::CallError;
use crate::event::{Call, Server};
use crate::remote::{Remote, description_of, schema_of};
use crate::result_text;
use crate::state::State;

/// A server that has not answered by then is given up, so that the model hears of it before Lambda ends the invocation.
const MARGIN: Duration = Duration::from_secs(2);
/// How long a call may take when nobody says.
const WITHOUT_DEADLINE: Duration = Duration::from_mins(1);

/// Answers one event. What goes wrong with a call is in the answer, in words for the model.
///
/// # Errors
/// `InvalidEvent`: it is neither a call nor `{"type": "list"}`. `ServerUnavailable`: a server's tools cannot be listed.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let LambdaEvent { payload, context } = event;
    let until = deadline(&context);
    if payload["type"] == "list" {
        let server = Server::listed(payload).map_err(|error| Failure::invalid_event(&error))?;
        let tools = in_time(until, Box::pin(list(&state, &server))).await;
        return tools.map_err(|error| Failure::new("ServerUnavailable", readable(&error.to_string())));
    }
    let call: Call = serde_json::from_value(payload).map_err(|error| Failure::invalid_event(&error))?;
    let asking = Asking { tenant: context.tenant_id.as_deref(), until };
    let (content, is_error) = match in_time(until, Box::pin(answer(&state, &call, asking))).await {
        Ok((content, is_error)) => (content, is_error),
        Err(error) => {
            tracing::warn!(tool = call.name, reason = error.logged(), "a call of a server's tool failed");
            (readable(&error.to_string()), true)
        }
    };
    Ok(
        json!({ "type": "tool_result", "name": call.name, "tool_use_id": call.id, "content": content, "is_error": is_error }),
    )
}

/// A deadline on the clock that timers use. One that has passed already says nothing: stand-ins for the Runtime API make one up.
fn deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
    Instant::now() + left.saturating_sub(MARGIN)
}

async fn in_time<T>(until: Instant, work: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    timeout_at(until.into(), work).await.unwrap_or(Err(CallError::Late))
}

async fn answer(state: &State, call: &Call, asking: Asking<'_>) -> Result<(String, bool), CallError> {
    let remote = Remote::connect(state, &call.server()?).await?;
    remote.check(&call.remote_name, &call.remote_digest).await?;
    let result = remote.call(&call.remote_name, call.input.clone().unwrap_or_default()).await?;
    let is_error = result.is_error == Some(true);
    Ok((short(state, result_text::of(&result), asking).await?, is_error))
}

/// The text itself, or what a model sees of a longer one. Without a content table there is no other place for it.
async fn short(state: &State, text: String, asking: Asking<'_>) -> Result<String, CallError> {
    match &state.contents {
        Some(contents) if text.len() > LONGEST => {
            let handle = contents.put(Bytes::from(text.clone()), asking).await?;
            Ok(readable(&preview(&text, handle)))
        }
        _ => Ok(readable(&text)),
    }
}

/// A server's text, in which nothing reads like a reference: the layer would open it.
fn readable(text: &str) -> String {
    match unmarked(&Value::from(text)) {
        Value::String(text) => text,
        _ => unreachable!("BUG: a text stays one"),
    }
}

async fn list(state: &State, server: &Server) -> Result<Value, CallError> {
    let endpoint = Target::parse(&server.endpoint, &state.allowed).map_err(FetchError::from)?;
    let tools = Remote::connect(state, server).await?.tools().await?;
    let tools: Vec<_> = tools.iter().map(listed).collect();
    Ok(unmarked(&json!({ "endpoint": endpoint.as_str(), "tools": tools })))
}

fn listed(tool: &Tool) -> Value {
    json!({
        "remote_name": tool.name,
        "description": description_of(tool),
        "input_schema": schema_of(tool),
        "output_schema": tool.output_schema,
    })
}
