//! An agent behind the real layer: `make agent` as a program, how its answers arrive, and what a long conversation costs the state and
//! the table.

mod answers;
mod families;
mod talk;

use super::stage::{built, layer, source, variable};
use serde_json::{Value, json};
use std::process::Output;
use talk::{Ended, Talk};
use tokio::process::Command;

/// What a state may hold.
const LIMIT: usize = 262_144;
/// Runs the demonstration with the default document.
async fn demonstrated(more: &[&str]) -> (Output, Value) {
    let layer = layer();
    let mut command = Command::new(built("agent-demo"));
    command.arg("--layer").arg(layer.path()).arg("--programs").arg(built("llm").parent().unwrap());
    command.args(["--interpreter", &variable("LRAP_TEST_MOTO")]);
    command.arg("--state-machine").arg(source("functions/statemachines").join("agent.asl.json"));
    // No key of this machine may choose the model.
    command.env_clear().envs(["PATH", "HOME"].map(|name| (name, variable(name))));
    let output = command.arg("--json").args(more).kill_on_drop(true).output().await.unwrap();
    let figures = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, figures)
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn e1_an_agent_answers_about_five_megabytes_and_no_state_holds_more_than_its_limit() {
    let (output, figures) = demonstrated(&["--question", "What is queued?"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert!(figures["document"]["bytes"].as_u64().unwrap() > 4_000_000, "{figures}");
    assert_eq!(figures["tools"], json!(["http_get", "document_search", "document_search"]));
    assert_eq!((&figures["turns"], &figures["output"]["status"]), (&json!(4), &json!("completed")));
    assert!(figures["output"]["answer"].as_str().unwrap().contains("What is queued?"), "{figures}");
    assert!(figures["states"]["largest"].as_u64().unwrap() <= LIMIT as u64, "{figures}");
    assert!(figures["states"]["bytes_by_reference"].as_u64().unwrap() > 4_000_000, "{figures}");
}

#[tokio::test]
async fn e1_without_the_layer_the_same_result_exceeds_the_limit_and_the_model_is_told() {
    let (output, figures) = demonstrated(&["--detached"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert_eq!((&figures["status"], &figures["too_long"]), (&json!("SUCCEEDED"), &json!(true)));
    assert_eq!((&figures["tools"], &figures["turns"]), (&json!(["http_get"]), &json!(2)));
}

#[tokio::test]
async fn e1_a_server_that_thinks_and_calls_tools_at_once_is_asked_over_the_wire() {
    let (output, figures) = demonstrated(&["--question", "What is queued?", "--url", "stand-in"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert_eq!(figures["tools"], json!(["http_get", "document_search", "document_search"]));
    assert_eq!((&figures["turns"], &figures["output"]["status"]), (&json!(3), &json!("completed")));
    assert!(figures["output"]["answer"].as_str().unwrap().contains("no model: it has read"), "{figures}");
    assert!(figures["states"]["largest"].as_u64().unwrap() <= LIMIT as u64, "{figures}");
}

/// `turns` calls of a tool that returns `bytes` bytes, one in each turn.
async fn talked(turns: usize, bytes: usize) -> Ended {
    let script = json!([{ "tool_calls": [{ "name": "note", "input": { "bytes": bytes } }], "repeat": turns }, { "text": "Done." }]);
    let talk = Talk::of(&script).await;
    let ended = talk.run(&json!({ "question": "Well?" })).await;
    assert_eq!((&ended.output["status"], &ended.output["iterations"]), (&json!("completed"), &json!(turns + 1)));
    ended.assert_fits();
    // Of each turn only the tool's result is long enough to be stored.
    assert_eq!(ended.table.items_written, turns as u64, "each message is written once");
    assert_eq!(talk.items().await, turns, "and none of them again");
    ended
}

#[tokio::test]
async fn e2_twenty_turns_write_each_message_once() {
    let ended = talked(20, 20 * 1024).await;
    assert!(ended.table.bytes_written < 20 * (20 * 1024 + 300), "{} bytes", ended.table.bytes_written);
}

#[tokio::test]
async fn e2_ninety_turns_of_four_kibibytes_fit_the_state() {
    let ended = talked(90, 4096).await;
    assert!(ended.table.bytes_written < 90 * (4096 + 300), "{} bytes", ended.table.bytes_written);
}

/// The most that the registry lets an agent be: a long prompt, ten long tools, five calls a turn, and as many turns as there may be.
#[tokio::test]
async fn e2_the_largest_agent_fits_the_state() {
    let call = json!({ "name": "note", "input": { "bytes": 5000, "why": "y".repeat(900) } });
    let calls = |n: usize| vec![call.clone(); n];
    let said = "I look further into it, since what I have read does not say. ".repeat(10);
    let script = json!([
        { "text": said, "tool_calls": calls(5), "repeat": 19 },
        { "text": said, "tool_calls": calls(1), "repeat": 81 },
        { "text": "Enough." },
    ]);
    let talk = Talk::of(&script).await;
    talk.enlarge().await;
    let ended = talk.run(&json!({ "question": "q".repeat(1000) })).await;
    assert_eq!((&ended.output["status"], &ended.output["iterations"]), (&json!("iteration_limit"), &json!(101)));
    ended.assert_fits();
    assert!(ended.events < 25_000, "{} events", ended.events);
}

#[tokio::test]
async fn a_result_that_no_state_holds_is_an_error_that_the_model_reads() {
    let calls =
        json!([{ "name": "note", "input": { "bytes": 300_000 } }, { "name": "note", "input": { "bytes": 100_000 } }]);
    let talk = Talk::of(&json!([{ "tool_calls": calls }, { "text": "Done." }])).await;
    let ended = talk.run(&json!({ "question": "Well?" })).await;
    assert_eq!(ended.output["status"], "completed");
    ended.assert_fits();
    // The other one's result came as its beginning and a handle, and is among the run's references.
    let references = ended.output["references"].as_array().unwrap();
    assert_eq!(references.len(), 1, "{references:?}");
    assert!(references[0].as_str().unwrap().ends_with(":100000"), "{references:?}");
}
