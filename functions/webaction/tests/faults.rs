//! Each service that web actions depend on, down, slow, answering garbage, and busy; tables throttled and the topic refusing. What was
//! observed is the table in `docs/web-actions.md`, which `UPDATE_DOCS=1` rewrites.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use lambda_local::table::{Fault as OfTable, Faults};
use records::MessageStatus;
use serde_json::{Value, json};
use stand_ins::golf::{LOCK, PRICE, RESERVE, SEARCH, UPCOMING};
use stand_ins::oauth::{KEYS, TOKENS};
use stand_ins::{Fault, NOAA};
use test_kit::{Reply, documented};

use crate::site::page;
use crate::steps::Steps;
use crate::world::World;

const MARKS: [&str; 2] = ["<!-- faults: made by a test -->", "<!-- end of faults -->"];

/// Services, and what they are called in the docs.
const SERVICES: [(&str, &str); 8] = [
    (NOAA, "weather service, forecast"),
    (TOKENS, "token service"),
    (KEYS, "keys of the token service"),
    (SEARCH, "golf, search"),
    (UPCOMING, "golf, booking: list of reservations, before the booking"),
    (LOCK, "golf, booking: lock"),
    (PRICE, "golf, booking: price"),
    (RESERVE, "golf, booking: reserve"),
];

