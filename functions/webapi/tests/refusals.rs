//! What the API refuses, and what it says then. Nothing is stored and nothing is published.

use crate::world::{World, notification, schedule};
use serde_json::{Value, json};

const REFERENCE: &str = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";

/// A body with other members.
fn with(mut body: Value, members: Value) -> Value {
    let (Some(body_members), Value::Object(members)) = (body.as_object_mut(), members) else { panic!("objects") };
    body_members.extend(members);
    body
}

fn action(payload: &Value) -> Value {
    json!({"message_type": "web_action", "payload": payload})
}

/// Messages by the place that is refused.
fn messages() -> Vec<(&'static str, Value)> {
    let note = |payload: Value| json!({"message_type": "notify", "payload": payload});
    vec![
        ("body", json!([])),
        ("message_type", json!({"payload": {"message": "hi"}})),
        ("message_type", with(notification(), json!({"message_type": "sms"}))),
        ("message_type", with(notification(), json!({"message_type": 7}))),
        ("stage", with(notification(), json!({"stage": "prod"}))),
        ("version", with(notification(), json!({"version": "2.0"}))),
        ("payload", json!({"message_type": "notify"})),
        ("payload", with(notification(), json!({"payload": null}))),
        ("payload", with(notification(), json!({"payload": [1]}))),
        ("payload.message", note(json!({}))),
        ("payload.message", note(json!({"message": " "}))),
        ("payload.message", note(json!({"action": "weather", "url": "https://api.weather.gov/"}))),
    ]
}

/// Web actions by the place that is refused.
fn web_actions() -> Vec<(&'static str, Value)> {
    let weather = |url: &str| action(&json!({"action": "weather", "url": url}));
    vec![
        ("payload.action", action(&json!({"message": "hi"}))),
        ("payload.action", action(&json!({"action": "shell", "url": "https://api.weather.gov/"}))),
        ("payload.url", action(&json!({"action": "weather"}))),
        ("payload.url", weather("https://evil.example/")),
        ("payload.url", weather("http://api.weather.gov/")),
        ("payload.url", weather("https://169.254.169.254/latest/meta-data")),
        ("payload.url", weather("https://api.weather.gov@evil.example/")),
        ("payload.url", weather("https://API.WEATHER.GOV.evil.example/")),
        ("payload.method", action(&json!({"action": "weather", "url": "https://api.weather.gov/", "method": "POST"}))),
        ("payload.body", action(&json!({"action": "http", "url": "https://api.example.com/", "body": "b"}))),
        ("payload.days", action(&json!({"action": "weather", "url": "https://api.weather.gov/", "days": 8}))),
        ("payload.numberOfPlayers", action(&json!({"action": "golf", "courseID": 1, "numberOfPlayers": 5}))),
        ("payload.startSearchTime", action(&json!({"action": "golf", "courseID": 1, "startSearchTime": "tomorrow"}))),
        ("arguments.operation", action(&json!({"action": "golf", "courseID": 1}))),
        (
            "payload.teeSheetID",
            with(
                action(&json!({"action": "golf", "courseID": 1})),
                json!({"arguments": {"operation": "book_tee_time"}}),
            ),
        ),
    ]
}

/// Web actions with credentials by the place that is refused.
fn ways_to_authenticate() -> Vec<(&'static str, Value)> {
    let weather = |url: &str| action(&json!({"action": "weather", "url": url}));
    let config =
        |config: Value| action(&json!({"action": "http", "url": "https://api.example.com/", "auth_config": config}));
    vec![
        ("payload.auth_config.type", config(json!({}))),
        ("payload.auth_config.type", config(json!({"type": "magic"}))),
        (
            "payload.auth_config.secret_name",
            config(json!({"type": "bearer", "secret_name": "/ai-agent/llm-secrets/dev"})),
        ),
        (
            "payload.auth_config.secret_name",
            config(json!({"type": "bearer", "secret_name": "rez-agent/golf/credentials-prod"})),
        ),
        (
            "payload.auth_config.secret_name",
            config(json!({"type": "bearer", "secret_name": "rez-agent/../x-dev/a b-dev"})),
        ),
        (
            "payload.auth_config.token_url",
            config(json!({"type": "oauth_password", "token_url": "https://evil.example/"})),
        ),
        ("payload.auth_config.headers", config(json!({"type": "none", "headers": {"Host": "evil"}}))),
        ("payload.auth_config.headers", config(json!({"type": "none", "headers": {"x\r\ny": "a"}}))),
        ("payload.auth_config.headers.x-a", config(json!({"type": "none", "headers": {"x-a": "b\r\nx-c: d"}}))),
        (
            "auth_config.jwks_url",
            with(
                weather("https://api.weather.gov/"),
                json!({"auth_config": {"type": "none", "jwks_url": "http://a.b/"}}),
            ),
        ),
    ]
}

