//! Messages of the Agent Queue, with a stand-in of SNS.

use super::stand_ins::{Functions, Script};
use super::world::World;
use crate::handler::State;
use crate::queue::Queue;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::{BehaviorVersion, Config, Credentials, Region};
use bus::Topics;
use functions_shared::{Context, LambdaEvent, Variables};
use http_api::streaming::Answer;
use records::{DynamoDb, Message, MessageType, Messages};
use serde_json::{Value, json};
use std::sync::Arc;
use test_kit::{Exchange, Peer, Reply};

const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
    <MessageId>1</MessageId></PublishResult></PublishResponse>";

/// A function that takes messages, and where it publishes.
struct Stage {
    state: Arc<State<Script, Functions>>,
    messages: DynamoDb<Message>,
    sns: Peer,
}

impl Stage {
    async fn of(world: &World, turns: Value) -> Self {
        world.put_tools().await;
        world.put_agent("golf-agent", "stand-in", &json!({})).await;
        let function = world.function("golf-agent", Script::of([("golf-agent".to_owned(), turns)]));
        let sns = Peer::start(|_: &Exchange| Some(Reply::new(200, PUBLISHED))).await;
        let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
        let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
        let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
        let client = aws_sdk_sns::Client::from_conf(
            config.endpoint_url(sns.url()).retry_config(RetryConfig::disabled()).build(),
        );
        let variables =
            Variables::from([("NOTIFICATIONS_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:notifications")]);
        let contents = world.contents();
        let messages = DynamoDb::new(world.tables.clone(), "messages");
        let queue = Queue {
            messages: DynamoDb::new(world.tables.clone(), "messages"),
            topics: Topics::from_variables(&variables, client, Some(Arc::clone(&contents))).unwrap(),
            contents,
            stage: "test".to_owned(),
            clock: world.clock(),
        };
        let State { agent, callers, .. } = Arc::into_inner(function.0).unwrap();
        Self { state: Arc::new(State { agent, callers, queue: Some(queue) }), messages, sns }
    }

    /// Delivers a message; the ids of the records that failed.
    async fn deliver(&self, message: &Message) -> Value {
        let event = json!({ "Records": [{ "messageId": "r", "body": json!(message).to_string(), "attributes": {} }] });
        let answer = crate::handle(Arc::clone(&self.state), LambdaEvent::new(event, Context::default())).await.unwrap();
        let Answer::Whole(response) = answer else { panic!("a batch has a response in JSON") };
        response["batchItemFailures"].clone()
    }

    fn published(&self) -> Vec<String> {
        self.sns.with_log(|log| {
            log.exchanges.iter().map(|request| String::from_utf8(request.body.clone()).unwrap()).collect()
        })
    }

    async fn status(&self, id: &str) -> Value {
        json!(self.messages.get(id).await.unwrap().unwrap().status)
    }
}

fn message(payload: &Value) -> Message {
    serde_json::from_value(json!({
        "id": "msg_20240115120000_123456", "version": "1.0", "created_date": "2024-01-15T12:00:00Z", "created_by": "alice",
        "stage": "test", "message_type": "agent_response", "status": "queued", "payload": payload,
        "updated_date": "2024-01-15T12:00:00Z",
    }))
    .unwrap()
}

#[tokio::test]
async fn a_message_is_answered_by_a_notification_and_once() {
    let world = World::new().await;
    let stage = Stage::of(&world, json!([{ "text": "At seven." }])).await;
    let question = message(&json!({ "version": "1.0", "message": "When?", "session_id": "s" }));
    stage.messages.create(&question).await.unwrap();
    assert_eq!(stage.deliver(&question).await, json!([]));
    assert_eq!(stage.status(&question.id).await, "completed");
    let published = stage.published();
    assert!(
        published.len() == 1 && published[0].contains("At%20seven") && published[0].contains("notify"),
        "{published:?}"
    );
    assert_eq!(stage.deliver(&question).await, json!([]), "delivered again");
    assert_eq!(stage.published().len(), 1);
}

#[tokio::test]
async fn messages_of_other_stages_and_types_are_not_answered() {
    let world = World::new().await;
    let stage = Stage::of(&world, json!([{ "text": "At seven." }])).await;
    let question = message(&json!({ "message": "When?" }));
    stage.messages.create(&question).await.unwrap();
    let of_another_stage = Message { stage: "prod".to_owned(), ..question.clone() };
    let of_another_type = Message { message_type: MessageType::Notify, ..question.clone() };
    for other in [of_another_stage, of_another_type] {
        assert_eq!(stage.deliver(&other).await, json!([{ "itemIdentifier": "r" }]));
    }
    assert_eq!((stage.status(&question.id).await, stage.published().len()), (json!("queued"), 0));
}

#[tokio::test]
async fn an_answer_that_was_not_published_is_not_asked_for_again() {
    let world = World::new().await;
    let stage = Stage::of(&world, json!([{ "text": "At seven." }])).await;
    let question = message(&json!({ "message": "When?" }));
    stage.messages.create(&question).await.unwrap();
    stage.sns.reply("POST /", Reply::new(500, "<ErrorResponse/>"));
    assert_eq!(stage.deliver(&question).await, json!([{ "itemIdentifier": "r" }]));
    assert_eq!(stage.status(&question.id).await, "processing");
    assert_eq!(stage.deliver(&question).await, json!([]), "the script has no second answer");
    assert_eq!(stage.status(&question.id).await, "completed");
}

#[tokio::test]
async fn a_question_that_may_be_answered_later_is_received_again_and_another_is_failed() {
    let world = World::new().await;
    let stage = Stage::of(&world, json!([{ "error": "RateLimited" }, { "text": "Now." }])).await;
    let mut question = message(&json!({ "message": "When?" }));
    stage.messages.create(&question).await.unwrap();
    assert_eq!(stage.deliver(&question).await, json!([{ "itemIdentifier": "r" }]));
    assert_eq!(stage.deliver(&question).await, json!([]));
    question = Message { id: "msg_20240115120000_999999".to_owned(), payload: json!({}), ..question };
    stage.messages.create(&question).await.unwrap();
    assert_eq!(stage.deliver(&question).await, json!([]));
    let row = stage.messages.get(&question.id).await.unwrap().unwrap();
    assert_eq!((json!(row.status), row.error_message.as_deref()), (json!("failed"), Some("message: is missing")));
}
