//! What is known of a run when it has ended.

use demo::Document;
use lambda_local::table::Meter;
use serde::Serialize;
use serde_json::Value;

/// The most that a state of Step Functions may hold.
pub(crate) const STATE_LIMIT: usize = 262_144;

/// A run, from the outside.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct Figures {
    pub(crate) question: String,
    pub(crate) document: DocumentFigures,
    /// Whether the functions ran without the layer.
    pub(crate) detached: bool,
    /// `provider model`.
    pub(crate) model: String,
    /// Of the execution: `SUCCEEDED`, `FAILED` …
    pub(crate) status: String,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    /// The execution's output, if it has one.
    pub(crate) output: Option<Value>,
    pub(crate) states: StateFigures,
    /// Calls of the model.
    pub(crate) turns: usize,
    /// The tools that were called, in order.
    pub(crate) tools: Vec<String>,
    /// Whether a tool gave more than a state holds.
    pub(crate) too_long: bool,
    pub(crate) table: TableFigures,
    pub(crate) seconds: f64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct DocumentFigures {
    pub(crate) name: String,
    /// Where it comes from, for people.
    pub(crate) origin: String,
    /// Of the page that holds it.
    pub(crate) bytes: usize,
}

impl DocumentFigures {
    pub(crate) fn of(document: &Document, bytes: usize) -> Self {
        let cut = if bytes < document.bytes { format!("the first {bytes} bytes of ") } else { String::new() };
        Self { name: document.name.clone(), origin: format!("{cut}{}", document.origin), bytes }
    }
}

/// What the states held.
#[derive(Debug, Default, Serialize)]
pub(crate) struct StateFigures {
    /// States that were entered.
    pub(crate) entered: usize,
    /// Bytes of the largest input, output, parameters or result.
    pub(crate) largest: usize,
    /// How many distinct contents were named in them.
    pub(crate) contents: usize,
    /// The contents' bytes.
    pub(crate) bytes_by_reference: u64,
}

/// What the content table did, at DynamoDB's on-demand list prices in us-east-1.
#[derive(Debug, Default, Serialize)]
pub(crate) struct TableFigures {
    pub(crate) items_written: u64,
    pub(crate) bytes_written: u64,
    pub(crate) items_read: u64,
    pub(crate) bytes_read: u64,
    pub(crate) usd: f64,
}

/// US dollars for a million units.
const WRITE_UNITS: f64 = 0.625;
const READ_UNITS: f64 = 0.125;

impl TableFigures {
    pub(crate) fn of(meter: &Meter) -> Self {
        Self {
            items_written: meter.items_written,
            bytes_written: meter.bytes_written,
            items_read: meter.items_read,
            bytes_read: meter.bytes_read,
            usd: (meter.write_units * WRITE_UNITS + meter.read_units * READ_UNITS) / 1e6,
        }
    }
}

impl Figures {
    /// The error of the execution and its cause, as far as there are any.
    pub(crate) fn why(&self) -> String {
        match (self.error.as_deref(), self.cause.as_deref()) {
            (Some(error), Some(cause)) => format!("{error}: {}", message(cause)),
            (error, cause) => error.or(cause).unwrap_or("-").to_owned(),
        }
    }

    /// What is not as it should be; nothing if all is well.
    pub(crate) fn problems(&self) -> Vec<String> {
        let wrong_end = || format!("the execution ended as {}: {}", self.status, self.why());
        if self.detached && !self.too_long {
            return vec![format!("expected a result that is too long without the layer, but {}", wrong_end())];
        }
        let status = self.output.as_ref().and_then(|output| output["status"].as_str()).unwrap_or("none");
        let rules = [
            (self.status != "SUCCEEDED", wrong_end()),
            (self.status == "SUCCEEDED" && status != "completed", format!("the agent has no answer: {status}")),
            (self.states.largest > STATE_LIMIT, format!("a state held {} bytes", self.states.largest)),
        ];
        rules.into_iter().filter_map(|(wrong, problem)| wrong.then_some(problem)).collect()
    }
}

/// What a person reads of a cause: the message, if it is the error document of a function.
fn message(cause: &str) -> String {
    let document: Value = serde_json::from_str(cause).unwrap_or_default();
    document["errorMessage"].as_str().unwrap_or(cause).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answered() -> Figures {
        Figures { status: "SUCCEEDED".to_owned(), output: Some(json!({ "status": "completed" })), ..Figures::default() }
    }

    fn failed(error: &str) -> Figures {
        Figures { status: "FAILED".to_owned(), error: Some(error.to_owned()), ..Figures::default() }
    }

    #[test]
    fn with_the_layer_a_run_ends_in_an_answer() {
        assert_eq!(answered().problems(), [""; 0]);
        assert_eq!(failed("Timeout").problems(), ["the execution ended as FAILED: Timeout"]);
        let cause = json!({ "errorType": "SecretMissing", "errorMessage": "no key" }).to_string();
        let caused = Figures { cause: Some(cause), ..failed("SecretMissing") };
        assert_eq!(caused.problems(), ["the execution ended as FAILED: SecretMissing: no key"]);
        let stopped = Figures { output: Some(json!({ "status": "iteration_limit" })), ..answered() };
        assert_eq!(stopped.problems(), ["the agent has no answer: iteration_limit"]);
    }

    #[test]
    fn no_state_may_hold_more_than_its_limit() {
        let holding = |largest| Figures { states: StateFigures { largest, ..StateFigures::default() }, ..answered() };
        assert_eq!(holding(STATE_LIMIT).problems(), [""; 0]);
        assert_eq!(holding(STATE_LIMIT + 1).problems(), ["a state held 262145 bytes"]);
    }

    #[test]
    fn without_the_layer_a_result_is_too_long() {
        let detached = |too_long| Figures { detached: true, too_long, ..answered() };
        assert_eq!(detached(true).problems(), [""; 0]);
        let problem = "expected a result that is too long without the layer, but the execution ended as SUCCEEDED: -";
        assert_eq!(detached(false).problems(), [problem]);
    }
}
