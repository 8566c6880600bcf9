//! Long results of tools: the model reads all of it.

use crate::kit::{Provider, Response, World, question};
use serde_json::{Value, json};

/// With what JSON has to escape, and more than one byte to a character.
fn long_text() -> String {
    "Grüße \"an\" alle\n".repeat(600 * 1024 / 18)
}

/// Whether a request contains a text.
fn holds(request: &Value, text: &str) -> bool {
    match request {
        Value::String(found) => found == text,
        Value::Array(values) => values.iter().any(|value| holds(value, text)),
        Value::Object(fields) => fields.values().any(|value| holds(value, text)),
        _ => false,
    }
}

#[tokio::test]
async fn six_hundred_kilobytes_reach_each_provider_whole() {
    let text = long_text();
    assert!(text.len() >= 600_000, "{}", text.len());
    for (transformer, key) in [
        ("anthropic_v1", Some("ANTHROPIC_API_KEY")),
        ("openai_v1", Some("OPENAI_API_KEY")),
        ("gemini_v1", Some("GEMINI_API_KEY")),
        ("bedrock_v1", None),
    ] {
        let provider = Provider::start(Response { status: 500, ..Response::default() }).await;
        let world = World::with(&[json!({
            "pk": "provider#model", "provider": "provider", "model_id": "model", "is_active": "true",
            "request_transformer": transformer, "endpoint": provider.endpoint, "secret_key_name": key,
        })])
        .await;
        let mut call = question("provider", "model");
        let messages = call["messages"].as_array_mut().expect("messages");
        messages.push(
            json!({"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "http_get", "input": {}}]}),
        );
        call["tool_results"] =
            json!([{"type": "tool_result", "name": "http_get", "tool_use_id": "1", "content": text}]);
        world.ask(call).await.expect_err("the stand-in only listens");
        assert!(holds(&provider.received()[0].json(), &text), "{transformer}");
    }
}
