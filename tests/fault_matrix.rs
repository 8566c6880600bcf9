//! B5: every fault of the content table, on write and on read, with much and with little time left. What was observed is the
//! table in `docs/faults.md`, which `UPDATE_DOCS=1` rewrites.

use std::rc::Rc;
use std::time::{Duration, Instant};

use lambda_local::table::{Fault, Faults};
use long_content::reference::{Content, Scope, Ttl};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use crate::kit::json::{noise, quote};
use crate::kit::world::{Builder, Failure};
use crate::kit::{Event, World};

/// Longer than what may go as it is, and than one item holds.
const LEN: usize = 900 * 1024;
/// Time that invocations have left.
const REMAINING: [Duration; 3] = [Duration::from_secs(3), Duration::from_secs(30), Duration::from_mins(15)];
/// `LRAP_STORE_TIMEOUT`: with much time left, this ends the wait.
const STORE_TIMEOUT: u64 = 4;
/// No invocation may take longer, however much time it has.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rows observed at the same time.
const AT_ONCE: usize = 6;

/// What is wrong with the table.
#[derive(Clone)]
enum Wrong {
    /// Each request meets this.
    Requests(Fault),
    /// Nothing answers at its address.
    Unreachable,
    /// There is no table of that name.
    OtherTable,
    /// What is stored was damaged.
    Stored(Damage),
    /// The event is a batch, of which one record names a content that is not there.
    BadRecord,
}

#[derive(Clone, Copy)]
enum Damage {
    PartMissing,
    BitFlipped,
    HalfWritten,
    Expired,
}

/// Every fault, and what it is called in the docs.
fn faults() -> Vec<(&'static str, Wrong)> {
    vec![
        ("every request throttled", Wrong::Requests(Fault::Throttle)),
        ("every request fails with 500", Wrong::Requests(Fault::InternalError)),
        ("no request is answered", Wrong::Requests(Fault::Hang)),
        ("every answer takes 2 s", Wrong::Requests(Fault::Delay(Duration::from_secs(2)))),
        ("every answer breaks off half-way", Wrong::Requests(Fault::Reset)),
        ("batches come back unprocessed", Wrong::Requests(Fault::Unprocessed)),
        ("credentials refused", Wrong::Requests(Fault::DenyCredentials)),
        ("fresh items hidden from eventually consistent reads", Wrong::Requests(Fault::Stale)),
        ("no route", Wrong::Unreachable),
        ("wrong or deleted table", Wrong::OtherTable),
        ("part missing", Wrong::Stored(Damage::PartMissing)),
        ("bit flipped", Wrong::Stored(Damage::BitFlipped)),
        ("content half written", Wrong::Stored(Damage::HalfWritten)),
        ("content expired", Wrong::Stored(Damage::Expired)),
        ("one bad record in an SQS batch", Wrong::BadRecord),
    ]
}

/// A sandbox on `writer`'s table, or on what is wrong with it.
fn sandbox(writer: &World, wrong: &Wrong) -> Builder {
    let world = World::start().with("LRAP_STORE_TIMEOUT", STORE_TIMEOUT);
    match wrong {
        Wrong::Unreachable => world,
        Wrong::OtherTable => world
            .with("AWS_ENDPOINT_URL_DYNAMODB", writer.table().endpoint())
            .with("AGENT_CONTEXT_TABLE", "another-table"),
        _ => world.sharing(writer.table()),
    }
}

async fn damage(world: &World, damage: Damage) {
    match damage {
        Damage::PartMissing => world.table().delete_a_part().await,
        Damage::BitFlipped => world.table().corrupt_all().await,
        Damage::HalfWritten => world.table().delete_the_commit().await,
        Damage::Expired => world.table().expire_all().await,
    }
}

/// How an invocation with `remaining` time ended that had to store `content`.
async fn written(world: &mut World, content: &str, remaining: Duration) -> String {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").due_in(remaining));
    world.runtime.next().await;
    let started = Instant::now();
    assert_eq!(world.runtime.respond(&id, quote(content)).await.status, 202);
    assert!(started.elapsed() < remaining.min(PATIENCE), "{:?} of {remaining:?}", started.elapsed());
    let path = format!("POST /2018-06-01/runtime/invocation/{id}");
    match (world.lambda.count(&format!("{path}/response")), world.lambda.count(&format!("{path}/error"))) {
        (1, 0) => "stored".to_owned(),
        (0, 1) => Failure::of(&world.lambda.error(&id).await).error_type,
        other => panic!("{other:?} responses and errors for one invocation"),
    }
}

/// How an invocation with `remaining` time ended whose event is `event`; `whole` is what should arrive.
async fn read(world: &mut World, event: &Value, whole: &Value, remaining: Duration) -> String {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, event.to_string()).due_in(remaining));
    let started = Instant::now();
    world.runtime.begin_next().await;
    let ends = |name: &str| name == format!("POST /2018-06-01/runtime/invocation/{id}/error");
    let after = world.fresh_id();
    let arrived = tokio::select! {
        () = world.lambda.until("an error", |log| log.exchanges.iter().any(|seen| ends(&seen.name())).then_some(())) => None,
        event = world.runtime.event() => Some(event),
    };
    assert!(started.elapsed() < remaining.min(PATIENCE), "{:?} of {remaining:?}", started.elapsed());
    let Some(arrived) = arrived else {
        world.lambda.push(Event::new(&after, "\"works\""));
        assert_eq!(world.runtime.event().await.text(), "\"works\"");
        world.runtime.respond(&after, "null").await;
        return Failure::of(&world.lambda.error(&id).await).error_type;
    };
    world.runtime.respond(&id, "null").await;
    if arrived.json() == *whole {
        return "hydrated".to_owned();
    }
    assert!(arrived.json()["Records"].is_array(), "half an event");
    assert!(arrived.json()["Records"][1] == whole["Records"][1], "the good record");
    assert!(arrived.json()["Records"][0] == event["Records"][0], "the bad record, as it came");
    "the good records hydrated, the bad one's reference left in place".to_owned()
}

