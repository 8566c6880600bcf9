//! What a provider does on bad days, through the whole function.

use super::budget::{function_with, spend};
use super::world::World;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Mutex;
use test_kit::peer::Habits;
use test_kit::{Exchange, Peer, Reply};

/// Answers one after another.
struct Answers(Mutex<VecDeque<Reply>>);

impl Answers {
    fn of(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self(Mutex::new(replies.into_iter().collect()))
    }
}

impl Habits for Answers {
    fn reply(&self, _: &Exchange, _: usize) -> Option<Reply> {
        self.0.lock().unwrap().pop_front()
    }
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A stream that says this much and then ends.
fn stream(blocks: &[Value]) -> Reply {
    let message = json!({ "type": "message_start", "message": { "content": [], "usage": { "input_tokens": 10, "output_tokens": 1 } } });
    Reply::new(200, std::iter::once(&message).chain(blocks).map(event).collect::<String>())
}

fn text() -> [Value; 2] {
    [
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "It rains" } }),
    ]
}

fn ends() -> [Value; 2] {
    let usage = json!({ "input_tokens": 10, "output_tokens": 5 });
    [
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": usage }),
        json!({ "type": "message_stop" }),
    ]
}

/// A model that is asked at this provider.
fn row(provider: &Peer) -> Value {
    json!({
        "endpoint": provider.url(), "request_transformer": "anthropic_v1", "response_transformer": "anthropic_v1", "timeout": 1,
    })
}

#[tokio::test]
async fn a_stream_is_heard_while_the_model_writes() {
    let world = World::new().await;
    let provider = Peer::start(Answers::of([stream(&[&text()[..], &ends()[..]].concat())])).await;
    let function = function_with(&world, &row(&provider)).await;
    let got = function.stream(json!({ "message": "Well?", "stream": true })).await;
    let events = got.events();
    assert_eq!(events[1], ("text".to_owned(), json!({ "text": "It rains" })));
    assert_eq!((events[2].0.as_str(), &events[2].1["message"]), ("done", &json!("It rains")));
    assert_eq!(function.get("/agent/usage").await.json()["current_cost"], json!(0.00005), "10 tokens read, 5 written");
}

#[tokio::test]
async fn a_stream_that_the_provider_cuts_off_is_an_error_and_is_charged_as_reserved() {
    let world = World::new().await;
    let provider = Peer::start(Answers::of([stream(&text())])).await;
    let function = function_with(&world, &row(&provider)).await;
    let got = function.stream(json!({ "message": "Well?", "session_id": "s", "stream": true })).await;
    let events = got.events();
    let (name, data) = events.last().unwrap();
    assert_eq!((got.status, name.as_str(), &data["status"]), (200, "error", &json!(502)));
    // The most that it can have read and written: 1000 and 4096 tokens.
    assert_eq!(function.get("/agent/usage").await.json()["current_cost"], json!(0.001 + 4096.0 * 8.0 / 1e6));
    assert_eq!(function.get("/agent/sessions/s").await.json()["messages"], json!([]), "nothing was said for good");
}

#[tokio::test]
async fn a_provider_that_is_slow_or_wants_fewer_requests_has_a_status() {
    let world = World::new().await;
    let throttled = || Reply::new(429, "{}").header("retry-after", "7");
    for (reply, status, retry_after) in [(Some(throttled()), 429, Some("7")), (None, 504, None)] {
        let provider = Peer::start(Answers::of(reply)).await;
        let function = function_with(&world, &row(&provider)).await;
        spend(&world, 0).await;
        let got = function.post(json!({ "message": "Well?" })).await;
        assert_eq!((got.status, got.header("retry-after")), (status, retry_after), "{}", got.text);
    }
}
