//! An execution's history as it is read: what each state held, and the steps that a person wants to see.

use crate::figures::StateFigures;
use crate::references::Contents;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// An event of a history, as far as it is looked at here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HistoryEvent {
    /// Seconds since 1970.
    timestamp: f64,
    r#type: String,
    state_entered_event_details: Option<StateEntered>,
    state_exited_event_details: Option<StateExited>,
    task_scheduled_event_details: Option<TaskScheduled>,
    task_succeeded_event_details: Option<TaskSucceeded>,
}

#[derive(Debug, Deserialize)]
struct StateEntered {
    input: Option<String>,
}

#[derive(Debug, Deserialize)]
struct StateExited {
    name: String,
    output: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TaskScheduled {
    parameters: String,
}

#[derive(Debug, Deserialize)]
struct TaskSucceeded {
    output: Option<String>,
}

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
    began: Option<f64>,
    states: StateFigures,
    contents: Contents,
    pub(crate) turns: usize,
    pub(crate) tools: Vec<String>,
    /// Whether a tool gave more than a state holds.
    pub(crate) too_long: bool,
    pub(crate) ended: bool,
}

impl Record {
    /// Takes in the next event; a step if it is one.
    pub(crate) fn take(&mut self, event: &HistoryEvent) -> Option<Step> {
        let began = *self.began.get_or_insert(event.timestamp);
        self.ended |= event.r#type.starts_with("Execution") && event.r#type != "ExecutionStarted";
        self.states.entered += usize::from(event.state_entered_event_details.is_some());
        let held = held(event)?;
        let named = Contents::named_in(held);
        self.states.largest = self.states.largest.max(held.len());
        self.contents.add(&named);
        let exited = event.state_exited_event_details.as_ref()?;
        self.too_long |= exited.name == "Result Too Long";
        let kind = kind(&exited.name, &serde_json::from_str(held).ok()?)?;
        match &kind {
            Kind::Turn { .. } => self.turns += 1,
            Kind::Tool { name, .. } => self.tools.push(name.clone()),
            Kind::Loaded => {}
        }
        let at = Duration::from_secs_f64((event.timestamp - began).max(0.0));
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
    let entered = || event.state_entered_event_details.as_ref()?.input.as_deref();
    let exited = || event.state_exited_event_details.as_ref()?.output.as_deref();
    let scheduled = || Some(event.task_scheduled_event_details.as_ref()?.parameters.as_str());
    let succeeded = || event.task_succeeded_event_details.as_ref()?.output.as_deref();
    entered().or_else(exited).or_else(scheduled).or_else(succeeded)
}

/// What a state's output shows that it did.
fn kind(state: &str, output: &Value) -> Option<Kind> {
    let number = |pointer: &str| output.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    match state {
        "Load Agent" | "Load Model" | "Load Tools" => Some(Kind::Loaded),
        "Call LLM" => Some(Kind::Turn {
            calls: output["reply"]["function_calls"].as_array()?.iter().map(|call| text(&call["name"])).collect(),
            input_tokens: number("/reply/metadata/tokens_used/input_tokens"),
            output_tokens: number("/reply/metadata/tokens_used/output_tokens"),
            cost_micro_usd: number("/reply/metadata/cost_micro_usd"),
        }),
        _ if output["result"]["type"] == "tool_result" => {
            let result = &output["result"];
            Some(Kind::Tool { name: text(&result["name"]), failed: result["is_error"] == true })
        }
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: &str, name: &str, details: &Value) -> HistoryEvent {
        let event = json!({ "id": 1, "timestamp": 9.5, "type": kind, name: details });
        serde_json::from_value(event).expect("an event")
    }

    fn exited(name: &str, output: &Value) -> HistoryEvent {
        let details = json!({ "name": name, "output": output.to_string() });
        event("TaskStateExited", "stateExitedEventDetails", &details)
    }

    fn of_execution(kind: &str) -> HistoryEvent {
        event(kind, "executionDetails", &json!({}))
    }

    #[test]
    fn the_largest_of_all_inputs_and_outputs_is_kept() {
        let mut record = Record::default();
        let details = json!({ "name": "A", "input": "x".repeat(9) });
        record.take(&event("PassStateEntered", "stateEnteredEventDetails", &details));
        record.take(&exited("A", &json!("xxxx")));
        assert_eq!((record.states().largest, record.states().entered), (9, 1));
    }

    #[test]
    fn a_turn_and_a_tool_are_steps_and_other_states_are_not() {
        let mut record = Record::default();
        let tokens = json!({ "input_tokens": 5, "output_tokens": 2 });
        let metadata = json!({ "tokens_used": tokens, "cost_micro_usd": 7 });
        let turn = json!({ "reply": { "function_calls": [{ "name": "t" }], "metadata": metadata } });
        let step = record.take(&exited("Call LLM", &turn)).unwrap();
        let calls = vec!["t".to_owned()];
        assert_eq!(step.kind, Kind::Turn { calls, input_tokens: 5, output_tokens: 2, cost_micro_usd: 7 });
        let result = json!({ "result": { "type": "tool_result", "name": "t", "is_error": true } });
        let step = record.take(&exited("Tool Failed", &result)).unwrap();
        assert_eq!(step.kind, Kind::Tool { name: "t".to_owned(), failed: true });
        assert_eq!(record.take(&exited("Count", &turn)), None);
        assert_eq!((record.turns, record.tools), (1, vec!["t".to_owned()]));
    }

    #[test]
    fn an_execution_ends_with_any_event_of_its_own_but_the_first() {
        let mut record = Record::default();
        record.take(&of_execution("ExecutionStarted"));
        assert!(!record.ended);
        record.take(&of_execution("ExecutionTimedOut"));
        assert!(record.ended);
    }
}
