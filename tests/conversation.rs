//! B2 and B3, section 7 through the real binary and a metered table: what was stored or read is not paid for again.

use std::time::Duration;

use lambda_local::table::{Fault, Faults};
use serde_json::json;
use tokio::task::JoinSet;

use test_kit::json::{noise, quote};
use test_kit::runtime::runtimes;
use test_kit::stores::{Backing, Spent};
use test_kit::{Event, Request, World};

const TURNS: u64 = 20;
const MESSAGE: usize = 20 * 1024;
const MIB: usize = 1024 * 1024;

/// One turn: the function receives the conversation so far, checks it, and returns it with one more message. Gives what left.
async fn turn(world: &mut World, conversation: &[u8], number: u64) -> Vec<u8> {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, conversation));
    let mut messages = world.runtime.next().await.json();
    let expected: Vec<_> = (0..number).map(|seed| noise(MESSAGE, seed)).collect();
    assert!(messages == json!(expected), "turn {number} received another conversation");
    messages.as_array_mut().unwrap().push(json!(noise(MESSAGE, number)));
    assert_eq!(world.runtime.respond(&id, messages.to_string()).await.status, 202);
    world.lambda.response(&id).await.body
}

/// What the store was asked for since `before`.
fn since(world: &World, before: Spent) -> Spent {
    world.stores().spent().since(before)
}

/// What so many turns in one sandbox ask of the store.
async fn turns(world: &mut World, turns: u64) -> Spent {
    let before = world.stores().spent();
    let mut conversation = b"[]".to_vec();
    for number in 0..turns {
        conversation = turn(world, &conversation, number).await;
    }
    since(world, before)
}

#[tokio::test]
async fn b2_a_conversation_in_one_sandbox_writes_each_message_once_and_reads_none() {
    for backing in Backing::BOTH {
        let mut world = World::start().with_store(backing).await;
        let made = turns(&mut world, TURNS).await;
        assert_eq!((made.written, made.read), (TURNS, 0), "{backing:?}");
        assert_eq!((made.writes, made.requests), (TURNS, TURNS), "{backing:?}");
    }
}

#[tokio::test]
async fn b2_with_a_sandbox_for_each_turn_no_message_is_written_twice_or_read_twice_in_a_turn() {
    // A request to the table reads many contents, one to a bucket one.
    for (backing, turns) in [(Backing::Table, TURNS), (Backing::Bucket, 6)] {
        let first = World::start().with_store(backing).await;
        let before = first.stores().spent();
        let mut conversation = b"[]".to_vec();
        for number in 0..turns {
            let mut world = first.reader().await;
            let begun = world.stores().spent();
            conversation = turn(&mut world, &conversation, number).await;
            let made = since(&world, begun);
            assert_eq!((made.written, made.read), (1, number), "{backing:?}, turn {number}");
            let reads = if backing == Backing::Table { u64::from(number > 0) } else { number };
            assert_eq!(made.reads, reads, "{backing:?}, turn {number}");
        }
        assert_eq!(since(&first, before).written, turns);
        assert_eq!(first.stores().keys().await.len() as u64, turns);
    }
}

/// Without a memory, every turn reads the whole conversation, and stores it again: the table is asked first what it has, the bucket
/// takes the same object once more.
#[tokio::test]
async fn s7_a_cache_of_0_asks_every_time() {
    for (backing, written, read) in [(Backing::Table, 5, 2 * 10), (Backing::Bucket, 5 + 10, 10)] {
        let mut world = World::start().with("LRAP_CACHE_SIZE", 0).with_store(backing).await;
        let made = turns(&mut world, 5).await;
        assert_eq!((made.written, made.read), (written, read), "{backing:?}");
    }
}

/// A cache with room for two messages still writes each once: names outlive contents.
#[tokio::test]
async fn s7_a_small_cache_forgets_contents_before_names() {
    for backing in Backing::BOTH {
        let mut world = World::start().with("LRAP_CACHE_SIZE", 2 * (MESSAGE + 1024)).with_store(backing).await;
        let made = turns(&mut world, 6).await;
        assert_eq!(made.written, 6, "{backing:?}");
        assert!(made.read > 0, "{backing:?}");
    }
}

/// The store holds the items or objects that one function leaves for a response, and no others; how many these are.
async fn leaves_one_set(world: &World, response: &str) -> u64 {
    let backing = world.stores().backing();
    let mut other = World::start().with_store(backing).await;
    other.respond(response).await;
    let (left, set) = (world.stores().keys().await, other.stores().keys().await);
    // Each bucket has its own names for contents.
    assert!(left == set || backing == Backing::Bucket && left.len() == set.len(), "{left:?} {set:?}");
    assert!(!set.is_empty());
    set.len() as u64
}

#[tokio::test]
async fn b3_20_branches_in_20_sandboxes_leave_one_set_of_items() {
    branches_leave_one_set(Backing::Table, 20).await;
}

#[tokio::test]
async fn b3_5_branches_in_5_sandboxes_leave_one_object() {
    branches_leave_one_set(Backing::Bucket, 5).await;
}

