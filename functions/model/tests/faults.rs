//! What providers do on bad days: each fault, of each API, has the name that a state machine matches, after a single request.

use crate::kit::{KEY, Nobody, Provider, Response, World, question};
use model::CallError;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The APIs: transformer, key, and an answer as it should be.
fn apis() -> [(&'static str, Option<&'static str>, Value); 5] {
    let usage = json!({"input_tokens": 1, "output_tokens": 1, "prompt_tokens": 1, "completion_tokens": 1, "inputTokens": 1, "outputTokens": 1, "totalTokens": 2});
    [
        ("anthropic_v1", Some("ANTHROPIC_API_KEY"), json!({"content": [], "stop_reason": "end_turn", "usage": usage})),
        (
            "openai_v1",
            Some("OPENAI_API_KEY"),
            json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": usage}),
        ),
        (
            "openai_responses_v1",
            Some("OPENAI_API_KEY"),
            json!({"status": "completed", "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}], "usage": usage}),
        ),
        (
            "gemini_v1",
            Some("GEMINI_API_KEY"),
            json!({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}], "usageMetadata": {}}),
        ),
        (
            "bedrock_v1",
            None,
            json!({"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}),
        ),
    ]
}

fn row(transformer: &str, key: Option<&str>, endpoint: &str) -> Value {
    json!({
        "pk": "provider#model", "provider": "provider", "model_id": "model", "is_active": "true",
        "request_transformer": transformer, "endpoint": endpoint, "secret_key_name": key,
    })
}

/// What a call becomes at a provider that answers like this.
async fn outcome(transformer: &str, key: Option<&str>, response: Response) -> Result<Value, CallError> {
    let provider = Provider::start(response).await;
    let world = World::with(&[row(transformer, key, &provider.endpoint)]).await;
    let outcome = world.ask_within(question("provider", "model"), Duration::from_secs(5)).await;
    assert_eq!(provider.received().len(), 1, "{transformer}: no second try");
    outcome
}

fn response(status: u16, content_type: &str, body: impl Into<String>) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body: body.into(),
        ..Response::default()
    }
}

const PAGE: &str = "<!doctype html><title>Bad gateway</title>";

#[tokio::test]
async fn each_fault_has_its_name() {
    for (transformer, key, good) in apis() {
        let good = good.to_string();
        let mut limited = response(429, "application/json", "{}");
        limited.headers.push(("retry-after".to_owned(), "17".to_owned()));
        let mut overloaded = limited.clone();
        overloaded.status = 503;
        let quoting =
            json!({"error": {"message": KEY, "type": KEY, "code": KEY}, "message": KEY, "__type": KEY}).to_string();
        for (response, name, text) in [
            (limited, "RateLimited", "retry after 17 s"),
            (overloaded, "RateLimited", "retry after 17 s"),
            (response(429, "text/plain", ""), "RateLimited", "it does not say when to retry"),
            (response(503, "application/json", "{}"), "ProviderUnavailable", "answers 503"),
            (response(500, "application/json", "{}"), "ProviderUnavailable", "answers 500"),
            (response(409, "application/json", "{}"), "ProviderUnavailable", "answers 409"),
            (
                response(
                    400,
                    "application/json",
                    r#"{"error": {"message": "context length exceeded"}, "message": "context length exceeded"}"#,
                ),
                "ContextOverflow",
                "longer than",
            ),
            (response(502, "text/html", PAGE), "ProviderUnavailable", "answers 502"),
            (response(401, "application/json", quoting), "ProviderError", "answers 401"),
            (response(200, "text/html", PAGE), "BadResponse", "cannot be read"),
            (response(200, "application/json", &good[..good.len() / 2]), "BadResponse", "cannot be read"),
            (response(200, "application/json", ""), "BadResponse", "cannot be read"),
        ] {
            let error = outcome(transformer, key, response.clone()).await.expect_err(name);
            assert_eq!(error.name(), name, "{transformer}: {response:?}: {error}");
            assert!(error.to_string().contains(text), "{transformer}: {error}");
            assert!(!error.to_string().contains(KEY), "{transformer}: {error}");
        }
        assert!(outcome(transformer, key, response(200, "application/json", good)).await.is_ok(), "{transformer}");
    }
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    for (transformer, key, _) in apis() {
        let provider = Provider::start(Response { hangs: true, ..Response::default() }).await;
        let mut row = row(transformer, key, &provider.endpoint);
        row["timeout"] = json!(1);
        let error = World::with(&[row]).await.ask(question("provider", "model")).await.expect_err("no answer");
        assert_eq!(error.to_string(), "no answer from `provider` within 1 s", "{transformer}");
        assert_eq!((error.name(), provider.received().len()), ("Timeout", 1), "{transformer}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_on_the_wire_is_a_bad_response() {
    for (transformer, key, _) in apis() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            let _ = connection.read(&mut [0; 8192]).await.expect("a request");
            connection
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"cont")
                .await
                .expect("half an answer");
        });
        let world = World::with(&[row(transformer, key, &endpoint)]).await;
        let error = world.ask(question("provider", "model")).await.expect_err("half an answer");
        assert_eq!(error.name(), "BadResponse", "{transformer}: {error}");
        server.await.expect("a server");
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unavailable() {
    let nobody = Nobody::new();
    for (transformer, key, _) in apis() {
        let error =
            World::with(&[row(transformer, key, &nobody.endpoint)]).await.ask(question("provider", "model")).await;
        let error = error.expect_err("nobody");
        assert_eq!(
            (error.name(), error.to_string().as_str()),
            ("ProviderUnavailable", "`provider` cannot be reached"),
            "{transformer}"
        );
    }
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    for (transformer, key, good) in apis() {
        let elsewhere = Provider::start(response(200, "application/json", good.to_string())).await;
        let mut moved = response(307, "text/plain", "");
        moved.headers.push(("location".to_owned(), elsewhere.endpoint.clone()));
        let error = outcome(transformer, key, moved).await.expect_err("moved");
        assert_eq!(
            (error.name(), error.to_string().as_str()),
            ("ProviderError", "`provider` answers 307"),
            "{transformer}"
        );
        assert!(elsewhere.received().is_empty(), "{transformer}: the key went elsewhere");
    }
}
