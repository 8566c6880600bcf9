//! Time zones, and days on which the clocks change.

use crate::local_times;
use jiff::Timestamp;
use schedule_expression::ScheduleExpression;

/// What is due daily, in a zone whose clocks change.
struct Change {
    zone: &'static str,
    fields: &'static str,
    after: &'static str,
    expected: &'static [&'static str],
}

const CHANGES: &[Change] = &[
    // From 02:00 to 03:00 on 29 March.
    Change {
        zone: "Europe/Berlin",
        fields: "30 2 * * ? *",
        after: "2026-03-28T00:00:00Z",
        expected: &["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"],
    },
    // From 03:00 to 02:00 on 25 October: 02:30 comes twice.
    Change {
        zone: "Europe/Berlin",
        fields: "30 2 * * ? *",
        after: "2026-10-24T12:00:00Z",
        expected: &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    },
    Change {
        zone: "America/New_York",
        fields: "30 1 * * ? *",
        after: "2026-11-01T00:00:00Z",
        expected: &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    },
    // Half an hour, from 02:00 to 02:30 on 4 October.
    Change {
        zone: "Australia/Lord_Howe",
        fields: "0/15 2 4 10 ? 2026",
        after: "2026-10-01T00:00:00Z",
        expected: &["2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"],
    },
    // The whole 30 December 2011 was left out.
    Change {
        zone: "Pacific/Apia",
        fields: "0 12 * 12 ? 2011",
        after: "2011-12-29T10:00:00Z",
        expected: &["2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"],
    },
    Change {
        zone: "Asia/Tokyo",
        fields: "30 2 * * ? *",
        after: "2026-03-28T20:00:00Z",
        expected: &["2026-03-29T17:30:00Z", "2026-03-30T17:30:00Z"],
    },
];

#[test]
fn a_skipped_time_is_skipped_and_a_repeated_one_runs_once() {
    for Change { zone, fields, after, expected } in CHANGES {
        let after: Timestamp = after.parse().expect("a time");
        let cron = ScheduleExpression::parse(&format!("cron({fields})"), zone).expect("valid");
        let times: Vec<_> = cron.times(after, after).take(expected.len()).map(|time| time.to_string()).collect();
        assert_eq!(times, *expected, "{zone} {fields}");
    }
}

#[test]
fn asking_within_the_repeated_hour_goes_on_after_it() {
    // 02:15 for the second time.
    let again = "2026-10-25T01:15:00Z";
    assert_eq!(
        local_times("cron(0/30 * * * ? *)", "Europe/Berlin", again, 2),
        ["2026-10-25 03:00", "2026-10-25 03:30"]
    );
}

#[test]
fn a_rate_of_a_day_is_24_hours_whatever_the_clocks_do() {
    let times = local_times("rate(1 day)", "Europe/Berlin", "2026-03-28T11:00:00Z", 2);
    assert_eq!(times, ["2026-03-29 13:00", "2026-03-30 13:00"]);
}

#[test]
fn an_at_that_comes_twice_is_the_first_of_the_two() {
    let at = ScheduleExpression::parse("at(2026-10-25T02:30:00)", "Europe/Berlin").expect("valid");
    let before = "2026-10-01T00:00:00Z".parse().expect("a time");
    assert_eq!(at.times(before, before).map(|time| time.to_string()).collect::<Vec<_>>(), ["2026-10-25T00:30:00Z"]);
}
