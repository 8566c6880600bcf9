//! A runtime on a managed instance: several polls and several invocations at once.
//!
//! Each attempt at an event has an invocation id of its own. An answer that carries another one is of an earlier attempt, and is
//! refused (410), so that it cannot become the answer of a later attempt with the same request id. An answer without one is taken
//! as it is: older runtimes send none. An invocation that takes too long fails alone; its sandbox goes on.

use super::invocation::{Invocation, Invocations, Refusal, RuntimeOutcome};
use std::collections::{BTreeMap, VecDeque};

/// How many invocations that timed out are remembered, so that their late answers are told so.
const TIMED_OUT: usize = 1000;

/// The polls and the invocations of one sandbox.
#[derive(Debug)]
pub(crate) struct ManagedInstances {
    /// The most polls at once.
    max_concurrency: usize,
    has_polled: bool,
    /// Polls that wait for an event.
    polls: usize,
    /// Events that wait for a poll.
    queued: VecDeque<Invocation>,
    /// What the runtime works on, by request id.
    running: BTreeMap<String, Running>,
    timed_out: VecDeque<String>,
}

#[derive(Debug)]
struct Running {
    invocation_id: String,
    answering: bool,
    answer: Option<RuntimeOutcome>,
}

impl ManagedInstances {
    pub(crate) fn new(max_concurrency: usize) -> Self {
        Self {
            max_concurrency,
            has_polled: false,
            polls: 0,
            queued: VecDeque::new(),
            running: BTreeMap::new(),
            timed_out: VecDeque::new(),
        }
    }

    /// The attempt that an answer is for.
    fn attempt(&mut self, request_id: &str, invocation_id: Option<&str>) -> Result<&mut Running, Refusal> {
        if !self.running.contains_key(request_id) && self.forget_time_out(request_id) {
            return Err(Refusal::gone());
        }
        let running = self.running.get_mut(request_id).ok_or_else(Refusal::invalid_request_id)?;
        match invocation_id {
            Some(id) if id != running.invocation_id => Err(Refusal::gone()),
            _ => Ok(running),
        }
    }

    fn forget_time_out(&mut self, request_id: &str) -> bool {
        let known = self.timed_out.iter().position(|known| known == request_id);
        known.and_then(|index| self.timed_out.remove(index)).is_some()
    }

    fn remember_time_out(&mut self, request_id: &str) {
        self.forget_time_out(request_id);
        if self.timed_out.len() == TIMED_OUT {
            self.timed_out.pop_front();
        }
        self.timed_out.push_back(request_id.to_owned());
    }
}

impl Invocations for ManagedInstances {
    fn poll(&mut self) -> Result<(), Refusal> {
        if self.polls == self.max_concurrency {
            return Err(Refusal::internal());
        }
        self.has_polled = true;
        self.polls += 1;
        Ok(())
    }

    fn hang_up(&mut self) {
        self.polls = self.polls.saturating_sub(1);
    }

    fn take(&mut self) -> Option<Invocation> {
        let invocation = self.queued.pop_front()?;
        self.polls = self.polls.saturating_sub(1);
        let invocation_id = invocation.attempt_id.clone().unwrap_or_default();
        let running = Running { invocation_id, answering: false, answer: None };
        self.running.insert(invocation.request_id.clone(), running);
        Some(invocation)
    }

    fn begin_answer(&mut self, request_id: &str, invocation_id: Option<&str>) -> Result<Option<String>, Refusal> {
        let attempt = self.attempt(request_id, invocation_id)?;
        if attempt.answering || attempt.answer.is_some() {
            return Err(Refusal::invalid_request_id());
        }
        attempt.answering = true;
        Ok(Some(attempt.invocation_id.clone()))
    }

    fn answer(&mut self, request_id: &str, invocation_id: Option<&str>, answer: RuntimeOutcome) -> Result<(), Refusal> {
        let attempt = self.attempt(request_id, invocation_id)?;
        attempt.answering = false;
        attempt.answer = Some(answer);
        Ok(())
    }

    fn state(&self) -> String {
        if self.has_polled { "Ready" } else { "Starting" }.to_owned()
    }

    fn has_polled(&self) -> bool {
        self.has_polled
    }

    fn is_ready(&self) -> bool {
        self.polls > 0
    }

    fn add(&mut self, invocation: Invocation) {
        self.queued.push_back(invocation);
    }

