//! The Invoke API, warm and concurrent sandboxes, and what goes wrong in a function.

use crate::stage::{Stage, document, function, is_running};
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use lambda_local::FunctionConfig;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn an_event_goes_in_and_its_response_comes_out() {
    let stage = Stage::with(function()).await;
    let output = stage.invoke(&json!({ "text": "grüße" })).await;
    assert_eq!(document(&output), json!({ "text": "grüße" }));
    assert_eq!((output.status_code(), output.executed_version()), (200, Some("$LATEST")));
}

#[tokio::test]
async fn bytes_are_not_touched_on_their_way() {
    let stage = Stage::with(function()).await;
    let odd = b" {\"b\":1e400,\"a\":-0,\"a\":\"\\ud800\"}\r\n";
    let output = stage.client.invoke().function_name("f").payload(Blob::new(odd)).send().await.unwrap();
    assert_eq!(output.payload().unwrap().as_ref(), odd);
}

#[tokio::test]
async fn a_sandbox_is_used_again() {
    let mut stage = Stage::with(function()).await;
    let first = stage.response(&json!({ "do": "pid" })).await;
    assert!(stage.line("REPORT").await.text.contains("Init Duration: "));
    assert_eq!(stage.response(&json!({ "do": "pid" })).await, first);
    let report = stage.line("REPORT").await.text;
    assert!(!report.contains("Init Duration"), "{report}");
    assert!(!report.contains("Max Memory Used: 0 MB"), "{report}");
}

#[tokio::test]
async fn concurrent_invocations_have_a_sandbox_each() {
    let stage = Stage::with(function()).await;
    let fifo = stage.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let meet = |mode: &str| json!({ "do": "meet", "fifo": fifo, "mode": mode });
    let (read, write) = (meet("r"), meet("w"));
    let (first, second) = tokio::join!(stage.response(&read), stage.response(&write));
    assert_ne!(first, second);
}

#[tokio::test]
async fn beyond_its_concurrency_a_function_is_throttled() {
    let mut stage = Stage::with(FunctionConfig { concurrency: Some(1), ..function() }).await;
    let (fifo, client) = (stage.path("fifo"), stage.client.clone());
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let blocked = json!({ "do": "meet", "fifo": fifo, "mode": "r" });
    let running = tokio::spawn(async move { crate::stage::invoke(&client, &blocked).await });
    stage.line("START RequestId").await;
    let error = stage.client.invoke().function_name("f").send().await.unwrap_err();
    assert_eq!(error.code(), Some("TooManyRequestsException"));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 429);
    drop(tokio::fs::OpenOptions::new().write(true).open(&fifo).await.unwrap());
    assert_eq!(running.await.unwrap().function_error(), None);
    stage.response(&json!({ "do": "pid" })).await;
}

#[tokio::test]
async fn the_runtime_gets_the_invocations_headers() {
    let stage = Stage::with(function()).await;
    let context = data_encoding::BASE64.encode(b"{\"client\":1}");
    let invoke = stage.client.invoke().function_name("arn:aws:lambda:us-east-1:123456789012:function:f");
    let output = invoke.client_context(context).payload(Blob::new("{\"do\":\"headers\"}")).send().await.unwrap();
    let headers = document(&output);
    assert_eq!(headers["Lambda-Runtime-Client-Context"], "{\"client\":1}");
    assert!(headers["Lambda-Runtime-Invoked-Function-Arn"].as_str().unwrap().ends_with(":123456789012:function:f"));
    assert!(headers["Lambda-Runtime-Trace-Id"].as_str().unwrap().starts_with("Root=1-"));
    let deadline: u128 = headers["Lambda-Runtime-Deadline-Ms"].as_str().unwrap().parse().unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    assert!(deadline > now && deadline <= now + 30_000, "{deadline} is not within 30 s of {now}");
}

#[tokio::test]
async fn the_tail_of_the_log_comes_back_when_asked_for() {
    let stage = Stage::with(function()).await;
    let event = json!({ "do": "print", "text": "hello" }).to_string();
    let invoke = stage.client.invoke().function_name("f").log_type(LogType::Tail).payload(Blob::new(event));
    let output = invoke.send().await.unwrap();
    let tail = data_encoding::BASE64.decode(output.log_result().unwrap().as_bytes()).unwrap();
    let tail = String::from_utf8(tail).unwrap();
    for part in ["START RequestId: ", "\nhello\n", "\nerr hello\n", "END RequestId: ", "REPORT RequestId: "] {
        assert!(tail.contains(part), "{part:?} is missing in {tail}");
    }
}

