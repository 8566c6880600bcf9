//! What is written down against what providers bill: a thousand calls with every fault, and long conversations with a cache.

use crate::kit::{COSTS, Provider, Received, Response, World, question};
use aws_sdk_dynamodb::types::AttributeValue;
use functions_shared::Clock;
use jiff::Timestamp;
use model::Retries;
use model::budget::Budget;
use model::prices::MicroDollars;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

const DAY: &str = "2026-11-21";

fn noon() -> Clock {
    let noon: Timestamp = format!("{DAY}T12:00:00Z").parse().expect("a time");
    Clock::from_fn(move || noon.into())
}

/// A row whose prices make fractions of a micro-dollar.
fn row(provider: &str, transformer: &str, key: &str, endpoint: &str) -> Value {
    json!({
        "pk": format!("{provider}#m"), "provider": provider, "model_id": "m", "is_active": "true", "endpoint": endpoint,
        "request_transformer": transformer, "secret_key_name": key, "timeout": 1, "max_input_tokens": 200_000,
        "input_price_per_million": 0.75, "output_price_per_million": 3.75,
        "cache_read_price_per_million": 0.075, "cache_write_price_per_million": 0.9375,
    })
}

async fn world(rows: &[Value], cap: u64) -> World {
    let mut world = World::with(rows).await;
    let budget = Budget::new(world.tables.client.clone(), COSTS, "test", MicroDollars(cap), noon());
    world.llm.budget = Some(budget);
    world.llm.clock = noon();
    world
}

/// What the providers bill: where their answer said so, and where nobody heard it.
#[derive(Default, Debug)]
struct Bills {
    heard: u64,
    unheard: u64,
    attempts: u64,
}

/// Tokens of one answer, and what they cost: written anew, since it is to be compared.
#[derive(Clone, Copy)]
struct Used {
    fresh: u64,
    read: u64,
    written: u64,
    output: u64,
}

impl Used {
    fn of(number: usize) -> Self {
        let number = number as u64;
        Self { fresh: 7 + number % 13, read: number % 50, written: number % 7, output: 1 + number % 11 }
    }

    /// In ten-thousandths of a micro-dollar, rounded to a whole one.
    fn cost(self) -> u64 {
        (self.fresh * 7_500 + self.read * 750 + self.written * 9_375 + self.output * 37_500 + 5_000) / 10_000
    }

    fn of_anthropic(self) -> Value {
        json!({
            "input_tokens": self.fresh, "cache_read_input_tokens": self.read, "cache_creation_input_tokens": self.written,
            "output_tokens": self.output,
        })
    }

    fn of_openai(self) -> Value {
        let input = self.fresh + self.read + self.written;
        let details = json!({"cached_tokens": self.read, "cache_write_tokens": self.written});
        json!({"prompt_tokens": input, "completion_tokens": self.output, "total_tokens": input + self.output, "prompt_tokens_details": details})
    }
}

/// A provider that fails in every way, and keeps its books.
fn faulty(bills: Arc<Mutex<Bills>>, good: fn(Used, bool) -> Value) -> impl Fn(usize, &Received) -> Response {
    move |number, _| {
        let used = Used::of(number);
        let mut bills = bills.lock().expect("bills");
        bills.attempts += 1;
        let answer = |status: u16, body: String| Response { status, body, ..Response::default() };
        match number % 20 {
            // Refused: nobody pays.
            3 => answer(400, "{}".to_owned()),
            7 => answer(429, "{}".to_owned()),
            // A proxy in between, before the work.
            9 => answer(502, "<html>".to_owned()),
            // After the work, which is billed, and nobody hears it.
            1 => {
                bills.unheard += used.cost();
                answer(500, "{}".to_owned())
            }
            5 => {
                bills.unheard += used.cost();
                Response { breaks: true, ..answer(200, good(used, true).to_string()) }
            }
            11 => {
                bills.unheard += used.cost();
                let body = good(used, true).to_string();
                answer(200, body[..body.len() - 9].to_owned())
            }
            13 if number % 40 == 13 => {
                bills.unheard += used.cost();
                Response { hangs: true, ..Response::default() }
            }
            // An answer that cannot be read, with what it costs.
            15 => {
                bills.heard += used.cost();
                answer(200, good(used, false).to_string())
            }
            _ => {
                bills.heard += used.cost();
                answer(200, good(used, true).to_string())
            }
        }
    }
}

