//! Why something is no schedule.

use crate::field::Field;

/// A schedule that EventBridge Scheduler would refuse, or that would never run. Its text is one line that names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidSchedule {
    /// What is wrong.
    pub field: Field,
    /// Why.
    pub problem: Problem,
}

/// What is wrong with a field. Texts that are quoted are parts of an expression of at most 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It has more than `limit` bytes.
    #[error("is longer than {limit} characters")]
    TooLong {
        /// What AWS allows.
        limit: usize,
    },
    /// The name has other characters than AWS allows.
    #[error("may only contain the letters a to z and A to Z, digits, -, _ and .")]
    Characters,
    /// The name of the schedule in AWS is too long because the stage is part of it.
    #[error("is longer than 64 characters together with the stage: {0}")]
    TooLongWithStage(String),
    /// No IANA time zone has the name.
    #[error("{0:?} is not an IANA time zone")]
    UnknownZone(String),
    /// A time zone has this name in other letters.
    #[error("{given:?} must be spelled {right}")]
    ZoneSpelling {
        /// As it was given.
        given: String,
        /// As IANA spells it.
        right: String,
    },
    /// It is none of the three kinds.
    #[error("is not one of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and cron(fields)")]
    UnknownKind,
    /// It is no date and time, or no such date exists.
    #[error("{0:?} is not a time such as 2026-03-29T09:00:00")]
    NoTime(String),
    /// The clocks are put forward over this time.
    #[error("{0} does not exist in this time zone: the clocks skip it")]
    Skipped(String),
    /// It is no number and unit.
    #[error(
        "{0:?} is not a rate such as 5 minutes, 1 hour or 2 days: a positive number, and the unit in the singular for 1 only"
    )]
    NoRate(String),
    /// A cron expression does not have six fields.
    #[error("has {0} fields, and needs six: minutes hours day-of-month month day-of-week year")]
    FieldCount(usize),
    /// Both of the day fields say something, or none does.
    #[error("exactly one of day of month and day of week must be ?")]
    DayFields,
    /// A number or name is none of the field's.
    #[error("{text:?} is not within {low} to {high}")]
    NotInRange {
        /// What was given.
        text: String,
        /// The first number that is allowed.
        low: i16,
        /// The last one.
        high: i16,
    },
    /// A range of years ends before it starts.
    #[error("{0:?} ends before it starts")]
    Backwards(String),
    /// What follows `/` is no positive number, or more than the field's last number.
    #[error("{0:?} has no valid step")]
    Step(String),
    /// The field takes no `/`.
    #[error("{0:?}: / is not allowed here")]
    NoSteps(String),
    /// `L`, `W` and `#` cannot be in a list.
    #[error("{0:?}: L, W and # cannot be part of a list, a range or a step")]
    NotAlone(String),
    /// There is no time after the given one at which it runs.
    #[error("never runs: its time is past, or no calendar has its date")]
    NeverRuns,
}

impl Field {
    pub(crate) fn invalid(self, problem: Problem) -> InvalidSchedule {
        InvalidSchedule { field: self, problem }
    }
}
