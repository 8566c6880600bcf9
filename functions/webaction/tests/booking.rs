//! A booking books once, or nobody is told that it did.

use std::time::Duration;

use records::{MessageStatus, ResultStatus};
use serde_json::{Value, json};
use stand_ins::Fault;
use stand_ins::golf::{LOCK, PRICE, RESERVE, UPCOMING};

use crate::world::World;

const UNKNOWN: &str = "outcome unknown";

fn payload() -> Value {
    json!({ "action": "golf", "courseID": 1, "teeSheetID": 1001, "numberOfPlayers": 2, "notify": false })
}

fn arguments() -> Value {
    json!({ "operation": "book_tee_time" })
}

#[tokio::test]
async fn the_same_message_twice_books_once() {
    let world = World::new().await;
    let message = world.message(payload(), arguments()).await;
    assert!(world.deliver(&message, 1).await && world.deliver(&message, 2).await);
    assert_eq!((world.bookings(), world.asked_for(RESERVE)), (1, 1));
}

/// Two sandboxes at once: the intent of the one keeps the other from booking.
#[tokio::test]
async fn the_same_message_at_once_books_once() {
    let world = World::new().await;
    let message = world.message(payload(), arguments()).await;
    let (one, other) = tokio::join!(world.deliver(&message, 1), world.deliver(&message, 1));
    assert!(one || other);
    assert!(world.deliver(&message, 2).await);
    assert_eq!((world.bookings(), world.row().await.status), (1, MessageStatus::Completed));
}

/// SNS and SQS may deliver a message twice at once. The second delivery does not judge what the first is still doing.
#[tokio::test]
async fn a_booking_that_another_delivery_is_at_is_left_to_it() {
    let world = World::new().await;
    world.stand_ins.script().plan(RESERVE, Fault::Slow { milliseconds: 1_000 }, 1);
    let message = world.message(payload(), arguments()).await;
    let second = async {
        while world.asked_for(RESERVE) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.deliver(&message, 1).await
    };
    assert_eq!(tokio::join!(world.deliver(&message, 1), second), (true, false));
    assert!(world.deliver(&message, 2).await);
    let result = world.result().await.expect("a result");
    assert_eq!(result.response_body.as_deref(), Some("Booked. Confirmation number: CONF9001"));
    assert_eq!((world.bookings(), world.row().await.status, world.notifications()), (1, MessageStatus::Completed, 0));
}

/// The provider booked and its answer is lost: the next delivery finds the reservation, and asks for no second one.
#[tokio::test]
async fn an_answer_that_is_lost_is_found_among_the_reservations() {
    for fault in [Fault::Lost, Fault::Slow { milliseconds: 10_000 }] {
        let world = World::new().await;
        world.stand_ins.script().plan(RESERVE, fault, 1);
        let message = world.message(payload(), arguments()).await;
        assert!(!world.deliver(&message, 1).await, "it is delivered again");
        assert_eq!(world.result().await.expect("the intent").status, ResultStatus::Started);
        assert!(world.deliver(&message, 2).await);
        let result = world.result().await.expect("a result");
        assert_eq!(result.response_body.as_deref(), Some("Booked. Confirmation number: CONF9001"), "{fault:?}");
        assert_eq!((world.bookings(), world.asked_for(RESERVE)), (1, 1));
        assert_eq!(world.row().await.status, MessageStatus::Completed);
    }
}

