//! A program that is part of this one: told its settings, and ended with this process.
//!
//! It reads one line of JSON from its standard input and answers with one on its standard output, `{"endpoint": …}` or `{"error": …}`.
//! It ends when its standard input does, and so with this process, however this one ends.

use crate::mark::Mark;
use serde::Deserialize;
use serde_json::Value;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What else the program says, line by line.
pub(crate) type Output = BufReader<ChildStdout>;

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct ChildProgram {
    endpoint: String,
    process: Child,
    _input: ChildStdin,
}

/// Why it does not run.
#[derive(Debug)]
pub(crate) enum NotRunning {
    /// The system cannot start it.
    Start(std::io::Error),
    /// It ended without a word on standard output; standard error has said why.
    Ended,
    /// It cannot do what it was told.
    Refused(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Greeting {
    Endpoint(String),
    Error(String),
}

impl ChildProgram {
    /// Starts it and waits until it serves.
    pub(crate) async fn start(
        command: &mut Command,
        mark: &Mark,
        settings: &Value,
    ) -> Result<(Self, Output), NotRunning> {
        let mut process = spawn(command, mark).map_err(NotRunning::Start)?;
        let mut input = process.stdin.take().expect("BUG: standard input is piped");
        let mut output = BufReader::new(process.stdout.take().expect("BUG: standard output is piped"));
        // A process that ended already takes no settings and gives no greeting: the second says so.
        drop(input.write_all(format!("{settings}\n").as_bytes()).await);
        let mut greeting = String::new();
        output.read_line(&mut greeting).await.map_err(NotRunning::Start)?;
        match serde_json::from_str(&greeting) {
            Ok(Greeting::Endpoint(endpoint)) => Ok((Self { endpoint, process, _input: input }, output)),
            Ok(Greeting::Error(error)) => Err(NotRunning::Refused(error)),
            Err(_) => Err(NotRunning::Ended),
        }
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn end(mut self) -> std::io::Result<()> {
        self.process.kill().await
    }
}

/// Its standard error stays this process's: it is empty unless something is wrong with the program itself.
fn spawn(command: &mut Command, mark: &Mark) -> std::io::Result<Child> {
    let (name, value) = mark.variable();
    command
        .env(name, value)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Ctrl-C at the terminal is for this process, which then ends it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}
