//! Schedules of EventBridge Scheduler: `at(…)`, `rate(…)` and `cron(…)` in a time zone, checked and evaluated as AWS documents it.
//!
//! Who creates a schedule checks it here first, so that a mistake is an answer with the field's name and not a schedule that never
//! runs. Who wants to know when it runs asks [`ScheduleExpression::times`].
//!
//! ```
//! use schedule_expression::ScheduleExpression;
//!
//! let noon = ScheduleExpression::parse("cron(0 12 ? * MON-FRI *)", "Europe/Berlin")?;
//! let friday = "2026-03-27T12:00:00Z".parse()?;
//! assert_eq!(noon.next(friday, friday), Some("2026-03-30T10:00:00Z".parse()?)); // summer time began on Sunday
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The rules are those of <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>, and where that page says
//! nothing, those of <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>:
//!
//! - A cron expression has six fields: minutes, hours, day of month, month, day of week, year. One of the two day fields is `?`.
//! - A local time that a change of the clocks skips is skipped. One that it repeats counts once, the first time.
//! - A rate counts elapsed time from the creation of the schedule, whatever the clocks do.

mod at;
mod cron;
mod days;
mod field;
mod invalid;
mod name;
mod rate;
mod values;
mod zone;

pub use field::Field;
pub use invalid::{InvalidSchedule, Problem};
pub use name::full_name;

use at::At;
use cron::Cron;
use jiff::Timestamp;
use rate::Rate;
use std::iter;
use zone::Zone;

/// The longest expression that EventBridge Scheduler takes, in bytes.
pub const LONGEST_EXPRESSION: usize = 256;

/// When a schedule runs: a valid expression in a time zone.
#[derive(Debug, Clone)]
pub struct ScheduleExpression {
    kind: Kind,
    zone: Zone,
}

#[derive(Debug, Clone)]
enum Kind {
    At(At),
    Rate(Rate),
    Cron(Box<Cron>),
}

impl ScheduleExpression {
    /// Reads an expression such as `cron(0 12 * * ? *)`, `rate(5 minutes)` or `at(2026-03-29T09:00:00)`, and the IANA name of its
    /// time zone, such as `Europe/Berlin` or `UTC`.
    ///
    /// # Errors
    /// [`InvalidSchedule`] names the field that is wrong, and says why.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, InvalidSchedule> {
        let zone = Zone::named(zone)?;
        if expression.len() > LONGEST_EXPRESSION {
            return Err(Field::Expression.invalid(Problem::TooLong { limit: LONGEST_EXPRESSION }));
        }
        let kind = match kind_and_fields(expression) {
            Some(("at", time)) => Kind::At(At::parse(time, &zone)?),
            Some(("rate", rate)) => Kind::Rate(Rate::parse(rate)?),
            Some(("cron", fields)) => Kind::Cron(Box::new(Cron::parse(fields)?)),
            _ => return Err(Field::Expression.invalid(Problem::UnknownKind)),
        };
        Ok(Self { kind, zone })
    }

    /// The first time after `after` at which a schedule that was created at `created` runs; `None` if it never runs again.
    pub fn next(&self, after: Timestamp, created: Timestamp) -> Option<Timestamp> {
        self.times(after, created).next()
    }

    /// All times after `after` at which a schedule that was created at `created` runs, in order. Only a rate depends on `created`.
    pub fn times(&self, after: Timestamp, created: Timestamp) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        match &self.kind {
            Kind::At(at) => Box::new(iter::once(at.time).filter(move |time| *time > after)),
            Kind::Rate(rate) => Box::new(rate.times(after, created)),
            Kind::Cron(cron) => Box::new(
                cron.from(self.zone.local(after))
                    .filter_map(|local| self.zone.first(local))
                    .filter(move |time| *time > after),
            ),
        }
    }

    /// Checks that a schedule that is created at `now` runs at all.
    ///
    /// # Errors
    /// [`Problem::NeverRuns`] for a time that is past, for years that are over and for dates that no calendar has.
    pub fn check_runs_after(&self, now: Timestamp) -> Result<(), InvalidSchedule> {
        match self.next(now, now) {
            Some(_) => Ok(()),
            None => Err(Field::Expression.invalid(Problem::NeverRuns)),
        }
    }

    /// Whether the schedule counts elapsed time, and not the time of day.
    pub fn is_rate(&self) -> bool {
        matches!(self.kind, Kind::Rate(_))
    }
}

/// `cron(0 12 * * ? *)` is `cron` and `0 12 * * ? *`.
fn kind_and_fields(expression: &str) -> Option<(&str, &str)> {
    expression.strip_suffix(')')?.split_once('(')
}
