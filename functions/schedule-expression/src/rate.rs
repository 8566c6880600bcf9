//! `rate(5 minutes)`: again and again, by elapsed time.

use crate::field::Field;
use crate::invalid::{InvalidSchedule, Problem};
use jiff::Timestamp;
use std::iter;

const NANOSECONDS: i128 = 1_000_000_000;

#[derive(Debug, Clone)]
pub(crate) struct Rate {
    nanoseconds: i128,
}

impl Rate {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let seconds = seconds(text).ok_or_else(|| Field::Rate.invalid(Problem::NoRate(text.to_owned())))?;
        Ok(Self { nanoseconds: i128::from(seconds) * NANOSECONDS })
    }

    /// `created`, and each whole period after it.
    pub(crate) fn times(&self, after: Timestamp, created: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let (period, created) = (self.nanoseconds, created.as_nanosecond());
        let elapsed = (after.as_nanosecond() - created).div_euclid(period) + 1;
        let first = created + elapsed.max(0) * period;
        iter::successors(Some(first), move |time| Some(time + period))
            .map_while(|time| Timestamp::from_nanosecond(time).ok())
    }
}

fn seconds(text: &str) -> Option<u64> {
    let (value, unit) = text.split_once(' ')?;
    let value = positive(value)?;
    let unit = match (unit, value) {
        ("minute", 1) | ("minutes", 2..) => 60,
        ("hour", 1) | ("hours", 2..) => 3600,
        ("day", 1) | ("days", 2..) => 86400,
        _ => return None,
    };
    Some(u64::from(value) * unit)
}

/// Digits only: Rust also reads `+5`, and AWS's pattern has no leading zeros.
fn positive(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_number.then(|| text.parse().ok())?
}
