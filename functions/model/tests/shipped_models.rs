//! The rows of models that are shipped: each is one that a call can go by, as far as can be told without asking its provider.

use crate::kit::{COSTS, Nobody, World, dynamodb, question};
use functions_shared::Clock;
use jiff::Timestamp;
use model::budget::Budget;
use model::prices::MicroDollars;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::{fs, path::Path};

/// The rows as texts and numbers, without DynamoDB's types.
fn rows() -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../llm-models/src/llm/models.json");
    let items: Vec<Map<String, Value>> = serde_json::from_slice(&fs::read(file).expect("models")).expect("items");
    let row = |item: Map<String, Value>| item.into_iter().map(|(name, value)| (name, plain(&value))).collect();
    items.into_iter().map(row).map(Value::Object).collect()
}

fn plain(value: &Value) -> Value {
    let number = value["N"].as_str().map(|number| serde_json::from_str(number).expect("a number"));
    number.unwrap_or_else(|| value["S"].clone())
}

#[tokio::test]
async fn each_has_prices_a_known_transformer_and_an_endpoint_that_may_have_its_key() {
    let rows = rows();
    let mut world = World::with(&rows).await;
    world.llm.keys_are_local = false;
    // The last thing before the provider is asked, so that none is.
    let nobody = Nobody::new();
    let nowhere = dynamodb(&nobody.endpoint);
    world.llm.budget = Some(Budget::new(nowhere, COSTS, "test", MicroDollars(10_000_000), Clock::system()));
    // A day on which each that is active is still served.
    let day = "2026-11-29T12:00:00Z".parse::<Timestamp>().expect("a time");
    world.llm.clock = Clock::from_fn(move || day.into());
    for row in rows.iter().filter(|row| row["is_active"] == "true") {
        let (provider, model) = (row["provider"].as_str().expect("text"), row["model_id"].as_str().expect("text"));
        assert_eq!(row["pk"], format!("{provider}#{model}"));
        let error = world.ask(question(provider, model)).await.expect_err("no budget");
        assert_eq!(error.name(), "ServiceUnavailable", "{provider}#{model}: {error}");
        assert!(row["input_price_per_million"].is_number() && row["output_price_per_million"].is_number(), "{row}");
    }
    let providers: BTreeSet<&str> = rows.iter().filter_map(|row| row["provider"].as_str()).collect();
    assert_eq!(providers.len(), 6, "{providers:?}");
}

#[tokio::test]
async fn a_retired_model_is_refused_with_the_one_to_take() {
    let rows = rows();
    let mut world = World::with(&rows).await;
    for (provider, model, day, reason) in [
        ("deepseek", "deepseek-chat", "2026-11-29", "is retired since 2026-07-24; take `deepseek-v4-flash`"),
        ("xai", "grok-4", "2026-11-29", "is retired; take `grok-4.7`"),
        ("anthropic", "claude-sonnet-4-5", "2026-11-30", "is retired since 2026-11-30; take `claude-sonnet-5-5`"),
        ("gemini", "gemini-2.5-pro", "2027-05-01", "is retired since 2026-12-01; take `gemini-3.8-flash`"),
    ] {
        let now = format!("{day}T00:00:00Z").parse::<Timestamp>().expect("a time");
        world.llm.clock = Clock::from_fn(move || now.into());
        let error = world.ask(question(provider, model)).await.expect_err(model);
        assert_eq!(error.name(), "UnknownModel");
        assert!(error.to_string().ends_with(reason), "{error}");
    }
}
