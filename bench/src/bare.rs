//! One round trip: the same stored bytes in one bare request of the SDK's client on its own connector, without the
//! retries and timeouts that the extension's client leaves out too.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, ReturnConsumedCapacity, WriteRequest};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::table;

/// What the report calls it.
pub(crate) const NAME: &str = "bare request";

type Item = HashMap<String, AttributeValue>;

/// Which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// `PutItem` of the one item.
    Put,
    /// `BatchWriteItem` of all items.
    BatchWrite,
    /// `BatchGetItem` of all items.
    BatchGet,
}

/// The client, and the items to send or ask for.
#[derive(Debug)]
pub(crate) struct Bare {
    client: Client,
    request: Request,
    items: Vec<Item>,
    sent: usize,
}

impl Bare {
    /// A client of the table at `endpoint`, for items as DynamoDB spells them in JSON.
    pub(crate) fn new(endpoint: &str, request: Request, items: &[Value]) -> anyhow::Result<Self> {
        let items: Vec<_> = items.iter().map(item).collect::<Option<_>>().context("an item of unknown attributes")?;
        ensure!(!items.is_empty() && (request != Request::Put || items.len() == 1), "{} items", items.len());
        Ok(Self { client: client(endpoint), request, items, sent: 0 })
    }

    /// A client that writes one item of about so many bytes.
    pub(crate) fn writing(endpoint: &str, bytes: usize) -> anyhow::Result<Self> {
        let content = BASE64.encode(&vec![0; bytes]);
        Self::new(endpoint, Request::Put, &[json!({ID: {"S": ""}, "content": {"B": content}})])
    }

    /// The time of one request, from sending to having its answer. What is written was never written before.
    pub(crate) async fn round_trip(&mut self) -> anyhow::Result<Duration> {
        self.sent += 1;
        match self.request {
            Request::Put => self.put().await,
            Request::BatchWrite => self.batch_write().await,
            Request::BatchGet => self.batch_get().await,
        }
    }

    async fn put(&mut self) -> anyhow::Result<Duration> {
        let item = self.renamed().remove(0);
        let request = self.client.put_item().table_name(table::NAME).set_item(Some(item));
        let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let begun = Instant::now();
        request.send().await?;
        Ok(begun.elapsed())
    }

    async fn batch_write(&mut self) -> anyhow::Result<Duration> {
        let puts = self.renamed().into_iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        });
        let puts = puts.collect::<anyhow::Result<_>>()?;
        let request = self.client.batch_write_item().request_items(table::NAME, puts);
        let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let begun = Instant::now();
        let output = request.send().await?;
        let took = begun.elapsed();
        ensure!(output.unprocessed_items().is_none_or(HashMap::is_empty), "items were left out");
        Ok(took)
    }

    async fn batch_get(&mut self) -> anyhow::Result<Duration> {
        let keys = self.items.iter().map(|item| Item::from([(ID.to_owned(), item[ID].clone())])).collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).build()?;
        let request = self.client.batch_get_item().request_items(table::NAME, keys);
        let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let begun = Instant::now();
        let output = request.send().await?;
        let took = begun.elapsed();
        let found = output.responses().and_then(|tables| tables.get(table::NAME)).map_or(0, Vec::len);
        ensure!(found == self.items.len(), "{found} of {} items", self.items.len());
        Ok(took)
    }

    /// The items under keys of their own.
    fn renamed(&self) -> Vec<Item> {
        let mut items = self.items.clone();
        for (nth, item) in items.iter_mut().enumerate() {
            item.insert(ID.to_owned(), AttributeValue::S(format!("bare-{:032}-{nth:05}", self.sent)));
        }
        items
    }
}

/// The name of the table's key.
const ID: &str = "id";

fn client(endpoint: &str) -> Client {
    let connector = SharedHttpConnector::new(Connector::builder().enable_tcp_nodelay(true).build_http());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("AKIAIOSFODNN7EXAMPLE", "of-no-use-anywhere", None, None, "bench"))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(config.build())
}

fn item(json: &Value) -> Option<Item> {
    json.as_object()?.iter().map(|(name, value)| Some((name.clone(), attribute(value)?))).collect()
}

/// The types that contents are stored as.
fn attribute(json: &Value) -> Option<AttributeValue> {
    let (kind, value) = json.as_object()?.iter().next()?;
    let text = value.as_str()?;
    match kind.as_str() {
        "S" => Some(AttributeValue::S(text.to_owned())),
        "N" => Some(AttributeValue::N(text.to_owned())),
        "B" => Some(AttributeValue::B(Blob::new(BASE64.decode(text.as_bytes()).ok()?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_from_dynamodbs_json() {
        let read = item(&json!({"id": {"S": "a"}, "expires_at": {"N": "12"}, "content": {"B": "aGk="}})).unwrap();
        assert_eq!(read["content"], AttributeValue::B(Blob::new("hi")));
        assert_eq!(
            (&read["id"], &read["expires_at"]),
            (&AttributeValue::S("a".into()), &AttributeValue::N("12".into()))
        );
        assert_eq!(item(&json!({"id": {"BOOL": true}})), None);
    }
}
