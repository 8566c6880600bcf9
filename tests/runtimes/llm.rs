//! The function that calls models, behind the layer: what a tool stored reaches the model's provider whole.

use serde_json::{Value, json};
use test_kit::{Exchange, Peer, Reply};

use super::assert_is_reference;
use super::stage::{Stage, Subject};

/// A provider of the Messages API that answers `text`.
pub(super) async fn provider(text: &str) -> Peer {
    let said = json!({
        "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn",
        "usage": { "input_tokens": 150_000, "output_tokens": 2 },
    });
    Peer::start(move |_: &Exchange| Some(Reply::new(200, said.to_string()))).await
}

/// The call that hands a tool's result to the model.
fn call(endpoint: &str, content: &Value) -> Value {
    json!({
        "provider_config": {
            "provider_id": "anthropic", "model_id": "model", "endpoint": endpoint, "request_transformer": "anthropic_v1",
        },
        "messages": [
            { "role": "user", "content": "What does it say?" },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "tu_1", "name": "http_get", "input": {} }] },
        ],
        "tool_results": [{ "type": "tool_result", "name": "http_get", "tool_use_id": "tu_1", "content": content }],
    })
}

#[tokio::test]
async fn a_tools_result_of_600_kb_reaches_the_provider_whole_and_is_not_stored_again() {
    let provider = provider("Read.").await;
    // Keys of a stand-in on this machine may go to a provider on this machine; this call needs none.
    let local = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")];
    let mut lambda = Stage::with_variables(&[Subject::Python, Subject::Llm], &local).await;
    let state = lambda.answer(Subject::Python, json!({ "do": "grow", "bytes": 600_000 })).await;
    assert_is_reference(&state["text"]);
    let stored = lambda.lambda.table().items().await.unwrap().len();

    let reply = lambda.answer(Subject::Llm, call(&format!("{}/v1/messages", provider.url()), &state["text"])).await;
    let asked = provider.recorded("POST /v1/messages").await.json();
    assert!(asked["messages"][2]["content"][0]["content"] == "x".repeat(600_000), "the provider read something else");
    assert_eq!(reply["messages"][2]["content"][0]["content"], state["text"], "the same reference leaves again");
    assert_eq!(lambda.lambda.table().items().await.unwrap().len(), stored, "nothing more is stored");
    assert_eq!(reply["message"]["content"], json!([{ "type": "text", "text": "Read." }]));
    lambda.assert_proxied(2);
}
