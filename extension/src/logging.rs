//! Logs: JSON lines on standard error, which Lambda sends to CloudWatch. They contain sizes and ids, never content.
//!
//! Only messages of our own crates are logged, whatever the level: HTTP and AWS libraries print headers, bodies and what
//! they sign, and these contain users' contents and credentials.
//!
//! Writing a line never waits for the reader of the log ([`output`]), and a line is never longer than 64 KiB.

use std::fmt::Display;
use std::io;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::output::{self, Lines, MAX_LINE};

/// The crates that may log: the extension, its binary of the same name, and the library.
const OURS: [&str; 2] = ["lrap", "long_content"];

/// Bytes that are kept of a line longer than [`MAX_LINE`]. Escaping them once more at most doubles them.
const KEPT: usize = MAX_LINE / 4;

/// Logs messages of `level` and of more important levels.
pub fn init(level: LevelFilter) {
    subscriber(level, || LogLines(output::stderr())).init();
}

/// Logs why the process ends, even if it ends before the log level is known.
pub fn last_words(error: &dyn Display) {
    let _ = subscriber(LevelFilter::INFO, || LogLines(output::stderr())).try_init();
    tracing::error!(%error, "the extension exits because of an error");
}

fn subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().json().flatten_event(true).with_writer(writer);
    let ours = Targets::new().with_targets(OURS.map(|name| (name, level)));
    tracing_subscriber::registry().with(ours).with(lines)
}

/// A writer that gets one line with each call, as the formatter writes it.
struct LogLines(&'static Lines);

impl io::Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(if line.len() > MAX_LINE { shortened(line) } else { line.to_vec() });
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces a line that is too long by a line that contains its beginning.
fn shortened(line: &[u8]) -> Vec<u8> {
    let begins = String::from_utf8_lossy(&line[..KEPT]);
    let message = "a log line was too long and was cut";
    let document = serde_json::json!({ "level": "WARN", "message": message, "bytes": line.len(), "begins": begins });
    format!("{document}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_our_own_crates_are_heard_even_at_trace() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(LevelFilter::TRACE, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "lrap::proxy", "ours");
            tracing::trace!(target: "long_content::store", "ours too");
            tracing::error!(target: "hyper::client", "theirs");
            tracing::error!(target: "aws_smithy_runtime::client", "theirs");
            tracing::error!(target: "log", "theirs");
        });
        let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(lines.contains("ours too") && lines.lines().count() == 2, "{lines}");
    }

    #[test]
    fn a_line_that_is_too_long_is_told_by_its_beginning() {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(subscriber(LevelFilter::TRACE, move || writer.clone()), || {
            tracing::warn!(target: "lrap", error = "\"é\\\u{1}".repeat(MAX_LINE), "long");
        });
        let long = lines.0.lock().unwrap().clone();
        assert!(long.len() > MAX_LINE);
        let short = shortened(&long);
        assert!(short.len() < MAX_LINE && short.ends_with(b"\n"), "{}", short.len());
        let document: serde_json::Value = serde_json::from_slice(&short).unwrap();
        assert_eq!(document["bytes"], long.len());
        assert!(document["begins"].as_str().unwrap().starts_with("{\"timestamp\""), "{document}");
    }
}