#[tokio::test]
async fn lines_are_prefixed_with_the_functions_name() {
    let mut stage = Stage::with(function()).await;
    stage.response(&json!({ "do": "print", "text": "hello" })).await;
    assert_eq!(stage.line("hello").await.to_string(), "f | hello");
}

#[tokio::test]
async fn a_function_error_is_unhandled_and_leaves_the_sandbox_alive() {
    let stage = Stage::with(function()).await;
    let before = stage.response(&json!({ "do": "pid" })).await;
    let output = stage.invoke(&json!({ "do": "error" })).await;
    assert_eq!(output.function_error(), Some("Unhandled"));
    assert_eq!(document(&output), json!({ "errorType": "Own", "errorMessage": "as asked" }));
    assert_eq!(stage.response(&json!({ "do": "pid" })).await, before);
}

#[tokio::test]
async fn an_unknown_function_is_not_found() {
    let stage = Stage::with(function()).await;
    for (name, qualifier) in [("g", None), ("f", Some("PROD"))] {
        let invoke = stage.client.invoke().function_name(name).set_qualifier(qualifier.map(str::to_owned));
        let error = invoke.send().await.unwrap_err().into_service_error();
        assert!(error.is_resource_not_found_exception(), "{error:?}");
    }
}

#[tokio::test]
async fn a_dry_run_runs_nothing() {
    let mut stage = Stage::with(function()).await;
    let invoke = stage.client.invoke().function_name("f").invocation_type(InvocationType::DryRun);
    assert_eq!(invoke.send().await.unwrap().status_code(), 204);
    stage.response(&json!({ "do": "pid" })).await;
    assert!(stage.lines.recv().await.unwrap().text.starts_with("INIT_START"), "the first line is of the second call");
}

#[tokio::test]
async fn an_event_invocation_is_accepted_and_carried_out() {
    let mut stage = Stage::with(function()).await;
    let event = json!({ "do": "print", "text": "in the background" }).to_string();
    let invoke = stage.client.invoke().function_name("f").invocation_type(InvocationType::Event);
    assert_eq!(invoke.payload(Blob::new(event)).send().await.unwrap().status_code(), 202);
    stage.line("in the background").await;
}

#[tokio::test]
async fn a_failed_event_invocation_is_tried_three_times_with_one_id() {
    let mut stage = Stage::with(FunctionConfig { retry_delay: Duration::from_millis(1), ..function() }).await;
    let invoke = stage.client.invoke().function_name("f").invocation_type(InvocationType::Event);
    invoke.payload(Blob::new("{\"do\":\"error\"}")).send().await.unwrap();
    let first = stage.line("START RequestId").await;
    for _ in 0..2 {
        assert_eq!(stage.line("START RequestId").await, first);
    }
    stage.line("END").await;
    stage.response(&json!({ "do": "pid" })).await;
    assert_ne!(stage.line("START RequestId").await, first, "there is no fourth try");
}

#[tokio::test]
async fn a_timeout_ends_the_sandbox_and_the_next_invocation_has_a_new_one() {
    let short = FunctionConfig { timeout: Duration::from_millis(500), concurrency: Some(1), ..function() };
    let mut stage = Stage::with(short).await;
    let before = stage.response(&json!({ "do": "pid" })).await;
    let output = stage.invoke(&json!({ "do": "sleep" })).await;
    assert_eq!(output.function_error(), Some("Unhandled"));
    let error = document(&output);
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("Error: Task timed out after 0.50 seconds"), "{error}");
    stage.line("Status: timeout").await;
    assert_ne!(stage.response(&json!({ "do": "pid" })).await, before);
    stage.lambda.shutdown().await;
    assert!(!is_running(before.as_i64().unwrap()));
}

#[tokio::test]
async fn a_runtime_that_exits_is_reported_and_replaced() {
    let stage = Stage::with(function()).await;
    for (code, words) in
        [(3, "Runtime exited with error: exit status 3"), (0, "Runtime exited without providing a reason")]
    {
        let error = document(&stage.invoke(&json!({ "do": "exit", "code": code })).await);
        assert_eq!(error["errorType"], "Runtime.ExitError");
        assert!(error["errorMessage"].as_str().unwrap().ends_with(words), "{error}");
    }
    stage.response(&json!({ "do": "pid" })).await;
}

