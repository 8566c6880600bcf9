//! What Lambda itself logs about sandboxes and invocations: lines of text, or JSON on managed instances, which have no other format.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use crate::report::{Report, TIMEOUT, milliseconds};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// In what format Lambda's own log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// One thing that Lambda logs.
#[derive(Debug)]
pub(crate) enum PlatformEvent<'a> {
    /// A sandbox starts.
    InitStart,
    /// A sandbox could not start.
    InitFailed { took: Duration, error_type: &'a str },
    /// An invocation starts.
    Start { request_id: &'a str },
    /// Why a sandbox ends, as the document that the caller gets.
    Fault { document: &'a [u8] },
    /// An invocation is over.
    End(&'a Report),
}

impl PlatformEvent<'_> {
    pub(crate) fn lines(&self, format: LogFormat) -> Vec<String> {
        match format {
            LogFormat::Text => self.text(),
            LogFormat::Json => self.json(SystemTime::now()).iter().map(ToString::to_string).collect(),
        }
    }

    fn text(&self) -> Vec<String> {
        match self {
            Self::InitStart => vec!["INIT_START Runtime Version: lambda-local".to_owned()],
            Self::InitFailed { took, error_type } => {
                let took = milliseconds(*took);
                vec![format!(
                    "INIT_REPORT Init Duration: {took} ms\tPhase: init\tStatus: error\tError Type: {error_type}"
                )]
            }
            Self::Start { request_id } => vec![format!("START RequestId: {request_id} Version: $LATEST")],
            Self::Fault { document } => vec![String::from_utf8_lossy(document).into_owned()],
            Self::End(report) => vec![format!("END RequestId: {}", report.request_id), report.to_string()],
        }
    }

    /// A fault has no record of its own: the report names its type.
    fn json(&self, now: SystemTime) -> Option<Value> {
        let (kind, record) = match self {
            Self::InitStart => {
                ("initStart", json!({ "initializationType": MANAGED, "phase": "init", "functionVersion": "$LATEST" }))
            }
            Self::InitFailed { took, error_type } => (
                "initReport",
                json!({
                    "initializationType": MANAGED,
                    "phase": "init",
                    "status": "error",
                    "errorType": error_type,
                    "metrics": { "durationMs": rounded(*took) },
                }),
            ),
            Self::Start { request_id } => ("start", json!({ "requestId": request_id, "version": "$LATEST" })),
            Self::Fault { .. } => return None,
            Self::End(report) => ("report", record_of(report)),
        };
        Some(json!({ "time": rfc_3339(now), "type": format!("platform.{kind}"), "record": record }))
    }
}

/// `AWS_LAMBDA_INITIALIZATION_TYPE` of what logs in JSON.
const MANAGED: &str = "lambda-managed-instances";

/// Memory and billing are the instance's there, so the only figure is the duration.
fn record_of(report: &Report) -> Value {
    let status = match (report.failure.as_deref(), &report.error_type) {
        (Some(TIMEOUT), _) => "timeout",
        (_, Some(_)) => "error",
        (_, None) => "success",
    };
    let mut record = json!({
        "requestId": report.request_id,
        "metrics": { "durationMs": rounded(report.duration) },
        "status": status,
    });
    if let Some(error_type) = &report.error_type {
        record["errorType"] = json!(error_type);
    }
    record
}

/// Milliseconds, to the microsecond.
fn rounded(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// `2026-11-28T18:24:42.007Z`.
fn rfc_3339(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second, milli) = (second / 3600, second / 60 % 60, second % 60, since.subsec_millis());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a number of days since 1970, by counting them off.
fn date(mut days: u64) -> (u64, usize, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn moments_are_written_in_utc() {
        let at = |seconds: u64, milli: u64| rfc_3339(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + milli));
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_399, 7), "2000-02-28T23:59:59.007Z");
        assert_eq!(at(951_782_400, 0), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_798_761_599, 999), "2026-12-31T23:59:59.999Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn a_report_in_json_has_the_error_type_and_no_memory() {
        let failed = Report { error_type: Some("Function.Own".into()), ..report() };
        let [line] = &PlatformEvent::End(&failed).lines(LogFormat::Json)[..] else { panic!("one line") };
        let line: Value = serde_json::from_str(line).unwrap();
        let record = json!({ "requestId": "r", "metrics": { "durationMs": 1.234 }, "status": "error", "errorType": "Function.Own" });
        assert_eq!((&line["type"], &line["record"]), (&json!("platform.report"), &record));
        let late = Report { failure: Some(TIMEOUT.into()), error_type: Some("Sandbox.Timedout".into()), ..report() };
        assert_eq!(record_of(&late)["status"], "timeout");
        assert_eq!(record_of(&report())["status"], "success");
    }
}