fn faults() -> [(&'static str, Fault); 5] {
    let status = |status| Fault::Status { status, retry_after: None };
    [
        ("down", Fault::Down),
        ("10 s late", Fault::Slow { milliseconds: 10_000 }),
        ("garbage", Fault::Garbage),
        ("429", status(429)),
        ("500", status(500)),
    ]
}

/// The action that asks a service.
fn action(service: &str) -> (Value, Value) {
    let golf = |operation: &str| {
        let payload = json!({ "action": "golf", "courseID": 1, "teeSheetID": 1001, "startSearchTime": "2025-10-29" });
        (payload, json!({ "operation": operation }))
    };
    match service {
        NOAA => {
            (json!({ "action": "weather", "url": "https://api.weather.gov/gridpoints/TOP/31,80/forecast" }), json!({}))
        }
        TOKENS | KEYS | SEARCH => golf("search_tee_times"),
        _ => golf("book_tee_time"),
    }
}

/// One row: the fault is met by the first delivery, and by no other.
async fn observed(world: &World, message: &records::Message, what: &str, fault: &str) -> String {
    let receives = world.deliver_until_done(message).await;
    let row = world.row().await;
    assert!(matches!(row.status, MessageStatus::Completed | MessageStatus::Failed), "{what} {fault}: {row:?}");
    assert!(world.bookings() <= 1 && world.asked_for(RESERVE) <= 1, "{what} {fault}");
    assert_eq!(world.notifications(), 1, "{what} {fault}");
    let reason = row.error_message.map(|reason| format!(": {}", reason.split(':').next().unwrap_or_default()));
    let end = format!("`{}`{}", row.status.as_str(), reason.unwrap_or_default());
    format!("| {what} | {fault} | {receives} | {end} | {} | {} |\n", world.bookings(), world.notifications())
}

async fn of_service((service, what): (&'static str, &'static str)) -> String {
    let mut rows = String::new();
    for (name, fault) in faults() {
        let world = World::new().await;
        world.stand_ins.script().always(service, fault);
        let (payload, arguments) = action(service);
        let message = world.message(payload, arguments).await;
        rows += &observed(&world, &message, what, name).await;
    }
    rows
}

const LATE: Duration = Duration::from_secs(10);

/// What an answer is called in the docs, and the answer.
type Answer = (&'static str, fn() -> Reply);

/// What Secrets Manager answers to the first request.
fn of_secrets() -> [Answer; 5] {
    [
        ("down", Reply::hang_up),
        ("10 s late", || crate::world::golf_secret().late(LATE)),
        ("garbage", || Reply::new(200, "<html><title>Sign in to the network</title></html>")),
        ("429", || Reply::new(429, r#"{"__type":"ThrottlingException"}"#)),
        ("500", || Reply::new(500, "{}")),
    ]
}

async fn of_secret((name, reply): Answer) -> String {
    let world = World::new().await;
    world.next_secret(reply());
    let (payload, arguments) = action(RESERVE);
    let message = world.message(payload, arguments).await;
    observed(&world, &message, "Secrets Manager, booking", name).await
}

fn of_contents() -> [(&'static str, OfTable); 5] {
    [
        ("throttled", OfTable::Throttle),
        ("500", OfTable::InternalError),
        ("credentials refused", OfTable::DenyCredentials),
        ("no answer", OfTable::Hang),
        ("10 s late", OfTable::Delay(LATE)),
    ]
}

/// The fault lasts as long as the first delivery.
async fn of_content((name, fault): (&'static str, OfTable)) -> String {
    let world = World::answering(|_| page("text/plain", "x".repeat(100_000))).await;
    world.contents.faults().set(Faults::always(fault));
    let message = world.message(json!({ "action": "http", "url": "https://api.example.test/" }), json!({})).await;
    let is_done = world.deliver(&message, 1).await;
    world.contents.faults().clear();
    let after = if is_done { 1 } else { 1 + u32::from(world.deliver(&message, 2).await) };
    let row = world.row().await;
    assert!(world.result().await.expect("a result").response_body_ref.is_some(), "{name}");
    assert_eq!((row.status, world.notifications()), (MessageStatus::Completed, 1), "{name}");
    format!("| content table, body of 100 KB | {name} | {after} | `{}` | 0 | 1 |\n", row.status.as_str())
}

/// A table or the topic that fails for the first delivery.
async fn of_aws(what: &str, fails: fn(&Steps) -> &AtomicBool) -> String {
    let world = World::answering(|_| page("text/plain", "done")).await;
    let message = world.message(json!({ "action": "http", "url": "https://api.example.test/" }), json!({})).await;
    fails(&world.steps).store(true, Ordering::SeqCst);
    assert!(!world.deliver(&message, 1).await, "{what}");
    fails(&world.steps).store(false, Ordering::SeqCst);
    let after = observed_again(&world, &message).await;
    format!("| {what} | 2 | {after} | 0 | {} |\n", world.notifications())
}

async fn observed_again(world: &World, message: &records::Message) -> String {
    assert!(world.deliver(message, 2).await);
    let row = world.row().await;
    assert_eq!((row.status, world.notifications()), (MessageStatus::Completed, 1));
    format!("`{}`", row.status.as_str())
}

#[tokio::test]
async fn what_every_fault_leads_to_is_what_the_page_says() {
    let mut table = String::from(
        "| service | how, in the first delivery | deliveries | last status of the message | bookings | notifications |\n|---|---|---|---|---|---|\n",
    );
    table += &join_all(SERVICES.map(of_service)).await.concat();
    table += &join_all(of_secrets().map(of_secret)).await.concat();
    table += &join_all(of_contents().map(of_content)).await.concat();
    table += &of_aws("table of messages | throttled", |steps| &steps.messages_fail).await;
    table += &of_aws("table of results | throttled", |steps| &steps.results_fail).await;
    table += &of_aws("topic of notifications | refuses", |steps| &steps.topic_fails).await;
    documented("web-actions.md", MARKS, &table);
}

/// Secrets Manager down: nothing is asked without credentials, and the next delivery does it.
#[tokio::test]
async fn without_secrets_nothing_is_asked_and_nothing_is_lost() {
    let world = World::new().await;
    world.break_secrets();
    let (payload, arguments) = action(RESERVE);
    let message = world.message(payload, arguments).await;
    assert!(!world.deliver(&message, 1).await);
    assert_eq!((world.asked().len(), world.row().await.status), (0, MessageStatus::Processing));
    world.mend_secrets();
    assert!(world.deliver(&message, 2).await);
    assert_eq!((world.bookings(), world.row().await.status), (1, MessageStatus::Completed));
}

/// The content table down: a long body is not lost.
#[tokio::test]
async fn a_long_body_that_cannot_be_stored_is_asked_for_again_or_kept_in_part() {
    for (more, done_at) in [(json!({}), 2), (json!({ "body": "order" }), 1)] {
        let world = World::answering(|_| page("text/plain", "x".repeat(100_000))).await;
        let mut payload = json!({ "action": "http", "url": "https://api.example.test/" });
        payload.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        world.contents.faults().set(Faults::always(OfTable::DenyCredentials));
        let message = world.message(payload, json!({})).await;
        assert_eq!(world.deliver(&message, 1).await, done_at == 1);
        world.contents.faults().clear();
        assert!(world.deliver(&message, 2).await);
        let result = world.result().await.expect("a result");
        assert_eq!(result.response_body.expect("a body").len(), 51_200);
        assert_eq!(result.response_body_ref.is_some(), done_at == 2, "a POST is not sent again for its answer");
    }
}