#[tokio::test]
async fn an_init_error_is_what_the_runtime_posted() {
    let environment = [("INIT".to_owned(), "error".to_owned())].into();
    let stage = Stage::with(FunctionConfig { environment, ..function() }).await;
    let output = stage.invoke(&json!({})).await;
    assert_eq!(output.function_error(), Some("Unhandled"));
    assert_eq!(document(&output), json!({ "errorType": "Own.Init", "errorMessage": "cannot start" }));
}

#[tokio::test]
async fn a_runtime_that_exits_during_init_or_cannot_start_is_an_error_of_its_own() {
    let environment = [("INIT".to_owned(), "exit".to_owned())].into();
    let stage = Stage::with(FunctionConfig { environment, ..function() }).await;
    let error = document(&stage.invoke(&json!({})).await);
    assert_eq!(error["errorType"], "Runtime.ExitError");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("exit status 3"), "{error}");

    let stage = Stage::with(FunctionConfig { command: Some(vec!["no-such-program".into()]), ..function() }).await;
    let error = document(&stage.invoke(&json!({})).await);
    assert_eq!(error["errorType"], "Runtime.InvalidEntrypoint");
}

#[tokio::test]
async fn requests_beyond_lambdas_limits_are_refused() {
    let stage = Stage::with(function()).await;
    let text = |bytes: usize| Blob::new(format!("{{\"x\":\"{}\"}}", "x".repeat(bytes - 8)));
    let invoke = stage.client.invoke().function_name("f");
    let at_limit = invoke.clone().payload(text(6 << 20)).send().await.unwrap();
    assert_eq!(at_limit.payload().unwrap().as_ref().len(), 6 << 20);
    let beyond = invoke.clone().payload(text((6 << 20) + 1)).send().await.unwrap_err().into_service_error();
    assert!(beyond.is_request_too_large_exception(), "{beyond:?}");
    let event = invoke.invocation_type(InvocationType::Event).payload(text((1 << 20) + 1));
    assert!(event.send().await.unwrap_err().into_service_error().is_request_too_large_exception());
}

#[tokio::test]
async fn a_response_beyond_six_mebibytes_fails_and_the_runtime_learns_it() {
    let mut stage = Stage::with(function()).await;
    let limit = 6 * 1024 * 1024 + 100;
    let fits = stage.invoke(&json!({ "do": "big", "bytes": limit })).await;
    assert_eq!(fits.payload().unwrap().as_ref().len(), limit);
    let error = document(&stage.invoke(&json!({ "do": "big", "bytes": limit + 1 })).await);
    let message = "Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes).";
    assert_eq!(error, json!({ "errorType": "Function.ResponseSizeTooLarge", "errorMessage": message }));
    stage.line("response refused: 413").await;
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let stage = Stage::with(function()).await;
    let invoke = stage.client.invoke().function_name("f").payload(Blob::new("{"));
    assert!(invoke.send().await.unwrap_err().into_service_error().is_invalid_request_content_exception());
}

#[tokio::test]
async fn in_process_invocations_hand_over_any_bytes() {
    let stage = Stage::with(function()).await;
    let invoked = stage.lambda.invoke("f", "raw").await.unwrap();
    assert_eq!((invoked.payload.as_ref(), invoked.function_error), (&b"raw"[..], None));
    assert!(invoked.report.init_duration.is_some());
}

#[tokio::test]
async fn a_streamed_response_is_collected_and_its_trailers_can_fail_it() {
    let stage = Stage::with(function()).await;
    let streamed = json!({ "do": "stream", "chunks": ["\"a", "b\""] });
    assert_eq!(stage.response(&streamed).await, "ab");
    let body = data_encoding::BASE64.encode(b"{\"errorType\":\"Late\"}");
    let trailers = json!({ "Lambda-Runtime-Function-Error-Type": "Late", "Lambda-Runtime-Function-Error-Body": body });
    let output = stage.invoke(&json!({ "do": "stream", "chunks": ["\"a"], "trailers": trailers })).await;
    assert_eq!(output.function_error(), Some("Unhandled"));
    assert_eq!(document(&output), json!({ "errorType": "Late" }));
}

