//! An execution's history as it is read: what each state held, and the steps that a person wants to see.

use crate::figures::StateFigures;
use crate::references::Contents;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::HistoryEvent;
use serde_json::Value;
use std::time::Duration;

/// What a state came to.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    /// Since the execution began.
    pub(crate) at: Duration,
    /// The state's name.
    pub(crate) state: String,
    pub(crate) kind: Kind,
    /// Bytes that the state gave on.
    pub(crate) bytes: usize,
    /// Bytes of the contents that those name.
    pub(crate) by_reference: u64,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    /// Something was read from a registry.
    Loaded,
    /// The model has answered.
    Turn { calls: Vec<String>, input_tokens: u64, output_tokens: u64, cost_micro_usd: u64 },
    /// A tool has returned, or is said to have failed.
    Tool { name: String, failed: bool },
}

/// What has been read so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    began: Option<DateTime>,
    states: StateFigures,
    contents: Contents,
    pub(crate) turns: usize,
    pub(crate) tools: Vec<String>,
    pub(crate) ended: bool,
}

impl Record {
    /// Takes in the next event; a step if it is one.
    pub(crate) fn take(&mut self, event: &HistoryEvent) -> Option<Step> {
        let began = *self.began.get_or_insert(event.timestamp);
        self.ended |= event.r#type.as_str().starts_with("Execution") && event.r#type.as_str() != "ExecutionStarted";
        self.states.entered += usize::from(event.state_entered_event_details().is_some());
        let held = held(event)?;
        let named = Contents::named_in(held);
        self.states.largest = self.states.largest.max(held.len());
        self.contents.add(&named);
        let exited = event.state_exited_event_details()?;
        let kind = kind(&exited.name, &serde_json::from_str(held).ok()?)?;
        match &kind {
            Kind::Turn { .. } => self.turns += 1,
            Kind::Tool { name, .. } => self.tools.push(name.clone()),
            Kind::Loaded => {}
        }
        let at = since(began, event.timestamp);
        Some(Step { at, state: exited.name.clone(), kind, bytes: held.len(), by_reference: named.bytes() })
    }

    /// What the states held, all of them together.
    pub(crate) fn states(&self) -> StateFigures {
        let (contents, bytes_by_reference) = (self.contents.count(), self.contents.bytes());
        StateFigures { contents, bytes_by_reference, ..self.states }
    }
}

/// The data of an event, if it has any: each kind that Step Functions limits.
fn held(event: &HistoryEvent) -> Option<&str> {
    let entered = || event.state_entered_event_details()?.input();
    let exited = || event.state_exited_event_details()?.output();
    let scheduled = || Some(event.task_scheduled_event_details()?.parameters());
    let succeeded = || event.task_succeeded_event_details()?.output();
    entered().or_else(exited).or_else(scheduled).or_else(succeeded)
}

/// What a state's output shows that it did.
fn kind(state: &str, output: &Value) -> Option<Kind> {
    let number = |pointer: &str| output.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    match state {
        "Load Agent" | "Load Model" | "Load Tools" => Some(Kind::Loaded),
        "Call LLM" => Some(Kind::Turn {
            calls: output["function_calls"].as_array()?.iter().map(|call| text(&call["name"])).collect(),
            input_tokens: number("/metadata/tokens_used/input_tokens"),
            output_tokens: number("/metadata/tokens_used/output_tokens"),
            cost_micro_usd: number("/metadata/cost_micro_usd"),
        }),
        _ if output["type"] == "tool_result" => {
            Some(Kind::Tool { name: text(&output["name"]), failed: output["is_error"] == true })
        }
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn since(began: DateTime, now: DateTime) -> Duration {
    Duration::from_secs_f64((now.as_secs_f64() - began.as_secs_f64()).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sfn::types::{HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails};
    use serde_json::json;

    fn event(kind: &str) -> aws_sdk_sfn::types::builders::HistoryEventBuilder {
        HistoryEvent::builder().id(1).timestamp(DateTime::from_secs(9)).r#type(HistoryEventType::from(kind))
    }

    fn exited(name: &str, output: &Value) -> HistoryEvent {
        let details = StateExitedEventDetails::builder().name(name).output(output.to_string()).build().unwrap();
        event("TaskStateExited").state_exited_event_details(details).build().unwrap()
    }

    #[test]
    fn the_largest_of_all_inputs_and_outputs_is_kept() {
        let mut record = Record::default();
        let details = StateEnteredEventDetails::builder().name("A").input("x".repeat(9)).build().unwrap();
        record.take(&event("PassStateEntered").state_entered_event_details(details).build().unwrap());
        record.take(&exited("A", &json!("xxxx")));
        assert_eq!((record.states().largest, record.states().entered), (9, 1));
    }

    #[test]
    fn a_turn_and_a_tool_are_steps_and_other_states_are_not() {
        let mut record = Record::default();
        let tokens = json!({ "input_tokens": 5, "output_tokens": 2 });
        let turn =
            json!({ "function_calls": [{ "name": "t" }], "metadata": { "tokens_used": tokens, "cost_micro_usd": 7 } });
        let step = record.take(&exited("Call LLM", &turn)).unwrap();
        let calls = vec!["t".to_owned()];
        assert_eq!(step.kind, Kind::Turn { calls, input_tokens: 5, output_tokens: 2, cost_micro_usd: 7 });
        let result = json!({ "type": "tool_result", "name": "t", "is_error": true });
        let step = record.take(&exited("Tool Failed", &result)).unwrap();
        assert_eq!(step.kind, Kind::Tool { name: "t".to_owned(), failed: true });
        assert_eq!(record.take(&exited("Count", &turn)), None);
        assert_eq!((record.turns, record.tools), (1, vec!["t".to_owned()]));
    }

    #[test]
    fn an_execution_ends_with_any_event_of_its_own_but_the_first() {
        let mut record = Record::default();
        record.take(&event("ExecutionStarted").build().unwrap());
        assert!(!record.ended);
        record.take(&event("ExecutionTimedOut").build().unwrap());
        assert!(record.ended);
    }
}
