//! Times as signed requests and answers spell them.

use http::HeaderValue;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("BUG: this machine's clock is after 1970");
    now.as_secs().cast_signed()
}

/// The same of `20261128T182853Z`, as `X-Amz-Date` spells it.
pub(super) fn seconds_of(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let days = days_since_epoch(number(0..4)?, number(4..6)?, number(6..8)?);
    Some(days * 86_400 + number(9..11)? * 3600 + number(11..13)? * 60 + number(13..15)?)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, whose year is taken to start in March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

/// The value of `Date`.
pub(super) fn http_date(seconds: i64) -> HeaderValue {
    let time = UNIX_EPOCH + Duration::from_secs(seconds.max(0).cast_unsigned());
    HeaderValue::from_str(&httpdate::fmt_http_date(time)).expect("BUG: a date is a header's value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20000229T000000Z", 951_782_400),
            ("20270115T080001Z", 1_800_000_001),
            ("20261231T235959Z", 1_798_761_599),
        ] {
            assert_eq!(seconds_of(text), Some(seconds), "{text}");
        }
        assert_eq!(seconds_of("yesterday"), None);
        assert_eq!(http_date(1_800_000_001), "Fri, 15 Jan 2027 08:00:01 GMT");
    }
}
