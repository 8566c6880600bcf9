//! One request, one message, however often it is sent.

use crate::world::{World, notification};
use records::{CLAIM_LIFE, Change, MessageStatus, Messages};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_request_that_is_sent_again_leads_to_the_same_message() {
    let world = World::start().await;
    let first = world.post_named("/api/messages", "k-1", &notification()).await;
    assert_eq!((first.status, first.headers.get("idempotency-replayed")), (201, None));
    for _ in 0..3 {
        let again = world.post_named("/api/messages", "k-1", &notification()).await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.headers["idempotency-replayed"], "true");
    }
    assert_eq!(world.published().len(), 1);
    let other = world.post_named("/api/messages", "k-2", &notification()).await;
    assert_ne!(other.id(), first.id());
}

#[tokio::test]
async fn another_request_of_the_same_name_is_a_conflict() {
    let world = World::start().await;
    world.post_named("/api/messages", "k-1", &notification()).await;
    let body = json!({"message_type": "notify", "payload": {"message": "another"}});
    let answer = world.post_named("/api/messages", "k-1", &body).await;
    assert_eq!((answer.status, world.published().len()), (409, 1), "{answer:?}");
}

#[tokio::test]
async fn requests_at_once_lead_to_one_message() {
    let world = World::start().await;
    let body = notification();
    let post = || world.post_named("/api/messages", "k-1", &body);
    let answers = tokio::join!(post(), post(), post());
    let answers = [answers.0, answers.1, answers.2];
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty() && made.iter().all(|answer| answer.id() == made[0].id()), "{answers:?}");
    // One that met another at the same moment may be told to retry.
    assert!(answers.iter().all(|answer| [201, 503].contains(&answer.status)), "{answers:?}");
    assert!(world.messages().iter().all(|message| message.id == made[0].id()));
}

#[tokio::test]
async fn what_sns_refused_is_published_when_it_is_sent_again() {
    let world = World::start().await;
    world.refuse_next();
    let refused = world.post_named("/api/messages", "k-1", &notification()).await;
    assert_eq!(refused.status, 502);
    let again = world.post_named("/api/messages", "k-1", &notification()).await;
    assert_eq!((again.status, again.id()), (201, refused.id()));
    assert_eq!((again.body["status"].as_str(), again.body.get("error_message")), (Some("queued"), None));
}

/// The function was killed between the row and SNS.
#[tokio::test]
async fn a_message_that_was_only_written_is_published_when_it_is_sent_again() {
    let world = World::start().await;
    let first = world.post_named("/api/messages", "k-1", &notification()).await;
    let table = world.message_table();
    let now = crate::world::NOW.parse().unwrap();
    table.change(first.id(), Change::to(MessageStatus::Created), now).await.unwrap();
    let again = world.post_named("/api/messages", "k-1", &notification()).await;
    assert_eq!((again.status, again.id(), again.body["status"].as_str()), (201, first.id(), Some("queued")));
    assert_eq!(world.published().len(), 2);
}

/// What failed later, by a consumer, is not sent to it again.
#[tokio::test]
async fn what_a_consumer_gave_up_is_not_published_again() {
    let world = World::start().await;
    let first = world.post_named("/api/messages", "k-1", &notification()).await;
    let failed = Change::to(MessageStatus::Failed).because("ntfy answers 400");
    world.message_table().change(first.id(), failed, crate::world::NOW.parse().unwrap()).await.unwrap();
    let again = world.post_named("/api/messages", "k-1", &notification()).await;
    assert_eq!((again.status, again.body["status"].as_str()), (201, Some("failed")));
    assert_eq!(world.published().len(), 1);
}

#[tokio::test]
async fn after_a_week_a_key_is_free_again() {
    let world = World::start().await;
    let first = world.post_named("/api/messages", "k-1", &notification()).await;
    world.pass(CLAIM_LIFE.saturating_sub(Duration::from_secs(1)));
    let again = world.post_named("/api/messages", "k-1", &notification()).await;
    assert_eq!(again.id(), first.id());
    world.pass(Duration::from_secs(1));
    let body = json!({"message_type": "notify", "payload": {"message": "another"}});
    let later = world.post_named("/api/messages", "k-1", &body).await;
    assert_eq!((later.status, later.headers.get("idempotency-replayed")), (201, None), "{later:?}");
    assert_ne!(later.id(), first.id());
}
