//! The real program without its variables: what it says to the Runtime API, and to the log.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};

/// The request line and the body of the first request, which is accepted.
fn first_request(listener: &TcpListener) -> (String, Value) {
    let (mut connection, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(connection.try_clone().unwrap());
    let (mut head, mut line) = (Vec::new(), String::new());
    while lines.read_line(&mut line).unwrap() > 2 {
        head.push(std::mem::take(&mut line));
    }
    let length =
        head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    lines.read_exact(&mut body).unwrap();
    connection.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
    (head.remove(0), serde_json::from_slice(&body).unwrap())
}

#[test]
fn a_missing_variable_stops_the_start_and_is_named_in_one_line() {
    let runtime_api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut function = Command::new(env!("CARGO_BIN_EXE_agent-registry"));
    function.env_clear().env("AWS_LAMBDA_RUNTIME_API", runtime_api.local_addr().unwrap().to_string());
    function
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_REGION", "eu-central-1");
    function.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").env("TOOL_REGISTRY_TABLE_NAME", "tools").env("STAGE", "dev");
    let function = function.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    let (request, body) = first_request(&runtime_api);
    let output = function.wait_with_output().unwrap();

    let reason = "the variable AGENT_REGISTRY_TABLE_NAME is not set";
    assert_eq!(request, "POST /2018-06-01/runtime/init/error HTTP/1.1\r\n");
    assert_eq!((&body["errorType"], &body["errorMessage"]), (&"InvalidVariable".into(), &reason.into()));
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stdout).unwrap();
    let line: Value = serde_json::from_str(log.trim_end()).expect("one line of JSON");
    assert!(line["fields"]["error"].as_str().unwrap().contains(reason), "{line}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