#[tokio::test]
async fn a_response_that_breaks_off_is_a_truncated_response_at_once() {
    let stage = Stage::with(function()).await;
    let before = stage.response(&json!({ "do": "pid" })).await;
    for event in [json!({ "do": "break off" }), json!({ "do": "break off", "mode": "streaming" })] {
        let output = stage.invoke(&event).await;
        assert_eq!(output.function_error(), Some("Unhandled"));
        assert_eq!(document(&output)["errorType"], "Runtime.TruncatedResponse", "{event}");
    }
    assert_eq!(stage.response(&json!({ "do": "pid" })).await, before, "the runtime goes on");
}

#[tokio::test]
async fn a_runtime_that_dies_within_its_response_leaves_a_truncated_response() {
    let mut stage = Stage::with(function()).await;
    let error = document(&stage.invoke(&json!({ "do": "break off", "code": 3 })).await);
    assert_eq!(error["errorType"], "Runtime.TruncatedResponse");
    assert!(stage.line("REPORT").await.text.ends_with("\tStatus: error\tError Type: Runtime.TruncatedResponse"));
    stage.response(&json!({ "do": "pid" })).await;
}

#[tokio::test]
async fn only_streaming_spelt_so_is_a_response_mode() {
    let mut stage = Stage::with(function()).await;
    for mode in ["Streaming", "buffered"] {
        let output = stage.invoke(&json!({ "do": "mode", "mode": mode })).await;
        assert_eq!(document(&output)["errorType"], "Runtime.InvalidResponseModeHeader");
        stage.line("mode: 400").await;
    }
    for mode in ["streaming", ""] {
        assert_eq!(stage.response(&json!({ "do": "mode", "mode": mode })).await, 1);
    }
}

#[tokio::test]
async fn the_reports_error_type_is_the_headers_and_normalised() {
    let stage = Stage::with(function()).await;
    for (given, reported) in [
        ("Function.LongContentNotFound", "Function.LongContentNotFound"),
        ("Runtime.Own", "Runtime.Own"),
        ("Function.LongContent.NotFound", "Function.Unknown"),
        ("LongContent.NotFound", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ] {
        let event = json!({ "do": "error", "type": given }).to_string();
        let invoked = stage.lambda.invoke("f", event).await.unwrap();
        assert_eq!(invoked.report.error_type.as_deref(), Some(reported), "{given:?}");
        let document: Value = serde_json::from_slice(&invoked.payload).unwrap();
        assert_eq!(document["errorType"], "Own", "the caller's document stays as it is");
    }
    assert_eq!(stage.lambda.invoke("f", "{}").await.unwrap().report.error_type, None);
}

#[tokio::test]
async fn an_init_error_is_logged_with_a_normalised_type() {
    let init = [("INIT".to_owned(), "error".to_owned())].into();
    let mut stage = Stage::with(FunctionConfig { environment: init, ..function() }).await;
    let error = document(&stage.invoke(&json!({})).await);
    assert_eq!(error["errorType"], "Own.Init");
    assert!(stage.line("INIT_REPORT").await.text.ends_with("\tError Type: Runtime.Unknown"));
}

#[tokio::test]
async fn absent_headers_of_an_event_can_be_empty_ones() {
    for (empty_headers, sent) in [(false, json!(null)), (true, json!(""))] {
        let stage = Stage::with(FunctionConfig { empty_headers, ..function() }).await;
        let headers = stage.response(&json!({ "do": "headers" })).await;
        for name in ["Lambda-Runtime-Client-Context", "Lambda-Runtime-Cognito-Identity"] {
            assert_eq!(headers[name], sent, "{name}");
        }
        assert_eq!(headers["Lambda-Runtime-Invocation-Id"], json!(null));
    }
}

#[tokio::test]
async fn misuse_of_the_runtime_api_is_answered_as_lambda_does() {
    let mut stage = Stage::with(function()).await;
    let answers = stage.response(&json!({ "do": "misuse" })).await;
    assert_eq!((&answers[0][0], &answers[1][0]), (&json!(400), &json!(403)));
    let error: Value = serde_json::from_str(answers[0][1].as_str().unwrap()).unwrap();
    assert_eq!(error, json!({ "errorType": "InvalidRequestID", "errorMessage": "Invalid request ID" }));
    stage.response(&json!({ "do": "answer twice" })).await;
    stage.line("second answer: 403").await;
}
