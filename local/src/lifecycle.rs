//! What state a sandbox is in, and which steps the Runtime API and the Extensions API allow in it.
//!
//! Pure: requests, process exits and the sandbox's owner change it through its methods, and those who wait read it. Errors and their
//! wording are those of Lambda. What differs between sandboxes with one invocation at a time and those with several is behind
//! [`Invocations`].

mod invocation;
mod managed_instances;
mod on_demand;

pub(crate) use invocation::{Failure, Invocation, Invocations, Refusal, RuntimeOutcome};
use managed_instances::ManagedInstances;
use on_demand::OnDemand;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::process::ExitStatus;

/// The most extensions a function can have.
const MAX_EXTENSIONS: usize = 10;

/// A sandbox's state.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    /// Extensions started as processes of their own.
    external: Vec<String>,
    extensions: Vec<Extension>,
    /// Whether extensions hear of invocations: not where there are several at once.
    invoke_events: bool,
    invocations: Box<dyn Invocations>,
    failure: Option<Failure>,
    exits: Vec<(String, ExitStatus)>,
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

/// The Runtime API's side.
impl Lifecycle {
    pub(crate) fn invocations(&mut self) -> &mut dyn Invocations {
        &mut *self.invocations
    }

    /// The runtime cannot start.
    pub(crate) fn runtime_init_failed(&mut self, failure: Failure) -> Result<(), Refusal> {
        if self.invocations.has_polled() {
            return Err(Refusal::transition(&self.invocations.state(), "InitError"));
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
        self.check_events(events, external)?;
        if self.extensions.iter().any(|known| known.name == name) {
            return Err(Refusal::forbidden(
                "Extension.InvalidExtensionState",
                "Extension with this name already registered",
            ));
        }
        if self.invocations.has_polled() {
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

    fn check_events(&self, events: &[String], external: bool) -> Result<(), Refusal> {
        let allowed: &[&str] = match (external, self.invoke_events) {
            (true, true) => &["INVOKE", "SHUTDOWN"],
            (true, false) => &["SHUTDOWN"],
            (false, true) => &["INVOKE"],
            (false, false) => &[],
        };
        let refused = |message: String| Err(Refusal::forbidden("Extension.InvalidEventType", message));
        match events.iter().find(|event| !allowed.contains(&event.as_str())) {
            None => Ok(()),
            Some(_) if allowed.is_empty() => refused("No events allowed for internal extensions".to_owned()),
            Some(event) if event == "SHUTDOWN" => {
                refused("SHUTDOWN: Shutdown event is not supported for internal extensions".to_owned())
            }
            Some(event) => refused(format!("{event}: invalid event type")),
        }
    }

    fn extension(&mut self, id: &str) -> Result<&mut Extension, Refusal> {
        let unknown =
            || Refusal::forbidden("Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier");
        self.extensions.iter_mut().find(|extension| extension.id == id).ok_or_else(unknown)
    }
}

/// The side of the sandbox's owner.
impl Lifecycle {
    /// One invocation at a time, or at most `max_concurrency` as on managed instances.
    pub(crate) fn new(external: Vec<String>, max_concurrency: Option<usize>) -> Self {
        let invocations: Box<dyn Invocations> = match max_concurrency {
            None => Box::new(OnDemand::default()),
            Some(max) => Box::new(ManagedInstances::new(max)),
        };
        Self {
            external,
            extensions: Vec::new(),
            invoke_events: max_concurrency.is_none(),
            invocations,
            failure: None,
            exits: Vec::new(),
        }
    }

    /// Whether the runtime may start.
    pub(crate) fn all_registered(&self) -> bool {
        self.external.iter().all(|name| self.extensions.iter().any(|extension| extension.name == *name))
    }

    /// Whether the runtime and every extension have asked for an event: the end of init, and of an invocation.
    pub(crate) fn is_idle(&self) -> bool {
        self.invocations.is_ready() && self.extensions.iter().all(|e| e.asked && e.event.is_none())
    }

    /// Hands an event out.
    pub(crate) fn invoke(&mut self, invocation: Invocation) {
        let event = invoke_event(&invocation).to_string();
        for extension in self.extensions.iter_mut().filter(|extension| extension.invoke) {
            extension.event = Some(event.clone());
        }
        self.invocations.add(invocation);
    }

    /// Whether the invocation is over.
    pub(crate) fn is_done(&self, request_id: &str) -> bool {
        self.invocations.is_done(request_id)
    }

    /// Whether the end of a process is the end of what waits here. A response that was on its way when the runtime ended is
    /// waited for: it ends too, and what it was is then known.
    pub(crate) fn has_ended(&self, request_id: Option<&str>) -> bool {
        let answering = request_id.is_some_and(|id| self.invocations.is_answering(id));
        self.failure.is_some() || (!self.exits.is_empty() && !answering)
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
pub(crate) mod tests {
    use super::*;
    use bytes::Bytes;
    use http::StatusCode;

    pub(crate) fn invocation(request_id: &str) -> Invocation {
        Invocation {
            request_id: request_id.to_owned(),
            attempt_id: None,
            payload: Bytes::from_static(b"{}"),
            deadline_ms: 1,
            arn: "arn".into(),
            trace_id: "trace".into(),
            client_context: None,
            cognito_identity: None,
        }
    }

    pub(crate) fn response() -> RuntimeOutcome {
        RuntimeOutcome::Response(Bytes::from_static(b"1"))
    }

    /// The runtime sends a whole response.
    pub(crate) fn respond(state: &mut dyn Invocations, id: &str, invocation_id: Option<&str>) -> Result<(), Refusal> {
        let attempt = state.begin_answer(id, invocation_id)?;
        state.answer(id, attempt.as_deref(), response())
    }

    fn on_demand(external: &[&str]) -> Lifecycle {
        Lifecycle::new(external.iter().map(ToString::to_string).collect(), None)
    }

    fn events(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn init_ends_when_all_have_registered_and_asked() {
        let mut state = on_demand(&["lrap"]);
        assert!(!state.all_registered());
        let id = state.register("lrap", &events(&["SHUTDOWN"])).unwrap();
        assert!(state.all_registered());
        state.invocations().poll().unwrap();
        assert!(!state.is_idle());
        state.extension_asks(&id).unwrap();
        assert!(state.is_idle());
    }

    #[test]
    fn invoke_goes_only_to_extensions_that_registered_for_it() {
        let mut state = on_demand(&["a", "b"]);
        let a = state.register("a", &events(&["INVOKE"])).unwrap();
        let b = state.register("b", &events(&["SHUTDOWN"])).unwrap();
        for id in [&a, &b] {
            state.extension_asks(id).unwrap();
        }
        state.invocations().poll().unwrap();
        state.invoke(invocation("r"));
        assert!(state.take_event(&a).unwrap().contains("\"requestId\":\"r\""));
        assert!(state.take_event(&b).is_none());
        assert_eq!(state.shut_down("spindown", 7), ["b"]);
        assert!(state.take_event(&b).unwrap().contains("\"shutdownReason\":\"spindown\""));
    }

    #[test]
    fn registrations_are_refused_as_lambda_does() {
        let mut state = on_demand(&["known"]);
        let refused = |state: &mut Lifecycle, name: &str, wanted: &[&str]| {
            state.register(name, &events(wanted)).unwrap_err().error_type
        };
        assert_eq!(refused(&mut state, "known", &["OTHER"]), "Extension.InvalidEventType");
        assert_eq!(refused(&mut state, "internal", &["SHUTDOWN"]), "Extension.InvalidEventType");
        state.register("known", &[]).unwrap();
        assert_eq!(refused(&mut state, "known", &[]), "Extension.InvalidExtensionState");
        state.invocations().poll().unwrap();
        assert_eq!(refused(&mut state, "late", &[]), "Extension.RegistrationClosed");
        assert_eq!(state.extension_asks("nobody").unwrap_err().error_type, "Extension.UnknownExtensionIdentifier");
    }

    #[test]
    fn managed_instances_refuse_registrations_for_invoke() {
        let mut state = Lifecycle::new(vec!["lrap".into()], Some(8));
        for (name, wanted) in [("lrap", "INVOKE"), ("internal", "INVOKE"), ("internal", "SHUTDOWN")] {
            let refused = state.register(name, &events(&[wanted])).unwrap_err();
            assert_eq!((refused.status, refused.error_type), (StatusCode::FORBIDDEN, "Extension.InvalidEventType"));
        }
        state.register("lrap", &events(&["SHUTDOWN"])).unwrap();
        state.register("internal", &[]).unwrap();
    }

    #[test]
    fn an_init_error_counts_only_during_init() {
        let mut state = on_demand(&[]);
        state.runtime_init_failed(Failure::new("A", "first")).unwrap();
        state.runtime_init_failed(Failure::new("B", "second")).unwrap();
        assert_eq!(state.failure().unwrap().error_type, "A");
        state.invocations().poll().unwrap();
        assert_eq!(state.runtime_init_failed(Failure::new("C", "late")).unwrap_err().status, StatusCode::FORBIDDEN);
    }
}