/// Outcomes of one fault on write, by time left; then nothing of it is readable, and the sandbox works.
async fn on_write(wrong: &Wrong) -> Vec<String> {
    let mut healthy = World::start().with_table().await;
    let mut world = sandbox(&healthy, wrong).await;
    let mut outcomes = vec![];
    for (seed, remaining) in (0..).zip(REMAINING) {
        if let Wrong::Requests(fault) = wrong {
            healthy.table().faults(Faults::always(fault.clone()));
        }
        let content = noise(LEN, seed);
        outcomes.push(written(&mut world, &content, remaining).await);
        healthy.table().clear_faults();
        assert_whole_or_absent(&mut healthy, content).await;
        assert_eq!(world.deliver("1").await.text(), "1", "the next invocation");
    }
    outcomes
}

/// A content whose writer may have failed: nothing of it is readable, unless all of it is.
async fn assert_whole_or_absent(reader: &mut World, content: String) {
    let scope = Scope::new(reader.table().name());
    let reference = scope.reference(Ttl::seconds(86_400), &Content::string(content.clone())).to_string();
    let outcome = read(reader, &json!([reference]), &json!([content]), PATIENCE).await;
    assert!(["hydrated", "LongContent.NotFound"].contains(&outcome.as_str()), "{outcome}");
}

/// Outcomes of one fault on read, by time left.
async fn on_read(wrong: &Wrong) -> Vec<String> {
    let mut writer = World::start().with_table().await;
    let mut outcomes = vec![];
    for (seed, remaining) in (100..).zip(REMAINING) {
        let content = noise(LEN, seed);
        let reference = writer.respond(quote(&content)).await.json();
        let (mut event, mut whole) = (json!({ "text": reference }), json!({ "text": content }));
        if matches!(wrong, Wrong::BadRecord) {
            let absent = reference.as_str().unwrap().replacen(":86400:", ":86401:", 1);
            event = json!({ "Records": [{ "body": absent }, { "body": reference }] });
            whole = json!({ "Records": [{ "body": "" }, { "body": content }] });
        }
        let mut world = sandbox(&writer, wrong).await;
        match wrong {
            Wrong::Requests(fault) => writer.table().faults(Faults::always(fault.clone())),
            Wrong::Stored(how) => damage(&writer, *how).await,
            _ => {}
        }
        outcomes.push(read(&mut world, &event, &whole, remaining).await);
        writer.table().clear_faults();
        assert_eq!(world.deliver("1").await.text(), "1", "the next invocation");
    }
    outcomes
}

/// What the contract allows.
fn is_allowed(outcome: &str) -> bool {
    let failures = ["StoreUnavailable", "NotFound", "Expired", "Corrupt", "Refused"];
    matches!(outcome, "stored" | "hydrated" | "–")
        || outcome.starts_with("the good records hydrated")
        || failures.iter().any(|failure| outcome == format!("LongContent.{failure}"))
}

/// One row of the docs.
async fn row(name: &str, wrong: &Wrong) -> String {
    let write = match wrong {
        Wrong::Stored(_) | Wrong::BadRecord => vec!["–".to_owned()],
        _ => on_write(wrong).await,
    };
    let read = on_read(wrong).await;
    assert!(write.iter().chain(&read).all(|outcome| is_allowed(outcome)), "{name}: {write:?} {read:?}");
    format!("| {name} | {} | {} |\n", cell(write), cell(read))
}

/// The outcomes by time left, once when they are the same.
fn cell(mut outcomes: Vec<String>) -> String {
    outcomes.dedup();
    outcomes.join(", then ")
}

const HEAD: &str = "# What happens when the content table fails

Observed by `tests/fault_matrix.rs` with a content of 900 KiB, and 3 s, 30 s and 15 min left to the invocation (where the
outcomes differ, in this order). Every invocation ended before its deadline, or by `LRAP_STORE_TIMEOUT` (4 s here), and the next one
worked. A content whose writer failed was readable whole or not at all.

| fault | on write | on read |
|---|---|---|
";

/// Every row, some at once.
async fn observe() -> String {
    let places = Rc::new(Semaphore::new(AT_ONCE));
    let begin = |(name, wrong): (&'static str, Wrong)| {
        let places = Rc::clone(&places);
        tokio::task::spawn_local(async move {
            let _place = places.acquire().await.unwrap();
            row(name, &wrong).await
        })
    };
    let rows: Vec<_> = faults().into_iter().map(begin).collect();
    let mut observed = HEAD.to_owned();
    for row in rows {
        observed.push_str(&row.await.unwrap());
    }
    observed
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a switch of the test run, not a setting of the extension")]
async fn b5_every_fault_ends_as_the_docs_say() {
    let observed = LocalSet::new().run_until(observe()).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &observed).unwrap();
    }
    similar_asserts::assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), observed);
}
