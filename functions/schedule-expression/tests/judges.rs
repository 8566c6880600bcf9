//! Cron expressions judged by two other implementations, where these agree with AWS: in UTC, with steps from a range or from `*`, and
//! jiff-cron without `L`, `W` and `#`. (croner refuses `0/5` and never runs on `L` as a weekday; both run a time that the clocks skip.)

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use proptest::prelude::*;
use schedule_expression::ScheduleExpression;
use std::str::FromStr;

const TIMES: usize = 25;

fn field(low: u16, high: u16) -> BoxedStrategy<String> {
    let range = (low..=high).prop_flat_map(move |first| (Just(first), first..=high));
    let stepped = (range.clone(), 1..=high / 2).prop_map(|((first, last), step)| format!("{first}-{last}/{step}"));
    let list = prop::collection::btree_set(low..=high, 1..5);
    prop_oneof![
        Just("*".to_owned()),
        (1..=high / 2).prop_map(|step| format!("*/{step}")),
        range.prop_map(|(first, last)| format!("{first}-{last}")),
        stepped,
        list.prop_map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    ]
    .boxed()
}

fn weekdays() -> BoxedStrategy<String> {
    let one = prop::sample::select(vec!["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "1", "4", "7"]);
    let several = prop::sample::select(vec!["MON-FRI", "2-6", "SUN,SAT", "TUE,THU", "1-3,7"]);
    prop_oneof![one, several].prop_map(str::to_owned).boxed()
}

/// With the wildcards that only croner has.
fn special_days() -> BoxedStrategy<(String, String)> {
    let of_month =
        prop_oneof![Just("L".to_owned()), Just("LW".to_owned()), (1..=31_u16).prop_map(|day| format!("{day}W"))];
    let last = (1..=7_u16).prop_map(|day| format!("{day}L"));
    let nth = (1..=7_u16, 1..=5_u16).prop_map(|(day, week)| format!("{day}#{week}"));
    prop_oneof![
        of_month.prop_map(|day| (day, "?".to_owned())),
        prop_oneof![last, nth].prop_map(|day| ("?".to_owned(), day))
    ]
    .boxed()
}

fn days() -> BoxedStrategy<(String, String)> {
    prop_oneof![field(1, 31).prop_map(|day| (day, "?".to_owned())), weekdays().prop_map(|day| ("?".to_owned(), day)),]
        .boxed()
}

/// The first times of the years 2026 to 2035, as this library, croner and jiff-cron see them.
fn by_this_library(fields: &str) -> Vec<Timestamp> {
    let expression = ScheduleExpression::parse(&format!("cron({fields})"), "UTC").expect("valid");
    expression.times(start().timestamp(), start().timestamp()).take(TIMES).collect()
}

fn by_croner(fields: &str) -> Vec<Timestamp> {
    let parser =
        CronParser::builder().seconds(Seconds::Required).year(Year::Required).alternative_weekdays(true).build();
    parser
        .parse(&format!("0 {fields}"))
        .expect(fields)
        .iter_after(start())
        .take(TIMES)
        .map(|time| time.timestamp())
        .collect()
}

fn by_jiff_cron(fields: &str) -> Vec<Timestamp> {
    let schedule = jiff_cron::Schedule::from_str(&format!("0 {fields}")).expect(fields);
    schedule.after(start()).take(TIMES).map(|time| time.timestamp()).collect()
}

fn start() -> Zoned {
    "2026-01-15T10:20:00Z".parse::<Timestamp>().expect("a time").to_zoned(TimeZone::UTC)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn both_judges_agree(minutes in field(0, 59), hours in field(0, 23), month in field(1, 12), (of_month, of_week) in days()) {
        let fields = format!("{minutes} {hours} {of_month} {month} {of_week} 2026-2035");
        let times = by_this_library(&fields);
        prop_assert_eq!(&times, &by_croner(&fields), "croner: {}", fields);
        prop_assert_eq!(&times, &by_jiff_cron(&fields), "jiff-cron: {}", fields);
    }

    #[test]
    fn croner_agrees_on_special_days(hours in field(0, 23), month in field(1, 12), (of_month, of_week) in special_days()) {
        let fields = format!("30 {hours} {of_month} {month} {of_week} 2026-2035");
        prop_assert_eq!(by_this_library(&fields), by_croner(&fields), "{}", fields);
    }
}
