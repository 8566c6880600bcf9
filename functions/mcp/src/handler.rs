//! One invocation: an event of a Function URL or of an HTTP API is a request, which is answered before Lambda ends the invocation.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use functions_shared::{Context, Failure, LambdaEvent};
use http_api::streaming::{Answer, is_function_url};
use lambda_http::request::LambdaRequest;
use lambda_http::{Request, RequestExt};
use rmcp::ServerHandler;

use crate::answer::answer;
use crate::endpoint::{domain, respond};
use crate::invocation::Invocation;
use crate::state::State;

/// A tool that is not done by then is given up, so that the client hears of it before Lambda ends the invocation.
const MARGIN: Duration = Duration::from_secs(1);
/// How long a request may take when nobody says.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(29);

/// Answers one event. Whatever a client does wrong is a response.
///
/// # Errors
/// None: the type is that of all functions.
pub async fn handle<S: ServerHandler + Clone>(
    state: Arc<State<S>>,
    event: LambdaEvent<LambdaRequest>,
) -> Result<Answer, Failure> {
    let LambdaEvent { payload, context } = event;
    let (until, tenant) = (deadline(&context), context.tenant_id.clone());
    let request = Request::from(payload).with_lambda_context(context);
    let streams = domain(&request).is_some_and(is_function_url);
    let response = respond(&state, request, Invocation { until, tenant, streams }).await;
    Ok(answer(response, streams).await)
}

/// A deadline on the clock that timers use. One that has passed already says nothing: stand-ins for the Runtime API make one up.
fn deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
    Instant::now() + left.saturating_sub(MARGIN)
}
