//! When schedules run, and what is no schedule.

mod examples;
mod judges;
mod properties;
mod refusals;
mod zones;

use jiff::Timestamp;
use schedule_expression::ScheduleExpression;

/// The next `count` times after `after`, of a schedule that is created then, in local time as `2026-03-29 09:00`.
fn local_times(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let after: Timestamp = after.parse().expect("a time");
    let parsed = ScheduleExpression::parse(expression, zone).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let zone = jiff::tz::TimeZone::get(zone).expect("a zone");
    let local = |time: Timestamp| zone.to_datetime(time).strftime("%Y-%m-%d %H:%M").to_string();
    parsed.times(after, after).take(count).map(local).collect()
}

/// The same in UTC.
fn times(expression: &str, after: &str, count: usize) -> Vec<String> {
    local_times(expression, "UTC", after, count)
}
