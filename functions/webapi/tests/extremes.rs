//! Bodies at and beyond every limit: numbers, dates, depths, lengths, and JSON that parsers read in different ways.

use crate::world::{World, schedule};
use records::Messages;
use serde_json::{Value, json};

const FORECAST: &str = "https://api.weather.gov/gridpoints/TOP/31,80/forecast";

async fn refused(world: &World, path: &str, field: &str, body: &str) {
    let answer = world.ask("POST", path, &json!({}), Some(body)).await;
    assert_eq!((answer.status, answer.body["field"].as_str()), (400, Some(field)), "{body:.200}: {answer:?}");
}

async fn left_nothing(world: &World) {
    assert_eq!((world.rows().await, world.published().len()), (0, 0), "nothing is left");
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let world = World::start().await;
    let bodies = [
        "\u{feff}{\"message_type\":\"notify\",\"payload\":{\"message\":\"hi\"}}",
        "{'message_type':'notify'}",
        "{\"message_type\":\"notify\",}",
        "{\"message_type\":\"notify\"}{}",
        "{\"message_type\":\"notify\"} x",
        "// a\n{}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":1e999}",
        "{\"a\":0x10}",
        "{\"a\":01}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\n\"}",
        "undefined",
        "<xml/>",
        "message_type=notify",
        "{\"a\"",
    ];
    for body in bodies {
        for path in ["/api/messages", "/api/schedules"] {
            refused(&world, path, "body", body).await;
        }
    }
    for body in ["1", "\"hi\"", "true", "[]", "null", "[{\"message_type\":\"notify\"}]"] {
        refused(&world, "/api/messages", "body", body).await;
    }
    left_nothing(&world).await;
}

