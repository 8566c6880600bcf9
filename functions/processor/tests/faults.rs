//! ntfy down, slow, answering garbage and busy; the table throttled; the function killed before and after each write. What was observed
//! is the table in `docs/platform.md`, which `UPDATE_DOCS=1` rewrites.

use crate::failing::{Failing, Fault as OfTable};
use crate::world::{World, event};
use futures_util::future::join_all;
use processor::handle;
use records::MessageStatus::Completed;
use serde_json::json;
use stand_ins::{Fault, NTFY};
use test_kit::documented;

const MARKS: [&str; 2] = ["<!-- faults of processor: made by a test -->", "<!-- end of faults of processor -->"];

fn of_ntfy() -> Vec<(&'static str, Fault)> {
    let status = |status| Fault::Status { status, retry_after: None };
    vec![
        ("down", Fault::Down),
        ("its answer is lost", Fault::Lost),
        ("10 s late", Fault::Slow { milliseconds: 10_000 }),
        ("garbage", Fault::Garbage),
        ("429", status(429)),
        ("429, `Retry-After: 60`", Fault::Status { status: 429, retry_after: Some(60) }),
        ("500", status(500)),
        ("403", status(403)),
    ]
}

const OF_TABLE: [(&str, &str, OfTable); 6] = [
    ("table of messages", "throttled when `processing` is written", OfTable::Throttled(1)),
    ("table of messages", "throttled when `completed` is written", OfTable::Throttled(2)),
    ("`processor`", "ends before `processing` is written", OfTable::EndsBefore(1)),
    ("`processor`", "ends after `processing` is written", OfTable::EndsAfter(1)),
    ("`processor`", "ends before `completed` is written", OfTable::EndsBefore(2)),
    ("`processor`", "ends after `completed` is written", OfTable::EndsAfter(2)),
];

/// Delivers a message after its first delivery has failed, until it is done with. How often it was delivered in all.
async fn delivered_again(world: &World, body: &str) -> u32 {
    for count in 2..=3 {
        if world.receive(&[("r", count, body.to_owned())]).await.is_empty() {
            return count;
        }
    }
    panic!("not done with after three receives")
}

/// One row of the table.
async fn row(world: &World, what: &str, how: &str, deliveries: u32) -> String {
    let (status, shown) = (world.row("m").await.0, world.shown().len());
    assert_eq!((status, shown), (Completed, 1), "{what}: {how}");
    format!("| {what} | {how} | {deliveries} | `{}` | {} | {shown} |\n", status.as_str(), world.sent())
}

/// The fault lasts as long as the first delivery.
async fn with_ntfy((how, fault): (&str, Fault)) -> String {
    let world = World::patient().await;
    let body = world.queued("m", &json!({ "message": "hi" })).await;
    world.services.script().always(NTFY, fault);
    assert_eq!(world.receive(&[("r", 1, body.clone())]).await, ["r"], "{how}");
    world.services.script().clear();
    let deliveries = delivered_again(&world, &body).await;
    row(&world, "ntfy", how, deliveries).await
}

async fn with_table((what, how, fault): (&str, &str, OfTable)) -> String {
    let world = World::patient().await;
    let body = world.queued("m", &json!({ "message": "hi" })).await;
    let (messages, ended) = Failing::of(world.messages.clone(), fault);
    let processor = world.processor(messages);
    let is_ended = tokio::select! {
        response = handle(&processor, event(&[("r", 1, body.clone())])) => {
            assert_eq!(json!(response.unwrap())["batchItemFailures"][0]["itemIdentifier"], "r", "{how}");
            false
        }
        () = ended.notified() => true,
    };
    assert_eq!(is_ended, !matches!(fault, OfTable::Throttled(_)), "{how}");
    let deliveries = delivered_again(&world, &body).await;
    row(&world, what, how, deliveries).await
}

#[tokio::test]
async fn what_every_fault_leads_to_is_what_the_page_says() {
    let mut table =
        "| what fails | how, in the first delivery | deliveries | last status of the message | sent | shown |\n"
            .to_owned();
    table += "|---|---|---|---|---|---|\n";
    table += &join_all(of_ntfy().into_iter().map(with_ntfy)).await.concat();
    table += &join_all(OF_TABLE.map(with_table)).await.concat();
    documented("platform.md", MARKS, &table);
}
