//! Several invocations at once in one sandbox, as on Lambda Managed Instances.

use crate::stage::{Stage, document, function, handler, is_running, layer};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use lambda_local::{FunctionConfig, LogLine, ManagedInstances};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;

/// The test runtime with so many workers.
fn managed(max_concurrency: usize) -> FunctionConfig {
    FunctionConfig {
        command: Some(vec!["python3".into(), handler("managed.py")]),
        managed_instances: Some(ManagedInstances { max_concurrency }),
        ..function()
    }
}

fn with(variables: &[(&str, &str)], function: FunctionConfig) -> FunctionConfig {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    FunctionConfig { environment: variables.collect(), ..function }
}

/// As many of the same event at once.
async fn at_once(stage: &Stage, count: usize, event: &Value) -> Vec<Value> {
    let one = || {
        let (client, event) = (stage.client.clone(), event.clone());
        async move { document(&crate::stage::invoke(&client, &event).await) }
    };
    (0..count).map(|_| one()).collect::<JoinSet<_>>().join_all().await
}

/// A line of Lambda's own log of this type.
async fn record(stage: &mut Stage, kind: &str) -> Value {
    let LogLine { text, .. } = stage.line(&format!(r#""type":"platform.{kind}""#)).await;
    let line: Value = serde_json::from_str(&text).unwrap();
    assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    line["record"].clone()
}

#[tokio::test]
async fn invocations_overlap_in_one_sandbox() {
    let stage = Stage::with(managed(4)).await;
    // None of them returns before all of them are there.
    let processes = at_once(&stage, 4, &json!({ "do": "meet" })).await;
    assert!(processes[0].is_u64(), "{processes:?}");
    assert!(processes.iter().all(|process| *process == processes[0]), "{processes:?}");
}

#[tokio::test]
async fn a_further_sandbox_starts_when_one_is_full() {
    let stage = Stage::with(managed(2)).await;
    let mut processes: Vec<_> =
        at_once(&stage, 4, &json!({ "do": "meet" })).await.iter().map(|process| process.as_u64().unwrap()).collect();
    processes.sort_unstable();
    assert!(processes[0] == processes[1] && processes[2] == processes[3], "{processes:?}");
    assert_ne!(processes[1], processes[2]);
}

#[tokio::test]
async fn beyond_its_sandboxes_places_a_function_is_throttled() {
    let mut stage = Stage::with(with(&[("MEETING", "3")], FunctionConfig { concurrency: Some(1), ..managed(2) })).await;
    let client = stage.client.clone();
    let meet = json!({ "do": "meet" });
    let waiting = tokio::spawn(async move {
        let meet = json!({ "do": "meet" });
        tokio::join!(crate::stage::invoke(&client, &meet), crate::stage::invoke(&client, &meet))
    });
    for _ in 0..2 {
        record(&mut stage, "start").await;
    }
    let beyond = stage.client.invoke().function_name("f").payload(Blob::new(meet.to_string())).send().await;
    assert!(beyond.unwrap_err().into_service_error().is_too_many_requests_exception());
    waiting.abort();
}

#[tokio::test]
async fn the_runtime_knows_that_it_is_on_a_managed_instance() {
    let stage = Stage::with(managed(3)).await;
    let environment = stage.response(&json!({ "do": "env" })).await;
    assert_eq!(environment["AWS_LAMBDA_MAX_CONCURRENCY"], "3");
    assert_eq!(environment["AWS_LAMBDA_INITIALIZATION_TYPE"], "lambda-managed-instances");
}

#[tokio::test]
async fn events_carry_an_invocation_id_and_the_client_context_in_base64() {
    let stage = Stage::with(FunctionConfig { empty_headers: true, ..managed(1) }).await;
    let context = data_encoding::BASE64.encode(b"{\"client\":1}");
    let invoke = stage.client.invoke().function_name("f").client_context(&context);
    let output = invoke.payload(Blob::new("{\"do\":\"headers\"}")).send().await.unwrap();
    let (first, second) = (document(&output), stage.response(&json!({ "do": "headers" })).await);
    assert_eq!(first["Lambda-Runtime-Client-Context"], context);
    assert_eq!(second["Lambda-Runtime-Client-Context"], "", "empty as asked for");
    assert_eq!(second["Lambda-Runtime-Cognito-Identity"], "");
    let [first, second] = [first, second].map(|headers| headers["Lambda-Runtime-Invocation-Id"].clone());
    assert!(first.is_string() && second.is_string() && first != second, "{first} and {second}");
}

#[tokio::test]
async fn a_late_answer_is_refused_and_does_not_end_the_retry_of_its_request() {
    for kind in ["response", "error"] {
        let once = FunctionConfig { retries: 1, retry_delay: Duration::from_millis(1), ..managed(2) };
        let mut stage = Stage::with(FunctionConfig { timeout: Duration::from_secs(2), ..once }).await;
        let invoke = stage.client.invoke().function_name("f").invocation_type(InvocationType::Event);
        invoke.payload(Blob::new(json!({ "do": "late", "kind": kind }).to_string())).send().await.unwrap();
        let first = record(&mut stage, "report").await;
        assert_eq!((&first["status"], &first["errorType"]), (&json!("timeout"), &json!("Sandbox.Timedout")));
        stage.line("late answer: 410").await;
        let second = record(&mut stage, "report").await;
        assert_eq!((&second["status"], &second["requestId"]), (&json!("success"), &first["requestId"]));
    }
}

#[tokio::test]
async fn an_invocation_that_takes_too_long_fails_alone() {
    let stage = Stage::with(FunctionConfig { timeout: Duration::from_secs(2), ..managed(2) }).await;
    let process = stage.response(&json!({})).await;
    let error = document(&stage.invoke(&json!({ "do": "sleep" })).await);
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    assert_eq!(stage.response(&json!({})).await, process, "the other worker of the same sandbox");
}

#[tokio::test]
async fn a_runtime_that_exits_fails_every_invocation_in_its_sandbox() {
    let stage = Stage::with(managed(2)).await;
    let process = stage.response(&json!({})).await;
    for error in at_once(&stage, 2, &json!({ "do": "exit" })).await {
        assert_eq!(error["errorType"], "Runtime.ExitError");
    }
    let replaced = stage.response(&json!({})).await;
    assert!(replaced.is_u64() && replaced != process, "{replaced}");
}

#[tokio::test]
async fn a_response_that_breaks_off_is_a_truncated_response_there_too() {
    let stage = Stage::with(managed(1)).await;
    let error = document(&stage.invoke(&json!({ "do": "break off" })).await);
    assert_eq!(error["errorType"], "Runtime.TruncatedResponse");
    stage.response(&json!({})).await;
}

#[tokio::test]
async fn an_error_of_more_than_one_mebibyte_is_refused() {
    let mut stage = Stage::with(managed(1)).await;
    let output = stage.invoke(&json!({ "do": "error", "bytes": 1 << 20 })).await;
    assert_eq!(document(&output)["errorMessage"], "short", "the second, shorter one");
    stage.line("long error: 413").await;
    stage.invoke(&json!({ "do": "error", "bytes": (1 << 20) - 100 })).await;
    stage.line("long error: 202").await;
}

#[tokio::test]
async fn the_log_is_json_and_names_the_normalised_error_type() {
    let mut stage = Stage::with(managed(1)).await;
    let error = document(&stage.invoke(&json!({ "do": "error", "bytes": 1, "type": "LongContent.NotFound" })).await);
    assert_eq!(error["errorType"], "Own");
    assert_eq!(record(&mut stage, "initStart").await["initializationType"], "lambda-managed-instances");
    let start = record(&mut stage, "start").await;
    let report = record(&mut stage, "report").await;
    assert_eq!((&report["status"], &report["errorType"]), (&json!("error"), &json!("Runtime.Unknown")));
    assert_eq!(report["requestId"], start["requestId"]);
    assert!(report["metrics"]["durationMs"].is_f64(), "{report}");
}

#[tokio::test]
async fn a_line_of_more_than_64_kib_is_logged_in_pieces() {
    let mut stage = Stage::with(managed(1)).await;
    stage.response(&json!({ "do": "print", "bytes": 64 << 10 })).await;
    assert_eq!(stage.line("xxx").await.text, "x".repeat(64 << 10));
    assert_eq!(stage.line("end").await.text, "end");
}

#[tokio::test]
async fn extensions_cannot_register_for_invocations() {
    let layer = layer(&["old"]);
    let mut stage = Stage::with(FunctionConfig { layer: Some(layer.path().to_owned()), ..managed(1) }).await;
    let error = document(&stage.invoke(&json!({})).await);
    assert_eq!(error["errorType"], "Extension.Crash", "it takes the refusal badly");
    assert!(stage.line("registered 403").await.text.contains("Extension.InvalidEventType"));
}

#[tokio::test]
async fn an_unused_sandbox_is_shut_down_and_leaves_nothing_behind() {
    let layer = layer(&["watcher"]);
    let function = FunctionConfig { idle_timeout: Duration::from_millis(50), ..managed(2) };
    let function = with(&[("EVENTS", "SHUTDOWN")], FunctionConfig { layer: Some(layer.path().to_owned()), ..function });
    let mut stage = Stage::with(function).await;
    let process = stage.response(&json!({})).await;
    stage.line("event SHUTDOWN spindown").await;
    let next = stage.response(&json!({})).await;
    assert_ne!(next, process);
    stage.lambda.shutdown().await;
    assert!(!is_running(next.as_i64().unwrap()));
}
