//! The record of a day's costs, on a real table, by the real SDK.

use crate::tables::{COSTS, Tables};
use functions_shared::Clock;
use jiff::Timestamp;
use model::budget::{Account, Budget, BudgetError, Charge, Reservation};
use model::prices::{MicroDollars, Tokens};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

const NOON: &str = "2026-11-21T12:00:00Z";

struct World {
    tables: Tables,
    budget: Budget,
    time: Arc<Mutex<Timestamp>>,
}

impl World {
    async fn at(time: &str) -> Self {
        let tables = Tables::start().await;
        let time = Arc::new(Mutex::new(time.parse::<Timestamp>().unwrap()));
        let hands = Arc::clone(&time);
        let clock = Clock::from_fn(move || (*hands.lock().unwrap()).into());
        let budget = Budget::new(tables.client.clone(), COSTS, "dev", "10.00".parse().unwrap(), clock);
        Self { tables, budget, time }
    }

    async fn record(&self, day: &str) -> Option<Value> {
        self.tables.row(COSTS, &[("id", &format!("bedrock#dev#{day}"))]).await
    }

    async fn settle(&self, reservation: Reservation, cost: &str, tokens: Tokens) {
        let account =
            Account { agent: "golf".to_owned(), provider: "anthropic".to_owned(), model: "claude".to_owned() };
        let charge = Charge { cost: dollars(cost), tokens, is_estimate: false };
        self.budget.settle(reservation, &account, charge).await.unwrap();
    }

    fn set(&self, time: &str) {
        *self.time.lock().unwrap() = time.parse().unwrap();
    }
}

fn dollars(text: &str) -> MicroDollars {
    text.parse().unwrap()
}

#[tokio::test]
async fn the_record_holds_what_is_reserved_and_then_what_is_spent() {
    let world = World::at(NOON).await;
    let reservation = world.budget.reserve(dollars("0.15")).await.unwrap();
    let in_35_days = "2026-12-26T12:00:00Z".parse::<Timestamp>().unwrap().as_second();
    let id = "bedrock#dev#2026-11-21";
    let reserved = json!({"id": id, "spent": 150_000, "requests": 1, "ttl": in_35_days});
    assert_eq!(world.record("2026-11-21").await, Some(reserved));

    let tokens = Tokens { input: 812, output: 96, cache_read: 500, cache_write: 300, reasoning: 9 };
    world.settle(reservation, "0.003876", tokens).await;
    let usage = "usage#dev#2026-11-21#golf#anthropic#claude";
    let mut settled = json!({
        "id": id, "spent": 3876, "unconfirmed": 0, "requests": 1, "ttl": in_35_days, "input_tokens": 812, "output_tokens": 96,
        "cache_read_tokens": 500, "cache_write_tokens": 300, "usage": [usage],
    });
    assert_eq!(world.record("2026-11-21").await, Some(settled.clone()));

    let item = settled.as_object_mut().unwrap();
    item.remove("usage");
    item.extend(
        [("id", usage), ("agent", "golf"), ("provider", "anthropic"), ("model", "claude")]
            .map(|(n, v)| (n.to_owned(), json!(v))),
    );
    assert_eq!(
        world.tables.row(COSTS, &[("id", usage)]).await,
        Some(settled),
        "the same numbers for the agent and the model"
    );
}

#[tokio::test]
async fn a_call_may_cost_more_than_was_reserved_and_the_next_is_refused() {
    let world = World::at(NOON).await;
    let reservation = world.budget.reserve(dollars("9.99")).await.unwrap();
    world.settle(reservation, "10.01", Tokens::default()).await;
    let error = world.budget.reserve(dollars("0")).await.unwrap_err();
    let resets_at = "2026-11-22T00:00:00Z".parse().unwrap();
    let exceeded = BudgetError::Exceeded {
        spent: dollars("10.01"),
        estimate: dollars("0"),
        cap: dollars("10.00"),
        reset_in_seconds: 43_200,
        resets_at,
    };
    assert_eq!(error, exceeded);
}

#[tokio::test]
async fn an_estimate_over_the_cap_is_refused_whatever_was_spent() {
    let world = World::at(NOON).await;
    for spent in ["0", "0.5"] {
        let error = world.budget.reserve(dollars("10.000001")).await.unwrap_err();
        assert!(matches!(error, BudgetError::Exceeded { spent: known, .. } if known == dollars(spent)), "{error}");
        let _ = world.budget.reserve(dollars("0.5")).await.unwrap();
    }
    assert_eq!(world.record("2026-11-21").await.unwrap()["requests"], 2, "refused calls are not counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_reservations_at_once_as_many_pass_as_fit() {
    let world = World::at(NOON).await;
    let mut reservations = JoinSet::new();
    for _ in 0..50 {
        let budget = world.budget.clone();
        reservations.spawn(async move { budget.reserve(dollars("0.30")).await.is_ok() });
    }
    let passed = reservations.join_all().await.into_iter().filter(|passed| *passed).count();
    assert_eq!((passed, world.record("2026-11-21").await.unwrap()["spent"].clone()), (33, json!(9_900_000)));
}

#[tokio::test]
async fn what_is_reserved_before_midnight_is_settled_on_that_day() {
    let world = World::at("2026-11-21T23:59:59.999Z").await;
    let reservation = world.budget.reserve(dollars("1")).await.unwrap();
    world.set("2026-11-22T00:00:01Z");
    world.settle(reservation, "0.25", Tokens::default()).await;
    assert_eq!(world.record("2026-11-21").await.unwrap()["spent"], 250_000);
    assert_eq!(world.record("2026-11-22").await, None);
}

#[tokio::test]
async fn the_time_until_midnight_is_rounded_upwards() {
    for (time, seconds) in
        [("2026-11-21T00:00:00Z", 86_400), ("2026-11-21T23:59:59.999Z", 1), ("2028-02-28T12:00:00Z", 43_200)]
    {
        let error = World::at(time).await.budget.reserve(dollars("11")).await.unwrap_err();
        assert!(
            matches!(error, BudgetError::Exceeded { reset_in_seconds, .. } if reset_in_seconds == seconds),
            "{error}"
        );
    }
}
