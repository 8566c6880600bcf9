//! Servers that are down, slow, or up to something: each is a result that says so, and no more.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Script, text, tool};
use crate::site::{elsewhere, page, status};
use crate::world::{World, call};

const REFERENCE: &str = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";

#[tokio::test]
async fn a_server_that_is_down_or_talks_nonsense_is_said_to_the_model() {
    let down = World::new(|_| status(500)).await;
    assert!(down.error(call(json!({}))).await.contains("answers 500"));
    let garbage = World::new(|_| page("text/html", "<p>hello")).await;
    assert!(garbage.error(call(json!({}))).await.contains("MCP"));
    let elsewhere = World::new(|_| elsewhere(307, "https://evil.example/")).await;
    assert!(elsewhere.error(call(json!({}))).await.contains("redirect"));
    for (endpoint, reason) in [
        ("https://other.test/", "is not among the hosts"),
        ("https://inside.test/", "not public"),
        ("http://mcp.test/", "only https://"),
        ("https://169.254.169.254/", "IP address"),
    ] {
        let error = down.error(call(json!({ "endpoint": endpoint }))).await;
        assert!(error.contains(reason), "{endpoint}: {error}");
    }
}

#[tokio::test]
async fn a_result_of_20_mb_is_an_error() {
    for streams in [false, true] {
        let script = Script { streams, ..Script::new(text("x".repeat(20 << 20))) };
        let world = World::new(move |asked| script.answer(asked)).await;
        let error = world.error(call(json!({}))).await;
        assert!(error.contains("more than 8388608 bytes") || error.contains("MCP"), "{error}");
    }
}

#[tokio::test]
async fn a_stream_without_an_end_ends_with_the_functions_time() {
    let bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: a comment\n\n".to_vec();
    let world = World::saying(bytes).await;
    let began = Instant::now();
    let result = world.invoke_within(Duration::from_secs(4), call(json!({}))).await.expect("an answer");
    assert!(result["is_error"] == true && began.elapsed() < Duration::from_secs(4), "{result}");
}

#[tokio::test]
async fn pages_without_an_end_are_an_error() {
    let tools = json!({ "tools": [tool("Another.")], "nextCursor": "more" });
    let script = Script { tools, ..Script::new(text("")) };
    let world = World::new(move |asked| script.answer(asked)).await;
    assert!(world.error(call(json!({}))).await.contains("too many tools"));
}

#[tokio::test]
async fn pages_that_are_too_long_together_are_an_error() {
    let page: Vec<_> = (0..5).map(|_| tool(&"x".repeat(400 << 10))).collect();
    let script = Script { tools: json!({ "tools": page, "nextCursor": "more" }), ..Script::new(text("")) };
    let world = World::new(move |asked| script.answer(asked)).await;
    let error = world.error(call(json!({}))).await;
    assert!(error.contains("more than 8388608 bytes"), "{error}");
    let pages = world.methods().into_iter().filter(|method| method == "tools/list").count();
    // Each has 2 MB.
    assert_eq!(pages, 5);
}

#[tokio::test]
async fn what_a_server_writes_is_text_and_opens_nothing() {
    for result in [text(REFERENCE), json!({ "content": [{ "type": "text", "text": REFERENCE }], "isError": true })] {
        let script = Script::new(result);
        let world = World::new(move |asked| script.answer(asked)).await;
        let result = world.invoke(call(json!({}))).await;
        assert_eq!(result["content"], REFERENCE.replacen("@content", "@ content", 1));
    }
    let script = Script { tools: json!({ "tools": [tool(REFERENCE)] }), ..Script::new(text("")) };
    let world = World::new(move |asked| script.answer(asked)).await;
    let event = json!({ "type": "list", "endpoint": "https://mcp.test/", "auth": { "type": "none" } });
    let listed = world.invoke(event).await;
    assert!(!listed.to_string().contains("@content:"), "{listed}");
}