/// Nobody knows: the row says so, a person is told although the payload says otherwise, and nothing is repeated.
#[tokio::test]
async fn an_outcome_that_nobody_knows_is_told_and_not_repeated() {
    let status = |status| Fault::Status { status, retry_after: None };
    for fault in [Fault::Down, Fault::Garbage, status(500), status(503)] {
        let world = World::new().await;
        world.stand_ins.script().plan(RESERVE, fault, 1);
        let message = world.message(payload(), arguments()).await;
        assert!(!world.deliver(&message, 1).await);
        assert!(world.deliver(&message, 2).await);
        assert!(world.deliver(&message, 3).await, "also if it is delivered once more");
        let row = world.row().await;
        let reason = row.error_message.expect("a reason");
        assert!(row.status == MessageStatus::Failed && reason.starts_with(UNKNOWN), "{fault:?}: {reason}");
        assert_eq!((world.bookings(), world.asked_for(RESERVE), world.notifications()), (0, 1, 1), "{fault:?}");
        let told = world.steps.published().remove(0);
        assert!(told.payload["message"].as_str().expect("a text").contains(UNKNOWN));
    }
}

#[tokio::test]
async fn on_its_last_receive_an_unknown_outcome_is_resolved_at_once() {
    let world = World::new().await;
    world.stand_ins.script().plan(RESERVE, Fault::Lost, 1);
    let message = world.message(payload(), arguments()).await;
    assert!(world.deliver(&message, 3).await);
    assert_eq!((world.bookings(), world.row().await.status), (1, MessageStatus::Completed));
}

/// What fails before the last step is tried again: nothing was booked.
#[tokio::test]
async fn a_step_before_the_last_is_tried_again() {
    let status = |status| Fault::Status { status, retry_after: None };
    for step in [UPCOMING, LOCK, PRICE] {
        for fault in [Fault::Down, Fault::Lost, Fault::Garbage, status(429), status(500)] {
            let world = World::new().await;
            world.stand_ins.script().always(step, fault);
            let message = world.message(payload(), arguments()).await;
            assert!(!world.deliver(&message, 1).await, "{step} {fault:?}");
            assert_eq!(world.result().await, None);
            world.stand_ins.script().clear();
            assert!(world.deliver(&message, 2).await, "{step} {fault:?}");
            assert_eq!((world.bookings(), world.row().await.status), (1, MessageStatus::Completed));
        }
    }
}

#[tokio::test]
async fn what_the_provider_refuses_is_final_and_books_nothing() {
    let status = |status| Fault::Status { status, retry_after: None };
    for (step, reason) in [(LOCK, "400 Bad Request"), (PRICE, "400 Bad Request"), (RESERVE, "400 Bad Request")] {
        let world = World::new().await;
        world.stand_ins.script().plan(step, status(400), 1);
        failed(&world, reason).await;
    }
    let conflict = World::new().await;
    conflict.stand_ins.golf().warn("You already have a reservation at 8:00 AM.");
    failed(&conflict, "you already have a reservation at this time").await;
    assert_eq!(conflict.asked_for(PRICE), 0);
    for result in [0, 2] {
        let world = World::new().await;
        world.stand_ins.golf().refuse(result);
        failed(&world, &format!("its result is {result}, not 1")).await;
    }
}

async fn failed(world: &World, reason: &str) {
    let result = world.done(payload(), arguments()).await;
    let said = result.error_message.expect("a reason");
    assert!(result.status == ResultStatus::Failed && said.contains(reason), "{said}");
    assert_eq!((world.bookings(), world.row().await.status), (0, MessageStatus::Failed));
}

/// A token that the provider revoked is asked for again by the next delivery.
#[tokio::test]
async fn a_token_that_was_revoked_is_replaced() {
    let world = World::new().await;
    let function = world.function();
    let first = World::unsaved(payload(), arguments());
    world.save(&first).await;
    let body = |message| json!(message).to_string();
    assert_eq!(world.batch(&function, &[(body(&first), 1)]).await, json!({ "batchItemFailures": [] }));
    world.stand_ins.golf().oauth().revoke();
    let second = World::unsaved(payload(), arguments());
    world.save(&second).await;
    assert_ne!(world.batch(&function, &[(body(&second), 1)]).await, json!({ "batchItemFailures": [] }));
    assert_eq!(world.batch(&function, &[(body(&second), 2)]).await, json!({ "batchItemFailures": [] }));
    assert_eq!(world.bookings(), 2);
}