/// Notifications by the place that is refused.
fn notifications() -> Vec<(&'static str, Value)> {
    let note = |payload: Value| json!({"message_type": "notify", "payload": payload});
    vec![
        ("payload.title", note(json!({"message": "hi", "title": "a\r\nX-Actions: b"}))),
        ("payload.priority", note(json!({"message": "hi", "priority": 6}))),
        ("payload.tags", note(json!({"message": "hi", "tags": "[\"a\"]"}))),
        ("payload.tags[0]", note(json!({"message": "hi", "tags": ["a,b"]}))),
        ("payload.click", note(json!({"message": "hi", "click": "javascript:alert(1)"}))),
        (
            "payload.actions[0].action",
            note(json!({"message": "hi", "actions": [{"action": "http", "label": "a", "url": "https://a.example/"}]})),
        ),
        (
            "payload.actions[0].label",
            note(
                json!({"message": "hi", "actions": [{"action": "view", "label": "{{.Env}}", "url": "https://a.example/"}]}),
            ),
        ),
        (
            "payload.actions[0].url",
            note(
                json!({"message": "hi", "actions": [{"action": "view", "label": "a", "url": "https://a.example/;http, b, c"}]}),
            ),
        ),
        (
            "payload.actions[0].headers",
            note(
                json!({"message": "hi", "actions": [{"action": "view", "label": "a", "url": "https://a.example/", "headers": {}}]}),
            ),
        ),
        (
            "payload.session_id",
            json!({"message_type": "agent_response", "payload": {"message": "hi", "session_id": "a b"}}),
        ),
        ("payload.script", note(json!({"message": "hi", "script": "x"}))),
        ("status", with(notification(), json!({"status": "completed"}))),
    ]
}

