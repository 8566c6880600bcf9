//! Which message goes to which topic, and how.

use crate::sns::Sns;
use bus::{PublishError, Topics};
use functions_content::{Asking, ContentTable};
use functions_shared::Variables;
use lambda_local::table::{ContentTable as Table, TableConfig};
use records::{Message, MessageStatus, MessageType};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn topics(sns: &Sns, contents: Option<Arc<ContentTable>>) -> Topics {
    let variables = Variables::from([
        ("WEB_ACTIONS_TOPIC_ARN", "arn:web-actions"),
        ("NOTIFICATIONS_TOPIC_ARN", "arn:notifications"),
        ("AGENT_RESPONSE_TOPIC_ARN", "arn:agent-response"),
        ("SCHEDULE_CREATION_TOPIC_ARN", "arn:schedule-creation"),
    ]);
    Topics::from_variables(&variables, sns.client(), contents).unwrap()
}

fn message(message_type: MessageType, text: &str) -> Message {
    Message {
        id: "msg_20240115120000_123456".to_owned(),
        version: "1.0".to_owned(),
        created_date: "2024-01-15T12:00:00Z".to_owned(),
        created_by: "test".to_owned(),
        stage: "dev".to_owned(),
        message_type,
        status: MessageStatus::Queued,
        payload: json!({ "message": text }),
        arguments: json!({}),
        updated_date: "2024-01-15T12:00:00Z".to_owned(),
        retry_count: 0,
        error_message: None,
        auth_config: None,
    }
}

#[tokio::test]
async fn a_message_goes_to_the_topic_of_its_type() {
    let sns = Sns::start().await;
    let topics = topics(&sns, None);
    for kind in MessageType::ALL {
        topics.publish(&message(kind, "hello"), soon()).await.unwrap();
    }
    let sent: Vec<_> = sns.requests().iter().map(|request| request["TopicArn"].clone()).collect();
    let expected = [
        "arn:notifications",
        "arn:notifications",
        "arn:agent-response",
        "arn:notifications",
        "arn:web-actions",
        "arn:schedule-creation",
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_message_is_published_whole_with_its_stage_and_type() {
    let sns = Sns::start().await;
    let sent = message(MessageType::WebAction, "hello");
    topics(&sns, None).publish(&sent, soon()).await.unwrap();
    let request = sns.requests().remove(0);
    assert_eq!(serde_json::from_str::<Message>(&request["Message"]).unwrap(), sent);
    let attributes = [1, 2].map(|number| {
        let part = |name: &str| request[&format!("MessageAttributes.entry.{number}.{name}")].clone();
        (part("Name"), part("Value.DataType"), part("Value.StringValue"))
    });
    for (name, value) in [("stage", "dev"), ("message_type", "web_action")] {
        assert!(attributes.contains(&(name.to_owned(), "String".to_owned(), value.to_owned())), "{attributes:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_what_sns_says() {
    let sns = Sns::start().await;
    sns.refuse("AuthorizationError");
    let outcome = topics(&sns, None).publish(&message(MessageType::Notify, "hello"), soon()).await;
    assert_eq!(outcome, Err(PublishError::Refused("AuthorizationError".to_owned())));
}

#[tokio::test]
async fn a_function_without_the_topic_says_so() {
    let sns = Sns::start().await;
    let variables = Variables::from([("NOTIFICATIONS_TOPIC_ARN", "arn:notifications")]);
    let topics = Topics::from_variables(&variables, sns.client(), None).unwrap();
    let outcome = topics.publish(&message(MessageType::WebAction, "hello"), soon()).await;
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "SNS did not accept the message: this function has no topic for web_action"
    );
    assert_eq!(sns.requests(), []);
}

#[tokio::test]
async fn a_long_payload_is_stored_and_not_sent() {
    let sns = Sns::start().await;
    let table =
        Table::start(TableConfig { name: "contents".to_owned(), sweep_interval: 0, ..TableConfig::default() }).await;
    let table = table.unwrap();
    let variables = Variables::from([
        ("AGENT_CONTEXT_TABLE", "contents"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &table.endpoint()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
    let contents = Arc::new(ContentTable::from_variables(&variables).unwrap().unwrap());
    let long = message(MessageType::Notify, &"🦀".repeat(100_000));
    topics(&sns, Some(Arc::clone(&contents))).publish(&long, soon()).await.unwrap();

    let text = sns.requests().remove(0).remove("Message").unwrap();
    assert!(text.len() < 262_144, "{}", text.len());
    let sent: Message = serde_json::from_str(&text).unwrap();
    let reference = sent.payload.as_str().expect("a reference");
    let stored = contents.value(reference, Asking { tenant: None, until: soon() }).await;
    assert_eq!(stored, Ok(long.payload));
    assert_eq!(sent.arguments, json!({}));
    let items = table.items().await.unwrap();
    assert!(items.iter().all(|item| item.get("expires_at").is_none_or(Value::is_null)), "kept for ever");
}

#[tokio::test]
async fn without_a_content_table_a_long_message_is_refused() {
    let sns = Sns::start().await;
    let long = message(MessageType::Notify, &"x".repeat(300_000));
    let outcome = topics(&sns, None).publish(&long, soon()).await;
    assert!(matches!(outcome, Err(PublishError::TooLong(300_000..))), "{outcome:?}");
    assert_eq!(sns.requests(), []);
}

/// SQS takes neither of them as it is, and JSON reads both as the same.
#[tokio::test]
async fn noncharacters_are_escaped() {
    let sns = Sns::start().await;
    let sent = message(MessageType::Notify, "a\\\u{fffe}\u{ffff}\"");
    topics(&sns, None).publish(&sent, soon()).await.unwrap();
    let request = sns.requests().remove(0);
    assert!(!request["Message"].contains(['\u{fffe}', '\u{ffff}']), "{}", request["Message"]);
    assert_eq!(serde_json::from_str::<Message>(&request["Message"]).unwrap(), sent);
}
