//! SNS refuses, tables do not answer: what the client is told, and what is left.

use crate::world::{Sns, World, notification, schedule};
use lambda_local::table::{Fault, Faults};
use records::{MessageStatus, Messages, ScheduleStatus, Schedules};
use std::time::Duration;

#[tokio::test]
async fn if_sns_refuses_the_reply_is_502_and_the_row_is_failed() {
    let world = World::start().await;
    world.refuse_next();
    let answer = world.post("/api/messages", &notification()).await;
    assert_eq!((answer.status, answer.body["title"].as_str()), (502, Some("Bad Gateway")), "{answer:?}");
    let row = world.message_table().get(answer.id()).await.unwrap().unwrap();
    assert_eq!(
        (row.status, row.error_message.as_deref()),
        (MessageStatus::Failed, Some("SNS did not accept the message"))
    );
    let queued = world.get("/api/messages?status=queued").await;
    assert_eq!(queued.body["messages"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn if_sns_refuses_a_schedule_is_not_pending() {
    let world = World::start().await;
    world.refuse_next();
    let answer = world.post("/api/schedules", &schedule("daily")).await;
    assert_eq!((answer.status, answer.body["success"].as_bool()), (502, Some(false)), "{answer:?}");
    let row = world.schedule_table().get("dev-daily").await.unwrap().unwrap();
    assert_eq!((row.status, row.revision), (ScheduleStatus::Error, 0));
    let again = world.post("/api/schedules", &schedule("daily")).await;
    assert_eq!(again.status, 201, "{again:?}");
    let row = world.schedule_table().get("dev-daily").await.unwrap().unwrap();
    assert_eq!((row.status, row.revision), (ScheduleStatus::Pending, 1));
}

#[tokio::test]
async fn if_the_table_is_throttled_nothing_is_published() {
    let world = World::start().await;
    world.faults(Faults::always(Fault::Throttle));
    for (path, body) in [("/api/messages", notification()), ("/api/schedules", schedule("daily"))] {
        let answer = world.post(path, &body).await;
        assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, Some("1")), "{answer:?}");
    }
    for path in ["/api/messages", "/api/messages/msg_1", "/api/schedules", "/api/health", "/api/metrics", "/api/usage"]
    {
        assert_eq!(world.get(path).await.status, 503, "{path}");
    }
    world.tables.faults().clear();
    assert_eq!((world.rows().await, world.published().len()), (0, 0));
}

/// Of four seconds, two are for the reply, and one of these for the row.
const FOUR_SECONDS: Duration = Duration::from_secs(4);

#[tokio::test]
async fn if_sns_does_not_answer_the_row_is_failed_before_the_time_is_over() {
    let world = World::start().await;
    world.sns(Sns::IsSilent);
    let answer = world.post_within(FOUR_SECONDS, "/api/messages", &notification()).await;
    assert_eq!(answer.status, 502, "{answer:?}");
    let row = world.message_table().get(answer.id()).await.unwrap().unwrap();
    assert_eq!(row.status, MessageStatus::Failed);
}

#[tokio::test]
async fn if_the_table_does_not_answer_the_reply_is_503_before_the_time_is_over() {
    let world = World::start().await;
    world.faults(Faults::always(Fault::Hang));
    let answer = world.post_within(FOUR_SECONDS, "/api/messages", &notification()).await;
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, Some("1")), "{answer:?}");
}

/// The row is `created` then, which says nothing wrong, and the message is with SNS.
#[tokio::test]
async fn if_the_table_fails_after_the_message_was_published_the_message_is_not_lost() {
    let world = World::start().await;
    world.faults(Faults::by(
        |request| {
            if request.operation == "UpdateItem" { Fault::InternalError } else { Fault::Pass }
        },
    ));
    let answer = world.post("/api/messages", &notification()).await;
    assert_eq!((answer.status, answer.body["status"].as_str(), world.published().len()), (201, Some("created"), 1));
}
