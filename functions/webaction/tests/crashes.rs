//! An invocation that is killed between any two writes: before one and after it. The next delivery does what is left, and nothing twice.

use records::{MessageStatus, ResultStatus};
use serde_json::{Value, json};
use stand_ins::golf::RESERVE;

use crate::site::{Asked, Reply, page};
use crate::steps::Death;
use crate::world::World;

fn answer(_: &Asked) -> Reply {
    page("text/plain", "done")
}

/// The number of writes of an action that nothing interrupts.
async fn writes(payload: &Value, arguments: &Value) -> usize {
    let world = World::answering(answer).await;
    world.done(payload.clone(), arguments.clone()).await;
    world.steps.count()
}

/// Every world in which an action was killed once, and then delivered until it was done.
async fn killed(payload: Value, arguments: Value) -> Vec<(Death, World)> {
    let mut worlds = vec![];
    for step in 0..writes(&payload, &arguments).await {
        for death in [Death::Before(step), Death::After(step)] {
            let world = World::answering(answer).await;
            world.steps.die(death);
            let message = world.message(payload.clone(), arguments.clone()).await;
            assert_eq!(world.deliver_until_done(&message).await, 2, "{death:?}: killed, and done by the next delivery");
            worlds.push((death, world));
        }
    }
    worlds
}

#[tokio::test]
async fn an_action_that_reads_ends_completed_and_is_told_once() {
    let payload = json!({ "action": "http", "url": "https://api.example.test/" });
    for (death, world) in killed(payload, json!({})).await {
        assert_eq!(world.result().await.expect("a result").status, ResultStatus::Completed, "{death:?}");
        assert_eq!((world.row().await.status, world.notifications()), (MessageStatus::Completed, 1), "{death:?}");
    }
}

#[tokio::test]
async fn a_post_is_never_sent_twice_and_never_forgotten() {
    let payload = json!({ "action": "http", "url": "https://api.example.test/", "body": "order" });
    let mut unknown = 0;
    for (death, world) in killed(payload, json!({})).await {
        let (row, sent) = (world.row().await, world.api.asked().len());
        assert!(sent <= 1, "{death:?}");
        let is_unknown = row.error_message.is_some_and(|reason| reason.starts_with("outcome unknown"));
        let ended = if is_unknown { MessageStatus::Failed } else { MessageStatus::Completed };
        assert_eq!((row.status, world.notifications()), (ended, 1), "{death:?}");
        unknown += usize::from(is_unknown);
    }
    // After the intent was written, and before and after the answer was.
    assert_eq!(unknown, 2);
}

#[tokio::test]
async fn a_booking_is_never_made_twice_and_never_forgotten() {
    let payload = json!({ "action": "golf", "courseID": 1, "teeSheetID": 1001 });
    for (death, world) in killed(payload, json!({ "operation": "book_tee_time" })).await {
        let row = world.row().await;
        let is_unknown = row.error_message.is_some_and(|reason| reason.starts_with("outcome unknown"));
        let (ended, bookings) = if is_unknown { (MessageStatus::Failed, 0) } else { (MessageStatus::Completed, 1) };
        assert_eq!((row.status, world.bookings(), world.notifications()), (ended, bookings, 1), "{death:?}");
        assert!(world.asked_for(RESERVE) <= 1, "{death:?}");
    }
}
