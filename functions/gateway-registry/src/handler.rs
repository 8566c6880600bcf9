//! One invocation: a request of the HTTP API, or a schedule that asks for a reconciliation.

use crate::api::Asked;
use crate::deadline::Deadline;
use crate::registry::Registry;
use crate::rows::Caller;
use functions_shared::{Failure, LambdaEvent};
use http_api::{Request, Response};
use serde_json::Value;

/// Answers one event. That of a schedule is `{"reconcile": true}`, with `"dry_run": true` or without.
///
/// # Errors
/// `InvalidEvent`: the event is neither. `Unavailable`: a reconciliation could not read the table.
pub async fn handle(registry: &Registry, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let LambdaEvent { payload, context } = event;
    let deadline = Deadline::of(context.deadline());
    if payload["reconcile"] == true {
        let caller = Caller::schedule(&context.request_id);
        let reply = Box::pin(registry.reconcile(payload["dry_run"] == true, &caller, deadline)).await;
        return reply.map(|reply| reply.body).map_err(Failure::from);
    }
    let request = Request::read(payload).map_err(|error| Failure::invalid_event(&error))?;
    let response = match request {
        Ok(request) => Box::pin(registry.routed(&Asked { request, deadline })).await,
        Err(refusal) => Err(refusal),
    };
    Ok(response.unwrap_or_else(Response::from).into_event())
}
