//! `at(2026-03-29T09:00:00)`: once.

use crate::field::Field;
use crate::invalid::{InvalidSchedule, Problem};
use crate::zone::Zone;
use jiff::Timestamp;
use jiff::civil::DateTime;

/// Of `yyyy-mm-ddThh:mm:ss`.
const LENGTH: usize = 19;

#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) time: Timestamp,
}

impl At {
    pub(crate) fn parse(text: &str, zone: &Zone) -> Result<Self, InvalidSchedule> {
        let invalid = |problem: fn(String) -> Problem| Field::At.invalid(problem(text.to_owned()));
        let local: DateTime = text.parse().map_err(|_| invalid(Problem::NoTime))?;
        // jiff also reads other spellings: without seconds, with fractions of them, with a space.
        if text.len() != LENGTH || local.to_string() != text {
            return Err(invalid(Problem::NoTime));
        }
        let time = zone.first(local).ok_or_else(|| invalid(Problem::Skipped))?;
        Ok(Self { time })
    }
}
