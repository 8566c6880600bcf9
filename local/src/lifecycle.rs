//! What state a sandbox is in, and which steps the Runtime API and the Extensions API allow in it.
//!
//! Pure: requests, process exits and the sandbox's owner change it through its methods, whoever waits looks at it. Errors and their
//! wording are those of Lambda.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use std::process::ExitStatus;

/// The most extensions a function can have.
const MAX_EXTENSIONS: usize = 10;

/// A sandbox's state.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    /// Extensions started as processes of their own.
    external: Vec<String>,
    extensions: Vec<Extension>,
    runtime: Runtime,
    invocation: Option<Pending>,
    failure: Option<Failure>,
    exits: Vec<(String, ExitStatus)>,
}

#[derive(Debug, Default, PartialEq, Clone, Copy)]
enum Runtime {
    /// Has not asked for an event yet.
    #[default]
    Starting,
    /// Has asked for the next event.
    Ready,
    /// Has an event and owes the answer.
    Running,
    /// Has answered.
    Answered,
}

#[derive(Debug)]
struct Extension {
    id: String,
    name: String,
    invoke: bool,
    shutdown: bool,
    /// Has asked for the next event.
    asked: bool,
    event: Option<String>,
}

/// One event on its way to the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    pub(crate) payload: Bytes,
    /// Milliseconds since 1970.
    pub(crate) deadline_ms: u128,
    pub(crate) arn: String,
    pub(crate) trace_id: String,
    pub(crate) client_context: Option<Vec<u8>>,
    pub(crate) cognito_identity: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Pending {
    invocation: Invocation,
    answer: Option<Answer>,
}

/// What the runtime made of an event.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Response(Bytes),
    Error(Failure),
}

/// A function error: the document that the caller gets.
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

    fn transition(from: Runtime, to: &str) -> Self {
        let message = format!(
            "State transition from {from:?} to {to} failed for runtime. Error: State transition is not allowed"
        );
        Self::forbidden("InvalidStateTransition", message)
    }
}

/// The Runtime API's side.
impl Lifecycle {
    /// The runtime asks for the next event.
    pub(crate) fn runtime_asks(&mut self) -> Result<(), Refusal> {
        if self.runtime == Runtime::Running {
            return Err(Refusal::transition(self.runtime, "Ready"));
        }
        self.runtime = Runtime::Ready;
        Ok(())
    }

    /// The event for a runtime that has asked, once.
    pub(crate) fn take_invocation(&mut self) -> Option<Invocation> {
        let pending = self.invocation.as_ref().filter(|p| self.runtime == Runtime::Ready && p.answer.is_none())?;
        self.runtime = Runtime::Running;
        Some(pending.invocation.clone())
    }

    /// The runtime's response or error for an event.
    pub(crate) fn answer(&mut self, request_id: &str, answer: Answer) -> Result<(), Refusal> {
        if self.runtime == Runtime::Starting {
            return Err(Refusal::transition(self.runtime, "InvocationResponse"));
        }
        let current = self.invocation.as_mut().filter(|p| p.invocation.request_id == request_id);
        let current = current.ok_or_else(|| Refusal::bad_request("InvalidRequestID", "Invalid request ID"))?;
        if self.runtime != Runtime::Running {
            return Err(Refusal::transition(self.runtime, "InvocationResponse"));
        }
        current.answer = Some(answer);
        self.runtime = Runtime::Answered;
        Ok(())
    }

    /// The runtime cannot start.
    pub(crate) fn runtime_init_failed(&mut self, failure: Failure) -> Result<(), Refusal> {
        if self.runtime != Runtime::Starting {
            return Err(Refusal::transition(self.runtime, "InitError"));
        }
        self.failure.get_or_insert(failure);
        Ok(())
    }
}

/// The Extensions API's side.
impl Lifecycle {
    /// An extension registers; its id.
    pub(crate) fn register(&mut self, name: &str, events: &[String]) -> Result<String, Refusal> {
        let external = self.external.iter().any(|known| known == name);
        check_events(events, external)?;
        if self.extensions.iter().any(|known| known.name == name) {
            return Err(Refusal::forbidden(
                "Extension.InvalidExtensionState",
                "Extension with this name already registered",
            ));
        }
        if self.runtime != Runtime::Starting {
            return Err(Refusal::forbidden("Extension.RegistrationClosed", "Extension registration closed already"));
        }
        if self.extensions.len() == MAX_EXTENSIONS {
            return Err(Refusal::forbidden(
                "Extension.TooManyExtensions",
                format!("Extension limit ({MAX_EXTENSIONS}) reached"),
            ));
        }
        let id = uuid::Uuid::new_v4().to_string();
        let has = |event: &str| events.iter().any(|wanted| wanted == event);
        let (invoke, shutdown) = (has("INVOKE"), has("SHUTDOWN"));
        let name = name.to_owned();
        self.extensions.push(Extension { id: id.clone(), name, invoke, shutdown, asked: false, event: None });
        Ok(id)
    }

