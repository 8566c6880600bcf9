//! Metrics: one line of CloudWatch's embedded metric format on standard output for each invocation in which the extension
//! had something to do, from which CloudWatch Logs makes metrics without a call of its API.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! Every metric costs money for each function. So only the numbers that alarms and graphs need are metrics; the others are
//! plain members of the line, for queries. A metric whose value is zero is left out of the directive. So a metric that never
//! occurs is never billed, and an average is that of the invocations in which the metric occurred.
//!
//! The line is written before the runtime gets its answer, because after that Lambda may freeze the sandbox.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use long_content::store::GetError;
use long_content::store::tally::Usage;
use serde::{Serialize, Serializer};

use crate::error::FailureKind;
use crate::output::{self, Lines};

const NAMESPACE: &str = "LongContent";
const FUNCTION_NAME: &str = "FunctionName";

/// How many contents, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Distinct contents.
    pub contents: u64,
    /// Their bytes, decoded and before compression.
    pub bytes: u64,
}

impl<'a> Extend<&'a Bytes> for Amount {
    fn extend<I: IntoIterator<Item = &'a Bytes>>(&mut self, contents: I) {
        for content in contents {
            self.contents += 1;
            self.bytes += content.len() as u64;
        }
    }
}

/// Bytes of a payload before and after the proxy changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Before the change.
    pub before: usize,
    /// After the change.
    pub after: usize,
}

/// What the proxy has done for one invocation so far, event and response together. There are only numbers, so that an
/// invocation without work costs no memory, and few of them, because every invocation copies them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    /// Contents that were taken out of the response.
    pub offloaded: Amount,
    /// Contents that were put into the event.
    pub hydrated: Amount,
    /// The event, if it was hydrated.
    pub event: Option<Sizes>,
    /// The response, if it contained something to offload.
    pub response: Option<Sizes>,
    /// Responses that were sent unchanged because their contents could not be stored.
    pub fallbacks: u32,
    /// Texts of an error that look like references and could not be stored, so that their markers were broken.
    pub broken_markers: u32,
    /// References that stayed in the event because outsiders can write to its source.
    pub left_exposed: u32,
    /// Events with references inside of base64 text.
    pub left_encoded: u32,
    /// Payloads that may have contained something to replace, but are not valid JSON.
    pub left_invalid: u32,
    /// Time spent determining what to hydrate or offload.
    pub planning: Duration,
    /// Time spent waiting until other payloads left room.
    pub waiting: Duration,
    /// Time spent in the store.
    pub storing: Duration,
    /// Time spent putting contents into the event.
    pub applying: Duration,
    usage: Usage,
    kept: u32,
    refusals: u32,
    failure: Option<FailureKind>,
}

impl Work {
    /// The store was used.
    pub fn used(&mut self, usage: Usage, took: Duration) {
        self.storing += took;
        self.usage.requests += usage.requests;
        self.usage.read_units += usage.read_units;
        self.usage.write_units += usage.write_units;
        self.usage.cache_hits += usage.cache_hits;
        self.usage.saved_usd += usage.saved_usd;
    }

    /// A reference stayed in the event because its content cannot be read.
    pub fn kept(&mut self, why: &GetError) {
        self.kept += 1;
        self.refusals += u32::from(*why == GetError::Refused);
    }

    /// A reference that was refused stayed in the event.
    pub fn kept_refused(&mut self) {
        self.kept(&GetError::Refused);
    }

    /// References stayed in the event because the record around them is too large, or nested too deep.
    pub fn kept_too_large(&mut self, references: usize) {
        self.kept += references as u32;
    }

    /// The invocation failed in the proxy.
    pub fn failed(&mut self, kind: FailureKind) {
        self.refusals += u32::from(kind == FailureKind::Refused);
        self.failure = Some(kind);
    }

    /// Logs how the event was changed, if it was.
    pub fn log_event(&self, request_id: &str) {
        if let (Some(Sizes { before, after }), Amount { contents, bytes }) = (self.event, self.hydrated) {
            tracing::debug!(request_id, before, after, contents, bytes, "event hydrated");
        }
    }

