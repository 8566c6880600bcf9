//! The fields of a schedule that can be wrong.

use std::fmt;
use std::ops::RangeInclusive;

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A part of a schedule. It is displayed as the attribute of the request that contains it, with the part of the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The schedule's name.
    Name,
    /// The name of the time zone.
    Timezone,
    /// The expression as a whole.
    Expression,
    /// The time of `at(…)`.
    At,
    /// The number and unit of `rate(…)`.
    Rate,
    /// The six fields of `cron(…)` together.
    Cron,
    /// The first field of `cron(…)`.
    Minutes,
    /// The second field.
    Hours,
    /// The third field.
    DayOfMonth,
    /// The fourth field.
    Month,
    /// The fifth field.
    DayOfWeek,
    /// The sixth field.
    Year,
}

impl Field {
    /// The numbers that the field may contain.
    pub(crate) fn range(self) -> RangeInclusive<i16> {
        match self {
            Self::Minutes => 0..=59,
            Self::Hours => 0..=23,
            Self::DayOfMonth => 1..=31,
            Self::Month => 1..=12,
            Self::DayOfWeek => 1..=7,
            _ => 1970..=2199,
        }
    }

    /// The names of its numbers, from 1 on.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => MONTHS,
            Self::DayOfWeek => DAYS,
            _ => &[],
        }
    }

    /// Whether its last number is followed by its first: ranges such as 20-2 of hours go on after midnight. Years go on for ever.
    pub(crate) fn is_cyclic(self) -> bool {
        self != Self::Year
    }

    /// Whether AWS's table of wildcards has `/` for it.
    pub(crate) fn has_steps(self) -> bool {
        self != Self::DayOfWeek
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Timezone => "timezone",
            Self::Expression => "schedule_expression",
            Self::At => "schedule_expression, at",
            Self::Rate => "schedule_expression, rate",
            Self::Cron => "schedule_expression, cron",
            Self::Minutes => "schedule_expression, minutes",
            Self::Hours => "schedule_expression, hours",
            Self::DayOfMonth => "schedule_expression, day of month",
            Self::Month => "schedule_expression, month",
            Self::DayOfWeek => "schedule_expression, day of week",
            Self::Year => "schedule_expression, year",
        })
    }
}
