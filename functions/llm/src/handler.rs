//! One invocation: an event is a call, which has as long as Lambda leaves it.

use crate::answered::Answered;
use functions_shared::{Diagnostic, Failure, LambdaEvent};
use model::{CallError, Llm};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Time for the reply, and for writing down what it cost.
const RESERVE: Duration = Duration::from_secs(1);

/// Serves one event.
pub(crate) async fn handle(llm: Arc<Llm>, event: LambdaEvent<Box<RawValue>>) -> Result<Answered, CallError> {
    let left = time_left(event.context.deadline);
    let call = serde_json::from_str(event.payload.get()).map_err(|error| not_a_call(&error))?;
    // Boxed: a future as deep as this one is too much for the compiler.
    Box::pin(llm.answer(call, left))
        .await
        .map(Answered::from)
        .inspect_err(|error| tracing::warn!(error.name = error.name(), %error, "call failed"))
}

/// Until Lambda ends the invocation, less what comes after the answer. A deadline of 0 is none.
fn time_left(deadline_ms: u64) -> Option<Duration> {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let deadline = Duration::from_millis(deadline_ms);
    (deadline_ms > 0).then(|| deadline.saturating_sub(since_1970).saturating_sub(RESERVE))
}

fn not_a_call(error: &serde_json::Error) -> CallError {
    CallError::InvalidRequest(Diagnostic::from(Failure::invalid_event(error)).error_message)
}
