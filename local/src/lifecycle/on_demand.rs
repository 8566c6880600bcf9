//! A runtime that has one invocation at a time, as in every sandbox but those of managed instances.

use super::invocation::{Invocation, Invocations, Refusal, RuntimeOutcome};

/// The runtime's state, and the invocation it was last given.
#[derive(Debug, Default)]
pub(crate) struct OnDemand {
    runtime: Runtime,
    invocation: Option<Pending>,
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
    /// Is sending its answer.
    Answering,
    /// Has answered.
    Answered,
}

#[derive(Debug)]
struct Pending {
    invocation: Invocation,
    answer: Option<RuntimeOutcome>,
}

impl OnDemand {
    fn current(&mut self, request_id: &str) -> Result<&mut Pending, Refusal> {
        let current = self.invocation.as_mut().filter(|pending| pending.invocation.request_id == request_id);
        current.ok_or_else(Refusal::invalid_request_id)
    }

    fn refuse(&self, to: &str) -> Refusal {
        Refusal::transition(&self.state(), to)
    }
}

impl Invocations for OnDemand {
    fn poll(&mut self) -> Result<(), Refusal> {
        if matches!(self.runtime, Runtime::Running | Runtime::Answering) {
            return Err(self.refuse("Ready"));
        }
        self.runtime = Runtime::Ready;
        Ok(())
    }

    /// A runtime that hung up is expected to ask again.
    fn hang_up(&mut self) {}

    fn take(&mut self) -> Option<Invocation> {
        let pending = self.invocation.as_ref().filter(|p| self.runtime == Runtime::Ready && p.answer.is_none())?;
        self.runtime = Runtime::Running;
        Some(pending.invocation.clone())
    }

    fn begin_answer(&mut self, request_id: &str, _: Option<&str>) -> Result<Option<String>, Refusal> {
        if self.runtime == Runtime::Starting {
            return Err(self.refuse("InvocationResponse"));
        }
        self.current(request_id)?;
        if self.runtime != Runtime::Running {
            return Err(self.refuse("InvocationResponse"));
        }
        self.runtime = Runtime::Answering;
        Ok(None)
    }

    fn answer(&mut self, request_id: &str, _: Option<&str>, answer: RuntimeOutcome) -> Result<(), Refusal> {
        self.current(request_id)?.answer = Some(answer);
        self.runtime = Runtime::Answered;
        Ok(())
    }

    fn state(&self) -> String {
        format!("{:?}", self.runtime)
    }

    fn has_polled(&self) -> bool {
        self.runtime != Runtime::Starting
    }

    fn is_ready(&self) -> bool {
        self.runtime == Runtime::Ready
    }

    fn add(&mut self, invocation: Invocation) {
        self.invocation = Some(Pending { invocation, answer: None });
    }

    /// An invocation lasts until the runtime asks for the next event.
    fn is_done(&self, _: &str) -> bool {
        self.is_ready() && self.invocation.as_ref().is_some_and(|pending| pending.answer.is_some())
    }

    fn is_answering(&self, _: &str) -> bool {
        self.runtime == Runtime::Answering
    }

    fn finish(&mut self, _: &str) -> Option<RuntimeOutcome> {
        self.invocation.as_ref()?.answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::tests::{invocation, respond, response};
    use http::StatusCode;

    #[test]
    fn an_event_is_handed_out_once_and_answered_once() {
        let mut state = OnDemand::default();
        state.poll().unwrap();
        state.add(invocation("a"));
        assert_eq!(state.take().unwrap().request_id, "a");
        assert!(state.take().is_none());
        assert_eq!(state.poll().unwrap_err().status, StatusCode::FORBIDDEN);
        assert_eq!(respond(&mut state, "b", None).unwrap_err().error_type, "InvalidRequestID");
        respond(&mut state, "a", None).unwrap();
        assert_eq!(respond(&mut state, "a", None).unwrap_err().error_type, "InvalidStateTransition");
        assert!(!state.is_done("a"));
        state.poll().unwrap();
        assert!(state.is_done("a") && state.take().is_none());
    }

    #[test]
    fn a_second_answer_is_refused_while_the_first_arrives() {
        let mut state = OnDemand::default();
        state.poll().unwrap();
        state.add(invocation("a"));
        state.take().unwrap();
        state.begin_answer("a", None).unwrap();
        assert!(state.is_answering("a"));
        assert_eq!(state.begin_answer("a", None).unwrap_err().error_type, "InvalidStateTransition");
        assert_eq!(state.poll().unwrap_err().status, StatusCode::FORBIDDEN);
        state.answer("a", None, response()).unwrap();
        assert!(!state.is_answering("a"));
    }
}