async fn branches_leave_one_set(backing: Backing, count: usize) {
    let response = quote(&noise(MIB, 1));
    let first = World::start().with_store(backing).await;
    let mut branches = JoinSet::new();
    for _ in 0..count {
        let mut world = first.reader().await;
        let response = response.clone();
        branches.spawn(async move { world.respond(response).await.body });
    }
    let sent = branches.join_all().await;
    assert!(sent.windows(2).all(|pair| pair[0] == pair[1]));
    leaves_one_set(&first, &response).await;
    assert!(first.reader().await.deliver(sent[0].as_slice()).await.text() == response);
}

#[tokio::test]
async fn b3_20_branches_in_one_sandbox_write_one_set_of_items() {
    for backing in Backing::BOTH {
        branches_in_one_sandbox(backing).await;
    }
}

async fn branches_in_one_sandbox(backing: Backing) {
    let response = quote(&noise(MIB, 1));
    let world = World::start().with_store(backing).await;
    let before = world.stores().spent();
    let mut runtimes = runtimes(world.extension.listener, 20);
    for (number, runtime) in runtimes.iter_mut().enumerate() {
        world.lambda.push(Event::new(&number.to_string(), "{}"));
        runtime.next().await;
    }
    for (number, runtime) in runtimes.iter_mut().enumerate() {
        runtime.begin(&Request::response(&number.to_string(), response.as_str())).await;
    }
    for runtime in &mut runtimes {
        assert_eq!(runtime.answer("POST").await.status, 202);
    }
    let made = since(&world, before);
    let set = leaves_one_set(&world, &response).await;
    assert_eq!((made.written, made.read), (set, 0), "{backing:?}");
}

#[tokio::test]
async fn s7_64_invocations_that_name_one_content_cause_one_read() {
    for backing in Backing::BOTH {
        invocations_cause_one_read(backing).await;
    }
}

async fn invocations_cause_one_read(backing: Backing) {
    let mut writer = World::start().with_store(backing).await;
    let response = quote(&noise(MESSAGE, 1));
    let sent = writer.respond(response.as_str()).await.body;
    for size in [0, MIB] {
        let world = World::start().with("LRAP_CACHE_SIZE", size).on(writer.stores()).await;
        let mut runtimes = runtimes(world.extension.listener, 64);
        for runtime in &mut runtimes {
            runtime.begin_next().await;
        }
        world.lambda.until("64 polls", |log| (log.waiting_polls().len() == 64).then_some(())).await;
        let before = world.stores().spent();
        // While nothing is answered, all of them are at it. A second later the request would be sent on a new connection too.
        world.stores().faults(Faults::next(vec![Fault::Delay(Duration::from_millis(800))]));
        for number in 0..64 {
            world.lambda.push(Event::new(&format!("for-{number}"), sent.as_slice()));
        }
        for runtime in &mut runtimes {
            assert!(runtime.event().await.text() == response);
        }
        let made = since(&world, before);
        assert_eq!((made.reads, made.read), (1, 1), "{backing:?}, LRAP_CACHE_SIZE={size}");
    }
}

/// An event of a tenant; the runtime answers what it is told.
async fn for_tenant(world: &mut World, tenant: &str, event: &[u8], response: &str) -> (String, Vec<u8>) {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, event).header("Lambda-Runtime-Aws-Tenant-Id", tenant));
    let delivered = world.runtime.next().await.text();
    assert_eq!(world.runtime.respond(&id, response).await.status, 202);
    (delivered, world.lambda.response(&id).await.body)
}

#[tokio::test]
async fn s7_tenants_never_share_what_one_sandbox_remembers() {
    // The table is asked twice for what is missing: its first answer may be old.
    for (backing, requests) in [(Backing::Table, 4), (Backing::Bucket, 2)] {
        tenants_never_share(backing, requests).await;
    }
}

async fn tenants_never_share(backing: Backing, requests: u64) {
    let mut world = World::start().with_store(backing).await;
    let response = quote(&noise(MESSAGE, 1));
    let (_, a) = for_tenant(&mut world, "a", b"1", &response).await;
    let (_, b) = for_tenant(&mut world, "b", b"1", &response).await;
    assert_ne!(a, b);
    assert!(for_tenant(&mut world, "a", &a, "1").await.0 == response);
    let before = world.stores().spent();
    for foreign in [Event::new("foreign", a.clone()).header("Lambda-Runtime-Aws-Tenant-Id", "b"), Event::new("none", a)]
    {
        assert_eq!(world.fail_event(foreign).await.error_type, "LongContent.NotFound");
    }
    assert_eq!(since(&world, before).reads, requests, "{backing:?}: nothing was given from memory");
}

/// Nor is it remembered that a content had expired: it may be stored again. (That nothing is served after its time needs a clock
/// that a test can turn, as `cache.rs` has.)
#[tokio::test]
async fn s7_what_had_expired_is_read_again_once_it_is_renewed() {
    for backing in Backing::BOTH {
        what_had_expired_is_read_again(backing).await;
    }
}

async fn what_had_expired_is_read_again(backing: Backing) {
    let mut writer = World::start().with_store(backing).await;
    let response = quote(&noise(MESSAGE, 1));
    let sent = writer.respond(response.as_str()).await.body;
    let mut reader = writer.reader().await;
    writer.stores().expire_all().await;
    assert_eq!(reader.fail(sent.clone()).await.error_type, "LongContent.Expired");
    assert_eq!(writer.reader().await.respond(response.as_str()).await.body, sent);
    assert!(reader.deliver(sent).await.text() == response);
}
