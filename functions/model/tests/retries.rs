//! Trying again: what may pass by itself, within the time that there is, each attempt on the bill.

use crate::kit::{Nobody, Provider, Response, World, question};
use model::Retries;
use serde_json::{Value, json};
use std::time::Duration;

/// Without pauses, but for those that a provider asks for.
const AT_ONCE: Retries = Retries { most: 2, first_pause: Duration::ZERO, longest_pause: Duration::from_secs(2) };

fn status(status: u16) -> Response {
    Response { status, body: "{}".to_owned(), ..Response::default() }
}

fn hangs() -> Response {
    Response { hangs: true, ..Response::default() }
}

fn good() -> Response {
    let body = json!({"content": [{"type": "text", "text": "Rain."}], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}});
    Response { status: 200, body: body.to_string(), ..Response::default() }
}

async fn world(endpoint: &str) -> World {
    let mut world = World::with(&[json!({
        "pk": "anthropic#claude", "provider": "anthropic", "model_id": "claude", "is_active": "true", "endpoint": endpoint,
        "request_transformer": "anthropic_v1", "secret_key_name": "ANTHROPIC_API_KEY", "timeout": 1,
    })])
    .await;
    world.llm.retries = AT_ONCE;
    world
}

/// The reply's attempts or the error's name, and how often the provider was asked.
async fn outcome(responses: Vec<Response>) -> (Result<Value, &'static str>, usize) {
    let provider = Provider::playing(responses).await;
    let asked = world(&provider.endpoint).await.ask(question("anthropic", "claude")).await;
    let outcome = asked.map(|reply| reply["metadata"]["attempts"].clone()).map_err(|error| error.name());
    (outcome, provider.received().len())
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    let hangs = hangs();
    let breaks = Response { breaks: true, ..good() };
    for (first, is_retried) in [
        (status(408), true),
        (status(409), true),
        (status(429), true),
        (status(500), true),
        (status(502), true),
        (status(529), true),
        (hangs, true),
        (status(400), false),
        (status(401), false),
        (status(404), false),
        (status(307), false),
        (breaks, false),
        (Response { stalls: true, ..good() }, false),
    ] {
        let (outcome, asked) = outcome(vec![first.clone(), good()]).await;
        assert_eq!((outcome.is_ok(), asked), (is_retried, if is_retried { 2 } else { 1 }), "{first:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn bedrock_is_asked_again_if_no_answer_begins_in_time_and_not_if_one_breaks_off() {
    let said = json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "Rain."}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": {"latencyMs": 1},
    });
    let good = Response { status: 200, body: said.to_string(), ..Response::default() };
    let stalls = Response { stalls: true, ..good.clone() };
    for (first, is_retried) in [(hangs(), true), (stalls, false)] {
        let provider = Provider::playing(vec![first.clone(), good.clone()]).await;
        let mut world = World::with(&[json!({
            "pk": "bedrock#m", "provider": "bedrock", "model_id": "m", "is_active": "true", "endpoint": provider.endpoint,
            "request_transformer": "bedrock_v1", "timeout": 1,
        })])
        .await;
        world.llm.retries = AT_ONCE;
        let outcome = world.ask(question("bedrock", "m")).await.map_err(|error| error.name());
        let asked = provider.received().len();
        let expected = if is_retried { (None, 2) } else { (Some("Timeout"), 1) };
        assert_eq!((outcome.as_ref().err().copied(), asked), expected, "{first:?}");
    }
}

#[tokio::test]
async fn the_third_attempt_is_the_last() {
    assert_eq!(outcome(vec![status(500), status(500), good()]).await, (Ok(json!(3)), 3));
    assert_eq!(outcome(vec![status(500); 4]).await, (Err("ProviderUnavailable"), 3));
    assert_eq!(outcome(vec![status(429); 4]).await, (Err("RateLimited"), 3));
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_left_to_the_caller() {
    for (seconds, asked) in [("0", 2), ("3", 1)] {
        let limited = Response { headers: vec![("retry-after".to_owned(), seconds.to_owned())], ..status(429) };
        let (_, count) = outcome(vec![limited, good()]).await;
        assert_eq!(count, asked, "after {seconds} s");
    }
}

#[tokio::test]
async fn no_attempt_begins_for_which_there_is_no_time() {
    let provider = Provider::playing(vec![status(500), good()]).await;
    let world = world(&provider.endpoint).await;
    let asked = world.ask_within(question("anthropic", "claude"), Duration::from_millis(900)).await;
    // On a slow machine not even the first one does.
    assert!(asked.is_err() && provider.received().len() <= 1, "{asked:?}");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_looked_for_three_times() {
    let nobody = Nobody::new();
    let error = world(&nobody.endpoint).await.ask(question("anthropic", "claude")).await.expect_err("nobody");
    assert_eq!((error.name(), error.to_string().as_str()), ("ProviderUnavailable", "`anthropic` cannot be reached"));
}