    /// Logs how the response was changed, if it was.
    pub fn log_response(&self, request_id: &str) {
        if let (Some(Sizes { before, after }), Amount { contents, bytes }) = (self.response, self.offloaded) {
            tracing::debug!(request_id, before, after, contents, bytes, "response offloaded");
        }
    }

    fn is_nothing(&self) -> bool {
        self.metrics().iter().all(|metric| metric.name == STORE_TIME || metric.is_zero())
    }

    fn metrics(&self) -> [Metric; 10] {
        [
            Metric::bytes("OffloadedBytes", self.offloaded.bytes),
            Metric::bytes("HydratedBytes", self.hydrated.bytes),
            Metric { name: STORE_TIME, unit: "Milliseconds", value: millis(self.storing) },
            Metric::count("KeptReferences", self.kept.into()),
            Metric::count("Refusals", self.refusals.into()),
            Metric::count("LeftAlone", (self.left_exposed + self.left_encoded + self.left_invalid).into()),
            Metric::count("Fallbacks", self.fallbacks.into()),
            Metric::count("BrokenMarkers", self.broken_markers.into()),
            Metric::count("Failures", u64::from(self.failure.is_some())),
            Metric { name: SAVED_USD, unit: "None", value: Number::Measure(self.usage.saved_usd) },
        ]
    }

    /// The line, with its end.
    fn line(&self, function_name: Option<&str>, request_id: &str, now: SystemTime) -> Vec<u8> {
        let metrics = self.metrics();
        let dimensions: &[&[&str]] = if function_name.is_some() { &[&[FUNCTION_NAME], &[]] } else { &[&[]] };
        let directive = Directive {
            namespace: NAMESPACE,
            dimensions,
            metrics: metrics.iter().filter(|metric| !metric.is_zero()).collect(),
        };
        let line = Line {
            aws: Aws {
                timestamp: now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
                metrics: [directive],
            },
            request_id,
            function_name,
            values: Values(&metrics),
            properties: Properties::of(self),
        };
        let mut text = serde_json::to_vec(&line).expect("BUG: numbers and text are JSON");
        text.push(b'\n');
        text
    }
}

const STORE_TIME: &str = "StoreTime";

/// How much less the contents in S3 cost than they would in the table. Without a bucket, no line has this metric.
const SAVED_USD: &str = "SavedUsd";

/// A number that CloudWatch makes a metric of.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
    #[serde(skip)]
    value: Number,
}

/// A count is a whole number; a measure may have decimals.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
enum Number {
    Count(u64),
    Measure(f64),
}

impl Metric {
    fn bytes(name: &'static str, bytes: u64) -> Self {
        Self { name, unit: "Bytes", value: Number::Count(bytes) }
    }

    fn count(name: &'static str, count: u64) -> Self {
        Self { name, unit: "Count", value: Number::Count(count) }
    }

    fn is_zero(&self) -> bool {
        matches!(self.value, Number::Count(0) | Number::Measure(0.0))
    }
}

/// A line: the directive, and the members that it and queries name.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Aws<'a>,
    request_id: &'a str,
    #[serde(rename = "FunctionName", skip_serializing_if = "Option::is_none")]
    function_name: Option<&'a str>,
    #[serde(flatten)]
    values: Values<'a>,
    #[serde(flatten)]
    properties: Properties,
}

#[derive(Serialize)]
struct Aws<'a> {
    #[serde(rename = "Timestamp")]
    timestamp: u64,
    #[serde(rename = "CloudWatchMetrics")]
    metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'static str,
    dimensions: &'a [&'a [&'a str]],
    metrics: Vec<&'a Metric>,
}

/// Metrics as members of the line, by their names.
struct Values<'a>(&'a [Metric]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self.0.iter().filter(|metric| metric.name != SAVED_USD || !metric.is_zero());
        serializer.collect_map(members.map(|metric| (metric.name, metric.value)))
    }
}

