//! The tables of both registries and of costs, keys and indexes as the templates make them, in a database of each test's own.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::Database;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

pub(crate) const AGENTS: &str = "AgentRegistry-dev";
pub(crate) const TOOLS: &str = "ToolRegistry-dev";
pub(crate) const COSTS: &str = "rez-agent-cost-tracking-dev";

/// A database with these tables, empty, and a client of it that never tries twice.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) client: Client,
}

impl Tables {
    pub(crate) async fn start() -> Self {
        let database = Database::memory().expect("a database");
        for table in [agents(), tools(), table(COSTS, &["id"], &[])] {
            database.create_table(serde_json::from_value(table).expect("a table")).expect("a table");
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        Self { client: client(&endpoint) }
    }

    /// A row as the table has it: every attribute's own value, without its type.
    pub(crate) async fn row(&self, table: &str, key: &[(&str, &str)]) -> Option<Value> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let key: HashMap<_, _> = key.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        let found = self.client.get_item().table_name(table).set_key(Some(key)).send().await.expect("a table");
        found.item.map(|item| serde_dynamo::from_item(item).expect("a row"))
    }
}

/// A client of the database at `endpoint`.
pub(crate) fn client(endpoint: &str) -> Client {
    let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
    let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.endpoint_url(endpoint).retry_config(RetryConfig::disabled()).build())
}

fn agents() -> Value {
    let indexes = [
        index("AgentsByStatus", "status", "updated_at"),
        index("AgentsByLLM", "llm_provider", "agent_name"),
        index("AgentsByEnvironment", "deployment_env", "agent_name"),
    ];
    table(AGENTS, &["agent_name", "version"], &indexes)
}

fn tools() -> Value {
    let indexes = [
        index("ToolsByLanguage", "language", "tool_name"),
        index("ToolsByStatus", "status", "updated_at"),
        index("ToolsByAuthor", "author", "created_at"),
    ];
    table(TOOLS, &["tool_name"], &indexes)
}

fn table(name: &str, keys: &[&str], indexes: &[Value]) -> Value {
    let of_indexes = indexes.iter().flat_map(|index| index["KeySchema"].as_array().expect("keys"));
    let mut attributes: Vec<&str> = of_indexes.map(|key| key["AttributeName"].as_str().expect("a name")).collect();
    attributes.extend(keys);
    attributes.sort_unstable();
    attributes.dedup();
    let attributes: Vec<_> =
        attributes.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect();
    // An empty list of indexes is refused; none is not.
    let indexes = (!indexes.is_empty()).then_some(indexes);
    json!({
        "TableName": name,
        "KeySchema": key_schema(keys),
        "AttributeDefinitions": attributes,
        "GlobalSecondaryIndexes": indexes,
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn index(name: &str, hash: &str, range: &str) -> Value {
    json!({"IndexName": name, "KeySchema": key_schema(&[hash, range]), "Projection": {"ProjectionType": "ALL"}})
}

fn key_schema(names: &[&str]) -> Value {
    names.iter().zip(["HASH", "RANGE"]).map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect()
}
