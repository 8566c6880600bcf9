//! The daily event.

use crate::wire::Fault;
use crate::world::{ID, World, daily, due};
use records::ScheduleStatus::{Active, Inactive, Pending};
use records::{MessageStatus, ScheduleAction};
use serde_json::json;

#[tokio::test]
async fn a_time_whose_event_was_lost_gets_its_message() {
    let world = World::start().await;
    let event = world.wants(|row| row.timezone = "UTC".to_owned()).await;
    world.deliver_asynchronously(&event).await;
    world.set_clock("2026-12-02T12:00:00Z");
    world.deliver_asynchronously(&daily()).await;
    world.deliver_asynchronously(&daily()).await;
    // Of the times that were missed, the last one.
    let row = world.stored().await;
    assert_eq!((row.last_run.as_deref(), world.published().len()), (Some("2026-12-02T12:00:00Z"), 1));
    // Its own event comes late.
    world.deliver_asynchronously(&due("2026-12-02T12:00:00Z")).await;
    assert_eq!(world.published().len(), 1);
}

#[tokio::test]
async fn what_was_not_due_gets_none() {
    let world = World::start().await;
    world.created().await;
    world.deliver_asynchronously(&due("2026-11-29T11:00:00Z")).await;
    world.set_clock("2026-11-30T10:59:59Z");
    world.deliver_asynchronously(&daily()).await;
    assert_eq!(world.published().len(), 1);
}

#[tokio::test]
async fn times_of_a_pause_are_not_made_up_for() {
    let world = World::start().await;
    world.created().await;
    for (time, action) in
        [("2026-11-29T12:00:00Z", ScheduleAction::Pause), ("2026-12-05T12:00:00Z", ScheduleAction::Resume)]
    {
        world.set_clock(time);
        let event = world.wants(|row| row.action = action).await;
        world.deliver_asynchronously(&event).await;
        world.deliver_asynchronously(&daily()).await;
    }
    assert_eq!((world.published(), world.stored().await.status), (vec![], Active));
}

#[tokio::test]
async fn a_change_whose_event_was_lost_is_made() {
    let world = World::start().await;
    world.wants(|_| ()).await;
    world.deliver_asynchronously(&daily()).await;
    assert_eq!(world.stored().await.status, Pending, "its event may be under way");
    world.set_clock("2026-11-29T11:15:00Z");
    world.deliver_asynchronously(&daily()).await;
    assert_eq!(world.stored().await.status, Active);
    assert_eq!(world.state().services.schedules.len(), 1);
}

#[tokio::test]
async fn a_schedule_that_differs_from_its_row_is_brought_back() {
    let world = World::start().await;
    world.created().await;
    let wanted = world.state().services.schedules[ID].clone();
    world.state().services.schedules.get_mut(ID).unwrap()["ScheduleExpression"] = json!("rate(1 minute)");
    world.deliver_asynchronously(&daily()).await;
    assert_eq!(world.state().services.schedules[ID], wanted);
    world.state().services.schedules.clear();
    world.set_clock("2026-11-29T11:00:01Z");
    world.deliver_asynchronously(&daily()).await;
    assert_eq!(world.state().services.schedules[ID], wanted);
}

#[tokio::test]
async fn a_schedule_that_is_over_is_left_alone() {
    let world = World::start().await;
    let event = world
        .wants(|row| {
            row.schedule_expression = "at(2026-11-29T18:00:00)".to_owned();
            row.timezone = "UTC".to_owned();
        })
        .await;
    world.deliver_asynchronously(&event).await;
    world.deliver_asynchronously(&due("2026-11-29T18:00:00Z")).await;
    world.state().services.schedules.clear();
    world.set_clock("2026-11-30T12:00:00Z");
    world.deliver_asynchronously(&daily()).await;
    assert!(world.state().services.schedules.is_empty());
    assert_eq!((world.published().len(), world.stored().await.status), (1, Active));
}

#[tokio::test]
async fn a_message_that_no_delivery_could_publish_is_published() {
    let world = World::start().await;
    world.created().await;
    world.plan(2, Fault::Refuses("AuthorizationError"));
    assert!(world.deliver(&due("2026-11-29T11:00:00Z")).await.unwrap().is_err());
    assert_eq!(world.published(), []);
    world.set_clock("2026-11-29T12:00:00Z");
    world.deliver_asynchronously(&daily()).await;
    assert_eq!(world.published().len(), 1);
}

#[tokio::test]
async fn one_row_that_fails_does_not_keep_it_from_the_others() {
    let world = World::start().await;
    world.created().await;
    let event = world.wants(|row| row.action = ScheduleAction::Pause).await;
    world.deliver_asynchronously(&event).await;
    assert_eq!(world.stored().await.status, Inactive);
    let other = world.wants(|row| row.action = ScheduleAction::Resume).await;
    world.deliver_asynchronously(&other).await;
    world.state().requests.clear();
    // The first look at EventBridge Scheduler.
    world.plan(2, Fault::Throttled);
    let failure = world.deliver(&daily()).await.unwrap().unwrap_err();
    assert_eq!(failure.name(), "Incomplete");
    assert!(failure.to_string().contains("1 schedules or messages"), "{failure}");
    assert_eq!(world.answer(2).await.0, MessageStatus::Completed);
    world.deliver_asynchronously(&daily()).await;
}
