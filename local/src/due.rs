//! When a schedule is due, for the engine: it fires schedules, and the functions' own library says when.

use jiff::Timestamp;
use schedule_expression::{InvalidSchedule, ScheduleExpression};
use serde::Deserialize;

/// The engine's question. Moments are seconds since 1970.
#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    expression: String,
    zone: String,
    after: f64,
    created: f64,
}

impl Question {
    /// The first time after `after`; none if the schedule is never due again.
    pub(crate) fn next(&self) -> Result<Option<f64>, InvalidSchedule> {
        let schedule = ScheduleExpression::parse(&self.expression, &self.zone)?;
        let next = schedule.next(moment(self.after), moment(self.created));
        Ok(next.map(|time| time.as_millisecond() as f64 / 1000.0))
    }
}

/// To the millisecond: more digits of such numbers are lost on their way here and back, and a time would come twice.
fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, after: f64, created: f64) -> Option<f64> {
        let question = Question { expression: expression.to_owned(), zone: "UTC".to_owned(), after, created };
        question.next().expect("a schedule")
    }

    #[test]
    fn no_time_of_a_rate_comes_twice() {
        let created = 1_800_000_000.123_456_7;
        let mut time = created;
        for _ in 0..1000 {
            let next = next("rate(7 minutes)", time, created).expect("a time");
            assert!((next - time - 420.0).abs() < 0.002, "{time} and {next}");
            time = next;
        }
    }

    #[test]
    fn what_is_over_is_never_due() {
        assert_eq!(next("at(2026-03-29T12:00:00)", 1_774_785_600.0, 0.0), None);
        assert_eq!(next("at(2026-03-29T12:00:00)", 1_774_785_599.0, 0.0), Some(1_774_785_600.0));
    }
}
