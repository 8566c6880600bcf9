//! The tables of the stack `messaging`, in a database of each test's own.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use dynoxide::Database;
use functions_shared::Variables;
use jiff::Timestamp;
use records::{Message, MessageStatus, MessageType};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

pub(crate) const MESSAGES: &str = "rez-agent-messages-dev";

/// A client of a database with the three tables, empty. It never tries twice.
pub(crate) async fn start() -> Client {
    let database = Database::memory().unwrap();
    for table in definitions() {
        database.create_table(serde_json::from_value(table).unwrap()).unwrap();
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
    let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.endpoint_url(endpoint).retry_config(RetryConfig::disabled()).build())
}

/// The variables that name the tables.
pub(crate) fn variables() -> Variables {
    Variables::from([
        ("DYNAMODB_TABLE_NAME", MESSAGES),
        ("SCHEDULES_TABLE_NAME", "rez-agent-schedules-dev"),
        ("WEB_ACTION_RESULTS_TABLE_NAME", "rez-agent-web-action-results-dev"),
    ])
}

/// Seconds after a fixed moment.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn message(id: &str, seconds: i64) -> Message {
    Message {
        id: id.to_owned(),
        version: "1.0".to_owned(),
        created_date: records::moment::text(at(seconds)),
        created_by: "test".to_owned(),
        stage: "dev".to_owned(),
        message_type: MessageType::Notify,
        status: MessageStatus::Created,
        payload: json!({"message": "hello", "nested": [1e300, {"a": null}]}),
        arguments: json!({}),
        updated_date: records::moment::text(at(seconds)),
        retry_count: 0,
        error_message: None,
        auth_config: None,
    }
}

fn definitions() -> [Value; 3] {
    [
        table(MESSAGES, "id", &[("stage", "created_date"), ("status", "created_date")]),
        table("rez-agent-schedules-dev", "id", &[("status", "created_date")]),
        table("rez-agent-web-action-results-dev", "id", &[("message_id", "")]),
    ]
}

fn table(name: &str, key: &str, indexes: &[(&str, &str)]) -> Value {
    let mut attributes = vec![key];
    attributes.extend(indexes.iter().flat_map(|(hash, range)| [*hash, *range]).filter(|name| !name.is_empty()));
    attributes.sort_unstable();
    attributes.dedup();
    let attributes: Vec<_> =
        attributes.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect();
    let indexes: Vec<_> = indexes.iter().map(|(hash, range)| index(hash, range)).collect();
    json!({
        "TableName": name, "KeySchema": keys(key, ""), "AttributeDefinitions": attributes,
        // An empty list of indexes is refused; none is not.
        "GlobalSecondaryIndexes": (!indexes.is_empty()).then_some(indexes), "BillingMode": "PAY_PER_REQUEST",
    })
}

fn index(hash: &str, range: &str) -> Value {
    let name = if range.is_empty() { format!("{hash}-index") } else { format!("{hash}-{range}-index") };
    json!({"IndexName": name, "KeySchema": keys(hash, range), "Projection": {"ProjectionType": "ALL"}})
}

fn keys(hash: &str, range: &str) -> Vec<Value> {
    let keys = [(hash, "HASH"), (range, "RANGE")];
    let keys = keys.iter().filter(|(name, _)| !name.is_empty());
    keys.map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect()
}
