//! Whatever a client sends: never a 500, never a panic.

use crate::world::World;
use serde_json::{Value, json};

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[tokio::test]
async fn nothing_that_a_client_sends_is_a_fault_of_the_server() {
    let world = World::start().await;
    let bodies = [
        "null".to_owned(), "1e999".to_owned(), "\"\\ud800\"".to_owned(), deep(100_000),
        format!("{{\"message_type\":\"notify\",\"payload\":{{\"message\":{}}}}}", deep(100)),
        json!({"message_type": "\0", "payload": {}}).to_string(),
        json!({"message_type": "notify", "payload": {"message": "\0\u{202e}\u{feff}"}}).to_string(),
        json!({"message_type": "notify", "payload": {"": "", "message": {"message": "x"}}}).to_string(),
        json!({"message_type": "notify", "payload": "{\"message\":\"text of JSON\"}"}).to_string(),
        json!({"message_type": "web_action", "payload": {"action": "golf", "courseID": 1.5, "teeSheetID": -1}}).to_string(),
        json!({"message_type": "web_action", "payload": {"action": "golf", "courseID": "1", "autoBook": "true"}, "arguments": {"operation": "search_tee_times"}}).to_string(),
        json!({"action": "create", "name": "a", "schedule_expression": "cron(".repeat(60), "message_type": "notify", "payload": {"message": "a"}}).to_string(),
        json!({"action": "update", "name": "missing"}).to_string(),
    ];
    for path in ["/api/messages", "/api/schedules", "/api/messages/x", "/api/usage"] {
        for body in &bodies {
            let answer = world.ask("POST", path, &json!({}), Some(body)).await;
            assert!(answer.status < 500, "{path} {body:.80}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn no_question_is_a_fault_of_the_server() {
    let world = World::start().await;
    let long = format!("/api/messages/{}", "x".repeat(5000));
    for (path, status) in [
        (long.as_str(), 404),
        ("/api/messages/request_1", 404),
        ("/api/results/%00", 404),
        ("/api/results/msg_1", 404),
        (&format!("/api/results/msg_{}", "x".repeat(5000)), 404),
        ("/api/results/result_1?offset=18446744073709551616", 400),
        ("/api/messages?limit=１", 400),
        ("/api/messages?limit=1e3", 400),
        ("/api/messages?next_token=eyJhIjp7fX0", 400),
        ("/api/usage?day=-009999-01-01", 400),
        ("/api/usage?day=2026-11-29T00:00:00Z", 400),
        ("/api/messages?limit=0", 400),
        ("/api/messages?limit=1001", 400),
        ("/api/messages?limit=many", 400),
        ("/api/messages?status=lost", 400),
        ("/api/messages?stage=prod", 400),
        ("/api/messages?next_token=%", 400),
        ("/api/messages?next_token=e30", 400),
        ("/api/schedules?status=lost", 400),
        ("/api/schedules?next_token=WzFd", 400),
        ("/api/schedules?next_token=e30", 400),
        ("/api/usage?day=yesterday", 400),
        ("/api/usage?day=2026-11-31", 400),
        ("/api/results/result_1?offset=-1", 400),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, status, "{path:.80}: {answer:?}");
    }
}

#[tokio::test]
async fn a_request_is_named_by_visible_characters() {
    let world = World::start().await;
    let body = json!({"message_type": "notify", "payload": {"message": "hi"}});
    for key in [String::new(), "a b".to_owned(), "a\r\nb".to_owned(), "ä".to_owned(), "x".repeat(256)] {
        for name in ["idempotency-key", "x-request-id"] {
            let answer = world.ask("POST", "/api/messages", &json!({ name: key }), Some(&body.to_string())).await;
            assert_eq!((answer.status, answer.body["field"].as_str()), (400, Some(name)), "{key:?}");
        }
    }
    assert_eq!(world.rows().await, 0);
}

#[tokio::test]
async fn numbers_that_came_as_text_go_on_as_numbers() {
    let world = World::start().await;
    let body = json!({"message_type": "notify", "payload": {"message": "hi", "priority": "4", "markdown": "true"}});
    let answer = world.post("/api/messages", &body).await;
    assert_eq!(answer.body["payload"], json!({"message": "hi", "priority": 4, "markdown": true}), "{answer:?}");
    assert_eq!(Value::from(answer.status), 201);
}
