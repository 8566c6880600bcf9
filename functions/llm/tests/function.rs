//! The real binary: what it needs to start, what it answers, and what it writes down.

use crate::kit::{COSTS, KEY, MODELS, Provider, Response, SECRET, World, question};
use crate::process::{Process, Variables};
use serde_json::{Value, json};
use std::time::Duration;

/// Providers that answer well, refuse with the key in their mouth, limit, send a page, and, as Bedrock, fail.
async fn providers() -> [(&'static str, Provider); 5] {
    let good = json!({"content": [{"type": "text", "text": "Rain."}], "stop_reason": "end_turn", "usage": {"input_tokens": 9, "output_tokens": 2}});
    let refusing = json!({"error": {"type": "authentication_error", "message": format!("invalid key {KEY}")}});
    let answer = |status, body: String| Provider::start(Response { status, body, ..Response::default() });
    [
        ("good", answer(200, good.to_string()).await),
        ("refusing", answer(401, refusing.to_string()).await),
        ("limiting", answer(429, KEY.to_owned()).await),
        ("confused", answer(200, format!("<html>{KEY}")).await),
        ("bedrock", answer(500, json!({"message": KEY}).to_string()).await),
    ]
}

fn row(model: &str, provider: &Provider) -> Value {
    let (transformer, key) = match model {
        "bedrock" => ("bedrock_v1", "AWS_BEARER_TOKEN_BEDROCK"),
        _ => ("anthropic_v1", "ANTHROPIC_API_KEY"),
    };
    json!({
        "pk": format!("anthropic#{model}"), "provider": "anthropic", "model_id": model, "is_active": "true",
        "endpoint": provider.endpoint, "request_transformer": transformer, "secret_key_name": key,
        "input_price_per_million": 3.00, "output_price_per_million": 15.00,
        "priced_on": if model == "refusing" { "2020-02-29" } else { "" },
    })
}

async fn function(world: &World, more: Variables<'_>) -> Process {
    let variables = [
        ("AWS_ENDPOINT_URL_DYNAMODB", world.tables.endpoint.as_str()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", world.secrets.endpoint()),
        ("LLM_TABLE_NAME", MODELS),
        ("LLM_SECRET_NAME", SECRET),
        ("COST_TABLE_NAME", COSTS),
    ];
    Process::start(&[&variables, more].concat()).await
}

#[tokio::test]
async fn no_key_and_no_word_of_a_conversation_is_written_down() {
    for level in ["info", "trace"] {
        // What is written is read at the end: more than a pipe holds would never be.
        let written = tokio::time::timeout(Duration::from_mins(1), assert_discreet_at(level)).await;
        written.unwrap_or_else(|_| panic!("at {level} the function writes more than a pipe holds"));
    }
}

async fn assert_discreet_at(level: &str) {
    let providers = providers().await;
    let rows: Vec<Value> = providers.iter().map(|(model, provider)| row(model, provider)).collect();
    let world = World::with(&rows).await;
    let mut function = function(&world, &[("STAGE", "test"), ("LOG_LEVEL", level)]).await;
    let mut said = String::new();
    for (model, kind, name) in [
        ("good", "response", None),
        ("refusing", "error", Some("ProviderError")),
        ("limiting", "error", Some("RateLimited")),
        ("confused", "error", Some("BadResponse")),
        ("bedrock", "error", Some("ProviderUnavailable")),
        ("unknown", "error", Some("UnknownModel")),
    ] {
        let (kind_of_report, report) = function.invoke(&question("anthropic", model).to_string()).await;
        assert_eq!((kind_of_report, report["errorType"].as_str()), (kind, name), "{model}: {report}");
        said += &report.to_string();
    }
    let (_, report) = function.invoke(r#"{"provider_config": "What is the weather?"}"#).await;
    assert_eq!(report["errorType"], "InvalidRequest", "{report}");
    let mut misspelt = question("anthropic", "good");
    misspelt["heat"] = json!(1);
    let (_, misspelt) = function.invoke(&misspelt.to_string()).await;
    assert_eq!(misspelt["errorType"], "InvalidRequest", "{misspelt}");
    assert!(misspelt["errorMessage"].as_str().is_some_and(|text| text.contains("unknown field `heat`")), "{misspelt}");
    assert!(!(said + &report.to_string()).contains(KEY), "a key in a reply");

    let logs = function.output().await;
    for (model, provider) in &providers {
        let received = provider.received();
        let attempts = if matches!(*model, "limiting" | "bedrock") { 3 } else { 1 };
        assert_eq!(received.len(), attempts, "{model}: what may pass by itself is tried three times, and nothing else");
        assert!(
            received[0].headers.values().any(|value| value.as_bytes().ends_with(KEY.as_bytes())),
            "{model}: no key"
        );
    }
    assert!(logs.lines().count() >= 6, "a line for each failure: {logs}");
    assert!(logs.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "not JSON: {logs}");
    assert!(!logs.contains(KEY) && !logs.contains("weather") && !logs.contains("Rain"), "{logs}");
}

#[tokio::test]
async fn prices_that_nobody_has_looked_up_for_long_are_warned_of_once() {
    let providers = providers().await;
    let rows: Vec<Value> = providers.iter().map(|(model, provider)| row(model, provider)).collect();
    let world = World::with(&rows).await;
    let mut function = function(&world, &[("STAGE", "test")]).await;
    for model in ["good", "refusing", "refusing"] {
        function.invoke(&question("anthropic", model).to_string()).await;
    }
    let logs = function.output().await;
    let warnings: Vec<&str> = logs.lines().filter(|line| line.contains("prices are older than 90 days")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("refusing") && warnings[0].contains("2020-02-29"), "{logs}");
}

#[tokio::test]
async fn a_missing_or_malformed_variable_is_named_at_the_start() {
    let world = World::with(&[]).await;
    for (variables, message) in [
        (&[][..], "the variable STAGE is not set"),
        (
            &[("STAGE", "test"), ("DAILY_CAP_USD", "ten")][..],
            "the variable DAILY_CAP_USD is not valid: it is not an amount in US dollars",
        ),
        (&[("STAGE", "test"), ("LOG_LEVEL", "loud")][..], "the variable LOG_LEVEL is not valid: "),
    ] {
        let (kind, report) = function(&world, variables).await.report().await;
        assert_eq!((kind, report["errorType"].as_str()), ("init", Some("InvalidVariable")));
        assert!(report["errorMessage"].as_str().is_some_and(|text| text.starts_with(message)), "{report}");
    }
}

#[tokio::test]
async fn the_cap_of_the_environment_holds() {
    let [(_, good), ..] = providers().await;
    let world = World::with(&[row("good", &good)]).await;
    let mut function = function(&world, &[("STAGE", "test"), ("DAILY_CAP_USD", "0.05")]).await;
    let (_, report) = function.invoke(&question("anthropic", "good").to_string()).await;
    assert_eq!(report["errorType"], "BudgetExceeded", "4096 tokens for 0.06144 USD: {report}");
    let mut shorter = question("anthropic", "good");
    shorter["max_tokens"] = json!(1000);
    shorter["agent_name"] = json!("golf");
    let (_, report) = function.invoke(&shorter.to_string()).await;
    assert_eq!(report["metadata"]["cost_usd"], "0.000057", "{report}");
    assert_eq!(good.received().len(), 1);
}
