//! What may be spent, and what is.

use super::world::{Function, World};
use functions_shared::Clock;
use model::budget::Budget;
use model::models::Models;
use model::prices::MicroDollars;
use model::{Llm, Retries};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const CAP: MicroDollars = MicroDollars(10_000_000);

/// A model that answers at once.
pub(super) async fn function_of(world: &World, script: &Value, costs: &str) -> Function<Llm> {
    let row = json!({
        "request_transformer": "scripted_v1", "response_transformer": "scripted_v1", "script": script.to_string(),
    });
    function_of_row(world, &row, costs).await
}

/// A model whose row says this.
pub(super) async fn function_with(world: &World, row: &Value) -> Function<Llm> {
    function_of_row(world, row, "costs").await
}

/// Its tokens cost money: a million of input a dollar, of output eight.
async fn function_of_row(world: &World, more: &Value, costs: &str) -> Function<Llm> {
    let mut row = json!({
        "pk": "scripted#golf-agent", "provider": "scripted", "model_id": "golf-agent", "is_active": "true",
        "input_price_per_million": 1, "output_price_per_million": 8, "max_input_tokens": 1000,
    });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.put("models", &row).await;
    world.put_tools().await;
    world.put_agent("golf-agent", "scripted", &json!({})).await;
    let budget = Budget::new(world.tables.clone(), costs, "test", CAP, world.clock());
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest());
    let secrets = aws_sdk_secretsmanager::Client::from_conf(config.build());
    let llm = Llm {
        models: Some(Models::new(world.tables.clone(), "models")),
        secrets: secrets::Secrets::new(secrets, Clock::system()),
        secret_name: None,
        keys_are_local: true,
        budget: Some(budget.clone()),
        bedrock: bedrock(),
        http: model::http_client().unwrap(),
        retries: Retries::NONE,
        clock: world.clock(),
        warned: Mutex::default(),
    };
    world.function_with("golf-agent", llm, Some(budget))
}

fn bedrock() -> aws_sdk_bedrockruntime::Client {
    use aws_sdk_bedrockruntime::config::BehaviorVersion;
    let config = aws_sdk_bedrockruntime::Config::builder().behavior_version(BehaviorVersion::latest());
    aws_sdk_bedrockruntime::Client::from_conf(config.build())
}

pub(super) async fn spend(world: &World, spent: u64) {
    let now = jiff::Timestamp::try_from(world.clock().now()).unwrap();
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    world.put("costs", &json!({"id": format!("bedrock#test#{day}"), "spent": spent})).await;
}

#[tokio::test]
async fn fifty_parallel_questions_at_the_end_of_the_budget_are_answered_once_at_most() {
    let world = World::new().await;
    let script = json!([{"text": "Yes.", "usage": {"input_tokens": 812, "output_tokens": 960}}]);
    let function = Arc::new(function_of(&world, &script, "costs").await);
    spend(&world, 9_990_000).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let function = Arc::clone(&function);
        asking.spawn(async move { function.post(json!({"message": "Well?"})).await });
    }
    let mut answered = 0;
    while let Some(got) = asking.join_next().await {
        let got = got.unwrap();
        if got.status == 200 {
            answered += 1;
            continue;
        }
        let body = got.json();
        assert_eq!((got.status, &body["error"]), (429, &json!("Daily spending limit reached")));
        assert_eq!(body["cost_info"]["daily_cap"], 10.0);
        let seconds: u64 = got.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=86_400).contains(&seconds));
    }
    assert_eq!(answered, 1);
    let usage = function.get("/agent/usage").await.json();
    assert_eq!(usage["current_cost"], json!(9.99 + (812.0 + 960.0 * 8.0) / 1e6), "settled by real tokens");
}

#[tokio::test]
async fn the_next_day_passes() {
    let world = World::new().await;
    let function = function_of(&world, &json!([{"text": "Yes."}]), "costs").await;
    spend(&world, 10_000_000).await;
    assert_eq!(function.post(json!({"message": "Today?"})).await.status, 429);
    world.wait(86_400);
    assert_eq!(function.post(json!({"message": "Tomorrow?"})).await.status, 200);
}

#[tokio::test]
async fn without_the_table_of_costs_no_model_is_asked() {
    let world = World::new().await;
    let function = function_of(&world, &json!([{"text": "Never."}]), "no-such-table").await;
    let got = function.post(json!({"message": "Well?", "session_id": "s"})).await;
    assert_eq!((got.status, got.header("retry-after")), (503, Some("1")), "{}", got.text);
    assert_eq!(function.get("/agent/usage").await.status, 503);
}

#[tokio::test]
async fn somebody_who_asks_for_usage_is_told_the_days_numbers() {
    let world = World::new().await;
    let function = function_of(&world, &json!([]), "costs").await;
    spend(&world, 2_500_000).await;
    let body = function.post(json!({"message": " Usage "})).await.json();
    assert!(body["message"].as_str().unwrap().starts_with("Today 2.5 of 10.0 USD are spent"), "{body}");
    assert_eq!(body["metadata"]["usage"]["remaining_budget"], 7.5);
}

#[tokio::test]
async fn a_stream_that_nobody_reads_to_its_end_is_paid_for_and_written_down() {
    let world = World::new().await;
    let script = json!([{"text": "One two three.", "usage": {"input_tokens": 100, "output_tokens": 10}}]);
    let function = function_of(&world, &script, "costs").await;
    let host = "abc.lambda-url.eu-central-1.on.aws";
    let question = json!({"message": "Well?", "session_id": "s", "stream": true});
    let answer = function.answer(super::world::event("alice", host, "POST", "/agent", &question)).await;
    drop(answer);
    while !world.session("s").await.contains_key("version") {
        tokio::task::yield_now().await;
    }
    let usage = function.get("/agent/usage").await.json();
    assert_eq!((&usage["current_cost"], &usage["requests"]), (&json!(0.00018), &json!(1)));
}

#[tokio::test]
async fn text_is_streamed_word_by_word() {
    let world = World::new().await;
    let function = function_of(&world, &json!([{"text": "One two three."}]), "costs").await;
    let got = function.stream(json!({"message": "Well?", "stream": true})).await;
    let texts: Vec<String> = got
        .events()
        .iter()
        .filter(|(name, _)| name == "text")
        .map(|(_, data)| data["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(texts, ["One ", "two ", "three."]);
}
