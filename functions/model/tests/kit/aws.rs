//! DynamoDB in this process, and as much of Secrets Manager as gives one secret.

use super::provider::{Provider, Response};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::Database;
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const MODELS: &str = "SharedLLMTable-test";
pub(crate) const COSTS: &str = "rez-agent-cost-tracking-test";

/// The tables of models and of costs.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) endpoint: String,
    server: JoinHandle<()>,
}

impl Tables {
    pub(crate) async fn start() -> Self {
        let database = Database::memory().expect("a database");
        for (table, key) in [(MODELS, "pk"), (COSTS, "id")] {
            let request = json!({
                "TableName": table,
                "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            });
            database.create_table(serde_json::from_value(request).expect("a request")).expect("a table");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let client = dynamodb(&endpoint);
        let server = tokio::spawn(dynoxide::server::serve_on(listener, database));
        Self { client, endpoint, server }
    }

    /// Puts a row of texts and numbers.
    pub(crate) async fn put(&self, table: &str, row: &Value) {
        let item =
            row.as_object().expect("a row").iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        self.client.put_item().table_name(table).set_item(Some(item)).send().await.expect("a written row");
    }

    /// Every number of a day's record of costs.
    pub(crate) async fn costs(&self, day: &str) -> HashMap<String, i64> {
        let key = AttributeValue::S(format!("bedrock#test#{day}"));
        let found = self.client.get_item().table_name(COSTS).key("id", key).consistent_read(true).send().await;
        let item = found.expect("a table").item.unwrap_or_default();
        let number = |value: &AttributeValue| value.as_n().ok()?.parse().ok();
        item.iter().filter_map(|(name, value)| Some((name.clone(), number(value)?))).collect()
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::Null => AttributeValue::Null(true),
        other => panic!("a row has no {other}"),
    }
}

/// Retries would hide what fails.
pub(crate) fn dynamodb(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// Secrets Manager with one secret.
#[derive(Debug)]
pub(crate) struct Secrets(Provider);

impl Secrets {
    pub(crate) async fn holding(keys: &Value) -> Self {
        let body = json!({"ARN": "arn", "Name": "secret", "SecretString": keys.to_string()});
        let headers = vec![("content-type".to_owned(), "application/x-amz-json-1.1".to_owned())];
        Self(Provider::start(Response { status: 200, headers, body: body.to_string(), ..Response::default() }).await)
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    pub(crate) fn client(&self) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&self.0.endpoint);
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}
