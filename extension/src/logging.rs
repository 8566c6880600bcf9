//! Logs: JSON lines on standard error, which Lambda sends to CloudWatch. Sizes and ids, never content.
//!
//! Only what our own crates say is logged, whatever the level: HTTP and AWS libraries print headers, bodies and what they
//! sign, which are other people's contents and credentials.
//!
//! A line never waits for its reader ([`output`]), and is never longer than 64 KiB.

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

/// Bytes of a line above [`MAX_LINE`] that are kept. Escaped once more they are at most twice as many.
const KEPT: usize = MAX_LINE / 4;

/// Logs what is at least as important as `level`.
pub fn init(level: LevelFilter) {
    subscriber(level, || LogLines(output::stderr())).init();
}

/// Says why the process ends, even when it ends before the level was known.
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

/// Takes a line with each call, as the formatter writes it.
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

/// A line that is too long, as another one that holds its beginning.
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
