//! `POST /api/messages` and `GET /api/messages/{id}`.

use crate::world::{NOW, World, notification};
use records::{MessageStatus, Messages};
use serde_json::json;

#[tokio::test]
async fn a_message_is_created_published_and_queued() {
    let world = World::start().await;
    let answer = world.post("/api/messages", &notification()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.headers["location"], format!("/api/messages/{}", answer.id()));
    let expected = json!({
        "id": answer.id(), "version": "1.0", "created_date": NOW, "created_by": "arn:aws:iam::123456789012:user/ann",
        "stage": "dev", "message_type": "notify", "status": "queued", "payload": {"message": "hi"}, "arguments": {},
        "updated_date": NOW, "retry_count": 0,
    });
    assert_eq!(answer.body, expected);

    let row = world.message_table().get(answer.id()).await.unwrap().unwrap();
    assert_eq!(json!(row), expected);
    let published = world.published();
    assert_eq!(published.len(), 1);
    assert_eq!(published[0]["TopicArn"], "arn:notifications");
    assert_eq!(json!(world.messages()[0]), expected);
    assert_eq!(world.get(&format!("/api/messages/{}", answer.id())).await.body, expected);
}

#[tokio::test]
async fn each_type_goes_to_its_topic_with_its_attributes() {
    let world = World::start().await;
    let weather = json!({"action": "weather", "url": "https://api.weather.gov/gridpoints/TOP/31,80/forecast"});
    let golf = json!({"action": "golf", "courseID": 1, "numberOfPlayers": 4});
    let sent = [
        (json!({"message_type": "hello_world", "payload": {"message": "hi"}}), "arn:notifications"),
        (json!({"message_type": "scheduled", "payload": {"message": "hi"}}), "arn:notifications"),
        (
            json!({"message_type": "agent_response", "payload": {"message": "hi", "session_id": "a-1"}}),
            "arn:agent-response",
        ),
        (json!({"message_type": "web_action", "payload": weather}), "arn:web-actions"),
        (
            json!({"message_type": "web_action", "payload": golf, "arguments": {"operation": "search_tee_times"}}),
            "arn:web-actions",
        ),
    ];
    for (message, _) in &sent {
        let answer = world.post("/api/messages", message).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    for ((message, topic), published) in sent.iter().zip(world.published()) {
        assert_eq!(published["TopicArn"], *topic);
        let attributes =
            [1, 2].map(|number| published[&format!("MessageAttributes.entry.{number}.Value.StringValue")].clone());
        assert!(attributes.contains(&"dev".to_owned()), "{attributes:?}");
        assert!(attributes.contains(&message["message_type"].as_str().unwrap().to_owned()), "{attributes:?}");
    }
}

#[tokio::test]
async fn a_web_action_may_name_how_it_authenticates() {
    let world = World::start().await;
    let config = json!({
        "type": "oauth_password", "secret_name": "rez-agent/golf/credentials-dev", "scope": "onlinereservation",
        "token_url": "https://birdsfoot.cps.golf/identityapi/connect/token", "headers": {"client-id": "js1"},
    });
    let payload = json!({"action": "http", "url": "https://api.example.com/a", "method": "POST", "body": {"a": 1},
        "auth_config": config, "notify": false});
    let message = json!({"message_type": "web_action", "payload": payload, "auth_config": config});
    let answer = world.post("/api/messages", &message).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!((&answer.body["payload"], &answer.body["auth_config"]), (&payload, &config));
}

/// Between 262,144 bytes, the most that SNS takes, and the longest body of a request.
#[tokio::test]
async fn a_long_message_is_stored_apart_and_shown_whole() {
    let world = World::start().await;
    let text = "🦀".repeat(100_000);
    let message = json!({"message_type": "notify", "payload": {"message": text}});
    let answer = world.post("/api/messages", &message).await;
    assert_eq!(answer.status, 201);
    assert!(answer.body["payload"]["omitted"].is_string(), "no reference goes outside");
    assert!(world.published()[0]["Message"].len() < 262_144);
    assert!(world.messages()[0].payload.as_str().unwrap().starts_with("@content:"));
    let whole = world.get(&format!("/api/messages/{}", answer.id())).await;
    assert_eq!(whole.body["payload"]["message"], text);
    let listed = world.get("/api/messages").await;
    assert!(listed.body["messages"][0]["payload"]["omitted"].is_string());
}

#[tokio::test]
async fn a_consumer_that_is_faster_than_the_row_is_not_undone() {
    let world = World::start().await;
    let answer = world.post("/api/messages", &notification()).await;
    let table = world.message_table();
    let change = records::Change::to(MessageStatus::Completed);
    table.change(answer.id(), change, NOW.parse().unwrap()).await.unwrap();
    let queued = records::Change::to(MessageStatus::Queued).from(&[MessageStatus::Created]);
    let changed = table.change(answer.id(), queued, NOW.parse().unwrap()).await.unwrap();
    assert!(matches!(changed, records::Changed::Refused(there) if there.status == MessageStatus::Completed));
}