    /// An extension asks for its next event.
    pub(crate) fn extension_asks(&mut self, id: &str) -> Result<(), Refusal> {
        self.extension(id)?.asked = true;
        Ok(())
    }

    /// Its event, once.
    pub(crate) fn take_event(&mut self, id: &str) -> Option<String> {
        let extension = self.extension(id).ok()?;
        let event = extension.event.take()?;
        extension.asked = false;
        Some(event)
    }

    /// An extension reports that it cannot go on (`init/error`, `exit/error`).
    pub(crate) fn extension_failed(&mut self, id: &str, failure: Failure) -> Result<(), Refusal> {
        self.extension(id)?;
        self.failure.get_or_insert(failure);
        Ok(())
    }

    fn extension(&mut self, id: &str) -> Result<&mut Extension, Refusal> {
        let unknown =
            || Refusal::forbidden("Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier");
        self.extensions.iter_mut().find(|extension| extension.id == id).ok_or_else(unknown)
    }
}

fn check_events(events: &[String], external: bool) -> Result<(), Refusal> {
    let allowed: &[&str] = if external { &["INVOKE", "SHUTDOWN"] } else { &["INVOKE"] };
    match events.iter().find(|event| !allowed.contains(&event.as_str())) {
        None => Ok(()),
        Some(event) if event == "SHUTDOWN" => Err(Refusal::forbidden(
            "Extension.InvalidEventType",
            "SHUTDOWN: Shutdown event is not supported for internal extensions",
        )),
        Some(event) => Err(Refusal::forbidden("Extension.InvalidEventType", format!("{event}: invalid event type"))),
    }
}

/// The side of the sandbox's owner.
impl Lifecycle {
    pub(crate) fn with_extensions(external: Vec<String>) -> Self {
        Self { external, ..Self::default() }
    }

    /// Whether the runtime may start.
    pub(crate) fn all_registered(&self) -> bool {
        self.external.iter().all(|name| self.extensions.iter().any(|extension| extension.name == *name))
    }

    /// Whether the runtime and every extension have asked for an event: the end of init, and of an invocation.
    pub(crate) fn is_idle(&self) -> bool {
        self.runtime == Runtime::Ready && self.extensions.iter().all(|e| e.asked && e.event.is_none())
    }

    /// Hands an event out.
    pub(crate) fn invoke(&mut self, invocation: Invocation) {
        let event = invoke_event(&invocation).to_string();
        for extension in self.extensions.iter_mut().filter(|extension| extension.invoke) {
            extension.event = Some(event.clone());
        }
        self.invocation = Some(Pending { invocation, answer: None });
    }

    /// Whether the runtime has answered and asked for more.
    pub(crate) fn runtime_is_done(&self) -> bool {
        self.runtime == Runtime::Ready && self.answered().is_some()
    }

    /// The runtime's answer to the invocation under way.
    pub(crate) fn answered(&self) -> Option<&Answer> {
        self.invocation.as_ref()?.answer.as_ref()
    }

