//! B2 and B3, section 7 through the real binary and a metered table: what was stored or read is not paid for again.

use std::time::Duration;

use lambda_local::table::{Fault, Faults, Meter};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use test_kit::json::{noise, quote};
use test_kit::runtime::runtimes;
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

/// What the table was asked for since `before`.
fn since(world: &World, before: &Meter) -> Meter {
    world.table().meter().since(before)
}

#[tokio::test]
async fn b2_a_conversation_in_one_sandbox_writes_each_message_once_and_reads_none() {
    let mut world = World::start().with_table().await;
    let before = world.table().meter();
    let mut conversation = b"[]".to_vec();
    for number in 0..TURNS {
        conversation = turn(&mut world, &conversation, number).await;
    }
    let made = since(&world, &before);
    assert_eq!((made.items_written, made.items_read), (TURNS, 0));
    assert_eq!((made.requests_of("PutItem"), made.total_requests()), (TURNS, TURNS));
}

#[tokio::test]
async fn b2_with_a_sandbox_for_each_turn_no_message_is_written_twice_or_read_twice_in_a_turn() {
    let first = World::start().with_table().await;
    let before = first.table().meter();
    let mut conversation = b"[]".to_vec();
    for number in 0..TURNS {
        let mut world = first.reader().await;
        let begun = world.table().meter();
        conversation = turn(&mut world, &conversation, number).await;
        let made = since(&world, &begun);
        assert_eq!((made.items_written, made.items_read), (1, number), "turn {number}");
        assert_eq!(made.requests_of("BatchGetItem"), u64::from(number > 0), "turn {number}");
    }
    assert_eq!(since(&first, &before).items_written, TURNS);
    assert_eq!(first.table().items().await.len() as u64, TURNS);
}

/// Without a memory, every turn reads the whole conversation, and looks for it before it writes.
#[tokio::test]
async fn s7_a_cache_of_0_asks_every_time() {
    let mut world = World::start().with("LRAP_CACHE_SIZE", 0).with_table().await;
    let before = world.table().meter();
    let mut conversation = b"[]".to_vec();
    for number in 0..5 {
        conversation = turn(&mut world, &conversation, number).await;
    }
    let made = since(&world, &before);
    assert_eq!((made.items_written, made.items_read), (5, 2 * (1 + 2 + 3 + 4)));
}

/// A cache with room for two messages still writes each once: names outlive contents.
#[tokio::test]
async fn s7_a_small_cache_forgets_contents_before_names() {
    let mut world = World::start().with("LRAP_CACHE_SIZE", 2 * (MESSAGE + 1024)).with_table().await;
    let before = world.table().meter();
    let mut conversation = b"[]".to_vec();
    for number in 0..6 {
        conversation = turn(&mut world, &conversation, number).await;
    }
    let made = since(&world, &before);
    assert_eq!(made.items_written, 6);
    assert!(made.items_read > 0);
}

/// Ids of all items.
async fn ids(world: &World) -> Vec<Value> {
    world.table().items().await.into_iter().map(|item| item["id"]["S"].clone()).collect()
}

/// The items that one function leaves for a response of 1 MB.
async fn one_set(response: &str) -> Vec<Value> {
    let mut world = World::start().with_table().await;
    world.respond(response).await;
    ids(&world).await
}

#[tokio::test]
async fn b3_20_branches_in_20_sandboxes_leave_one_set_of_items() {
    let response = quote(&noise(MIB, 1));
    let first = World::start().with_table().await;
    let mut branches = JoinSet::new();
    for _ in 0..20 {
        let mut world = first.reader().await;
        let response = response.clone();
        branches.spawn(async move { world.respond(response).await.body });
    }
    let sent = branches.join_all().await;
    assert!(sent.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(ids(&first).await, one_set(&response).await);
    assert!(first.reader().await.deliver(sent[0].as_slice()).await.text() == response);
}

#[tokio::test]
async fn b3_20_branches_in_one_sandbox_write_one_set_of_items() {
    let response = quote(&noise(MIB, 1));
    let world = World::start().with_table().await;
    let before = world.table().meter();
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
    let made = since(&world, &before);
    let set = one_set(&response).await;
    assert_eq!(ids(&world).await, set);
    assert_eq!((made.items_written, made.items_read), (set.len() as u64, 0));
}

#[tokio::test]
async fn s7_64_invocations_that_name_one_content_cause_one_read() {
    let mut writer = World::start().with_table().await;
    let response = quote(&noise(MESSAGE, 1));
    let sent = writer.respond(response.as_str()).await.body;
    for size in [0, MIB] {
        let world = World::start().with("LRAP_CACHE_SIZE", size).sharing(writer.table()).await;
        let mut runtimes = runtimes(world.extension.listener, 64);
        for runtime in &mut runtimes {
            runtime.begin_next().await;
        }
        world.lambda.until("64 polls", |log| (log.waiting_polls().len() == 64).then_some(())).await;
        let before = world.table().meter();
        // While nothing is answered, all of them are at it. A second later the request would be sent on a new connection too.
        world.table().faults(Faults::next(vec![Fault::Delay(Duration::from_millis(800))]));
        for number in 0..64 {
            world.lambda.push(Event::new(&format!("for-{number}"), sent.as_slice()));
        }
        for runtime in &mut runtimes {
            assert!(runtime.event().await.text() == response);
        }
        let made = since(&world, &before);
        assert_eq!((made.requests_of("BatchGetItem"), made.items_read), (1, 1), "LRAP_CACHE_SIZE={size}");
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
    let mut world = World::start().with_table().await;
    let response = quote(&noise(MESSAGE, 1));
    let (_, a) = for_tenant(&mut world, "a", b"1", &response).await;
    let (_, b) = for_tenant(&mut world, "b", b"1", &response).await;
    assert_ne!(a, b);
    assert!(for_tenant(&mut world, "a", &a, "1").await.0 == response);
    let before = world.table().meter();
    for foreign in [Event::new("foreign", a.clone()).header("Lambda-Runtime-Aws-Tenant-Id", "b"), Event::new("none", a)]
    {
        assert_eq!(world.fail_event(foreign).await.error_type, "LongContent.NotFound");
    }
    // Each twice, as what is missing is asked for.
    assert_eq!(since(&world, &before).requests_of("BatchGetItem"), 4, "nothing was given from memory");
}

/// Nor is it remembered that a content had expired: it may be stored again. (That nothing is served after its time needs a clock
/// that a test can turn, as `cache.rs` has.)
#[tokio::test]
async fn s7_what_had_expired_is_read_again_once_it_is_renewed() {
    let mut writer = World::start().with_table().await;
    let response = quote(&noise(MESSAGE, 1));
    let sent = writer.respond(response.as_str()).await.body;
    let mut reader = writer.reader().await;
    writer.table().expire_all().await;
    assert_eq!(reader.fail(sent.clone()).await.error_type, "LongContent.Expired");
    assert_eq!(writer.reader().await.respond(response.as_str()).await.body, sent);
    assert!(reader.deliver(sent).await.text() == response);
}
