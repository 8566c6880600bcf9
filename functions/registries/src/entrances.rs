//! A registry is asked in two ways: over HTTP, by people and programs, and by stacks.

use crate::custom_resource::{Provisioner, ResourceEvent, Stacks};
use functions_shared::{Failure, LambdaEvent, Refusal};
use http_api::{Request, Response};
use serde_json::Value;

/// What a registry answers to either.
pub trait Registry: Provisioner {
    /// A request over HTTP.
    fn respond(&self, request: &Request) -> impl Future<Output = Result<Response, Refusal>> + Send;
}

/// Answers one event of either kind; another is an `InvalidEvent`.
pub async fn answer(registry: &impl Registry, stacks: &Stacks, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let LambdaEvent { payload, context } = event;
    if ResourceEvent::is(&payload) {
        let event = serde_json::from_value(payload).map_err(|error| Failure::invalid_event(&error))?;
        return stacks.serve(&event, &context, registry).await;
    }
    let request = Request::read(payload).map_err(|error| Failure::invalid_event(&error))?;
    let response = match request {
        Ok(request) => registry.respond(&request).await,
        Err(refusal) => Err(refusal),
    };
    Ok(response.unwrap_or_else(Response::from).into_event())
}