/// The last of two members with one name counts, for the checks, for the row and for the message alike.
#[tokio::test]
async fn of_two_members_with_one_name_everybody_takes_the_same() {
    let world = World::start().await;
    let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    let harmless = r#"{"message":"hi"}"#;
    let hidden = format!(r#"{{"message":"{reference}"}}"#);
    refused(
        &world,
        "/api/messages",
        "payload.message",
        &format!(r#"{{"message_type":"notify","payload":{harmless},"payload":{hidden}}}"#),
    )
    .await;
    refused(
        &world,
        "/api/messages",
        "stage",
        r#"{"stage":"dev","stage":"prod","message_type":"notify","payload":{"message":"hi"}}"#,
    )
    .await;
    left_nothing(&world).await;
    let body = format!(r#"{{"message_type":"sms","message_type":"notify","payload":{hidden},"payload":{harmless}}}"#);
    let answer = world.ask("POST", "/api/messages", &json!({}), Some(&body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let row = world.message_table().get(answer.id()).await.unwrap().unwrap();
    assert_eq!((&row.payload, &world.messages()[0].payload), (&json!({"message": "hi"}), &json!({"message": "hi"})));
    assert!(!world.published()[0]["Message"].contains("@content"));
}

#[tokio::test]
async fn numbers_have_their_range_and_their_type() {
    let world = World::start().await;
    let huge = [
        "-1",
        "0",
        "6",
        "1.5",
        "1e0",
        "1e300",
        "18446744073709551616",
        "\"\"",
        "\"1e0\"",
        "\"５\"",
        "[1]",
        "{}",
        "true",
    ];
    for number in huge {
        let body = format!(r#"{{"message_type":"notify","payload":{{"message":"hi","priority":{number}}}}}"#);
        refused(&world, "/api/messages", "payload.priority", &body).await;
    }
    for (name, least, most) in [("days", 1, 7), ("courseID", 1, 99), ("numberOfPlayers", 1, 4), ("maxResults", 1, 100)]
    {
        for number in [
            json!(least - 1),
            json!(most + 1),
            json!(-1),
            json!(1.5),
            json!(u64::MAX),
            json!(1e300),
            json!([]),
            json!("x"),
        ] {
            let payload = json!({ "action": "weather", "url": FORECAST, name: number });
            let body = json!({ "message_type": "web_action", "payload": payload }).to_string();
            refused(&world, "/api/messages", &format!("payload.{name}"), &body).await;
        }
        // As text it would be found wrong by the function that reads the message.
        let body =
            json!({ "message_type": "web_action", "payload": { "action": "weather", "url": FORECAST, name: "1" } });
        refused(&world, "/api/messages", "payload", &body.to_string()).await;
    }
    left_nothing(&world).await;
}

#[tokio::test]
async fn a_time_is_one_of_the_calendar_as_it_is_written() {
    let world = World::start().await;
    let times = [
        "",
        "now",
        "2026-11-29",
        "2026-11-29T08:00",
        "2026-11-29 08:00:00",
        "2026-11-29T08:00:00Z",
        "2026-02-30T08:00:00",
        "2026-13-01T08:00:00",
        "2026-11-29T24:00:00",
        "2026-11-29T08:60:00",
        "-009999-01-01T00:00",
        "-0001-01-01T08:00:0",
        "20261129T08000.0000",
        "2026-W48-7T08:00:00",
        "２026-11-29T08:00:00",
        "2026-11-29T08:00:00.5",
        "2026-11-29T08:00:00+01:00",
        "2026-11-29t08:00:00",
        "2026/11/29T08:00:00",
    ];
    for name in ["startSearchTime", "endSearchTime"] {
        for time in times {
            let payload = json!({ "action": "golf", "courseID": 1, name: time });
            let body = json!({ "message_type": "web_action", "payload": payload, "arguments": { "operation": "search_tee_times" } });
            refused(&world, "/api/messages", &format!("payload.{name}"), &body.to_string()).await;
        }
    }
    left_nothing(&world).await;
    for time in ["0000-01-01T00:00:00", "9999-12-31T23:59:59"] {
        let payload = json!({ "action": "golf", "courseID": 1, "startSearchTime": time });
        let body = json!({ "message_type": "web_action", "payload": payload, "arguments": { "operation": "search_tee_times" } });
        assert_eq!(world.post("/api/messages", &body).await.status, 201, "{time}");
    }
}

/// Expressions that AWS would refuse, or that never run.
const NONSENSE: &[&str] = &[
    "",
    " ",
    "cron()",
    "cron(* * * * * *)",
    "cron(* * ? * ? *)",
    "cron(0 12 * * ?)",
    "cron(0 12 * * ? * *)",
    "cron(60 12 * * ? *)",
    "cron(0 12 * * ? 1969)",
    "cron(0 12 * * ? 2200)",
    "cron(0 12 30 2 ? *)",
    "cron(0 12 31 4,6,9,11 ? *)",
    "cron(0 12 * * ? 2025)",
    "cron(0\u{a0}12 * * ? *)",
    "cron(0\t12 * * ? *)",
    "cron(0\n12 * * ? *)",
    "cron(０ 12 * * ? *)",
    "cron(0 12 * * ？ *)",
    "cron(@daily)",
    "@daily",
    "cron(0 12 * * ? *);",
    "cron(0 12 * * ? *)cron(0 12 * * ? *)",
    "CRON(0 12 * * ? *)",
    "cron (0 12 * * ? *)",
    "cron(H 12 * * ? *)",
    "cron(*/0 12 * * ? *)",
    "cron(5-1/2 99 * * ? *)",
    "cron(0 12 ? * 8 *)",
    "cron(0 12 ? * 2#6 *)",
    "cron(0 12 LW,1 * ? *)",
    "cron(-1 12 * * ? *)",
    "cron(99999999999999999999 12 * * ? *)",
    "rate()",
    "rate(1)",
    "rate(1 minutes)",
    "rate(2 minute)",
    "rate(0 minutes)",
    "rate(-1 minutes)",
    "rate(+5 minutes)",
    "rate(1.5 hours)",
    "rate(1e3 hours)",
    "rate(4294967295 days)",
    "rate(99999999999999999999 days)",
    "rate(5 fortnights)",
    "rate(5\u{a0}minutes)",
    "rate(٥ minutes)",
    "at(2020-01-01T00:00:00)",
    "at(2026-11-29T07:00:00)",
    "at(2026-02-29T00:00:00)",
    "at(99999-01-01T00:00:00)",
    "at(+010000-01-01T00:00:00)",
    "at(-009999-01-01T00:00:00)",
    "at(2026-12-31T24:00:00)",
    "at(2026-12-31T23:59:60)",
    "at(2026-12-31 00:00:00)",
    "at(2026-12-31T00:00:00Z)",
    "at(tomorrow)",
    "at(2027-03-14T02:30:00)",
    "${cron(0 12 * * ? *)}",
    "{{.}}",
];

#[tokio::test]
async fn nonsense_is_no_schedule() {
    let world = World::start().await;
    for expression in NONSENSE {
        let mut body = schedule("daily");
        body["schedule_expression"] = json!(expression);
        let answer = world.post("/api/schedules", &body).await;
        let field = answer.body["field"].as_str().unwrap_or_default();
        assert!(answer.status == 400 && field.starts_with("schedule_expression"), "{expression:?}: {answer:?}");
    }
    left_nothing(&world).await;
}

#[tokio::test]
async fn names_and_zones_are_spelt_in_one_way() {
    let world = World::start().await;
    for zone in [
        "",
        "utc",
        "GMT+25",
        "Europe/Nowhere",
        "../../etc/passwd",
        "Europe/Berlin\0",
        "Europe\\Berlin",
        "Europe/Berlin ",
        "＋01:00",
        "+01:00",
    ] {
        let mut body = schedule("daily");
        body["timezone"] = json!(zone);
        refused(&world, "/api/schedules", "timezone", &body.to_string()).await;
    }
    for name in [
        "",
        " ",
        "a b",
        "a/b",
        "../a",
        "a\0",
        "a\nb",
        "ä",
        "а",
        "a;b",
        "a{{b}}",
        "a$b",
        &"x".repeat(61),
        &"x".repeat(100_000),
    ] {
        refused(&world, "/api/schedules", "name", &schedule(name).to_string()).await;
    }
    left_nothing(&world).await;
}

#[tokio::test]
async fn the_last_moment_of_the_calendar_is_a_time_in_every_zone() {
    let world = World::start().await;
    for (number, zone) in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"].into_iter().enumerate() {
        let mut body = schedule(&format!("last-{number}"));
        (body["schedule_expression"], body["timezone"]) = (json!("at(9999-12-31T23:59:59)"), json!(zone));
        let answer = world.post("/api/schedules", &body).await;
        assert!(matches!(answer.status, 201 | 400), "{zone}: {answer:?}");
    }
}

/// What a parser of JSON reads, its reader may not: a message has more levels than its payload.
#[tokio::test]
async fn what_is_accepted_can_be_read_again() {
    let world = World::start().await;
    let deep = |levels: usize| (1..levels).fold(json!([]), |value, _| json!([value]));
    let request = |body: &Value, is_text: bool| {
        let payload = json!({ "action": "http", "url": "https://api.example.com/", "method": "POST", "body": body });
        let payload = if is_text { json!(payload.to_string()) } else { payload };
        json!({ "message_type": "web_action", "payload": payload })
    };
    for is_text in [false, true] {
        refused(&world, "/api/messages", "payload", &request(&deep(100), is_text).to_string()).await;
        let arguments =
            json!({ "message_type": "notify", "payload": { "message": "hi" }, "arguments": { "a": deep(100) } });
        refused(&world, "/api/messages", "arguments", &arguments.to_string()).await;
    }
    left_nothing(&world).await;
    for is_text in [false, true] {
        let answer = world.post("/api/messages", &request(&deep(99), is_text)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let row = world.message_table().get(answer.id()).await.unwrap().unwrap();
        assert!(world.messages().iter().any(|message| message.id == row.id && message.payload == row.payload));
        assert_eq!(world.get(&format!("/api/messages/{}", answer.id())).await.status, 200);
    }
}

#[tokio::test]
async fn any_character_arrives_as_it_is() {
    let world = World::start().await;
    let text = "\0\u{1}\u{7f}\u{85}\u{200b}\u{202e}\u{2028}\u{feff}\u{fffd}\u{fffe}\u{ffff}\u{10ffff}\\\"é\u{301}";
    let answer =
        world.post("/api/messages", &json!({ "message_type": "notify", "payload": { "message": text } })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(world.messages()[0].payload["message"], text);
    // SQS does not take these, and none below U+0020 but three.
    let is_taken = |character: char| character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}');
    assert!(world.published()[0]["Message"].chars().all(is_taken));
    assert_eq!(world.get(&format!("/api/messages/{}", answer.id())).await.body["payload"]["message"], text);
}

/// A row takes 400 KB, and numbers become longer as they are written.
#[tokio::test]
async fn a_schedule_that_no_row_takes_leaves_nothing() {
    let world = World::start().await;
    let mut long = schedule("long");
    (long["message_type"], long["target_type"]) = (json!("notify"), json!("notify"));
    long["payload"] = json!({ "message": "x".repeat(450_000) });
    let numbers = vec!["1E15"; 60_000].join(",");
    let growing = format!(
        r#"{{"action":"create","name":"growing","schedule_expression":"rate(1 day)","message_type":"notify","payload":{{"message":"hi"}},
        "arguments":{{"a":[{numbers}]}}}}"#
    );
    for body in [long.to_string(), growing] {
        let answer = world.ask("POST", "/api/schedules", &json!({}), Some(&body)).await;
        assert_eq!((answer.status, answer.body["success"].as_bool()), (413, Some(false)), "{answer:?}");
    }
    left_nothing(&world).await;
}

#[tokio::test]
async fn a_sender_with_a_long_name_may_name_requests_too() {
    let world = World::start().await;
    let name = "x".repeat(3000);
    let body = json!({ "message_type": "notify", "payload": { "message": "hi" } });
    let (first, again) = (world.post_as(&name, "k", &body).await, world.post_as(&name, "k", &body).await);
    assert_eq!((first.status, again.status, first.id()), (201, 201, again.id()), "{first:?} {again:?}");
    let other = world.post_as(&format!("{name}y"), "k", &body).await;
    assert!(other.status == 201 && other.id() != first.id(), "{other:?}");
}