/// Messages with references, and a schedule without an action by the place that is refused.
fn references() -> Vec<(&'static str, Value)> {
    let note = |payload: Value| json!({"message_type": "notify", "payload": payload});
    vec![
        ("payload.message", note(json!({"message": REFERENCE}))),
        ("payload.list[1].a", note(json!({"message": "hi", "list": [1, {"a": REFERENCE}]}))),
        ("payload.message", note(json!({"message": json!({"a": [REFERENCE]}).to_string()}))),
        (
            "payload.message",
            note(json!({"message": json!([json!([REFERENCE]).to_string()]).to_string().replace('@', "\\u0040")})),
        ),
        ("action", json!({"message_type": "schedule_creation", "payload": {"name": "daily"}})),
    ]
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_refused_with_its_place_and_leaves_nothing() {
    let world = World::start().await;
    let bodies = [messages(), web_actions(), ways_to_authenticate(), notifications(), references()].concat();
    for (field, body) in bodies {
        let answer = world.post("/api/messages", &body).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (400, Some(field)), "{body}: {answer:?}");
        assert!(!answer.error().contains('\n') && answer.error().starts_with(field), "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert_eq!((world.rows().await, world.published().len()), (0, 0));
}

/// Schedules by the place that is refused.
fn schedules() -> Vec<(&'static str, Value)> {
    let other = |members: Value| with(schedule("daily"), members);
    vec![
        ("action", other(json!({"action": "explode"}))),
        ("action", other(json!({"action": null}))),
        ("name", other(json!({"name": null}))),
        ("name", schedule("with spaces")),
        ("name", schedule(&"x".repeat(61))),
        ("name", schedule("../a")),
        ("schedule_expression", other(json!({"schedule_expression": null}))),
        ("schedule_expression", other(json!({"schedule_expression": "every noon"}))),
        ("schedule_expression, cron", other(json!({"schedule_expression": "cron(0 12 * * ?)"}))),
        ("schedule_expression, rate", other(json!({"schedule_expression": "rate(0 minutes)"}))),
        ("schedule_expression", other(json!({"schedule_expression": "at(2020-01-01T00:00:00)"}))),
        ("schedule_expression, minutes", other(json!({"schedule_expression": "cron(bad bad bad bad bad bad)"}))),
        ("timezone", other(json!({"timezone": "Mars/Olympus"}))),
        ("message_type", other(json!({"message_type": "schedule_creation", "target_type": "schedule_creation"}))),
        ("target_type", other(json!({"target_type": "notify"}))),
        ("payload.url", other(json!({"payload": {"action": "weather", "url": "https://evil.example/"}}))),
        ("payload.message", other(json!({"message_type": "notify", "target_type": "notify"}))),
        ("payload.a", other(json!({"payload": {"a": REFERENCE}}))),
        ("stage", other(json!({"stage": "prod"}))),
        ("cron", other(json!({"cron": "0 12 * * ? *"}))),
        ("payload", json!({"action": "delete", "name": "daily", "payload": {}})),
    ]
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_refused_with_its_place_and_leaves_nothing() {
    let world = World::start().await;
    for (field, body) in schedules() {
        let answer = world.post("/api/schedules", &body).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (400, Some(field)), "{body}: {answer:?}");
        assert_eq!(answer.body["success"], false);
        assert!(answer.error().starts_with(field), "{answer:?}");
    }
    assert_eq!((world.rows().await, world.published().len()), (0, 0));
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let world = World::start().await;
    for path in ["/api/messages", "/api/schedules"] {
        for body in [None, Some(""), Some("{"), Some("hi"), Some("{\"a\":\u{7}}")] {
            let answer = world.ask("POST", path, &json!({}), body).await;
            assert_eq!((answer.status, answer.body["field"].as_str()), (400, Some("body")), "{path} {body:?}");
        }
    }
}

#[tokio::test]
async fn a_megabyte_is_too_much() {
    let world = World::start().await;
    let body = json!({"message_type": "notify", "payload": {"message": "x".repeat(1_000_000)}});
    for path in ["/api/messages", "/api/schedules"] {
        let answer = world.post(path, &body).await;
        assert_eq!((answer.status, answer.body["title"].as_str()), (413, Some("Content Too Large")), "{path}");
    }
    assert_eq!((world.rows().await, world.published().len()), (0, 0));
}

#[tokio::test]
async fn other_paths_and_methods_are_named() {
    let world = World::start().await;
    for path in ["/", "/api", "/api/", "/api/message", "/api/messages/a/b", "/api/results", "/agent"] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    for (method, path, allow) in [
        ("DELETE", "/api/messages", "GET, POST, OPTIONS"),
        ("PUT", "/api/schedules", "GET, POST, OPTIONS"),
        ("POST", "/api/messages/msg_1", "GET, OPTIONS"),
        ("POST", "/api/health", "GET, OPTIONS"),
        ("PATCH", "/api/results/result_1", "GET, OPTIONS"),
    ] {
        let answer = world.ask(method, path, &json!({}), Some("{}")).await;
        assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, Some(allow)), "{method} {path}");
    }
    let answer = world.ask("OPTIONS", "/api/messages", &json!({}), None).await;
    assert_eq!((answer.status, answer.headers["allow"].as_str()), (204, Some("GET, POST, OPTIONS")));
}

#[tokio::test]
async fn a_listed_web_page_may_use_the_api() {
    let world = World::start().await;
    let page = json!({"origin": "https://app.example.com", "access-control-request-method": "POST"});
    let preflight = world.ask("OPTIONS", "/api/messages", &page, None).await;
    let allowed = &preflight.headers["access-control-allow-origin"];
    assert_eq!((preflight.status, allowed.as_str()), (204, Some("https://app.example.com")));
    for (origin, allowed) in
        [("https://app.example.com", json!("https://app.example.com")), ("https://evil.example", Value::Null)]
    {
        let answer = world.ask("GET", "/api/health", &json!({ "origin": origin }), None).await;
        assert_eq!(answer.headers["access-control-allow-origin"], allowed);
    }
}
