//! The real program without its variables: what it says to the Runtime API, and to the log.

use serde_json::Value;
use std::process::Stdio;
use test_kit::FakeLambda;
use tokio::process::Command;

#[tokio::test]
async fn a_missing_variable_stops_the_start_and_is_named_in_one_line() {
    let lambda = FakeLambda::start().await;
    let mut function = Command::new(env!("CARGO_BIN_EXE_webapi"));
    function.env_clear().env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string());
    function.env("AWS_LAMBDA_FUNCTION_NAME", "f").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    function.env("AWS_REGION", "eu-central-1").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").env("STAGE", "dev");
    let output = function.stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.unwrap();

    let reason = "the variable DYNAMODB_TABLE_NAME is not set";
    let body = lambda.recorded("POST /2018-06-01/runtime/init/error").await.json();
    assert_eq!((&body["errorType"], &body["errorMessage"]), (&"InvalidVariable".into(), &reason.into()));
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stdout).unwrap();
    let line: Value = serde_json::from_str(log.trim_end()).expect("one line of JSON");
    assert!(line["fields"]["error"].as_str().unwrap().contains(reason), "{line}");
}
