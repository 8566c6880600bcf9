//! The day's budget, as calls meet it: parallel, failing, at midnight.

use crate::kit::{COSTS, Nobody, Provider, Response, World, dynamodb, question};
use functions_shared::Clock;
use jiff::Timestamp;
use model::budget::Budget;
use model::prices::MicroDollars;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

const CAP: MicroDollars = MicroDollars(10_000_000);
const DAY: &str = "2026-11-21";

/// A clock that a test sets.
#[derive(Clone)]
struct Hands(Arc<Mutex<Timestamp>>);

impl Hands {
    fn at(time: &str) -> Self {
        Self(Arc::new(Mutex::new(time.parse().expect("a time"))))
    }

    fn set(&self, time: &str) {
        *self.0.lock().expect("a clock") = time.parse().expect("a time");
    }

    fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Clock::from_fn(move || (*hands.lock().expect("a clock")).into())
    }
}

/// A function with a cap of 10 USD, and a model whose output costs 10 USD for a million tokens and whose input `input_price`.
async fn capped(provider: &Provider, input_price: Value, hands: &Hands) -> World {
    let mut world = World::with(&[json!({
        "pk": "anthropic#claude", "provider": "anthropic", "model_id": "claude", "is_active": "true",
        "endpoint": provider.endpoint, "request_transformer": "anthropic_v1", "secret_key_name": "ANTHROPIC_API_KEY",
        "input_price_per_million": input_price, "output_price_per_million": 10.00,
    })])
    .await;
    world.llm.budget = Some(Budget::new(world.tables.client.clone(), COSTS, "test", CAP, hands.clock()));
    world
}

async fn using(input: u64, output: u64) -> Provider {
    let body =
        json!({"content": [], "stop_reason": "end_turn", "usage": {"input_tokens": input, "output_tokens": output}});
    Provider::start(Response { status: 200, body: body.to_string(), ..Response::default() }).await
}

/// A call that may cost a cent for each thousand tokens that it may write.
fn writing(max_tokens: u64) -> Value {
    let mut call = question("anthropic", "claude");
    call["max_tokens"] = json!(max_tokens);
    call
}

/// How many of 50 calls at once pass, all others being refused by the budget.
async fn passing(world: &Arc<World>, call: &Value) -> usize {
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (world, call) = (Arc::clone(world), call.clone());
        calls.spawn(async move { world.ask(call).await.map_err(|error| error.name()) });
    }
    let outcomes = calls.join_all().await;
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || outcome == &Err("BudgetExceeded")), "{outcomes:?}");
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_calls_at_once_the_cap_lets_through_what_fits() {
    for (max_tokens, pass) in [(1000, 1), (2000, 0)] {
        let provider = using(0, 1000).await;
        let world = Arc::new(capped(&provider, json!(0), &Hands::at("2026-11-21T12:00:00Z")).await);
        world.tables.put(COSTS, &json!({"id": format!("bedrock#test#{DAY}"), "spent": 9_990_000})).await;
        assert_eq!(passing(&world, &writing(max_tokens)).await, pass, "{max_tokens} tokens");
        assert_eq!(provider.received().len(), pass, "requests for {max_tokens} tokens");
        let spent = if pass == 1 { 10_000_000 } else { 9_990_000 };
        assert_eq!(world.tables.costs(DAY).await["spent"], spent, "after {max_tokens} tokens");
    }
}

#[tokio::test]
async fn an_estimate_over_the_cap_is_refused_on_an_empty_day() {
    let provider = using(0, 1).await;
    let world = capped(&provider, json!(0), &Hands::at("2026-11-21T12:00:00Z")).await;
    let error = world.ask(writing(1_000_001)).await.expect_err("over the cap");
    assert_eq!((error.name(), provider.received().len()), ("BudgetExceeded", 0));
    assert!(world.tables.costs(DAY).await.is_empty(), "nothing is reserved");
    assert!(world.ask(writing(1_000_000)).await.is_ok(), "the whole cap is not over it");
}