/// The numbers that are no metrics, by their names in the line.
#[derive(Serialize)]
struct Properties {
    offloaded_contents: u64,
    hydrated_contents: u64,
    event_bytes_before: Option<usize>,
    event_bytes_after: Option<usize>,
    response_bytes_before: Option<usize>,
    response_bytes_after: Option<usize>,
    store_requests: u64,
    store_read_units: f64,
    store_write_units: f64,
    cache_hits: u64,
    left_exposed: u32,
    left_encoded: u32,
    left_invalid: u32,
    plan_ms: Number,
    wait_ms: Number,
    apply_ms: Number,
    failed: bool,
    error_type: Option<String>,
    version: &'static str,
}

impl Properties {
    fn of(work: &Work) -> Self {
        Self {
            offloaded_contents: work.offloaded.contents,
            hydrated_contents: work.hydrated.contents,
            event_bytes_before: work.event.map(|sizes| sizes.before),
            event_bytes_after: work.event.map(|sizes| sizes.after),
            response_bytes_before: work.response.map(|sizes| sizes.before),
            response_bytes_after: work.response.map(|sizes| sizes.after),
            store_requests: work.usage.requests,
            store_read_units: work.usage.read_units,
            store_write_units: work.usage.write_units,
            cache_hits: work.usage.cache_hits,
            left_exposed: work.left_exposed,
            left_encoded: work.left_encoded,
            left_invalid: work.left_invalid,
            plan_ms: millis(work.planning),
            wait_ms: millis(work.waiting),
            apply_ms: millis(work.applying),
            failed: work.failure.is_some(),
            error_type: work.failure.map(FailureKind::error_type),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Milliseconds with three decimals.
fn millis(duration: Duration) -> Number {
    Number::Measure(duration.as_micros() as f64 / 1000.0)
}

/// Where the lines go.
#[derive(Debug)]
pub struct Metrics {
    out: Option<&'static Lines>,
    function_name: Option<String>,
}

impl Metrics {
    /// Lines on standard output, for the function of this name.
    pub fn emf(function_name: Option<String>) -> Self {
        Self { out: Some(output::stdout()), function_name }
    }

    /// No lines.
    pub fn off() -> Self {
        Self { out: None, function_name: None }
    }

    /// Writes the line of an invocation for which the proxy did any work. It does not wait for the reader of the line.
    pub fn report(&self, request_id: &str, work: &Work) {
        let Some(out) = self.out.filter(|_| !work.is_nothing()) else { return };
        out.write(work.line(self.function_name.as_deref(), request_id, SystemTime::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn failed() -> Work {
        let mut work = Work::default();
        work.failed(FailureKind::Refused);
        work
    }

    fn line_of(work: &Work, function_name: Option<&str>, now: SystemTime) -> Value {
        serde_json::from_slice(&work.line(function_name, "id", now)).unwrap()
    }

    #[test]
    fn only_what_happened_is_a_metric() {
        let line = line_of(&failed(), Some("reader"), SystemTime::UNIX_EPOCH + Duration::from_millis(1_700));
        let directive = json!({
            "Namespace": "LongContent",
            "Dimensions": [["FunctionName"], []],
            "Metrics": [{"Name": "Refusals", "Unit": "Count"}, {"Name": "Failures", "Unit": "Count"}],
        });
        assert_eq!(line["_aws"], json!({"Timestamp": 1_700, "CloudWatchMetrics": [directive]}));
        assert_eq!((&line["FunctionName"], &line["error_type"]), (&json!("reader"), &json!("LongContent.Refused")));
        assert_eq!((&line["OffloadedBytes"], &line["event_bytes_before"]), (&json!(0), &Value::Null));
    }

    #[test]
    fn a_function_without_a_name_is_counted_in_the_whole() {
        let line = line_of(&failed(), None, SystemTime::now());
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
        assert_eq!(line.get(FUNCTION_NAME), None);
    }

    #[test]
    fn planning_and_asking_alone_is_no_work() {
        let mut work = Work { planning: Duration::from_secs(1), ..Work::default() };
        assert!(work.is_nothing());
        work.used(Usage { requests: 1, ..Usage::default() }, Duration::from_secs(1));
        assert!(work.is_nothing());
        work.kept(&GetError::NotFound);
        assert!(!work.is_nothing());
    }
}
