//! What an invocation took: the figures of Lambda's REPORT line.

use std::fmt;
use std::time::Duration;

/// The figures of one invocation, as Lambda's REPORT line has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The invocation's id.
    pub request_id: String,
    /// From handing the event over until the runtime asked for the next one.
    pub duration: Duration,
    /// How long the sandbox took to start, if this was its first invocation.
    pub init_duration: Option<Duration>,
    /// Megabytes the function has.
    pub memory_size: u32,
    /// The most megabytes the sandbox's processes had so far, all of them together, each at its own peak.
    pub max_memory_used: u64,
    /// What went wrong: `timeout`, or the error type that ended the sandbox.
    pub failure: Option<String>,
    /// The error type of an invocation that failed, as Lambda's logs and metrics have it: that of the runtime's
    /// `Lambda-Runtime-Function-Error-Type`, if it has one of Lambda's forms. The `errorType` of the payload is the runtime's own.
    pub error_type: Option<String>,
}

impl Report {
    /// Milliseconds that Lambda bills: rounded up, the init phase included.
    pub fn billed_duration(&self) -> u128 {
        let billed = self.duration + self.init_duration.unwrap_or_default();
        billed.as_micros().div_ceil(1000)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "REPORT RequestId: {}\tDuration: {} ms", self.request_id, milliseconds(self.duration))?;
        write!(f, "\tBilled Duration: {} ms\tMemory Size: {} MB", self.billed_duration(), self.memory_size)?;
        write!(f, "\tMax Memory Used: {} MB", self.max_memory_used)?;
        if let Some(init) = self.init_duration {
            write!(f, "\tInit Duration: {} ms", milliseconds(init))?;
        }
        match self.failure.as_deref() {
            None => Ok(()),
            Some(TIMEOUT) => write!(f, "\tStatus: timeout"),
            Some(error_type) => write!(f, "\tStatus: error\tError Type: {error_type}"),
        }
    }
}

/// [`Report::failure`] of an invocation that took too long.
pub(crate) const TIMEOUT: &str = "timeout";

/// `12.34`.
pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn report() -> Report {
        Report {
            request_id: "r".into(),
            duration: Duration::from_micros(1234),
            init_duration: Some(Duration::from_millis(100)),
            memory_size: 128,
            max_memory_used: 37,
            failure: None,
            error_type: None,
        }
    }

    #[test]
    fn a_report_reads_like_lambdas() {
        assert_eq!(
            report().to_string(),
            "REPORT RequestId: r\tDuration: 1.23 ms\tBilled Duration: 102 ms\tMemory Size: 128 MB\tMax Memory Used: 37 MB\tInit Duration: 100.00 ms"
        );
    }

    #[test]
    fn a_failure_is_named_at_the_end() {
        let failed = |failure: &str| Report { failure: Some(failure.into()), ..report() }.to_string();
        assert!(failed("timeout").ends_with("\tStatus: timeout"));
        assert!(failed("Runtime.ExitError").ends_with("\tStatus: error\tError Type: Runtime.ExitError"));
    }
}
