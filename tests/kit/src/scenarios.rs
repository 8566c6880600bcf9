//! What a model says and what comes of it: one table for both runners of an agent, the state machine and the function `agent`. Calls that
//! want a person's approval are not in it, because only the state machine can wait for one; those that need none, although their tool does, are.
//!
//! The agents of these scenarios have at most four turns with tools and 30 seconds. They offer `good`, `foreign`, `risky` and `http_request`
//! (which want a person's approval) and `gone` (which is not there), and have `other` switched off. Of a model's turn everything is optional: `calls`
//! are `[name, input]`, `stop` is the reason of its end, `at` the second of its answer, `references` the handles in the conversation. A text of
//! `results`, `sizes`, `offered` or `event` is replaced by the results that the model was given, how long they are, the names of the tools that it
//! was offered, or how it was asked. The input of a call says what its tool does: `fail` with this error, `first` fail with it at the first
//! try, give this `reply`, give so many `bytes`, or give the `handles` that it was handed.

use serde::Deserialize;
use serde_json::{Value, json};

/// One run of an agent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Of the agent, and of its model.
    pub name: String,
    /// What the model says, one answer after another.
    pub turns: Value,
    /// What comes of it.
    pub expect: Expected,
}

/// What comes of a run. What is not there may be anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub status: String,
    pub stop_reason: Option<String>,
    /// A text, or what `print_output` was called with.
    pub answer: Option<Value>,
    pub iterations: Option<u64>,
    /// Name, content and whether it is an error, of each result that the model read.
    pub results: Option<Vec<(String, String, bool)>>,
    /// How the model was asked, in part.
    pub asked: Option<Value>,
    /// Calls of tools that were run and failed.
    pub failed_calls: Option<usize>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub status: String,
    pub stop_reason: Option<String>,
    pub answer: Value,
    pub iterations: u64,
    pub failed_calls: usize,
}

/// All of them.
pub fn scenarios() -> Vec<Scenario> {
    serde_json::from_str(include_str!("scenarios.json")).unwrap()
}

impl Scenario {
    /// Panics where the outcome is not what is expected.
    pub fn assert(&self, outcome: &Outcome) {
        let Self { name, expect, .. } = self;
        assert_eq!(outcome.status, expect.status, "{name}: {outcome:?}");
        let stated = |stated: bool| assert!(stated, "{name}: {outcome:?}, expected {expect:?}");
        stated(expect.stop_reason.is_none() || expect.stop_reason == outcome.stop_reason);
        stated(expect.iterations.is_none_or(|iterations| iterations == outcome.iterations));
        stated(expect.failed_calls.is_none_or(|calls| calls == outcome.failed_calls));
        stated(expect.answer.as_ref().is_none_or(|answer| *answer == outcome.answer));
        stated(expect.results.as_ref().is_none_or(|results| *results == results_in(&outcome.answer)));
        stated(expect.asked.as_ref().is_none_or(|asked| holds(&said(&outcome.answer), asked)));
    }
}

fn said(answer: &Value) -> Value {
    serde_json::from_str(answer.as_str().unwrap()).unwrap()
}

fn results_in(answer: &Value) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let results: Vec<Value> = serde_json::from_value(said(answer)).unwrap();
    results.iter().map(|result| (text(&result["name"]), text(&result["content"]), result["is_error"] == true)).collect()
}

fn holds(whole: &Value, part: &Value) -> bool {
    part.as_object().unwrap().iter().all(|(name, value)| whole[name] == *value)
}

/// The tools of the agents' rows.
pub fn tools() -> Value {
    let mut tools: Vec<Value> = ["good", "foreign", "risky", "http_request", "gone"]
        .map(|name| json!({ "tool_name": name, "enabled": true, "version": "latest" }))
        .into();
    tools.push(json!({ "tool_name": "other", "enabled": false, "version": "latest" }));
    Value::Array(tools)
}
