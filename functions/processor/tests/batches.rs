//! What is sent of a batch, what its rows say, and what is received again.

use crate::world::{World, body};
use records::MessageStatus::{Completed, Failed, Queued};
use serde_json::json;
use stand_ins::Fault;

#[tokio::test]
async fn of_ten_exactly_those_that_failed_are_received_again() {
    let world = World::start().await;
    let mut records = vec![("bad", 1, "{".to_owned()), ("mute", 1, world.queued("mute", &json!({})).await)];
    let good = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"];
    for id in good {
        records.push((id, 1, world.queued(id, &json!({ "message": id })).await));
    }
    world.services.script().plan("ntfy", Fault::Down, 1);
    let failed = world.receive(&records).await;
    let unsent: Vec<_> = failed.iter().filter(|id| good.contains(&id.as_str())).collect();
    assert_eq!((failed.len(), unsent.len()), (3, 1), "{failed:?}");
    assert!(failed.contains(&"bad".to_owned()) && failed.contains(&"mute".to_owned()), "{failed:?}");
    assert_eq!(world.row(unsent[0]).await.0, Failed);
    assert_eq!(world.shown().len(), 7);
}

#[tokio::test]
async fn a_message_is_completed_when_it_is_shown() {
    let world = World::start().await;
    let payload = json!({ "message": "hi", "title": "Tee time", "priority": 5, "tags": ["golf"] });
    let body = world.queued("m", &payload).await;
    assert!(world.receive(&[("r", 1, body)]).await.is_empty());
    assert_eq!(world.row("m").await, (Completed, 0, None));
    let shown = &world.shown()[0];
    let seen = (shown.message.as_str(), shown.title.as_deref(), shown.priority, shown.sequence_id.as_str());
    assert_eq!(seen, ("hi", Some("Tee time"), Some(5), "m"));
}

#[tokio::test]
async fn a_failure_is_in_the_row_until_the_message_gets_through() {
    let world = World::start().await;
    let body = world.queued("m", &json!({ "message": "hi" })).await;
    for count in 1..=3 {
        world.services.script().plan("ntfy", Fault::Status { status: 500, retry_after: None }, 1);
        assert_eq!(world.receive(&[("r", count, body.clone())]).await, ["r"]);
        let reason = Some("NotSent: ntfy failed with status 500".to_owned());
        assert_eq!(world.row("m").await, (Failed, count - 1, reason));
    }
    // Back from the dead letters, with a new count.
    assert!(world.receive(&[("r2", 1, body)]).await.is_empty());
    assert_eq!(world.row("m").await, (Completed, 0, None));
}

#[tokio::test]
async fn a_completed_message_that_is_delivered_again_sends_nothing() {
    let world = World::start().await;
    let body = world.queued("m", &json!({ "message": "hi" })).await;
    for count in 1..=3 {
        assert!(world.receive(&[("r", count, body.clone())]).await.is_empty());
    }
    assert_eq!((world.sent(), world.row("m").await.1), (1, 0));
}

#[tokio::test]
async fn the_same_message_twice_in_a_batch_is_sent_once() {
    let world = World::start().await;
    let body = world.queued("m", &json!({ "message": "hi" })).await;
    assert!(world.receive(&[("r1", 1, body.clone()), ("r2", 1, body)]).await.is_empty());
    assert_eq!(world.sent(), 1);
}

#[tokio::test]
async fn a_payload_without_a_message_fails_and_its_values_are_not_in_the_row() {
    let world = World::start().await;
    for (id, payload) in [("a", json!({ "text": "secret" })), ("b", json!({ "message": 5 })), ("c", json!("secret"))] {
        let body = world.queued(id, &payload).await;
        assert_eq!(world.receive(&[("r", 3, body)]).await, ["r"]);
        let (status, retries, reason) = world.row(id).await;
        assert_eq!((status, retries), (Failed, 2));
        assert!(reason.is_some_and(|reason| reason.starts_with("InvalidEvent") && !reason.contains("secret")));
    }
    assert_eq!(world.sent(), 0);
}

#[tokio::test]
async fn a_message_of_another_stage_is_not_sent_and_its_row_is_left_alone() {
    let world = World::start().await;
    let body = world.queued("m", &json!({ "message": "hi" })).await.replace(r#""dev""#, r#""prod""#);
    assert_eq!(world.receive(&[("r", 1, body)]).await, ["r"]);
    assert_eq!((world.sent(), world.row("m").await.0), (0, Queued));
}

#[tokio::test]
async fn a_message_without_a_row_is_sent() {
    let world = World::start().await;
    assert!(world.receive(&[("r", 1, body("unknown", &json!({ "message": "hi" })))]).await.is_empty());
    assert_eq!(world.shown().len(), 1);
}

#[tokio::test]
async fn what_could_become_a_button_or_a_link_is_not_passed_on() {
    let world = World::start().await;
    let payload = json!({
        "message": "hi", "actions": "view, Open, https://evil.example", "click": "https://evil.example",
        "attach": "https://evil.example/x", "template": "yes", "email": "a@evil.example",
    });
    let body = world.queued("m", &payload).await;
    assert!(world.receive(&[("r", 1, body)]).await.is_empty());
    let call = &world.services.record().of("ntfy")[0];
    assert!(!call.body.contains("evil") && !call.headers.values().any(|value| value.contains("evil")), "{call:?}");
}

#[tokio::test]
async fn a_long_text_is_cut_and_names_the_result() {
    let world = World::start().await;
    let payload = json!({ "message": "🏌".repeat(1_250), "result_id": "result_20260115120000_000001" });
    let body = world.queued("m", &payload).await;
    assert!(world.receive(&[("r", 1, body)]).await.is_empty());
    let shown = &world.shown()[0].message;
    assert!(shown.len() <= 4_096 && shown.ends_with("🏌… [result_20260115120000_000001]"), "{}", shown.len());
}

#[tokio::test]
async fn an_alarm_is_shown_once_however_often_it_is_delivered() {
    let world = World::start().await;
    let alarm = json!({
        "AlarmName": "a", "AlarmDescription": null, "NewStateValue": "ALARM", "NewStateReason": "Threshold Crossed",
        "StateChangeTime": "2026-11-29T15:00:00.000+0000", "AlarmArn": "arn:aws:cloudwatch:us-east-1:1:alarm:a",
    });
    let envelope =
        json!({ "Type": "Notification", "TopicArn": "arn:t", "MessageId": "1", "Message": alarm.to_string() });
    assert!(world.receive(&[("r", 1, alarm.to_string())]).await.is_empty());
    assert!(world.receive(&[("r", 2, envelope.to_string())]).await.is_empty());
    let shown: Vec<_> = world.shown().into_iter().map(|one| one.title).collect();
    assert_eq!((world.sent(), shown), (2, vec![Some("ALARM: a".to_owned())]));
}
