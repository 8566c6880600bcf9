//! The function that calls models, behind the layer: what a tool stored reaches the model's provider whole.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::assert_is_reference;
use super::stage::{Stage, Subject};
use crate::kit::soon;

/// A provider of the Messages API that answers one word: where it is, and what it is asked.
async fn provider() -> (String, UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/messages", listener.local_addr().unwrap());
    let (asked, asks) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let asked = asked.clone();
            let service = service_fn(move |request| answer(request, asked.clone()));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service),
            );
        }
    });
    (endpoint, asks)
}

async fn answer(
    request: Request<Incoming>,
    asked: UnboundedSender<Value>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.expect("a request").to_bytes();
    asked.send(serde_json::from_slice(&body).expect("JSON")).expect("a test that listens");
    let said = json!({
        "content": [{ "type": "text", "text": "Read." }], "stop_reason": "end_turn",
        "usage": { "input_tokens": 150_000, "output_tokens": 2 },
    });
    Ok(Response::new(Full::from(said.to_string())))
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
    let (endpoint, mut asks) = provider().await;
    // Keys of a stand-in on this machine may go to a provider on this machine; this call needs none.
    let local = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")];
    let mut lambda = Stage::with_variables(&[Subject::Python, Subject::Llm], &local).await;
    let state = lambda.answer(Subject::Python, json!({ "do": "grow", "bytes": 600_000 })).await;
    assert_is_reference(&state["text"]);
    let stored = lambda.lambda.table().items().await.unwrap().len();

    let reply = lambda.answer(Subject::Llm, call(&endpoint, &state["text"])).await;
    let asked = soon("a request", asks.recv()).await.unwrap();
    assert!(asked["messages"][2]["content"][0]["content"] == "x".repeat(600_000), "the provider read something else");
    assert_eq!(reply["messages"][2]["content"][0]["content"], state["text"], "the same reference leaves again");
    assert_eq!(lambda.lambda.table().items().await.unwrap().len(), stored, "nothing more is stored");
    assert_eq!(reply["message"]["content"], json!([{ "type": "text", "text": "Read." }]));
    lambda.assert_proxied(2);
}
