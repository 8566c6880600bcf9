//! What is refused, and how the reason reads.

use schedule_expression::{Field, Problem, ScheduleExpression, full_name};

/// Expression, field and the end of the text.
const REFUSED: &[(&str, Field, &str)] = &[
    ("sometimes", Field::Expression, "not one of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and cron(fields)"),
    ("cron(0 12 * * ? *", Field::Expression, "cron(fields)"),
    ("CRON(0 12 * * ? *)", Field::Expression, "cron(fields)"),
    ("", Field::Expression, "cron(fields)"),
    ("cron(bad)", Field::Cron, "has 1 fields, and needs six: minutes hours day-of-month month day-of-week year"),
    ("cron(0 12 * * ?)", Field::Cron, "day-of-week year"),
    ("cron(a b c d e f)", Field::Minutes, r#""a" is not within 0 to 59"#),
    ("cron(0 12 * * * *)", Field::Cron, "exactly one of day of month and day of week must be ?"),
    ("cron(0 12 ? * ? *)", Field::Cron, "must be ?"),
    ("cron(0 12 1 * MON *)", Field::Cron, "must be ?"),
    ("cron(60 12 * * ? *)", Field::Minutes, r#""60" is not within 0 to 59"#),
    ("cron(? 12 * * ? *)", Field::Minutes, r#""?" is not within 0 to 59"#),
    ("cron(0 24 * * ? *)", Field::Hours, r#""24" is not within 0 to 23"#),
    ("cron(0 +1 * * ? *)", Field::Hours, r#""+1" is not within 0 to 23"#),
    ("cron(0 1, * * ? *)", Field::Hours, r#""" is not within 0 to 23"#),
    ("cron(0 12 0 * ? *)", Field::DayOfMonth, "within 1 to 31"),
    ("cron(0 12 32W * ? *)", Field::DayOfMonth, "within 1 to 31"),
    ("cron(0 12 1,L * ? *)", Field::DayOfMonth, r#""1,L": L, W and # cannot be part of a list, a range or a step"#),
    ("cron(0 12 1W,15W * ? *)", Field::DayOfMonth, "a list, a range or a step"),
    ("cron(0 12 W * ? *)", Field::DayOfMonth, ""),
    ("cron(0 12 * FOO ? *)", Field::Month, r#""FOO" is not within 1 to 12"#),
    ("cron(0 12 ? * 0 *)", Field::DayOfWeek, r#""0" is not within 1 to 7"#),
    ("cron(0 12 ? * 3#6 *)", Field::DayOfWeek, r##""#6" is not within 1 to 5"##),
    ("cron(0 12 ? * 3#1,6#3 *)", Field::DayOfWeek, "a list, a range or a step"),
    ("cron(0 12 ? * 2/2 *)", Field::DayOfWeek, r#""2/2": / is not allowed here"#),
    ("cron(0 12 * * ? 1969)", Field::Year, "within 1970 to 2199"),
    ("cron(0 12 * * ? 2200)", Field::Year, "within 1970 to 2199"),
    ("cron(0 12 * * ? 2027-2026)", Field::Year, r#""2027-2026" ends before it starts"#),
    ("cron(*/0 12 * * ? *)", Field::Minutes, r#""*/0" has no valid step"#),
    ("cron(*/60 12 * * ? *)", Field::Minutes, "has no valid step"),
    ("rate(0 minutes)", Field::Rate, "in the singular for 1 only"),
    (
        "rate(1 minutes)",
        Field::Rate,
        r#""1 minutes" is not a rate such as 5 minutes, 1 hour or 2 days: a positive number, and the unit in the singular for 1 only"#,
    ),
    ("rate(5 minute)", Field::Rate, "for 1 only"),
    ("rate(5 weeks)", Field::Rate, "for 1 only"),
    ("rate(-5 minutes)", Field::Rate, "for 1 only"),
    ("rate(1.5 hours)", Field::Rate, "for 1 only"),
    ("rate(5  minutes)", Field::Rate, "for 1 only"),
    ("rate(99999999999 days)", Field::Rate, "for 1 only"),
    ("at(2026-02-30T00:00:00)", Field::At, r#""2026-02-30T00:00:00" is not a time such as 2026-03-29T09:00:00"#),
    ("at(2026-03-29T09:00)", Field::At, "is not a time such as 2026-03-29T09:00:00"),
    ("at(2026-03-29 09:00:00)", Field::At, "is not a time such as 2026-03-29T09:00:00"),
    ("at(2026-03-29T09:00:00Z)", Field::At, "is not a time such as 2026-03-29T09:00:00"),
    ("at(2026-03-29T09:00:00.5)", Field::At, "is not a time such as 2026-03-29T09:00:00"),
    ("at(2026-03-29T02:30:00)", Field::At, "does not exist in this time zone: the clocks skip it"),
];

#[test]
fn nonsense_is_refused_with_the_field_and_the_reason() {
    for (expression, field, reason) in REFUSED {
        let error = ScheduleExpression::parse(expression, "Europe/Berlin").expect_err(expression);
        assert_eq!(error.field, *field, "{expression}: {error}");
        let text = error.to_string();
        assert!(text.starts_with("schedule_expression") && text.ends_with(reason), "{expression}: {text}");
    }
}

#[test]
fn an_expression_has_at_most_256_characters() {
    let of_length = |length: usize| format!("cron(0 12 * * ?{:>1$})", "*", length - "cron(0 12 * * ?)".len());
    assert_eq!(of_length(256).len(), 256);
    assert!(ScheduleExpression::parse(&of_length(256), "UTC").is_ok());
    let error = ScheduleExpression::parse(&of_length(257), "UTC").expect_err("too long");
    assert_eq!(error.problem, Problem::TooLong { limit: 256 });
}

#[test]
fn a_zone_has_its_iana_name() {
    let refused = |zone: &str| ScheduleExpression::parse("rate(1 hour)", zone).expect_err(zone).to_string();
    assert_eq!(refused("Europe/Nowhere"), r#"timezone: "Europe/Nowhere" is not an IANA time zone"#);
    assert_eq!(refused("europe/berlin"), r#"timezone: "europe/berlin" must be spelled Europe/Berlin"#);
    assert_eq!(refused(""), r#"timezone: "" is not an IANA time zone"#);
    assert_eq!(refused("Etc/Unknown"), r#"timezone: "Etc/Unknown" is not an IANA time zone"#);
    assert_eq!(refused(&"Z".repeat(51)), "timezone: is longer than 50 characters");
    for zone in ["UTC", "Etc/UTC", "America/Argentina/ComodRivadavia", "Asia/Calcutta"] {
        assert!(ScheduleExpression::parse("rate(1 hour)", zone).is_ok(), "{zone}");
    }
}

#[test]
fn what_never_runs_is_refused_by_the_clock() {
    let now = "2026-11-29T20:00:00Z".parse().expect("a time");
    let check = |expression: &str| ScheduleExpression::parse(expression, "UTC").expect("valid").check_runs_after(now);
    for never in
        ["at(2026-11-29T20:00:00)", "at(2020-01-01T00:00:00)", "cron(0 0 31 2 ? *)", "cron(0 0 * * ? 1970-2025)"]
    {
        let error = check(never).expect_err(never);
        assert_eq!(error.to_string(), "schedule_expression: never runs: its time is past, or no calendar has its date");
    }
    for still in ["at(2026-11-29T20:00:01)", "rate(1 minute)", "cron(0 0 29 2 ? *)", "cron(0 0 * * ? 2199)"] {
        assert_eq!(check(still), Ok(()), "{still}");
    }
}

#[test]
fn a_name_and_its_stage_have_at_most_64_of_the_allowed_characters() {
    assert_eq!(full_name("dev", "daily_weather-check.v2"), Ok("dev-daily_weather-check.v2".to_owned()));
    assert!(full_name("dev", &"n".repeat(60)).is_ok());
    for (name, reason) in [
        (String::new(), "name: is empty"),
        ("daily check".to_owned(), "name: may only contain the letters a to z and A to Z, digits, -, _ and ."),
        ("täglich".to_owned(), "name: may only contain the letters a to z and A to Z, digits, -, _ and ."),
        ("n".repeat(65), "name: is longer than 64 characters"),
    ] {
        assert_eq!(full_name("dev", &name).expect_err(&name).to_string(), reason);
    }
    let error = full_name("dev", &"n".repeat(61)).expect_err("with the stage");
    assert!(error.to_string().starts_with("name: is longer than 64 characters together with the stage: dev-nnn"));
}
