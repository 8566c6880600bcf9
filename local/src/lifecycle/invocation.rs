//! An invocation as the runtime sees it, what came of it, and what a sandbox does with one or several of them.

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use std::fmt::Debug;

/// The runtime's polls, and the invocations it works on.
pub(crate) trait Invocations: Debug + Send + Sync {
    /// The runtime asks for the next event.
    fn poll(&mut self) -> Result<(), Refusal>;
    /// A poll ended without an event.
    fn hang_up(&mut self);
    /// The event for a poll, once.
    fn take(&mut self) -> Option<Invocation>;
    /// The runtime begins to send a response or an error. The invocation id of the attempt that it is for, if attempts have one.
    fn begin_answer(&mut self, request_id: &str, invocation_id: Option<&str>) -> Result<Option<String>, Refusal>;
    /// What was begun is complete, or broke off.
    fn answer(&mut self, request_id: &str, invocation_id: Option<&str>, answer: RuntimeOutcome) -> Result<(), Refusal>;
    /// A word for error messages.
    fn state(&self) -> String;
    /// Whether the runtime has asked for an event, ever: its init is over.
    fn has_polled(&self) -> bool;
    /// Whether the runtime waits for an event.
    fn is_ready(&self) -> bool;
    /// Hands an event out.
    fn add(&mut self, invocation: Invocation);
    /// Whether the invocation is over.
    fn is_done(&self, request_id: &str) -> bool;
    /// Whether its answer is on its way.
    fn is_answering(&self, request_id: &str) -> bool;
    /// Ends the invocation. Its answer, if there is one.
    fn finish(&mut self, request_id: &str) -> Option<RuntimeOutcome>;
}

/// One event on its way to the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    /// The invocation id, of this attempt only; on managed instances.
    pub(crate) attempt_id: Option<String>,
    pub(crate) payload: Bytes,
    /// Milliseconds since 1970.
    pub(crate) deadline_ms: u128,
    pub(crate) arn: String,
    pub(crate) trace_id: String,
    pub(crate) client_context: Option<Vec<u8>>,
    pub(crate) cognito_identity: Option<Vec<u8>>,
}

/// What the runtime made of an event.
#[derive(Clone, Debug)]
pub(crate) enum RuntimeOutcome {
    Response(Bytes),
    Error(Failure),
}

/// A function error: its type as logs and metrics have it, and the document that the caller gets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) error_type: String,
    pub(crate) document: Bytes,
}

impl Failure {
    /// One that the platform found, in the platform's form.
    pub(crate) fn new(error_type: &str, message: &str) -> Self {
        let document = json!({ "errorType": error_type, "errorMessage": message });
        Self { error_type: error_type.to_owned(), document: Bytes::from(document.to_string()) }
    }
}

/// A request that the state does not allow.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) error_type: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn forbidden(error_type: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, error_type, message: message.into() }
    }

    pub(crate) fn bad_request(error_type: &'static str, message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error_type, message: message.to_owned() }
    }

    pub(crate) fn invalid_request_id() -> Self {
        Self::bad_request("InvalidRequestID", "Invalid request ID")
    }

    /// The answer comes too late.
    pub(super) fn gone() -> Self {
        Self { status: StatusCode::GONE, error_type: "InvokeTimeout", message: "Invoke timeout".to_owned() }
    }

    pub(super) fn internal() -> Self {
        let message = "Internal Server Error".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, error_type: "InternalServerError", message }
    }

    pub(super) fn transition(from: &str, to: &str) -> Self {
        let message =
            format!("State transition from {from} to {to} failed for runtime. Error: State transition is not allowed");
        Self::forbidden("InvalidStateTransition", message)
    }
}
