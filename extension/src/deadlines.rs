//! Deadlines (O8). `Lambda-Runtime-Deadline-Ms` is wall-clock time, and clocks jump. So the deadline is converted to a
//! monotonic instant once, when its event arrives, unless it cannot be true.
//!
//! A deadline cannot be true if it has passed when its event arrives, or if it is more than 16 minutes away, because no
//! function runs for longer than 15. Such a deadline counts as unknown; the longest time that an earlier invocation had left
//! is used in its place, if there is one. A function's timeout is constant, so no invocation has much more time left than an
//! earlier one had. A deadline that leaves more is cut to that time and a tolerance.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

/// The longest timeout that Lambda allows, and a margin for clocks that disagree.
pub const LONGEST: Duration = Duration::from_mins(16);

/// How many milliseconds more an invocation may have left than every earlier one: earlier events may have been delayed on
/// their way.
const TOLERANCE: u64 = 1_000;

/// What is known from the deadlines of a sandbox's invocations.
#[derive(Debug, Default)]
pub struct Deadlines {
    /// The most milliseconds that an invocation had left when it arrived; 0 before the first.
    most: AtomicU64,
}

impl Deadlines {
    /// The deadline of an invocation that arrives now, from the value of its header; `None` if it is unknown.
    pub fn at_arrival(&self, header: Option<&str>) -> Option<Instant> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let deadline = header.and_then(|millis| millis.parse().ok()).unwrap_or_default();
        Instant::now().checked_add(self.time_left(deadline, now.as_millis() as u64)?)
    }

    /// The time from `now` until `deadline`, both in Unix milliseconds, corrected by what earlier invocations had left;
    /// `None` if nothing is known.
    fn time_left(&self, deadline: u64, now: u64) -> Option<Duration> {
        let (said, most) = (deadline.saturating_sub(now), self.most.load(Relaxed));
        let is_possible = said > 0 && u128::from(said) <= LONGEST.as_millis();
        let left = match (is_possible, most) {
            (true, 0) => said,
            (true, most) => said.min(most + TOLERANCE),
            (false, most) => most,
        };
        self.most.fetch_max(left, Relaxed);
        (left > 0).then(|| Duration::from_millis(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    /// The times left of invocations that arrive one after the other with these deadlines.
    fn left(said: &[i64]) -> Vec<Option<u64>> {
        let deadlines = Deadlines::default();
        let deadline = |said: &i64| NOW.saturating_add_signed(*said);
        let left = said.iter().map(|said| deadlines.time_left(deadline(said), NOW));
        left.map(|left| left.map(|left| left.as_millis() as u64)).collect()
    }

    #[test]
    fn o8_a_deadline_that_cannot_be_true_is_unknown() {
        for said in [-(NOW.cast_signed()), -89_000, -5, 0, 960_001, i64::MAX] {
            assert_eq!(left(&[said]), [None], "{said}");
        }
        for header in [None, Some(""), Some("soon"), Some("-1"), Some("99999999999999999999999")] {
            assert_eq!(Deadlines::default().at_arrival(header), None, "{header:?}");
        }
    }

    #[test]
    fn o8_a_deadline_that_can_be_true_holds() {
        for said in [1, 3_000, 900_000, 960_000] {
            assert_eq!(left(&[said]), [Some(said.cast_unsigned())]);
        }
    }

    #[test]
    fn o8_the_time_left_is_capped_by_the_most_before_and_a_second() {
        assert_eq!(left(&[3_000, 603_000, 2_990]), [Some(3_000), Some(4_000), Some(2_990)]);
    }

    #[test]
    fn o8_the_most_time_before_stands_in_for_a_deadline_that_cannot_be_true() {
        assert_eq!(left(&[-5, 3_000, -600_000, 2_000_000]), [None, Some(3_000), Some(3_000), Some(3_000)]);
    }

    #[test]
    fn o8_a_first_deadline_that_was_too_early_does_not_hold_for_ever() {
        assert_eq!(left(&[500, 3_000, 3_000, 3_000]), [Some(500), Some(1_500), Some(2_500), Some(3_000)]);
    }
}
