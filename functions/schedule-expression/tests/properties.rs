//! For all expressions: the iterator against a minute-by-minute search that shares no code with it.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, civil::DateTime};
use proptest::prelude::*;
use schedule_expression::ScheduleExpression;
use std::collections::{BTreeSet, HashSet};

/// Zones with changes of an hour, of half an hour, of a whole day, and with none.
const ZONES: &[&str] =
    &["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"];

/// Just before clocks change somewhere.
const STARTS: &[&str] = &[
    "2026-03-28T21:17:30Z",
    "2026-10-24T22:00:00Z",
    "2026-03-08T05:59:59Z",
    "2026-11-01T04:00:00Z",
    "2026-10-03T14:00:00Z",
    "2026-04-04T13:30:00Z",
    "2011-12-29T20:00:00Z",
    "2027-12-31T23:00:00Z",
];

const MINUTES: i64 = 30 * 60;

/// A field: its text, and the numbers that it means.
#[derive(Debug, Clone)]
struct Field {
    text: String,
    numbers: BTreeSet<i16>,
}

fn every(low: i16, high: i16) -> Field {
    Field { text: "*".to_owned(), numbers: (low..=high).collect() }
}

fn stepped(low: i16, high: i16) -> impl Strategy<Value = Field> {
    (low..=high, 1..=high.max(2) / 2).prop_map(move |(first, step)| Field {
        text: format!("{first}/{step}"),
        numbers: (first..=high).filter(|number| (number - first) % step == 0).collect(),
    })
}

fn range(low: i16, high: i16) -> impl Strategy<Value = Field> {
    (low..=high, low..=high).prop_map(move |(first, last)| Field {
        text: format!("{first}-{last}"),
        numbers: (low..=high)
            .filter(|n| if first <= last { first <= *n && *n <= last } else { *n >= first || *n <= last })
            .collect(),
    })
}

fn list(low: i16, high: i16) -> impl Strategy<Value = Field> {
    prop::collection::vec(low..=high, 1..6).prop_map(|numbers| Field {
        text: numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        numbers: numbers.into_iter().collect(),
    })
}

fn field(low: i16, high: i16) -> BoxedStrategy<Field> {
    prop_oneof![Just(every(low, high)), stepped(low, high), range(low, high), list(low, high)].boxed()
}

/// The field of weekdays, which takes no steps.
fn weekdays() -> BoxedStrategy<Field> {
    prop_oneof![Just(every(1, 7)), range(1, 7), list(1, 7)].boxed()
}

#[derive(Debug, Clone)]
struct Fields {
    minutes: Field,
    hours: Field,
    days: Field,
    is_of_week: bool,
}

impl Fields {
    fn expression(&self) -> String {
        let Self { minutes, hours, days, is_of_week } = self;
        let (of_month, of_week) = if *is_of_week { ("?", &*days.text) } else { (&*days.text, "?") };
        format!("cron({} {} {of_month} * {of_week} *)", minutes.text, hours.text)
    }

    fn contain(&self, time: DateTime) -> bool {
        let day = if self.is_of_week { time.weekday().to_sunday_one_offset() } else { time.day() };
        let holds = |field: &Field, number: i8| field.numbers.contains(&i16::from(number));
        time.second() == 0
            && holds(&self.minutes, time.minute())
            && holds(&self.hours, time.hour())
            && holds(&self.days, day)
    }
}

fn fields() -> impl Strategy<Value = Fields> {
    let days = prop_oneof![(field(1, 31), Just(false)), (weekdays(), Just(true))];
    (field(0, 59), field(0, 23), days).prop_map(|(minutes, hours, (days, is_of_week))| Fields {
        minutes,
        hours,
        days,
        is_of_week,
    })
}

/// Looks at each minute from an hour before `after` on, and leaves out local times that it has seen before.
fn searched(fields: &Fields, zone: &TimeZone, after: Timestamp) -> Vec<Timestamp> {
    let first = Timestamp::from_second((after.as_second() / 60 - 180) * 60).expect("a time");
    let mut seen = HashSet::new();
    (0..=MINUTES + 180)
        .map(|minute| first + minute.minutes())
        .filter(|time| seen.insert(zone.to_datetime(*time)) && *time > after && fields.contain(zone.to_datetime(*time)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn runs_in_each_minute_that_fits_and_in_no_other(fields in fields(), zone in 0..ZONES.len(), start in 0..STARTS.len()) {
        let (name, after): (_, Timestamp) = (ZONES[zone], STARTS[start].parse().expect("a time"));
        let expression = ScheduleExpression::parse(&fields.expression(), name).expect("valid");
        let expected = searched(&fields, &TimeZone::get(name).expect("a zone"), after);
        let end = Timestamp::from_second((after.as_second() / 60 + MINUTES) * 60).expect("a time");
        let times: Vec<_> = expression.times(after, after).take_while(|time| *time <= end).collect();
        prop_assert_eq!(times, expected, "{} in {}", fields.expression(), name);
    }

    #[test]
    fn each_time_is_the_next_after_the_one_before(fields in fields(), zone in 0..ZONES.len(), start in 0..STARTS.len()) {
        let after: Timestamp = STARTS[start].parse().expect("a time");
        let expression = ScheduleExpression::parse(&fields.expression(), ZONES[zone]).expect("valid");
        let mut before = after;
        for time in expression.times(after, after).take(10) {
            prop_assert!(time > before);
            prop_assert_eq!(expression.next(before, after), Some(time));
            before = time;
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", inner in "[0-9A-Z*?/#,LW -]{0,30}") {
        for expression in [text, format!("cron({inner})"), format!("cron(0 0 {inner} * ? *)"), format!("at({inner})"), format!("rate({inner})")] {
            if let Ok(parsed) = ScheduleExpression::parse(&expression, "Europe/Berlin") {
                let _ = parsed.next(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            }
        }
    }
}
