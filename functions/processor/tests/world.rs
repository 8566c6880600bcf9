//! A table of messages, ntfy, and the function between them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use bus::SqsEvent;
use dynoxide::Database;
use functions_shared::{Context, LambdaEvent};
use ntfy::RetryPolicy;
use processor::{Processor, handle};
use records::{DynamoDb, Message, MessageStatus, Messages};
use serde_json::{Value, json};
use stand_ins::{Notification, StandIns};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::TcpListener;

const TABLE: &str = "rez-agent-messages-dev";
const TOPIC: &str = "topic";

pub(crate) struct World {
    pub(crate) services: StandIns,
    pub(crate) messages: DynamoDb<Message>,
    policy: RetryPolicy,
}

/// One attempt.
const ONCE: RetryPolicy = RetryPolicy {
    attempts: 1,
    answer: Duration::from_secs(10),
    pause: Duration::ZERO,
    longest_pause: Duration::from_secs(10),
};

impl World {
    pub(crate) async fn start() -> Self {
        let services = StandIns::start().await.unwrap();
        Self { services, messages: DynamoDb::new(client(&table().await), TABLE), policy: ONCE }
    }

    /// With as many attempts as in production, which follow each other at once and wait less long.
    pub(crate) async fn patient() -> Self {
        let policy = RetryPolicy { answer: Duration::from_secs(2), pause: Duration::ZERO, ..RetryPolicy::default() };
        Self { policy, ..Self::start().await }
    }

    pub(crate) fn processor<M: Messages>(&self, messages: M) -> Processor<M> {
        let topic = format!("{}/{TOPIC}", self.services.url()).parse().unwrap();
        Processor::of(messages, ntfy::Client::new(topic, self.policy).unwrap(), "dev")
    }

    /// Receives records (ids, receive counts and bodies); the ids of those that are to be received again.
    pub(crate) async fn receive(&self, records: &[(&str, u32, String)]) -> Vec<String> {
        let processor = self.processor(self.messages.clone());
        let response = json!(handle(&processor, event(records)).await.unwrap());
        let failed = response["batchItemFailures"].as_array().unwrap().clone();
        failed.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    /// Writes the row of a message that was published, and gives its body.
    pub(crate) async fn queued(&self, id: &str, payload: &Value) -> String {
        let body = body(id, payload);
        assert!(self.messages.create(&serde_json::from_str(&body).unwrap()).await.unwrap());
        body
    }

    /// Status, number of further receives, and reason.
    pub(crate) async fn row(&self, id: &str) -> (MessageStatus, u32, Option<String>) {
        let row = self.messages.get(id).await.unwrap().expect("a row");
        (row.status, row.retry_count, row.error_message)
    }

    pub(crate) fn shown(&self) -> Vec<Notification> {
        self.services.ntfy().shown(TOPIC)
    }

    /// How often ntfy was asked.
    pub(crate) fn sent(&self) -> usize {
        self.services.record().of("ntfy").len()
    }
}

/// A message, as a topic carries it.
pub(crate) fn body(id: &str, payload: &Value) -> String {
    let body = json!({
        "id": id, "version": "1.0", "created_date": "2026-01-15T12:00:00Z", "created_by": "test", "stage": "dev",
        "message_type": "notify", "status": "queued", "payload": payload, "arguments": {},
        "updated_date": "2026-01-15T12:00:00Z", "retry_count": 0,
    });
    body.to_string()
}

pub(crate) fn event(records: &[(&str, u32, String)]) -> LambdaEvent<SqsEvent> {
    let record = |(id, count, body): &(&str, u32, String)| {
        let attributes = json!({ "ApproximateReceiveCount": count.to_string() });
        json!({ "messageId": id, "body": body, "attributes": attributes, "eventSource": "aws:sqs" })
    };
    let records: Vec<_> = records.iter().map(record).collect();
    LambdaEvent::new(serde_json::from_value(json!({ "Records": records })).unwrap(), Context::default())
}

async fn table() -> String {
    let database = Database::memory().expect("a database");
    let table = json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
    });
    database.create_table(serde_json::from_value(table).expect("a table")).expect("a table");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    endpoint
}

fn client(endpoint: &str) -> Client {
    let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
    let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.endpoint_url(endpoint).retry_config(RetryConfig::disabled()).build())
}
