//! Where log lines go: what the processes write and what the platform says about them (START, END, REPORT).

use crate::journal::Journal;
use crate::platform_log::{LogFormat, PlatformEvent};
use std::collections::VecDeque;
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Bytes of the log that `X-Amz-Log-Type: Tail` gives back.
const TAIL_BYTES: usize = 4096;

/// One line, without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The function's name.
    pub function: String,
    /// `runtime`, `platform`, or the extension's name.
    pub source: String,
    /// The line; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl fmt::Display for LogLine {
    /// `document-reader | text`, and with the source in brackets for extensions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source.as_str() {
            RUNTIME | PLATFORM => write!(f, "{} | {}", self.function, self.text),
            extension => write!(f, "{} [{extension}] | {}", self.function, self.text),
        }
    }
}

/// [`LogLine::source`] of the runtime.
pub(crate) const RUNTIME: &str = "runtime";
/// [`LogLine::source`] of lambda-local itself.
pub(crate) const PLATFORM: &str = "platform";

/// Where log lines go.
#[derive(Clone, Debug)]
pub struct Logs {
    to: Destination,
    /// What the page shows of them, and of invocations.
    pub(crate) journal: Journal,
}

#[derive(Clone, Debug)]
enum Destination {
    Print,
    Channel(UnboundedSender<LogLine>),
}

impl Logs {
    /// To standard output.
    pub fn print() -> Self {
        Self { to: Destination::Print, journal: Journal::default() }
    }

    /// To a channel. Lines are lost once its receiver is dropped.
    pub fn channel() -> (Self, UnboundedReceiver<LogLine>) {
        let (sender, receiver) = unbounded_channel();
        (Self { to: Destination::Channel(sender), journal: Journal::default() }, receiver)
    }

    fn send(&self, line: LogLine) {
        self.journal.wrote(&line.function, &line.source, &line.text);
        match &self.to {
            // A closed standard output must not stop the functions.
            Destination::Print => drop(writeln!(std::io::stdout(), "{line}")),
            // Nobody listens any more: as wanted.
            Destination::Channel(sender) => drop(sender.send(line)),
        }
    }
}

/// The log of one sandbox: passes lines on, and keeps the tail of the invocation under way.
#[derive(Debug)]
pub(crate) struct SandboxLog {
    function: String,
    logs: Logs,
    format: LogFormat,
    tail: Mutex<VecDeque<u8>>,
}

impl SandboxLog {
    /// `format` is that of Lambda's own lines; those of processes stay as they are.
    pub(crate) fn new(function: &str, logs: Logs, format: LogFormat) -> Self {
        Self { function: function.to_owned(), logs, format, tail: Mutex::default() }
    }

    pub(crate) fn platform(&self, event: &PlatformEvent) {
        for line in event.lines(self.format) {
            self.line(PLATFORM, line);
        }
    }

    pub(crate) fn line(&self, source: &str, text: String) {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(text.as_bytes());
        tail.push_back(b'\n');
        let surplus = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
        self.logs.send(LogLine { function: self.function.clone(), source: source.to_owned(), text });
    }

    /// The last 4 KB since the previous call.
    pub(crate) fn take_tail(&self) -> Vec<u8> {
        std::mem::take(&mut *self.tail.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_the_functions_name_and_the_extensions() {
        let line = |source: &str| LogLine { function: "f".into(), source: source.into(), text: "hello".into() };
        assert_eq!(line(RUNTIME).to_string(), "f | hello");
        assert_eq!(line("lrap").to_string(), "f [lrap] | hello");
    }

    #[test]
    fn the_tail_is_the_last_4096_bytes_and_is_taken_once() {
        let (logs, _lines) = Logs::channel();
        let log = SandboxLog::new("f", logs, LogFormat::Text);
        log.line(RUNTIME, "a".repeat(5000));
        log.line(RUNTIME, "end".to_owned());
        let tail = log.take_tail();
        assert_eq!(tail.len(), 4096);
        assert!(tail.ends_with(b"a\nend\n"));
        assert!(log.take_tail().is_empty());
    }
}
