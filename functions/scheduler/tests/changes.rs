//! What callers want with schedules.

use crate::wire::Fault;
use crate::world::{FUNCTION, ID, ROLE, World};
use records::MessageStatus::{Completed, Failed};
use records::ScheduleStatus::{Active, Error, Inactive, Pending};
use records::{ScheduleAction, Schedules};
use serde_json::{Value, json};

fn schedule(world: &World) -> Value {
    world.state().services.schedules.get(ID).cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_wanted_schedule_is_created_and_its_row_is_active() {
    let world = World::start().await;
    let event = world.wants(|_| ()).await;
    assert_eq!(world.deliver_asynchronously(&event).await, 1);
    let mut made = schedule(&world);
    let input: Value = serde_json::from_str(made["Target"]["Input"].take().as_str().unwrap()).unwrap();
    assert_eq!(input, json!({"schedule_id": ID, "scheduled_time": "<aws.scheduler.scheduled-time>"}));
    assert_eq!((&made["Target"]["Arn"], &made["Target"]["RoleArn"]), (&json!(FUNCTION), &json!(ROLE)));
    assert_eq!(made["ScheduleExpression"], "cron(0 12 * * ? *)");
    assert_eq!((&made["ScheduleExpressionTimezone"], &made["State"]), (&json!("Europe/Berlin"), &json!("ENABLED")));
    assert_eq!(made["FlexibleTimeWindow"], json!({"Mode": "OFF"}));
    let row = world.stored().await;
    assert_eq!((row.status, row.schedule_arn.as_deref()), (Active, made["Arn"].as_str()));
    assert_eq!(world.answer(1).await, (Completed, None));
}

#[tokio::test]
async fn the_same_message_twice_makes_one_schedule() {
    let world = World::start().await;
    let event = world.wants(|_| ()).await;
    let (first, second) = tokio::join!(world.deliver(&event), world.deliver(&event));
    assert_eq!((first, second), (Some(Ok(())), Some(Ok(()))));
    world.deliver_asynchronously(&event).await;
    assert_eq!(world.state().services.schedules.len(), 1);
    assert_eq!((world.stored().await.status, world.answer(1).await), (Active, (Completed, None)));
}

#[tokio::test]
async fn without_a_usable_execution_role_the_row_says_why_and_there_is_no_schedule() {
    let roles = [
        (None, "the execution role is missing: the variable EVENTBRIDGE_EXECUTION_ROLE_ARN is not set"),
        (
            Some("arn:aws:iam::999999999999:role/r"),
            "the execution role is of account 999999999999, not of 123456789012",
        ),
        (Some("arn:aws:iam::123456789012:user/u"), "EVENTBRIDGE_EXECUTION_ROLE_ARN is not the ARN of a role"),
    ];
    for (role, reason) in roles {
        let world = World::start().await.with_role(role);
        let event = world.wants(|_| ()).await;
        assert_eq!(world.deliver_asynchronously(&event).await, 1);
        let row = world.stored().await;
        assert_eq!((row.status, row.error_message.as_deref()), (Error, Some(reason)));
        assert_eq!(world.answer(1).await, (Failed, Some(reason.to_owned())));
        assert_eq!(schedule(&world), Value::Null);
    }
}

#[tokio::test]
async fn an_expression_that_aws_would_refuse_is_never_sent_to_it() {
    for (expression, timezone, reason) in [
        ("cron(bad)", "UTC", "schedule_expression, cron: has 1 fields"),
        ("at(2026-11-29T10:59:59)", "UTC", "schedule_expression: never runs"),
        ("rate(1 hour)", "Europe/Nowhere", "timezone: \"Europe/Nowhere\" is not an IANA time zone"),
    ] {
        let world = World::start().await;
        let event = world
            .wants(|row| {
                row.schedule_expression = expression.to_owned();
                row.timezone = timezone.to_owned();
            })
            .await;
        world.deliver_asynchronously(&event).await;
        let row = world.stored().await;
        assert_eq!(row.status, Error);
        assert!(row.error_message.as_ref().unwrap().starts_with(reason), "{:?}", row.error_message);
        assert!(!world.state().requests.contains(&"CreateSchedule".to_owned()));
    }
}

#[tokio::test]
async fn what_aws_refuses_for_good_is_the_reason_in_the_row() {
    let world = World::start().await;
    let event = world.wants(|_| ()).await;
    world.plan(1, Fault::Refuses("ServiceQuotaExceededException"));
    assert_eq!(world.deliver_asynchronously(&event).await, 1);
    let row = world.stored().await;
    assert_eq!((row.status, row.error_message.as_deref()), (Error, Some("ServiceQuotaExceededException: no")));
}

#[tokio::test]
async fn a_name_that_is_taken_by_an_equal_schedule_is_success_and_by_another_a_409_in_the_row() {
    let world = World::start().await;
    world.created().await;
    let equal = schedule(&world);
    let other = {
        let mut other = equal.clone();
        other["ScheduleExpression"] = json!("rate(1 hour)");
        other
    };
    for (there, status) in [(equal, Active), (other, Error)] {
        let world = World::start().await;
        world.state().services.schedules.insert(ID.to_owned(), there.clone());
        let event = world.wants(|_| ()).await;
        world.deliver_asynchronously(&event).await;
        let row = world.stored().await;
        assert_eq!(row.status, status);
        assert_eq!(row.error_message.is_some_and(|reason| reason.starts_with("409: ")), status == Error);
        assert_eq!(schedule(&world), there, "what is there stays as it is");
    }
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_change() {
    let world = World::start().await;
    world.created().await;
    {
        let mut state = world.state();
        let there = state.services.schedules.get_mut(ID).unwrap();
        there["Description"] = json!("made by operations");
        there["Target"]["RetryPolicy"] = json!({"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600});
        there["FlexibleTimeWindow"] = json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5});
    }
    let event = world
        .wants(|row| {
            row.action = ScheduleAction::Update;
            row.schedule_expression = "rate(2 hours)".to_owned();
        })
        .await;
    world.deliver_asynchronously(&event).await;
    let there = schedule(&world);
    assert_eq!(
        (&there["ScheduleExpression"], &there["Description"]),
        (&json!("rate(2 hours)"), &json!("made by operations"))
    );
    assert_eq!(there["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 3);
    assert_eq!(there["FlexibleTimeWindow"]["MaximumWindowInMinutes"], 5);
    assert_eq!(world.stored().await.status, Active);
}

#[tokio::test]
async fn a_schedule_is_paused_resumed_and_deleted() {
    let world = World::start().await;
    world.created().await;
    for (action, state, status) in [
        (ScheduleAction::Pause, json!("DISABLED"), Inactive),
        (ScheduleAction::Resume, json!("ENABLED"), Active),
        (ScheduleAction::Delete, Value::Null, Inactive),
    ] {
        let event = world.wants(|row| row.action = action).await;
        world.deliver_asynchronously(&event).await;
        assert_eq!(schedule(&world)["State"], state, "{action:?}");
        let row = world.stored().await;
        assert_eq!((row.status, row.schedule_arn.is_some()), (status, action != ScheduleAction::Delete));
    }
}

#[tokio::test]
async fn a_schedule_of_another_function_is_neither_changed_nor_deleted() {
    for action in [ScheduleAction::Update, ScheduleAction::Delete] {
        let world = World::start().await;
        world.created().await;
        world.state().services.schedules.get_mut(ID).unwrap()["Target"]["Input"] = json!("{}");
        let before = schedule(&world);
        let event = world.wants(|row| row.action = action).await;
        world.deliver_asynchronously(&event).await;
        assert_eq!(schedule(&world), before, "{action:?}");
    }
}

#[tokio::test]
async fn a_later_change_wins_whatever_order_the_messages_come_in() {
    let world = World::start().await;
    world.created().await;
    let earlier = world.wants(|row| row.action = ScheduleAction::Pause).await;
    let later = world
        .wants(|row| {
            row.action = ScheduleAction::Update;
            row.schedule_expression = "rate(1 day)".to_owned();
        })
        .await;
    world.deliver_asynchronously(&later).await;
    world.deliver_asynchronously(&earlier).await;
    assert_eq!(
        (&schedule(&world)["State"], &schedule(&world)["ScheduleExpression"]),
        (&json!("ENABLED"), &json!("rate(1 day)"))
    );
    let row = world.stored().await;
    assert_eq!((row.status, row.revision), (Active, 3));
    assert_eq!((world.answer(2).await, world.answer(3).await), ((Completed, None), (Completed, None)));
}

#[tokio::test]
async fn events_that_are_none_fail_by_name_and_are_not_quoted() {
    let world = World::start().await;
    world.created().await;
    let message = |payload: Value, stage: &str| {
        let message = json!({"id": "msg_1", "version": "1.0", "created_date": "d", "created_by": "secret", "stage": stage,
            "message_type": "schedule_creation", "status": "queued", "payload": payload, "updated_date": "d"});
        json!({"Records": [{"Sns": {"Message": message.to_string()}}]})
    };
    let change = |id: &str| json!({"schedule_id": id, "action": "pause", "revision": 1});
    for (event, name) in [
        (json!({"secret": 1}), "InvalidEvent"),
        (json!({"Records": [{"Sns": {"Message": "secret"}}]}), "InvalidEvent"),
        (json!({"schedule_id": ID, "scheduled_time": "secret"}), "InvalidEvent"),
        (message(json!({"secret": 1}), "dev"), "InvalidEvent"),
        (message(change(ID), "prod"), "InvalidEvent"),
        (message(change("dev-unknown"), "dev"), "UnknownSchedule"),
        (json!({"schedule_id": "dev-unknown", "scheduled_time": "2026-11-29T11:00:00Z"}), "UnknownSchedule"),
    ] {
        let failure = world.deliver(&event).await.unwrap().unwrap_err();
        assert_eq!(failure.name(), name, "{event}");
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
    assert_eq!(world.schedules.get(ID).await.unwrap().unwrap().status, Active);
    assert_ne!(world.stored().await.status, Pending);
}
