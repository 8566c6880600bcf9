//! Schedules that are due.

use crate::wire::Fault;
use crate::world::{ID, World, due};
use records::{MessageStatus, MessageType, Messages, ScheduleAction, ScheduleStatus, id};
use serde_json::json;

const NOON: &str = "2026-11-29T11:00:00Z";

fn id_at(time: &str) -> String {
    id::message_of(crate::world::at(time), &format!("{ID}@{time}"))
}

#[tokio::test]
async fn a_due_schedule_sends_its_message_by_type_and_says_when_it_ran() {
    for (kind, topic) in [
        (MessageType::WebAction, "rez-agent-web-actions-dev"),
        (MessageType::Notify, "rez-agent-notifications-dev"),
        (MessageType::Scheduled, "rez-agent-notifications-dev"),
        (MessageType::AgentResponse, "rez-agent-agent-response-dev"),
    ] {
        let world = World::start().await;
        let event = world.wants(|row| row.message_type = kind).await;
        world.deliver_asynchronously(&event).await;
        world.deliver_asynchronously(&due(NOON)).await;
        let message = world.messages.get(&id_at(NOON)).await.unwrap().unwrap();
        let row = world.stored().await;
        assert_eq!((message.status, message.message_type), (MessageStatus::Queued, kind));
        assert_eq!((message.payload, message.arguments), (row.payload, row.arguments));
        assert_eq!((message.created_by.as_str(), message.stage.as_str()), ("scheduler", "dev"));
        assert_eq!(row.last_run.as_deref(), Some(NOON));
        let published = world.published();
        assert_eq!(published.len(), 1);
        assert!(published[0].0.ends_with(topic) && published[0].1 == message.id, "{published:?}");
    }
}

#[tokio::test]
async fn a_time_makes_one_message_however_often_it_is_delivered() {
    let world = World::start().await;
    world.created().await;
    for _ in 0..3 {
        world.deliver_asynchronously(&due(NOON)).await;
    }
    world.deliver_asynchronously(&due("2026-11-30T11:00:00Z")).await;
    let ids = [id_at(NOON), id_at("2026-11-30T11:00:00Z")];
    assert_eq!(world.published().into_iter().map(|(_, id)| id).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn two_deliveries_at_once_make_one_message() {
    let world = World::start().await;
    world.created().await;
    let event = due(NOON);
    let (first, second) = tokio::join!(world.deliver(&event), world.deliver(&event));
    assert_eq!((first, second), (Some(Ok(())), Some(Ok(()))));
    let mut ids: Vec<_> = world.published().into_iter().map(|(_, id)| id).collect();
    ids.dedup();
    assert_eq!(ids, [id_at(NOON)]);
}

#[tokio::test]
async fn a_message_that_was_written_and_not_published_is_published_by_the_next_delivery() {
    let world = World::start().await;
    world.created().await;
    world.plan(2, Fault::Refuses("AuthorizationError"));
    let failure = world.deliver(&due(NOON)).await.unwrap().unwrap_err();
    assert_eq!(failure.name(), "NotPublished");
    let status = || async { world.messages.get(&id_at(NOON)).await.unwrap().unwrap().status };
    assert_eq!((status().await, world.published().len()), (MessageStatus::Created, 0));
    world.deliver_asynchronously(&due(NOON)).await;
    assert_eq!((status().await, world.published().len()), (MessageStatus::Queued, 1));
}

#[tokio::test]
async fn a_message_that_its_reader_has_already_is_not_set_back() {
    let world = World::start().await;
    world.created().await;
    world.plan(2, Fault::EndsAfter);
    assert_eq!(world.deliver(&due(NOON)).await, None);
    let done = records::Change::to(MessageStatus::Completed);
    world.messages.change(&id_at(NOON), done, world.now()).await.unwrap();
    world.deliver_asynchronously(&due(NOON)).await;
    assert_eq!(world.messages.get(&id_at(NOON)).await.unwrap().unwrap().status, MessageStatus::Completed);
    assert_eq!(world.published().len(), 1);
}

#[tokio::test]
async fn a_schedule_that_is_not_in_force_sends_nothing() {
    for action in [ScheduleAction::Pause, ScheduleAction::Delete] {
        let world = World::start().await;
        world.created().await;
        let event = world.wants(|row| row.action = action).await;
        for _ in 0..2 {
            world.deliver_asynchronously(&due(NOON)).await;
            assert_eq!(world.published(), [], "{action:?}");
            world.deliver_asynchronously(&event).await;
        }
    }
}

#[tokio::test]
async fn a_schedule_whose_row_is_still_pending_sends_its_message() {
    let world = World::start().await;
    world.wants(|_| ()).await;
    world.deliver_asynchronously(&due(NOON)).await;
    assert_eq!(world.published().len(), 1);
    assert_eq!(world.stored().await.status, ScheduleStatus::Pending);
}

#[tokio::test]
async fn a_payload_reaches_the_topic_as_the_row_has_it() {
    let world = World::start().await;
    let payload = json!({"message": "<aws.scheduler.scheduled-time> \u{1F600} \"quoted\"", "n": [1, null]});
    let event = world.wants(|row| row.payload = payload.clone()).await;
    world.deliver_asynchronously(&event).await;
    world.deliver_asynchronously(&due(NOON)).await;
    assert_eq!(world.state().services.published[0].1["payload"], payload);
}
