//! The content table over the wire: the SDK's client, built once, and the two operations that a store needs.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, ReturnConsumedCapacity, WriteRequest};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;

use super::credentials;
use super::item::{self, Attributes, ID, Item};
use super::meter::Meter;
use super::retry::{Failure, judge};
use super::settings::{CredentialsSource, Settings, SettingsError};
use super::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const WARM_TIMEOUT: Duration = Duration::from_secs(2);

/// Items that `BatchWriteItem` takes, and keys that `BatchGetItem` takes.
pub(super) const MAX_WRITES: usize = 25;
pub(super) const MAX_READS: usize = 100;

/// One content table.
#[derive(Debug)]
pub(super) struct Table {
    client: Client,
    connector: SharedHttpConnector,
    endpoint: Params,
    name: String,
    pub(super) meter: Meter,
}

impl Table {
    pub(super) fn new(settings: Settings) -> Result<Self, SettingsError> {
        check(&settings)?;
        let endpoint = endpoint_params(&settings);
        let connector = connector(&settings)?;
        let name = settings.table.clone();
        Ok(Self { client: client(settings, &connector)?, connector, endpoint, name, meter: Meter::default() })
    }

    /// Opens a connection, TLS included, and leaves it in the pool: `GET /ping` is the endpoint's health check, which
    /// needs no permission, touches no table and costs nothing. Failing is no loss; the first request tries again.
    pub(super) async fn warm(&self) {
        if tokio::time::timeout(WARM_TIMEOUT, self.ping()).await != Ok(Some(())) {
            tracing::debug!("the content table's endpoint could not be warmed");
        }
    }

    async fn ping(&self) -> Option<()> {
        let endpoint = DefaultResolver::new().resolve_endpoint(&self.endpoint).await.ok()?;
        let request = HttpRequest::get(format!("{}/ping", endpoint.url().trim_end_matches('/'))).ok()?;
        let response = self.connector.call(request).await.ok()?;
        // A connection goes back to the pool when its answer has been read.
        ByteStream::new(response.into_body()).collect().await.ok().map(drop)
    }

    /// Writes up to [`MAX_WRITES`] items; returns the keys that `DynamoDB` left out.
    pub(super) async fn write(&self, items: &[Item]) -> Result<Vec<String>, Failure> {
        let request = self
            .client
            .batch_write_item()
            .request_items(&self.name, items.iter().map(put_request).collect())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.meter.sent();
        let output = request.send().await.map_err(|error| judge("BatchWriteItem", &error))?;
        self.meter.wrote(output.consumed_capacity());
        Ok(unwritten(output))
    }

    /// Reads up to [`MAX_READS`] different keys.
    pub(super) async fn read(&self, keys: &[String], consistent: bool) -> Result<Found, Failure> {
        let request = self
            .client
            .batch_get_item()
            .request_items(&self.name, keys_request(keys, consistent))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.meter.sent();
        let output = request.send().await.map_err(|error| judge("BatchGetItem", &error))?;
        self.meter.read(output.consumed_capacity());
        Ok(Found::from(output))
    }
}

/// What a read brought.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<(String, Attributes)>,
    /// Keys that `DynamoDB` did not get to. What is neither here nor in `items` does not exist.
    pub(super) unread: Vec<String>,
}

impl From<BatchGetItemOutput> for Found {
    fn from(output: BatchGetItemOutput) -> Self {
        let items = output.responses.unwrap_or_default().into_values().flatten();
        let unread = output.unprocessed_keys.unwrap_or_default().into_values().flat_map(|keys| keys.keys);
        Self {
            items: items.filter_map(|item| Some((item::key(&item)?.to_owned(), item))).collect(),
            unread: unread.filter_map(|key| item::key(&key).map(str::to_owned)).collect(),
        }
    }
}

fn put_request(item: &Item) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item.attributes())).build().expect("BUG: the item is set");
    WriteRequest::builder().put_request(put).build()
}

fn keys_request(keys: &[String], consistent: bool) -> KeysAndAttributes {
    let keys = keys.iter().map(|key| Attributes::from([(ID.to_owned(), AttributeValue::S(key.clone()))]));
    let request = KeysAndAttributes::builder().set_keys(Some(keys.collect())).consistent_read(consistent);
    request.build().expect("BUG: the keys are set")
}

fn unwritten(output: BatchWriteItemOutput) -> Vec<String> {
    let requests = output.unprocessed_items.unwrap_or_default().into_values().flatten();
    let items = requests.filter_map(|request| request.put_request);
    items.filter_map(|put| item::key(&put.item).map(str::to_owned)).collect()
}

fn check(settings: &Settings) -> Result<(), SettingsError> {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if settings.table.is_empty() {
        return Err(SettingsError::Table);
    }
    if !word(&settings.region) {
        return Err(SettingsError::Region(settings.region.clone()));
    }
    match settings.endpoint.as_deref().map(str::parse::<http::Uri>) {
        None => Ok(()),
        Some(Ok(uri)) if matches!(uri.scheme_str(), Some("http" | "https")) => Ok(()),
        Some(_) => Err(SettingsError::Endpoint(settings.endpoint.clone().unwrap_or_default())),
    }
}

fn endpoint_params(settings: &Settings) -> Params {
    let params = Params::builder().region(&settings.region).use_fips(settings.fips).use_dual_stack(false);
    params.set_endpoint(settings.endpoint.clone()).build().expect("BUG: no parameter is required")
}

/// One connector with one pool, for the SDK, the warm-up and container credentials alike.
fn connector(settings: &Settings) -> Result<SharedHttpConnector, SettingsError> {
    let roots = if needs_tls(settings) { settings.tls_roots.context()? } else { tls::no_roots() };
    let timeouts = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let connector = Connector::builder()
        .connector_settings(timeouts)
        .sleep_impl(TokioSleep::new())
        .enable_tcp_nodelay(true)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(roots);
    Ok(SharedHttpConnector::new(connector.build()))
}

/// Whether anything goes over `https`. A local table's client loads no certificates at all.
fn needs_tls(settings: &Settings) -> bool {
    let is_https = |url: &str| url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let table = settings.endpoint.as_deref().is_none_or(is_https);
    table || matches!(&settings.credentials, CredentialsSource::Container { uri, .. } if is_https(uri))
}

/// The SDK's client on our connector: no retries and no timeouts of its own.
fn client(settings: Settings, connector: &SharedHttpConnector) -> Result<Client, SettingsError> {
    let credentials = credentials::provider(settings.credentials, connector.clone())?;
    let connector = connector.clone();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region))
        .use_fips(settings.fips)
        .credentials_provider(credentials)
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(settings.endpoint);
    Ok(Client::from_conf(config.build()))
}

/// Shared by the tasks of one call.
pub(super) type SharedTable = Arc<Table>;