    fn is_done(&self, request_id: &str) -> bool {
        self.running.get(request_id).is_some_and(|running| running.answer.is_some())
    }

    fn is_answering(&self, request_id: &str) -> bool {
        self.running.get(request_id).is_some_and(|running| running.answering)
    }

    fn finish(&mut self, request_id: &str) -> Option<RuntimeOutcome> {
        self.queued.retain(|queued| queued.request_id != request_id);
        let answer = self.running.remove(request_id)?.answer;
        if answer.is_none() {
            self.remember_time_out(request_id);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::tests::{invocation, respond, response};
    use http::StatusCode;

    fn attempt(request_id: &str, invocation_id: &str) -> Invocation {
        Invocation { attempt_id: Some(invocation_id.to_owned()), ..invocation(request_id) }
    }

    /// Polls, and takes an event with these ids.
    fn begin(state: &mut ManagedInstances, request_id: &str, invocation_id: &str) {
        state.poll().unwrap();
        state.add(attempt(request_id, invocation_id));
        assert_eq!(state.take().unwrap().request_id, request_id);
    }

    #[test]
    fn events_go_to_as_many_polls_as_there_are() {
        let mut state = ManagedInstances::new(2);
        assert!(!state.is_ready());
        for id in ["a", "b"] {
            begin(&mut state, id, id);
        }
        state.poll().unwrap();
        state.poll().unwrap();
        assert_eq!(state.poll().unwrap_err().status, StatusCode::INTERNAL_SERVER_ERROR);
        state.hang_up();
        state.poll().unwrap();
        respond(&mut state, "b", Some("b")).unwrap();
        assert!(state.is_done("b") && !state.is_done("a"));
    }

    #[test]
    fn an_answer_of_an_earlier_attempt_is_gone_and_leaves_the_current_one_alone() {
        let mut state = ManagedInstances::new(2);
        begin(&mut state, "r", "a1");
        assert!(state.finish("r").is_none(), "it timed out");
        begin(&mut state, "r", "b1");
        assert_eq!(respond(&mut state, "r", Some("a1")).unwrap_err().status, StatusCode::GONE);
        assert!(!state.is_done("r"));
        respond(&mut state, "r", Some("b1")).unwrap();
        assert!(state.finish("r").is_some());
    }

    #[test]
    fn an_answer_that_was_arriving_when_its_attempt_timed_out_is_not_the_next_ones() {
        let mut state = ManagedInstances::new(2);
        begin(&mut state, "r", "a1");
        let arriving = state.begin_answer("r", None).unwrap();
        state.finish("r");
        begin(&mut state, "r", "b1");
        assert_eq!(state.answer("r", arriving.as_deref(), response()).unwrap_err().status, StatusCode::GONE);
        assert!(!state.is_done("r"));
    }

    #[test]
    fn an_answer_without_an_invocation_id_is_taken() {
        let mut state = ManagedInstances::new(1);
        begin(&mut state, "r", "a1");
        respond(&mut state, "r", None).unwrap();
        assert_eq!(respond(&mut state, "r", None).unwrap_err().error_type, "InvalidRequestID", "but only once");
    }

    #[test]
    fn a_late_answer_is_told_so_once() {
        let mut state = ManagedInstances::new(1);
        begin(&mut state, "r", "a1");
        state.finish("r");
        assert_eq!(respond(&mut state, "r", Some("a1")).unwrap_err().error_type, "InvokeTimeout");
        assert_eq!(respond(&mut state, "r", Some("a1")).unwrap_err().error_type, "InvalidRequestID");
    }

    #[test]
    fn an_event_that_found_no_poll_in_time_is_not_handed_out_later() {
        let mut state = ManagedInstances::new(1);
        state.add(attempt("r", "a1"));
        assert!(state.finish("r").is_none());
        state.poll().unwrap();
        assert!(state.take().is_none());
        assert_eq!(respond(&mut state, "r", None).unwrap_err().error_type, "InvalidRequestID");
    }

    #[test]
    fn only_the_last_time_outs_are_remembered() {
        let mut state = ManagedInstances::new(1);
        for number in 0..=TIMED_OUT {
            begin(&mut state, &number.to_string(), "a1");
            state.finish(&number.to_string());
        }
        assert_eq!(respond(&mut state, "0", None).unwrap_err().error_type, "InvalidRequestID");
        assert_eq!(respond(&mut state, "1", None).unwrap_err().error_type, "InvokeTimeout");
    }
}
