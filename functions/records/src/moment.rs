//! Moments as rows hold them: RFC 3339, UTC, to the second, so that their texts sort by time.

use functions_shared::Clock;
use jiff::Timestamp;
use std::time::Duration;

/// The clock's time.
pub fn now(clock: &Clock) -> Timestamp {
    Timestamp::try_from(clock.now()).unwrap_or(Timestamp::MAX)
}

/// `2024-01-15T12:00:00Z`.
pub fn text(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Seconds since 1970, `life` after `moment`: what a table's time to live is set to.
pub fn expiry(moment: Timestamp, life: Duration) -> i64 {
    moment.as_second().saturating_add_unsigned(life.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_to_the_second() {
        let moment: Timestamp = "2024-01-15T12:00:00.987Z".parse().expect("a moment");
        assert_eq!(text(moment), "2024-01-15T12:00:00Z");
        assert_eq!(expiry(moment, Duration::from_hours(72)), 1_705_579_200);
    }
}
