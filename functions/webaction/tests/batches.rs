//! Batches, and payloads that cannot be performed.

use functions_aws::SdkConfig;
use functions_shared::Variables;
use records::{MessageStatus, ResultStatus};
use serde_json::{Value, json};
use webaction::WebActions;

use crate::world::World;

const FORECAST: &str = "https://api.weather.gov/gridpoints/TOP/31,80/forecast";

fn weather() -> Value {
    json!({ "version": "1.0", "action": "weather", "url": FORECAST })
}

#[tokio::test]
async fn of_a_batch_only_what_failed_is_delivered_again() {
    let world = World::new().await;
    let good = json!(world.message(weather(), json!({})).await);
    let changed = |name: &str, value: Value| {
        let mut message = good.clone();
        message["id"] = json!(format!("msg_of_another_{name}"));
        message[name] = value;
        (message.to_string(), 1)
    };
    let bodies = [
        (good.to_string(), 1),
        ("not JSON".to_owned(), 1),
        changed("stage", json!("prod")),
        changed("message_type", json!("notify")),
        changed("id", json!("msg_without_a_row")),
        (json!({ "Type": "Notification", "TopicArn": "arn:t", "Message": good.to_string() }).to_string(), 2),
    ];
    let response = world.batch(&world.function(), &bodies).await;
    let failed: Vec<_> = ["1", "2", "3", "4"].map(|id| json!({ "itemIdentifier": id })).into();
    assert_eq!(response, json!({ "batchItemFailures": failed }));
    assert_eq!((world.row().await.status, world.notifications()), (MessageStatus::Completed, 1));
}

#[tokio::test]
async fn a_payload_that_cannot_be_performed_fails_with_the_fields_name() {
    let golf = |operation: &str, more: Value| {
        let mut payload = json!({ "action": "golf", "courseID": 1 });
        payload.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        (payload, json!({ "operation": operation }))
    };
    let cases = [
        ((json!({ "url": FORECAST }), json!({})), "`action`"),
        ((json!({ "action": "teleport" }), json!({})), "payload"),
        ((json!({ "action": "weather" }), json!({})), "payload.url"),
        ((json!({ "action": "weather", "url": FORECAST, "days": 8 }), json!({})), "payload.days"),
        ((json!({ "action": "weather" }), json!({ "latitude": 91, "longitude": 0 })), "`latitude`"),
        ((json!({ "action": "golf" }), json!({ "operation": "search_tee_times" })), "payload.courseID"),
        ((json!({ "action": "golf", "courseID": 1 }), json!({})), "arguments.operation"),
        (golf("cancel", json!({})), "arguments.operation"),
        (golf("search_tee_times", json!({})), "payload.startSearchTime"),
        (golf("search_tee_times", json!({ "startSearchTime": "tomorrow" })), "`date`"),
        (golf("book_tee_time", json!({})), "payload.teeSheetID"),
        (golf("book_tee_time", json!({ "teeSheetID": 1, "numberOfPlayers": 5 })), "payload.numberOfPlayers"),
        ((json!({ "action": "golf", "courseID": 3 }), json!({ "operation": "fetch_reservations" })), "`course_id`"),
        ((json!({ "action": "http" }), json!({})), "payload.url"),
        ((json!({ "action": "http", "url": FORECAST, "method": "DELETE" }), json!({})), "payload.method"),
        (
            (json!({ "action": "http", "url": FORECAST, "auth_config": { "type": "bearer" } }), json!({})),
            "auth_config.secret_name",
        ),
    ];
    for ((payload, arguments), named) in cases {
        let world = World::new().await;
        let result = world.done(payload.clone(), arguments).await;
        let reason = result.error_message.expect("a reason");
        assert!(result.status == ResultStatus::Failed && reason.contains(named), "{payload}: {reason}");
        let row = world.row().await;
        assert_eq!((row.status, row.error_message), (MessageStatus::Failed, Some(reason)));
        assert_eq!((world.asked().len(), world.notifications()), (0, 1), "{payload}");
    }
}

#[tokio::test]
async fn a_payload_that_says_so_notifies_nobody() {
    let world = World::new().await;
    let mut payload = weather();
    payload["notify"] = json!(false);
    let result = world.done(payload, json!({})).await;
    assert_eq!((result.status, world.notifications()), (ResultStatus::Completed, 0));
    assert_eq!(world.row().await.status, MessageStatus::Completed);
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let all = [
        ("STAGE", "dev"),
        ("DYNAMODB_TABLE_NAME", "messages"),
        ("WEB_ACTION_RESULTS_TABLE_NAME", "results"),
        ("NOTIFICATIONS_TOPIC_ARN", "arn:t"),
        ("AGENT_CONTEXT_TABLE", "contents"),
        ("AWS_REGION", "eu-central-1"),
    ];
    let aws = SdkConfig::builder().behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest()).build();
    let without = |missing: &str| all.into_iter().filter(|(name, _)| *name != missing).collect::<Variables>();
    for (name, said) in [
        ("STAGE", "STAGE"),
        ("DYNAMODB_TABLE_NAME", "DYNAMODB_TABLE_NAME"),
        ("WEB_ACTION_RESULTS_TABLE_NAME", "WEB_ACTION_RESULTS_TABLE_NAME"),
        ("NOTIFICATIONS_TOPIC_ARN", "NOTIFICATIONS_TOPIC_ARN"),
        ("AGENT_CONTEXT_TABLE", "content table"),
    ] {
        let failure = WebActions::new(&without(name), &aws).expect_err(name).to_string();
        assert!(failure.contains(said), "{failure}");
    }
    let wrong = all.into_iter().chain([("ALLOWED_HOSTS", "https://a.example")]).collect();
    assert!(WebActions::new(&wrong, &aws).expect_err("a mistake").to_string().contains("ALLOWED_HOSTS"));
}
