//! Handles in the input of other functions' tools.

use functions_shared::LambdaEvent;
use lambda_runtime::Context;
use serde_json::{Value, json};

use crate::site::page;
use crate::world::World;

fn event(input: &Value) -> Value {
    let schema = json!({"properties": {"text": {"type": "string", "format": "content"}, "note": {"type": "string"}}});
    json!({"type": "open", "input": input, "input_schema": schema.to_string()})
}

#[tokio::test]
async fn a_handle_is_opened_where_the_tool_takes_a_content() {
    let text = "hello ".repeat(10_000);
    let page_text = text.clone();
    let world = World::new(move |_| page("text/plain", page_text.clone())).await;
    let function = world.function();
    let fetched = function.text("http_get", json!({"url": "https://documents.test/"})).await;
    let handle = fetched.rsplit_once("handle: ").expect("a handle").1.trim_end_matches(']');
    let input = json!({"text": handle, "note": handle, "more": [handle]});
    let opened = function.service(event(&input)).await;
    assert_eq!(opened, json!({"input": {"text": text, "note": handle, "more": [handle]}}));
    let plain = json!({"text": "just a text", "note": 7});
    assert_eq!(function.service(event(&plain)).await, json!({ "input": plain }));
}

#[tokio::test]
async fn a_handle_of_nothing_fails_by_name() {
    let world = World::new(|_| page("text/plain", "")).await;
    let handle = "1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    let event = LambdaEvent::new(event(&json!({ "text": handle })), Context::default());
    let failure = tool::handle(&world.function().0, event).await.expect_err("nothing is stored");
    assert!(failure.to_string().contains("nothing is stored under this handle"), "{failure}");
}
