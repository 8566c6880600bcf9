//! What is refused before a provider hears of it.

use crate::kit::{KEY, Provider, Response, World, question};
use serde_json::{Value, json};

fn row(endpoint: &str) -> Value {
    json!({
        "pk": "anthropic#claude", "provider": "anthropic", "model_id": "claude", "is_active": "true", "endpoint": endpoint,
        "request_transformer": "anthropic_v1", "secret_key_name": "ANTHROPIC_API_KEY",
    })
}

fn answering() -> Response {
    let body = json!({"content": [], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}});
    Response { status: 200, body: body.to_string(), ..Response::default() }
}

/// A call with `value` at `pointer`, whose last part may be new.
fn with(pointer: &str, value: Value) -> Value {
    let mut call = question("anthropic", "claude");
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    call.pointer_mut(parent).expect("a parent")[field] = value;
    call
}

#[tokio::test]
async fn a_bad_call_is_refused_and_nobody_is_asked() {
    let provider = Provider::start(answering()).await;
    let mut world = World::with(&[row(&provider.endpoint)]).await;
    world.llm.keys_are_local = false;
    let tool = |schema: Value| json!([{"name": "search", "description": "", "input_schema": schema}]);
    for (call, name, text) in [
        (with("/messages", json!([])), "InvalidRequest", "`messages` has no message"),
        (with("/tools", json!([{"name": "search"}])), "InvalidRequest", "the tool `search` has no `input_schema`"),
        (with("/tools", tool(json!("no JSON"))), "InvalidRequest", "the tool `search` has no `input_schema`"),
        (with("/tools", tool(json!([]))), "InvalidRequest", "the tool `search` has no `input_schema`"),
        (with("/stream", json!(true)), "InvalidRequest", "`stream`"),
        (with("/tool_results", json!([{"tool_use_id": "1", "content": ""}])), "InvalidRequest", "the result for `1`"),
        (
            with("/provider_config/request_transformer", json!("cohere_v1")),
            "InvalidRequest",
            "no transformer `cohere_v1`",
        ),
        (with("/provider_config/response_transformer", json!("openai_v1")), "InvalidRequest", "for different APIs"),
        (with("/provider_config/timeout", json!(0)), "InvalidRequest", "`timeout`"),
        (with("/provider_config/timeout", json!(901)), "InvalidRequest", "`timeout`"),
        (with("/provider_config/model_id", json!("gone")), "UnknownModel", "no active model `gone` of `anthropic`"),
        (with("/provider_config/secret_key_name", json!("OPENAI_API_KEY")), "InvalidRequest", "may not be sent"),
        (with("/provider_config/secret_path", json!("/lrap/signing")), "InvalidRequest", "`secret_path`"),
        (with("/provider_config/endpoint", json!("https://evil.example/v1")), "InvalidRequest", "may not be sent"),
        (with("/provider_config/endpoint", json!("http://127.0.0.1:9001/")), "InvalidRequest", "may not be sent"),
        (with("/provider_config/endpoint", json!("api.anthropic.com")), "InvalidRequest", "`endpoint` is not a URL"),
        (
            with("/provider_config/custom_headers", json!({"Host": "evil.example"})),
            "InvalidRequest",
            "must not set `host`",
        ),
        (with("/provider_config/custom_headers", json!({"a b": ""})), "InvalidRequest", "a header's name"),
        (with("/provider_config/custom_headers", json!({"a": "\n"})), "InvalidRequest", "a header's value"),
    ] {
        let error = world.ask(call.clone()).await.expect_err(text);
        assert_eq!(error.name(), name, "{call}: {error}");
        assert!(error.to_string().contains(text), "{call}: {error}");
    }
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn a_bad_row_is_refused_and_nobody_is_asked() {
    let provider = Provider::start(answering()).await;
    for (attribute, value, name, text) in [
        ("request_transformer", json!("cohere_v1"), "InvalidRequest", "no transformer `cohere_v1`"),
        ("request_transformer", json!(null), "InvalidRequest", "no `request_transformer`"),
        ("endpoint", json!("http://models.example/v1"), "InvalidRequest", "neither https nor on the loopback"),
        ("endpoint", json!(null), "InvalidRequest", "no `endpoint`"),
        ("secret_key_name", json!("COHERE_API_KEY"), "SecretMissing", "has no key `COHERE_API_KEY`"),
        ("is_active", json!("false"), "UnknownModel", "no active model"),
        ("timeout", json!(1.5), "InvalidRequest", "`timeout`"),
    ] {
        let mut row = row(&provider.endpoint);
        row[attribute] = value;
        let error = World::with(&[row]).await.ask(question("anthropic", "claude")).await.expect_err(text);
        assert_eq!(error.name(), name, "{attribute}: {error}");
        assert!(error.to_string().contains(text), "{attribute}: {error}");
    }
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn without_a_secret_there_is_no_key() {
    let provider = Provider::start(answering()).await;
    let mut world = World::with(&[row(&provider.endpoint)]).await;
    world.llm.secret_name = None;
    let error = world.ask(question("anthropic", "claude")).await.expect_err("no key");
    assert_eq!((error.name(), provider.received().len()), ("SecretMissing", 0));
}

#[tokio::test]
async fn an_event_may_say_everything_itself() {
    let provider = Provider::start(answering()).await;
    let mut call = question("anthropic", "claude-of-tomorrow");
    call["provider_config"] = json!({
        "provider_id": "anthropic", "model_id": "claude-of-tomorrow", "endpoint": format!("{}/v1/messages", provider.endpoint),
        "auth_header_name": "x-api-key", "auth_header_prefix": null, "secret_path": "/ai-agent/llm-secrets/test",
        "secret_key_name": "ANTHROPIC_API_KEY", "request_transformer": "anthropic_v1", "response_transformer": "anthropic_v1",
        "timeout": 30, "custom_headers": {"anthropic-beta": "context-1m-2025-08-07"},
    });
    for models in [true, false] {
        let mut world = World::with(&[]).await;
        world.llm.models = world.llm.models.filter(|_| models);
        let reply = world.ask(call.clone()).await.expect("a reply");
        assert_eq!(reply["metadata"]["cost_usd"], "0.000000", "no row, no price");
    }
    let received = &provider.received()[0];
    assert_eq!((received.path.as_str(), received.header("x-api-key")), ("/v1/messages", Some(KEY)));
    assert_eq!(received.header("anthropic-beta"), Some("context-1m-2025-08-07"));
}
