//! The OS-only door with a real process: a function that finds `AWS_LAMBDA_EXEC_WRAPPER` goes through it, once.

#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const FUNCTION: &str = env!("CARGO_BIN_EXE_runtime-rust");
const WRAPPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wrapper.sh");
/// How long a process may take to do what it does in milliseconds, before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(30);

/// A listener on loopback that stands for a Runtime API.
fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// The function with Lambda's variables; its Runtime API is `api`.
fn function(api: &str) -> Command {
    let mut command = Command::new(FUNCTION);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("AWS_LAMBDA_RUNTIME_API", api);
    command.env("AWS_LAMBDA_FUNCTION_NAME", "door").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The first line of the first request that reaches `listener`; the connection stays open as a long poll's does.
fn first_request(listener: TcpListener) -> (String, TcpStream) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (connection, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&connection).read_line(&mut line).unwrap();
        sender.send((line, connection)).unwrap();
    });
    receiver.recv_timeout(PATIENCE).expect("the function polls this Runtime API")
}

/// Ends the poll with an answer that no runtime client survives, and gives back all that was printed. A kill would miss the
/// child of a wrapper that forks.
fn end(mut child: Child, mut poll: TcpStream) -> (String, String) {
    poll.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    drop(poll);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    child.wait().unwrap();
    (stdout, stderr)
}

fn passes_once_with(fork: &str) {
    let (proxy, address) = listener();
    let mut command = function("127.0.0.1:1");
    command.arg("an argument").env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER).env("PROXY", &address).env("FORK", fork);
    let child = command.spawn().unwrap();

    let (request, poll) = first_request(proxy);
    let (_, stderr) = end(child, poll);

    assert!(request.starts_with("GET /2018-06-01/runtime/invocation/next "), "{request}");
    let passages: Vec<_> = stderr.lines().filter(|line| line.starts_with("wrapper: ")).collect();
    assert_eq!(passages, [format!("wrapper: {FUNCTION} an argument")]);
}

#[test]
fn a_wrapper_that_execs_is_passed_once() {
    passes_once_with("");
}

#[test]
fn a_wrapper_that_forks_is_passed_once() {
    passes_once_with("1");
}

#[test]
fn a_missing_wrapper_is_logged_and_the_function_runs() {
    let (api, address) = listener();
    let child = function(&address).env("AWS_LAMBDA_EXEC_WRAPPER", "/no/such/wrapper").spawn().unwrap();
    let (request, poll) = first_request(api);
    let (stdout, _) = end(child, poll);
    assert!(request.starts_with("GET /2018-06-01/runtime/invocation/next "), "{request}");
    let log: serde_json::Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert!(log["fields"]["error"].as_str().unwrap().contains("/no/such/wrapper"), "{log}");
}

#[test]
fn without_a_wrapper_the_function_runs_as_it_is() {
    let (api, address) = listener();
    let child = function(&address).spawn().unwrap();
    let (request, poll) = first_request(api);
    let (stdout, _) = end(child, poll);
    assert!(request.starts_with("GET /2018-06-01/runtime/invocation/next "), "{request}");
    assert!(!stdout.contains("wrapper not passed"), "{stdout}");
}
