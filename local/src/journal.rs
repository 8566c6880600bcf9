//! What the page shows of the past: the last invocations of each function, and the last lines of the log.

use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Of one function.
const INVOCATIONS: usize = 20;
const LINES: usize = 2000;
/// Lines of one answer.
const LINES_SHOWN: usize = 300;
/// Bytes that are kept of a line.
const LONGEST_LINE: usize = 4096;

/// The past of one lambda-local; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// By the function's ARN, the newest first.
    invocations: BTreeMap<String, VecDeque<Invocation>>,
    lines: VecDeque<Line>,
    number: u64,
}

/// An invocation that has ended. Times are milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    /// When it ended, in seconds since 1970.
    pub(crate) at: f64,
    pub(crate) milliseconds: f64,
    pub(crate) init: Option<f64>,
    /// Megabytes.
    pub(crate) memory: u64,
    pub(crate) error: Option<String>,
    pub(crate) log: String,
}

/// A line of the log.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    number: u64,
    at: f64,
    function: String,
    source: String,
    text: String,
}

impl Journal {
    /// Takes note of an invocation of the function with this ARN.
    pub(crate) fn invoked(&self, arn: &str, invocation: Invocation) {
        let mut kept = self.lock();
        let invocations = kept.invocations.entry(arn.to_owned()).or_default();
        invocations.push_front(invocation);
        invocations.truncate(INVOCATIONS);
    }

    /// Takes note of a line of a function.
    pub(crate) fn wrote(&self, function: &str, source: &str, text: &str) {
        let mut kept = self.lock();
        kept.number += 1;
        let line = Line {
            number: kept.number,
            at: now(),
            function: function.to_owned(),
            source: source.to_owned(),
            text: text[..text.floor_char_boundary(LONGEST_LINE)].to_owned(),
        };
        kept.lines.push_back(line);
        if kept.lines.len() > LINES {
            kept.lines.pop_front();
        }
    }

    /// The last invocations of a function, the newest first.
    pub(crate) fn invocations(&self, arn: &str) -> Vec<Invocation> {
        self.lock().invocations.get(arn).map(|found| found.iter().cloned().collect()).unwrap_or_default()
    }

    /// The last lines of a function, or of all if the name is empty; the newest first.
    pub(crate) fn lines(&self, function: &str) -> Vec<Line> {
        let kept = self.lock();
        let wanted = kept.lines.iter().rev().filter(|line| function.is_empty() || line.function == function);
        wanted.take(LINES_SHOWN).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(request_id: &str, error: Option<&str>) -> Invocation {
        let (request_id, error) = (request_id.to_owned(), error.map(ToOwned::to_owned));
        Invocation { request_id, at: now(), milliseconds: 1.5, init: None, memory: 37, error, log: "END".to_owned() }
    }

    #[test]
    fn the_newest_invocations_of_a_function_come_first_and_old_ones_are_forgotten() {
        let journal = Journal::default();
        (0..30).for_each(|number| journal.invoked("arn:f", invocation(&number.to_string(), None)));
        journal.invoked("arn:g", invocation("other", Some("Runtime.ExitError")));
        let found = journal.invocations("arn:f");
        assert_eq!((found.len(), found[0].request_id.as_str(), found[19].request_id.as_str()), (20, "29", "10"));
        assert!(found[0].error.is_none() && journal.invocations("arn:g")[0].error.is_some());
        assert!(journal.invocations("arn:h").is_empty());
    }

    #[test]
    fn lines_are_numbered_cut_and_found_by_function() {
        let journal = Journal::default();
        (0..LINES + 5).for_each(|_| journal.wrote("f", "runtime", "x"));
        journal.wrote("g", "runtime", &"ä".repeat(LONGEST_LINE));
        let found = journal.lines("g");
        assert_eq!((found.len(), found[0].number, found[0].text.len()), (1, LINES as u64 + 6, LONGEST_LINE));
        assert_eq!(journal.lines("").len(), LINES_SHOWN);
        assert_eq!(journal.lock().lines.len(), LINES);
    }
}
