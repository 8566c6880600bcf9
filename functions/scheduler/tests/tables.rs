//! The tables of messages and schedules, as the stack `messaging` makes them, in a database of each test's own.

use dynoxide::Database;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

pub(crate) const MESSAGES: &str = "rez-agent-messages-dev";
pub(crate) const SCHEDULES: &str = "rez-agent-schedules-dev";

/// The URL of a database with both tables, empty.
pub(crate) async fn start() -> String {
    let database = Database::memory().unwrap();
    for table in [table(MESSAGES, &["stage", "status"]), table(SCHEDULES, &["status"])] {
        database.create_table(serde_json::from_value(table).unwrap()).unwrap();
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    endpoint
}

fn table(name: &str, by: &[&str]) -> Value {
    let names = ["id", "created_date"].iter().chain(by);
    let attributes: Vec<_> = names.map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect();
    let indexes: Vec<_> = by.iter().map(|name| index(name)).collect();
    json!({
        "TableName": name, "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": attributes,
        "GlobalSecondaryIndexes": indexes, "BillingMode": "PAY_PER_REQUEST",
    })
}

fn index(name: &str) -> Value {
    let keys = [(name, "HASH"), ("created_date", "RANGE")];
    let keys = keys.map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}));
    json!({"IndexName": format!("{name}-created_date-index"), "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}})
}
