//! The table of scenarios that the state machine passes too (`local/tests/agent/scenarios.rs`).

use super::stand_ins::Script;
use super::world::World;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use test_kit::scenarios::{Outcome, scenarios};

#[tokio::test]
async fn a_turn_follows_the_rules_of_the_state_machine() {
    let world = World::new().await;
    world.put_tools().await;
    for scenario in scenarios() {
        let name = scenario.name.as_str();
        world.put_agent(name, "stand-in", &json!({ "max_iterations": 4, "timeout_seconds": 30 })).await;
        let function = world.function(name, Script::of([(name.to_owned(), scenario.turns.clone())]));
        let got = function.post(json!({ "message": format!("To {name}?") })).await;
        let body = got.json();
        let failed_calls = function.0.agent.functions.failed.load(Ordering::Relaxed);
        scenario.assert(&outcome(got.status, &body, failed_calls));
    }
}

/// A question for which nothing was left is refused, where an execution ends without an answer.
fn outcome(status: u16, body: &Value, failed_calls: usize) -> Outcome {
    if status == 429 {
        let status = "budget_exceeded".to_owned();
        return Outcome { status, stop_reason: None, answer: json!(""), iterations: 0, failed_calls };
    }
    assert_eq!(status, 200, "{body}");
    let metadata = &body["metadata"];
    Outcome {
        status: metadata["status"].as_str().unwrap().to_owned(),
        stop_reason: metadata["stop_reason"].as_str().map(str::to_owned),
        answer: body.get("output").unwrap_or(&body["message"]).clone(),
        iterations: metadata["iterations"].as_u64().unwrap(),
        failed_calls,
    }
}