fn anthropic(used: Used, is_whole: bool) -> Value {
    let content = if is_whole { json!([{"type": "text", "text": "Rain."}]) } else { json!([{"type": "text"}]) };
    json!({"type": "message", "content": content, "stop_reason": "end_turn", "usage": used.of_anthropic()})
}

/// Half of the answers call a tool with half of its arguments.
fn openai(used: Used, is_whole: bool) -> Value {
    let arguments = if used.fresh.is_multiple_of(2) { "{\"city\": \"Os" } else { "{}" };
    let call = json!({"id": "c", "type": "function", "function": {"name": "t", "arguments": arguments}});
    let message = if is_whole { json!({"content": null, "tool_calls": [call]}) } else { json!({"content": 5}) };
    json!({"choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": used.of_openai()})
}

/// The numbers of every item by agent and model, added up.
async fn by_agent_and_model(world: &World) -> (usize, HashMap<String, i64>) {
    let (mut items, mut sums) = (0, HashMap::new());
    let found = world.tables.client.scan().table_name(COSTS).send().await.expect("a table");
    for item in found.items() {
        let is_usage = item.get("id").and_then(|id| id.as_s().ok()).is_some_and(|id| id.starts_with("usage#"));
        items += usize::from(is_usage);
        for (name, value) in item.iter().filter(|_| is_usage) {
            if let AttributeValue::N(number) = value {
                *sums.entry(name.clone()).or_default() += number.parse::<i64>().expect("a number");
            }
        }
    }
    (items, sums)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_calls_with_faults_no_bill_is_missing() {
    let bills = Arc::new(Mutex::new(Bills::default()));
    let one = Provider::answering(faulty(Arc::clone(&bills), anthropic)).await;
    let other = Provider::answering(faulty(Arc::clone(&bills), openai)).await;
    let rows = [
        row("anthropic", "anthropic_v1", "ANTHROPIC_API_KEY", &one.endpoint),
        row("openai", "openai_v1", "OPENAI_API_KEY", &other.endpoint),
    ];
    let mut world = world(&rows, 1_000_000_000).await;
    world.llm.retries = Retries { most: 2, first_pause: Duration::ZERO, longest_pause: Duration::ZERO };
    let world = Arc::new(world);
    let mut calls = JoinSet::new();
    for number in 0..1000 {
        if calls.len() == 40 {
            calls.join_next().await;
        }
        let world = Arc::clone(&world);
        let mut call = question(["anthropic", "openai"][number % 2], "m");
        call["max_tokens"] = json!(50);
        call["agent_name"] = json!(["golf", "weather"][number / 2 % 2]);
        calls.spawn(async move { world.ask_within(call, Duration::from_mins(5)).await.is_ok() });
    }
    calls.join_all().await;

    let day = world.tables.costs(DAY).await;
    let (items, sums) = by_agent_and_model(&world).await;
    let bills = bills.lock().expect("bills");
    let (spent, unconfirmed) = (day["spent"].unsigned_abs(), day["unconfirmed"].unsigned_abs());
    println!(
        "1000 calls, {} attempts. Billed and heard: {} micro-dollars, written down: {}. Billed and not heard: {}, written down: {}, {} too much",
        bills.attempts,
        bills.heard,
        spent - unconfirmed,
        bills.unheard,
        unconfirmed,
        unconfirmed - bills.unheard
    );
    assert_eq!(spent - unconfirmed, bills.heard, "where the usage was heard, to the micro-dollar");
    assert!(unconfirmed >= bills.unheard, "{unconfirmed} of {bills:?}");
    assert_eq!(day["requests"].unsigned_abs(), bills.attempts);
    assert_eq!(items, 4, "two agents, two models");
    for name in
        ["spent", "unconfirmed", "requests", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"]
    {
        assert_eq!(sums[name], day[name], "{name}");
    }
}

#[tokio::test]
async fn no_text_has_more_tokens_than_what_is_reserved() {
    // 30 KB of three bytes to a character; some tokenizers make more than one token of each.
    let text = "明日は雨が降るでしょう。".repeat(834);
    assert!(text.len() > 30_000);
    let usage = json!({"input_tokens": text.len(), "output_tokens": 10});
    let body = json!({"content": [], "stop_reason": "end_turn", "usage": usage});
    let provider = Provider::start(Response { status: 200, body: body.to_string(), ..Response::default() }).await;
    let rows = [row("anthropic", "anthropic_v1", "ANTHROPIC_API_KEY", &provider.endpoint)];
    let mut call = question("anthropic", "m");
    call["messages"][0]["content"] = json!(text);
    call["max_tokens"] = json!(10);
    // Prices of 0.75 and 3.75, rounded.
    let most = (text.len() as u64 * 75 + 10 * 375 + 50) / 100;
    let error = world(&rows, most).await.ask(call.clone()).await.expect_err("it may cost more");
    assert_eq!((error.name(), provider.received().len()), ("BudgetExceeded", 0));
    let world = world(&rows, 2 * most).await;
    world.ask(call).await.expect("room enough");
    assert_eq!(world.tables.costs(DAY).await["spent"].unsigned_abs(), most);
}

#[tokio::test]
async fn a_failed_attempt_costs_what_it_can_have_cost() {
    let hangs = Response { hangs: true, ..Response::default() };
    let status = |status: u16| Response { status, body: "{}".to_owned(), ..Response::default() };
    let breaks =
        Response { breaks: true, status: 200, body: "a body that breaks off".to_owned(), ..Response::default() };
    for (response, is_charged) in [
        (hangs, true),
        (breaks, true),
        (status(500), true),
        (status(200), true),
        (status(400), false),
        (status(429), false),
    ] {
        let provider = Provider::start(response.clone()).await;
        let world =
            world(&[row("anthropic", "anthropic_v1", "ANTHROPIC_API_KEY", &provider.endpoint)], 10_000_000).await;
        let mut call = question("anthropic", "m");
        call["max_tokens"] = json!(1000);
        world.ask(call).await.expect_err("no answer");
        let day = world.tables.costs(DAY).await;
        assert_eq!(day["spent"], day["unconfirmed"], "{response:?}");
        // A thousand tokens that may have been written, and what was read.
        assert_eq!(day["spent"] >= 3750, is_charged, "{response:?}: {day:?}");
        assert_eq!(day["spent"] == 0, !is_charged, "{response:?}: {day:?}");
    }
}

#[tokio::test]
async fn with_a_budget_a_model_has_prices() {
    let provider = Provider::start(Response { status: 500, ..Response::default() }).await;
    let good = row("anthropic", "anthropic_v1", "ANTHROPIC_API_KEY", &provider.endpoint);
    for missing in ["input_price_per_million", "output_price_per_million"] {
        let mut row = good.clone();
        row.as_object_mut().expect("a row").remove(missing);
        let error = world(&[row], 10_000_000).await.ask(question("anthropic", "m")).await.expect_err(missing);
        assert_eq!((error.name(), provider.received().len()), ("UnknownModel", 0), "{error}");
    }
    let mut call = question("anthropic", "m");
    call["service_tier"] = json!("priority");
    let error =
        world(std::slice::from_ref(&good), 10_000_000).await.ask(call.clone()).await.expect_err("no price of the tier");
    assert!(error.to_string().contains("`service_tier`"), "{error}");
    let mut tiered = good;
    tiered["tiers"] = json!("[\"priority\"]");
    tiered["priority_input_price_per_million"] = json!(1.5);
    tiered["priority_output_price_per_million"] = json!(7.5);
    world(&[tiered], 10_000_000).await.ask(call).await.expect_err("500");
    assert_eq!(provider.received()[0].json()["service_tier"], "priority");
}

/// Anthropic's cache: what was marked in one request is read in the next that begins the same. It looks at each mark and at the ends
/// of the twenty blocks before.
#[derive(Default)]
struct Cache(HashSet<String>);

impl Cache {
    /// Tokens that are fresh, read and written, at four bytes to a token.
    fn used(&mut self, request: &Value) -> Used {
        let (mut ends, mut marks) = (vec![String::new()], Vec::new());
        for mut block in blocks(request) {
            let is_marked = block.as_object_mut().is_some_and(|block| block.remove("cache_control").is_some());
            ends.push(format!("{}{block}", ends[ends.len() - 1]));
            marks.extend(is_marked.then_some(ends.len() - 1));
        }
        assert!(marks.len() <= 4, "no more marks than Anthropic takes");
        let looked_at = marks.iter().flat_map(|mark| mark.saturating_sub(20)..=*mark);
        let found = looked_at.filter(|end| self.0.contains(&ends[*end])).max().unwrap_or_default();
        let tokens = |end: usize| ends[end].len() as u64 / 4;
        let (read, marked) = (tokens(found), tokens(marks[marks.len() - 1]));
        self.0.extend(marks.iter().map(|mark| ends[*mark].clone()));
        Used { fresh: tokens(ends.len() - 1) - marked, read, written: marked - read, output: 100 }
    }
}

fn blocks(request: &Value) -> Vec<Value> {
    let lists = [&request["tools"], &request["system"]].into_iter().filter_map(Value::as_array).flatten();
    let messages = request["messages"].as_array().expect("messages").iter();
    lists.chain(messages.filter_map(|message| message["content"].as_array()).flatten()).cloned().collect()
}

#[tokio::test]
async fn twenty_turns_are_paid_in_full_hardly_more_than_once() {
    const TURN: usize = 20 * 1024;
    let (cache, sums) = (Mutex::new(Cache::default()), Arc::new(Mutex::new((0, 0, 0))));
    let seen = Arc::clone(&sums);
    let provider = Provider::answering(move |_, request| {
        let used = cache.lock().expect("a cache").used(&request.json());
        let mut sums = seen.lock().expect("sums");
        *sums = (sums.0 + used.fresh, sums.1 + used.written, sums.2 + used.read);
        Response { status: 200, body: anthropic(used, true).to_string(), ..Response::default() }
    })
    .await;
    let world = world(&[row("anthropic", "anthropic_v1", "ANTHROPIC_API_KEY", &provider.endpoint)], 100_000_000).await;
    let mut call = question("anthropic", "m");
    call["system"] = json!("Be brief.".repeat(100));
    call["tools"] = json!([{"name": "t", "description": "d".repeat(500), "input_schema": {"type": "object"}}]);
    call["messages"] = json!([]);
    let mut cost = 0;
    for turn in 0..20 {
        let text = format!("{turn} {}", "word ".repeat(TURN / 5));
        call["messages"].as_array_mut().expect("messages").push(json!({"role": "user", "content": text}));
        let reply = world.ask(call.clone()).await.expect("a reply");
        cost += reply["metadata"]["cost_micro_usd"].as_u64().expect("a cost");
        call["messages"] = reply["messages"].clone();
    }
    let (fresh, written, read) = *sums.lock().expect("sums");
    let new = (20 * TURN / 4) as u64;
    let without = (fresh + written + read) as f64 * 0.75;
    println!(
        "20 turns of 20 KiB: {new} tokens were new; {fresh} fresh, {written} written to the cache, {read} read from it; \
         {cost} micro-dollars, {without} for the input alone without a cache"
    );
    assert!((fresh + written) * 2 <= new * 3, "{fresh} + {written} of {new}");
    assert!(read > 8 * new, "{read}");
    assert!((cost as f64) < without / 3.0, "{cost} of {without}");
}