    /// What a process reported about itself.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub(crate) fn exited(&mut self, source: String, status: ExitStatus) {
        self.exits.push((source, status));
    }

    /// The first process that ended, and how.
    pub(crate) fn first_exit(&self) -> Option<&(String, ExitStatus)> {
        self.exits.first()
    }

    /// Whether extensions run as processes of their own here.
    pub(crate) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Sends SHUTDOWN to the extensions that want it; the names of those.
    pub(crate) fn shut_down(&mut self, reason: &str, deadline_ms: u128) -> Vec<String> {
        let event = json!({ "eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms }).to_string();
        let concerned = self.extensions.iter_mut().filter(|extension| extension.shutdown);
        concerned
            .map(|extension| {
                extension.event = Some(event.clone());
                extension.name.clone()
            })
            .collect()
    }
}

fn invoke_event(invocation: &Invocation) -> Value {
    json!({
        "eventType": "INVOKE",
        "deadlineMs": invocation.deadline_ms,
        "requestId": invocation.request_id,
        "invokedFunctionArn": invocation.arn,
        "tracing": { "type": "X-Amzn-Trace-Id", "value": invocation.trace_id },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(request_id: &str) -> Invocation {
        Invocation {
            request_id: request_id.to_owned(),
            payload: Bytes::from_static(b"{}"),
            deadline_ms: 1,
            arn: "arn".into(),
            trace_id: "trace".into(),
            client_context: None,
            cognito_identity: None,
        }
    }

    fn response() -> Answer {
        Answer::Response(Bytes::from_static(b"1"))
    }

    fn events(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn init_ends_when_all_have_registered_and_asked() {
        let mut state = Lifecycle::with_extensions(vec!["lrap".into()]);
        assert!(!state.all_registered());
        let id = state.register("lrap", &events(&["SHUTDOWN"])).unwrap();
        assert!(state.all_registered());
        state.runtime_asks().unwrap();
        assert!(!state.is_idle());
        state.extension_asks(&id).unwrap();
        assert!(state.is_idle());
    }

    #[test]
    fn an_event_is_handed_out_once_and_answered_once() {
        let mut state = Lifecycle::default();
        state.runtime_asks().unwrap();
        state.invoke(invocation("a"));
        assert_eq!(state.take_invocation().unwrap().request_id, "a");
        assert!(state.take_invocation().is_none());
        assert_eq!(state.runtime_asks().unwrap_err().status, StatusCode::FORBIDDEN);
        assert_eq!(state.answer("b", response()).unwrap_err().error_type, "InvalidRequestID");
        state.answer("a", response()).unwrap();
        assert_eq!(state.answer("a", response()).unwrap_err().error_type, "InvalidStateTransition");
        assert!(!state.runtime_is_done());
        state.runtime_asks().unwrap();
        assert!(state.runtime_is_done() && state.take_invocation().is_none());
    }

    #[test]
    fn invoke_goes_only_to_extensions_that_registered_for_it() {
        let mut state = Lifecycle::with_extensions(vec!["a".into(), "b".into()]);
        let a = state.register("a", &events(&["INVOKE"])).unwrap();
        let b = state.register("b", &events(&["SHUTDOWN"])).unwrap();
        for id in [&a, &b] {
            state.extension_asks(id).unwrap();
        }
        state.runtime_asks().unwrap();
        state.invoke(invocation("r"));
        assert!(state.take_event(&a).unwrap().contains("\"requestId\":\"r\""));
        assert!(state.take_event(&b).is_none());
        assert_eq!(state.shut_down("spindown", 7), ["b"]);
        assert!(state.take_event(&b).unwrap().contains("\"shutdownReason\":\"spindown\""));
    }

    #[test]
    fn registrations_are_refused_as_lambda_does() {
        let mut state = Lifecycle::with_extensions(vec!["known".into()]);
        let refused = |state: &mut Lifecycle, name: &str, wanted: &[&str]| {
            state.register(name, &events(wanted)).unwrap_err().error_type
        };
        assert_eq!(refused(&mut state, "known", &["OTHER"]), "Extension.InvalidEventType");
        assert_eq!(refused(&mut state, "internal", &["SHUTDOWN"]), "Extension.InvalidEventType");
        state.register("known", &[]).unwrap();
        assert_eq!(refused(&mut state, "known", &[]), "Extension.InvalidExtensionState");
        state.runtime_asks().unwrap();
        assert_eq!(refused(&mut state, "late", &[]), "Extension.RegistrationClosed");
        assert_eq!(state.extension_asks("nobody").unwrap_err().error_type, "Extension.UnknownExtensionIdentifier");
    }

    #[test]
    fn an_init_error_counts_only_during_init() {
        let mut state = Lifecycle::default();
        state.runtime_init_failed(Failure::new("A", "first")).unwrap();
        state.runtime_init_failed(Failure::new("B", "second")).unwrap();
        assert_eq!(state.failure().unwrap().error_type, "A");
        state.runtime_asks().unwrap();
        assert_eq!(state.runtime_init_failed(Failure::new("C", "late")).unwrap_err().status, StatusCode::FORBIDDEN);
    }
}
