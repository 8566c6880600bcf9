//! The entry point for OS-only runtimes in a real process: a function that finds `AWS_LAMBDA_EXEC_WRAPPER` starts itself again through the wrapper, once.

#![allow(clippy::unwrap_used, missing_docs)]

use std::process::Stdio;

use test_kit::{FakeLambda, NEXT, Reply, soon};
use tokio::process::{Child, Command};

const FUNCTION: &str = env!("CARGO_BIN_EXE_runtime-rust");
const WRAPPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wrapper.sh");

/// The function with Lambda's variables; its Runtime API is `api`.
fn function(api: &str) -> Command {
    let mut command = Command::new(FUNCTION);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("AWS_LAMBDA_RUNTIME_API", api);
    command.env("AWS_LAMBDA_FUNCTION_NAME", "os-only").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits for the poll of `function`, ends it with an answer that no runtime client survives, and gives back all that was printed. A
/// kill would miss the child of a wrapper that forks.
async fn polls_and_ends(lambda: FakeLambda, function: Child) -> (String, String) {
    let poll = format!("GET {NEXT}");
    lambda.recorded(&poll).await;
    assert_eq!(lambda.names(), [poll.as_str()], "nothing comes before it");
    let refusal = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    lambda.reply(&poll, Reply::verbatim(refusal).then_close());
    lambda.until("the end of the poll", |log| (log.closed > 0).then_some(())).await;
    lambda.vanish().await;
    let output = soon("the end of the function", function.wait_with_output()).await.unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

async fn passes_once_with(fork: &str) {
    let proxy = FakeLambda::start().await;
    let mut command = function("127.0.0.1:1");
    command.arg("an argument").env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER);
    let child = command.env("PROXY", proxy.address.to_string()).env("FORK", fork).spawn().unwrap();

    let (_, stderr) = polls_and_ends(proxy, child).await;

    let passages: Vec<_> = stderr.lines().filter(|line| line.starts_with("wrapper: ")).collect();
    assert_eq!(passages, [format!("wrapper: {FUNCTION} an argument")]);
}

#[tokio::test]
async fn a_wrapper_that_execs_is_passed_once() {
    passes_once_with("").await;
}

#[tokio::test]
async fn a_wrapper_that_forks_is_passed_once() {
    passes_once_with("1").await;
}

#[tokio::test]
async fn a_missing_wrapper_is_logged_and_the_function_runs() {
    let api = FakeLambda::start().await;
    let mut function = function(&api.address.to_string());
    let child = function.env("AWS_LAMBDA_EXEC_WRAPPER", "/no/such/wrapper").spawn().unwrap();
    let (stdout, _) = polls_and_ends(api, child).await;
    let log: serde_json::Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert!(log["fields"]["error"].as_str().unwrap().contains("/no/such/wrapper"), "{log}");
}

#[tokio::test]
async fn without_a_wrapper_the_function_runs_as_it_is() {
    let api = FakeLambda::start().await;
    let child = function(&api.address.to_string()).spawn().unwrap();
    let (stdout, _) = polls_and_ends(api, child).await;
    assert!(!stdout.contains("the wrapper was not started"), "{stdout}");
}
