//! At each write of an action, the invocation ends before it or after it, or the write is refused. The next delivery does what is left, and
//! nothing twice. What was observed is the second table in `docs/web-actions.md`, which `UPDATE_DOCS=1` rewrites.

use futures_util::future::join_all;
use records::{MessageStatus, ResultStatus};
use serde_json::{Value, json};
use stand_ins::golf::RESERVE;
use test_kit::documented;

use crate::site::{Asked, Reply, page};
use crate::steps::Trouble;
use crate::world::World;

const MARKS: [&str; 2] = ["<!-- writes: made by a test -->", "<!-- end of writes -->"];
const TROUBLES: [fn(usize) -> Trouble; 3] = [Trouble::EndsBefore, Trouble::EndsAfter, Trouble::Refused];

fn answer(_: &Asked) -> Reply {
    page("text/plain", "done")
}

/// An action: what it is called in the docs, its payload and its arguments.
#[derive(Clone, Copy)]
struct Action(&'static str, fn() -> (Value, Value));

const READ: Action = Action("reads", || (json!({ "action": "http", "url": "https://api.example.test/" }), json!({})));
const POST: Action =
    Action("`POST`", || (json!({ "action": "http", "url": "https://api.example.test/", "body": "order" }), json!({})));
const BOOK: Action = Action("books", || {
    (json!({ "action": "golf", "courseID": 1, "teeSheetID": 1001 }), json!({ "operation": "book_tee_time" }))
});

/// The writes of an action that nothing interrupts.
async fn writes(Action(_, said): Action) -> Vec<&'static str> {
    let world = World::answering(answer).await;
    let (payload, arguments) = said();
    world.done(payload, arguments).await;
    world.steps.made()
}

/// A world in which an action met this once, and was then delivered until it was done. How often that was.
async fn met(Action(_, said): Action, trouble: Trouble) -> (u32, World) {
    let world = World::answering(answer).await;
    world.steps.plan(trouble);
    let (payload, arguments) = said();
    let message = world.message(payload, arguments).await;
    (world.deliver_until_done(&message).await, world)
}

/// Every world in which an action met something at one of its writes.
async fn troubled(action: Action) -> Vec<(Trouble, World)> {
    let mut worlds = vec![];
    for step in 0..writes(action).await.len() {
        for trouble in TROUBLES.map(|trouble| trouble(step)) {
            let (deliveries, world) = met(action, trouble).await;
            assert_eq!(deliveries, 2, "{trouble:?}: done by the next delivery");
            worlds.push((trouble, world));
        }
    }
    worlds
}

#[tokio::test]
async fn an_action_that_reads_ends_completed_and_is_told_once() {
    for (trouble, world) in troubled(READ).await {
        assert_eq!(world.result().await.expect("a result").status, ResultStatus::Completed, "{trouble:?}");
        assert_eq!((world.row().await.status, world.notifications()), (MessageStatus::Completed, 1), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_post_is_never_sent_twice_and_never_forgotten() {
    let mut unknown = 0;
    for (trouble, world) in troubled(POST).await {
        let (row, sent) = (world.row().await, world.api.asked().len());
        assert!(sent <= 1, "{trouble:?}");
        let is_unknown = row.error_message.is_some_and(|reason| reason.starts_with("outcome unknown"));
        let ended = if is_unknown { MessageStatus::Failed } else { MessageStatus::Completed };
        assert_eq!((row.status, world.notifications()), (ended, 1), "{trouble:?}");
        unknown += usize::from(is_unknown);
    }
    // After the intent was written, before the result was, and as it was refused.
    assert_eq!(unknown, 3);
}

#[tokio::test]
async fn a_booking_is_never_made_twice_and_never_forgotten() {
    for (trouble, world) in troubled(BOOK).await {
        let row = world.row().await;
        let is_unknown = row.error_message.is_some_and(|reason| reason.starts_with("outcome unknown"));
        let (ended, bookings) = if is_unknown { (MessageStatus::Failed, 0) } else { (MessageStatus::Completed, 1) };
        assert_eq!((row.status, world.bookings(), world.notifications()), (ended, bookings, 1), "{trouble:?}");
        assert!(world.asked_for(RESERVE) <= 1, "{trouble:?}");
    }
}

/// How an action ends that met this: the status, and the reason up to a colon.
async fn end(action: Action, trouble: Trouble) -> String {
    let (deliveries, world) = met(action, trouble).await;
    let row = world.row().await;
    let reason = row.error_message.map(|reason| format!(": {}", reason.split(':').next().unwrap_or_default()));
    let acted = world.api.asked().len() + world.bookings();
    format!("{deliveries}, `{}`{}, {acted}", row.status.as_str(), reason.unwrap_or_default())
}

async fn rows(action: Action) -> String {
    let rows = writes(action).await.into_iter().enumerate().map(|(step, write)| async move {
        let cells = join_all(TROUBLES.map(|trouble| end(action, trouble(step)))).await;
        format!("| {} | {write} | {} |\n", action.0, cells.join(" | "))
    });
    join_all(rows).await.concat()
}

#[tokio::test]
async fn what_a_trouble_at_each_write_leads_to_is_what_the_page_says() {
    let mut table =
        "| an action that | write | ends before | ends after | refused |\n|---|---|---|---|---|\n".to_owned();
    for action in [READ, POST, BOOK] {
        table += &rows(action).await;
    }
    documented("web-actions.md", MARKS, &table);
}
