//! Everything that was measured. `--json` prints it as it is.

use crate::analysis::Analysis;
use anyhow::{Context, Result};
use lambda_local::table::Meter;
use long_content::reference::StoreName;
use long_content::store::cost;
use serde::Serialize;
use std::time::Duration;

/// Bytes that the state of a workflow may have: <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
pub(crate) const STATE_LIMIT: usize = 262_144;

/// The figures of one demonstration.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Figures {
    pub(crate) document: DocumentFigures,
    pub(crate) without_layer: WithoutLayer,
    /// The first with functions that had to start, the second with the same ones again.
    pub(crate) runs: Vec<Run>,
}

/// What was sent.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct DocumentFigures {
    pub(crate) name: String,
    pub(crate) origin: String,
    pub(crate) bytes: usize,
    pub(crate) sha256: String,
}

/// What the reader's answer would have been for the workflow.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct WithoutLayer {
    /// Its size.
    pub(crate) bytes: usize,
    /// Whether the state of a workflow can hold it.
    pub(crate) fits_state: bool,
    /// What Lambda itself said against it.
    pub(crate) refused_by_lambda: Option<String>,
}

/// One way from the reader to the analyser.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Run {
    pub(crate) reader: Step,
    pub(crate) analyser: Step,
    pub(crate) state: StateFigures,
    pub(crate) written: TableUse,
    pub(crate) read: TableUse,
    pub(crate) analysis: Analysis,
}

/// What the workflow held between the functions.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct StateFigures {
    pub(crate) bytes: usize,
    pub(crate) limit: usize,
    /// What stood in place of the text, if anything.
    pub(crate) reference: Option<String>,
    /// How the document became text: `utf-8` or `base64`.
    pub(crate) encoding: String,
    /// The document's hash as the reader saw it.
    pub(crate) sha256: String,
}

/// What the content table did for one function.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct TableUse {
    pub(crate) items: u64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    pub(crate) usd: f64,
    /// What a bucket would have cost for the same bytes.
    pub(crate) usd_in_s3: f64,
}

impl TableUse {
    /// Of a function that writes.
    pub(crate) fn of_writer(meter: &Meter) -> Self {
        Self::new(meter, meter.items_written, meter.bytes_written, cost::write)
    }

    /// Of a function that reads.
    pub(crate) fn of_reader(meter: &Meter) -> Self {
        Self::new(meter, meter.items_read, meter.bytes_read, cost::read)
    }

    /// Requests, units and cost are those of all that the function did: who writes may look first.
    fn new(meter: &Meter, items: u64, bytes: u64, cost: fn(StoreName, u64) -> f64) -> Self {
        let (write_units, read_units) = (meter.write_units, meter.read_units);
        Self {
            items,
            requests: meter.total_requests(),
            bytes,
            write_units,
            read_units,
            usd: cost::units(write_units, read_units),
            // What was not written or read again costs nothing there either.
            usd_in_s3: if bytes == 0 { 0.0 } else { cost(StoreName::S3, bytes) },
        }
    }
}

/// How long a function took.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Step {
    pub(crate) function: String,
    /// The start of its sandbox, extension included, if it had to start.
    pub(crate) init_ms: Option<f64>,
    /// The invocation.
    pub(crate) duration_ms: f64,
    /// From the request until the last byte of the answer.
    pub(crate) seen_by_caller_ms: f64,
    /// What its processes needed, extension included.
    pub(crate) max_memory_mb: f64,
}

impl Step {
    /// Reads Lambda's REPORT line out of the log that came with the answer.
    pub(crate) fn from_log(function: &str, log: &str, seen_by_caller: Duration) -> Result<Self> {
        let report = log.lines().rfind(|line| line.starts_with("REPORT ")).context("Lambda sent no REPORT")?;
        let figure = |name: &str, unit: &str| figure(report, name, unit);
        Ok(Self {
            function: function.to_owned(),
            init_ms: figure("Init Duration: ", " ms"),
            duration_ms: figure("Duration: ", " ms").context("REPORT without a duration")?,
            seen_by_caller_ms: seen_by_caller.as_secs_f64() * 1000.0,
            max_memory_mb: figure("Max Memory Used: ", " MB").context("REPORT without memory")?,
        })
    }
}

fn figure(report: &str, name: &str, unit: &str) -> Option<f64> {
    let value = report.split('\t').find_map(|field| field.strip_prefix(name)?.strip_suffix(unit))?;
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_from_the_last_report() {
        let log = "REPORT RequestId: a\tDuration: 9.99 ms\nhello\n\
                   REPORT RequestId: b\tDuration: 1.25 ms\tBilled Duration: 52 ms\tMemory Size: 1024 MB\t\
                   Max Memory Used: 37 MB\tInit Duration: 50.50 ms\n";
        let step = Step::from_log("f", log, Duration::from_millis(60)).expect("a report");
        assert_eq!((step.duration_ms, step.init_ms, step.max_memory_mb), (1.25, Some(50.5), 37.0));
        assert!((step.seen_by_caller_ms - 60.0).abs() < 1e-6);
        assert!(Step::from_log("f", "hello", Duration::ZERO).is_err());
    }

    #[test]
    fn costs_are_those_of_all_units_and_connections_are_free() {
        let mut meter = Meter { write_units: 1_000_000.0, read_units: 2_000_000.0, items_read: 3, ..Meter::default() };
        meter.requests.extend([(String::new(), 1), ("BatchGetItem".to_owned(), 2)]);
        let usage = TableUse::of_reader(&meter);
        assert_eq!((usage.items, usage.requests, usage.usd, usage.usd_in_s3), (3, 2, 0.875, 0.0));
    }

    #[test]
    fn a_bucket_charges_requests_where_the_table_charges_bytes() {
        let written = Meter { bytes_written: 2 << 20, write_units: 2049.0, ..Meter::default() };
        let usage = TableUse::of_writer(&written);
        assert!(usage.usd > 0.001 && usage.usd_in_s3 < 0.000_01, "{usage:?}");
    }
}