#[tokio::test]
async fn spent_is_tokens_times_price_to_the_micro_dollar() {
    let provider = using(812, 97).await;
    let world = capped(&provider, json!(0.15), &Hands::at("2026-11-21T12:00:00Z")).await;
    for _ in 0..3 {
        let reply = world.ask(writing(1000)).await.expect("a reply");
        assert_eq!(reply["metadata"]["cost_usd"], "0.001092", "812 × 0.15 + 97 × 10 = 1091.8");
    }
    let costs = world.tables.costs(DAY).await;
    let numbers = ["spent", "requests", "input_tokens", "output_tokens"].map(|name| costs[name]);
    assert_eq!(numbers, [3 * 1092, 3, 3 * 812, 3 * 97]);
}

#[tokio::test]
async fn a_call_that_is_refused_costs_nothing() {
    let provider = Provider::start(Response { status: 400, ..Response::default() }).await;
    let world = capped(&provider, json!(3.00), &Hands::at("2026-11-21T12:00:00Z")).await;
    let error = world.ask(writing(1000)).await.expect_err("400");
    let costs = world.tables.costs(DAY).await;
    let numbers = ["spent", "requests", "input_tokens", "output_tokens"].map(|name| costs[name]);
    assert_eq!((error.name(), numbers), ("ProviderError", [0, 1, 0, 0]));
}

#[tokio::test]
async fn the_budget_is_reset_at_midnight_utc() {
    let provider = using(0, 1000).await;
    let hands = Hands::at("2026-11-21T23:59:58.5Z");
    let world = capped(&provider, json!(0), &hands).await;
    world.tables.put(COSTS, &json!({"id": format!("bedrock#test#{DAY}"), "spent": 9_995_000})).await;
    let error = world.ask(writing(1000)).await.expect_err("spent");
    let message = "the daily budget of 10.000000 USD is used up: 9.995000 USD are spent or reserved, this call may cost \
                   0.010000 USD; the budget is reset in 2 s, at 2026-11-22T00:00:00Z";
    assert_eq!((error.name(), error.to_string().as_str()), ("BudgetExceeded", message));

    hands.set("2026-11-22T00:00:00Z");
    world.ask(writing(1000)).await.expect("a new day");
    assert_eq!(world.tables.costs("2026-11-22").await["spent"], 10_000);
    assert_eq!(world.tables.costs(DAY).await["spent"], 9_995_000);
}

#[tokio::test]
async fn what_cannot_be_counted_is_not_spent() {
    let provider = using(0, 1).await;
    let mut world = capped(&provider, json!(0), &Hands::at("2026-11-21T12:00:00Z")).await;
    let nobody = Nobody::new();
    let nowhere = dynamodb(&nobody.endpoint);
    world.llm.budget = Some(Budget::new(nowhere, COSTS, "test", CAP, Clock::system()));
    let error = world.ask(writing(1000)).await.expect_err("no table");
    assert_eq!((error.name(), provider.received().len()), ("ServiceUnavailable", 0));
}

#[tokio::test]
async fn an_invented_model_does_not_pass_the_budget() {
    let provider = using(0, 1).await;
    let world = capped(&provider, json!(0), &Hands::at("2026-11-21T12:00:00Z")).await;
    let mut call = writing(1000);
    call["provider_config"] = json!({
        "provider_id": "anthropic", "model_id": "invented", "endpoint": provider.endpoint,
        "secret_key_name": "ANTHROPIC_API_KEY", "request_transformer": "anthropic_v1",
    });
    let error = world.ask(call).await.expect_err("no prices");
    assert_eq!((error.name(), provider.received().len()), ("UnknownModel", 0));
}

#[tokio::test]
async fn a_cheap_models_row_pays_for_no_other() {
    let provider = using(0, 1).await;
    let world = capped(&provider, json!(0), &Hands::at("2026-11-21T12:00:00Z")).await;
    for (field, value) in
        [("endpoint", json!(format!("{}/v1/dearer", provider.endpoint))), ("request_transformer", json!("openai_v1"))]
    {
        let mut call = writing(1000);
        call["provider_config"][field] = value;
        let error = world.ask(call).await.expect_err(field);
        assert_eq!((error.name(), provider.received().len()), ("InvalidRequest", 0), "{field}: {error}");
    }
    let mut call = writing(1000);
    call["provider_config"]["endpoint"] = json!(provider.endpoint);
    world.ask(call).await.expect("what the row says may be said again");
}
