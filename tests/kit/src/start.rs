//! A function that does not start: what it says to the Runtime API, and to the log.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::FakeLambda;

/// Where the Runtime API is told of it.
const INIT_ERROR: &str = "POST /2018-06-01/runtime/init/error";

/// Starts a program with these variables and no others, and asserts that it ends with this reason: one request to the Runtime API, one line in
/// the log, exit status 1.
pub async fn refuses_to_start(program: &str, variables: &[(&str, &str)], reason: &str) {
    let lambda = FakeLambda::start().await;
    let mut function = Command::new(program);
    function.env_clear().env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string()).env("AWS_REGION", "eu-central-1");
    function.env("AWS_LAMBDA_FUNCTION_NAME", "f").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    function.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").envs(variables.iter().copied());
    let output = function.stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.unwrap();

    assert_eq!(lambda.names(), [INIT_ERROR]);
    let body = lambda.recorded(INIT_ERROR).await.json();
    assert_eq!((&body["errorType"], &body["errorMessage"]), (&"InvalidVariable".into(), &reason.into()));
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stdout).unwrap();
    let line: Value = serde_json::from_str(log.trim_end()).expect("one line of JSON");
    assert!(line["fields"]["error"].as_str().unwrap().contains(reason), "{line}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
