//! A registry is asked in two ways: over HTTP, by people and programs, and by stacks.

use crate::custom_resource::{Provisioned, ResourceEvent, Stacks};
use crate::http_api::{Request, Response};
use crate::{Failure, LambdaEvent, Refusal};
use serde_json::Value;

/// What a registry answers to either.
#[expect(async_fn_in_trait, reason = "one thread, one caller")]
pub trait Registry {
    /// A request over HTTP.
    async fn respond(&self, request: &Request) -> Result<Response, Refusal>;
    /// What a stack wants.
    async fn provision(&self, event: &ResourceEvent) -> Result<Provisioned, Refusal>;
}

/// Answers one event of either kind; another is an `InvalidEvent`.
pub async fn answer(registry: &impl Registry, stacks: &Stacks, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let LambdaEvent { payload, context } = event;
    if ResourceEvent::is(&payload) {
        let event = serde_json::from_value(payload).map_err(|error| Failure::invalid_event(&error))?;
        return stacks.serve(&event, &context, async |event| registry.provision(event).await).await;
    }
    let request = Request::read(payload).map_err(|error| Failure::invalid_event(&error))?;
    let response = match request {
        Ok(request) => registry.respond(&request).await,
        Err(refusal) => Err(refusal),
    };
    Ok(response.unwrap_or_else(Response::from).into_event())
}
