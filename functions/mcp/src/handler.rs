//! One invocation: an event of a Function URL or of an HTTP API is a request, which is answered before Lambda ends the invocation.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use functions_shared::{Context, Failure, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service, service_fn};
use serde::Serialize;

use crate::endpoint;
use crate::invocation::Invocation;
use crate::state::State;

/// A tool that is not done by then is given up, so that the client hears of it before Lambda ends the invocation.
const MARGIN: Duration = Duration::from_secs(1);
/// How long a request may take when nobody says.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(29);

/// Answers one event. Whatever a client does wrong is a response.
pub async fn handle(
    state: Arc<State>,
    event: LambdaEvent<LambdaRequest>,
) -> Result<impl Serialize + Send + use<>, Failure> {
    let until = deadline(&event.context);
    let tenant = event.context.tenant_id.clone();
    let respond = service_fn(|request| async {
        Ok::<_, Failure>(endpoint::respond(&state, request, Invocation { until, tenant: tenant.clone() }).await)
    });
    Adapter::from(respond).call(event).await
}

/// A deadline on the clock that timers use. One that has passed already says nothing: stand-ins for the Runtime API make one up.
fn deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
    Instant::now() + left.saturating_sub(MARGIN)
}
