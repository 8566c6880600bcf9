//! The content table over the wire: the SDK's client, built once, and the few operations that a store needs.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::builders::KeysAndAttributesBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, KeysAndAttributes, PutRequest, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, WriteRequest,
};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;

use super::condition::Condition;
use super::connector::Http1Connector;
use super::credentials;
use super::entry;
use super::inventory::Cursor;
use super::item::{Attributes, ID, Item, SUMMARY};
use super::rehearsal;
use super::retry::{Failure, judge};
use super::settings::{CredentialsSource, Settings, SettingsError};
use super::tls::TlsRoots;
use crate::store::Expiry;
use crate::store::tally::{Tally, Usage};

const WARM_TIMEOUT: Duration = Duration::from_secs(2);

/// Items that `BatchWriteItem` takes, and keys that `BatchGetItem` takes.
pub(super) const MAX_WRITES: usize = 25;
pub(super) const MAX_READS: usize = 100;

/// One content table, and who pays for what this handle asks of it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    shared: Arc<Shared>,
    tally: Tally,
}

/// The SDK's client, built when it is first needed: building it parses what is known of every region, while Lambda waits.
type LazyClient = LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>;

/// What every handle has in common.
#[derive(Debug)]
struct Shared {
    client: LazyClient,
    connector: SharedHttpConnector,
    endpoint: Params,
    name: String,
    total: Tally,
    /// Whether requests leave: of those that do not, the log says nothing.
    sends: bool,
}

impl Table {
    pub(super) fn new(settings: Settings) -> Result<Self, SettingsError> {
        check(&settings)?;
        let endpoint = endpoint_params(&settings);
        let connector = connector(needs_tls(&settings).then_some(&settings.tls_roots))?;
        let name = settings.table.clone();
        let total = Tally::default();
        let shared = Shared { client: client(settings, &connector)?, connector, endpoint, name, total, sends: true };
        Ok(Self { shared: Arc::new(shared), tally: Tally::default() })
    }

    /// The same table on another account.
    pub(super) fn charging(&self, tally: &Tally) -> Self {
        Self { shared: Arc::clone(&self.shared), tally: tally.clone() }
    }

    /// The same table in name only: nothing that is asked of it is sent, counted, or logged as if it had been.
    pub(super) fn staged(&self) -> Self {
        let real = Arc::clone(&self.shared);
        let (connector, endpoint, name) = (real.connector.clone(), real.endpoint.clone(), real.name.clone());
        let client: LazyClient = LazyLock::new(Box::new(move || rehearsal::staged(&real.client)));
        let total = Tally::default();
        let shared = Shared { client, connector, endpoint, name, total, sends: false };
        Self { shared: Arc::new(shared), tally: Tally::default() }
    }

    /// What was asked of all handles.
    pub(super) fn usage(&self) -> Usage {
        self.shared.total.usage()
    }

    fn count(&self, count: impl Fn(&Tally)) {
        count(&self.shared.total);
        count(&self.tally);
    }

    /// Opens a connection, TLS included, and leaves it in the pool: `GET /ping` is the endpoint's health check, which
    /// needs no permission, touches no table and costs nothing. Failing is no loss; the first request tries again.
    pub(super) async fn warm(&self) {
        if tokio::time::timeout(WARM_TIMEOUT, self.ping()).await != Ok(Some(())) {
            tracing::debug!("the content table's endpoint could not be warmed");
        }
    }

    async fn ping(&self) -> Option<()> {
        let endpoint = DefaultResolver::new().resolve_endpoint(&self.shared.endpoint).await.ok()?;
        let request = HttpRequest::get(format!("{}/ping", endpoint.url().trim_end_matches('/'))).ok()?;
        let response = self.shared.connector.call(request).await.ok()?;
        // A connection goes back to the pool when its answer has been read.
        ByteStream::new(response.into_body()).collect().await.ok().map(drop)
    }

    /// Writes up to [`MAX_WRITES`] items; returns the keys that `DynamoDB` left out.
    pub(super) async fn write(&self, items: &[Item]) -> Result<Vec<String>, Failure> {
        let request = self
            .shared
            .client
            .batch_write_item()
            .request_items(&self.shared.name, items.iter().map(put_request).collect())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.count(Tally::sent);
        let output = request.send().await.map_err(|error| judge("BatchWriteItem", &error))?;
        let charged = units(output.consumed_capacity());
        self.count(|tally| tally.wrote(charged));
        tracing::debug!(items = items.len(), units = charged, "BatchWriteItem");
        Ok(unwritten(output))
    }

    /// Writes one item, unless what is there keeps it from doing so. `DynamoDB` charges for either: an item whose
    /// condition fails costs what writing it would have cost, although no answer says so.
    pub(super) async fn write_unless(&self, condition: Condition, item: &Item) -> Result<Put, Failure> {
        let request = self
            .shared
            .client
            .put_item()
            .table_name(&self.shared.name)
            .set_item(Some(item.attributes()))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.count(Tally::sent);
        let (put, charged) = match request.send().await {
            Ok(output) => (Put::Written, units(output.consumed_capacity.as_slice())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(kept)) => {
                    (Put::Kept(kept.item().and_then(entry::expiry)), item.write_units() as f64)
                }
                _ => return Err(judge("PutItem", &error)),
            },
        };
        self.count(|tally| tally.wrote(charged));
        if self.shared.sends {
            tracing::debug!(written = put == Put::Written, units = charged, "PutItem");
        }
        Ok(put)
    }

    /// Reads up to [`MAX_READS`] different keys.
    pub(super) async fn read(&self, keys: &[String], consistent: bool) -> Result<Found, Failure> {
        self.batch_get(keys, KeysAndAttributes::builder().consistent_read(consistent)).await
    }

    /// Reads up to [`MAX_READS`] different keys, eventually consistent, without their contents.
    pub(super) async fn look(&self, keys: &[String]) -> Result<Found, Failure> {
        let (projection, names) = summary();
        let request = KeysAndAttributes::builder().projection_expression(projection);
        self.batch_get(keys, request.set_expression_attribute_names(Some(names))).await
    }

    async fn batch_get(&self, keys: &[String], wanted: KeysAndAttributesBuilder) -> Result<Found, Failure> {
        let wanted = wanted.set_keys(Some(keys.iter().map(|key| key_attributes(key)).collect()));
        let wanted = wanted.build().expect("BUG: the keys are set");
        let consistent = wanted.consistent_read().unwrap_or(false);
        let request = self
            .shared
            .client
            .batch_get_item()
            .request_items(&self.shared.name, wanted)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.count(Tally::sent);
        let output = request.send().await.map_err(|error| judge("BatchGetItem", &error))?;
        let charged = units(output.consumed_capacity());
        self.count(|tally| tally.read(charged));
        tracing::debug!(keys = keys.len(), consistent, units = charged, "BatchGetItem");
        Ok(Found::from(output))
    }

    /// Reads one page of all items, without their contents.
    pub(super) async fn scan(&self, from: Option<&Cursor>) -> Result<(Vec<Attributes>, Option<Cursor>), Failure> {
        let (projection, names) = summary();
        let request = self
            .shared
            .client
            .scan()
            .table_name(&self.shared.name)
            .projection_expression(projection)
            .set_expression_attribute_names(Some(names))
            .set_exclusive_start_key(from.map(|cursor| cursor.0.clone()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.count(Tally::sent);
        let output = request.send().await.map_err(|error| judge("Scan", &error))?;
        let charged = units(output.consumed_capacity.as_slice());
        self.count(|tally| tally.read(charged));
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key.map(Cursor)))
    }
}

fn units(consumed: &[ConsumedCapacity]) -> f64 {
    consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum()
}

/// A projection on [`SUMMARY`], with the names it stands for: some of them are reserved words.
fn summary() -> (String, HashMap<String, String>) {
    let placeholder = |nth: usize| format!("#{nth}");
    let names = SUMMARY.iter().enumerate().map(|(nth, name)| (placeholder(nth), (*name).to_owned()));
    ((0..SUMMARY.len()).map(placeholder).collect::<Vec<_>>().join(","), names.collect())
}

/// What became of an item that was to be written on a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Written,
    /// What is there stays, until then if it says so.
    Kept(Option<Expiry>),
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
            items: items.filter_map(|item| Some((entry::key(&item)?.to_owned(), item))).collect(),
            unread: unread.filter_map(|key| entry::key(&key).map(str::to_owned)).collect(),
        }
    }
}

fn put_request(item: &Item) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item.attributes())).build().expect("BUG: the item is set");
    WriteRequest::builder().put_request(put).build()
}

fn key_attributes(key: &str) -> Attributes {
    Attributes::from([(ID.to_owned(), AttributeValue::S(key.to_owned()))])
}

fn unwritten(output: BatchWriteItemOutput) -> Vec<String> {
    let requests = output.unprocessed_items.unwrap_or_default().into_values().flatten();
    let items = requests.filter_map(|request| request.put_request);
    items.filter_map(|put| entry::key(&put.item).map(str::to_owned)).collect()
}

fn check(settings: &Settings) -> Result<(), SettingsError> {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if settings.table.is_empty() {
        return Err(SettingsError::Table);
    }
    if !word(&settings.region) {
        return Err(SettingsError::Region(settings.region.clone()));
    }
    settings.endpoint.as_deref().map_or(Ok(()), check_endpoint)
}

pub(super) fn check_endpoint(url: &str) -> Result<(), SettingsError> {
    match url.parse::<http::Uri>() {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) => Ok(()),
        _ => Err(SettingsError::Endpoint(url.to_owned())),
    }
}

fn endpoint_params(settings: &Settings) -> Params {
    let params = Params::builder().region(&settings.region).use_fips(settings.fips).use_dual_stack(false);
    params.set_endpoint(settings.endpoint.clone()).build().expect("BUG: no parameter is required")
}

/// One connector with one pool, for the SDK, the warm-up and container credentials alike; without `roots` it has no TLS.
pub(super) fn connector(roots: Option<&TlsRoots>) -> Result<SharedHttpConnector, SettingsError> {
    Ok(SharedHttpConnector::new(Http1Connector::new(roots.map(TlsRoots::client).transpose()?)))
}

/// Whether anything goes over `https`. A local table's client loads no certificates at all.
fn needs_tls(settings: &Settings) -> bool {
    settings.endpoint.as_deref().is_none_or(is_https) || credentials_need_tls(&settings.credentials)
}

pub(super) fn credentials_need_tls(credentials: &CredentialsSource) -> bool {
    matches!(credentials, CredentialsSource::Container { uri, .. } if is_https(uri))
}

pub(super) fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// The SDK's client on our connector: no retries and no timeouts of its own.
fn client(settings: Settings, connector: &SharedHttpConnector) -> Result<LazyClient, SettingsError> {
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
    Ok(LazyLock::new(Box::new(|| Client::from_conf(config.build()))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_server::{TestServer, nobody};
    use super::*;

    fn settings(endpoint: Option<&str>) -> Settings {
        let credentials = CredentialsSource::Static {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "SECRET".to_owned(),
            session_token: None,
        };
        Settings {
            table: "AgentContext".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint: endpoint.map(str::to_owned),
            fips: false,
            tls_roots: TlsRoots::Amazon,
            credentials,
        }
    }

    fn keys() -> Vec<String> {
        vec!["key".to_owned()]
    }

    #[tokio::test]
    async fn the_warmed_connection_is_the_one_that_is_used() {
        let server = TestServer::start(|_| (200, "{}".to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        table.warm().await;
        table.read(&keys(), false).await.unwrap();
        let heads = server.heads();
        assert!(heads[0].starts_with("get /ping http/1.1\r\n"), "{}", heads[0]);
        assert!(heads[1].contains("x-amz-target: dynamodb_20120810.batchgetitem\r\n"), "{}", heads[1]);
        assert_eq!((heads.len(), server.connections()), (2, 1));
    }

    #[tokio::test]
    async fn container_credentials_are_loaded_once_and_sign_the_requests() {
        let answer =
            r#"{"AccessKeyId":"FROMCONTAINER","SecretAccessKey":"S","Token":"T","Expiration":"2999-01-01T00:00:00Z"}"#;
        let server = TestServer::start(|head| {
            (200, if head.starts_with("get /credentials") { answer.to_owned() } else { "{}".to_owned() })
        });
        let server = server.await;
        let uri = format!("{}/credentials", server.url);
        let credentials = CredentialsSource::Container { uri, authorization: None };
        let table = Table::new(Settings { credentials, ..settings(Some(&server.url)) }).unwrap();
        table.read(&keys(), false).await.unwrap();
        table.read(&keys(), false).await.unwrap();
        let heads = server.heads();
        assert_eq!(heads.iter().filter(|head| head.starts_with("get /credentials")).count(), 1);
        assert_eq!(heads.iter().filter(|head| head.contains("credential=fromcontainer/")).count(), 2);
    }

    #[tokio::test]
    async fn refusals_say_what_to_look_at() {
        let denied =
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:… is not authorized"}"#;
        let server = TestServer::start(|_| (400, denied.to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        let Err(Failure::Permanent(reason)) = table.read(&keys(), false).await else { panic!("no refusal") };
        assert!(reason.starts_with("BatchGetItem: AccessDeniedException"), "{reason}");
        assert!(reason.contains("dynamodb:BatchGetItem") && reason.contains("AGENT_CONTEXT_TABLE"), "{reason}");
        assert!(!reason.contains("arn"), "{reason}");
    }

    #[tokio::test]
    async fn no_connection_is_worth_another_attempt() {
        let (_nobody, address) = nobody();
        let table = Table::new(settings(Some(&format!("http://{address}")))).unwrap();
        table.warm().await;
        let outcome = table.read(&keys(), false).await;
        assert!(matches!(&outcome, Err(Failure::Transient(heard)) if heard.contains("no connection")), "{outcome:?}");
    }

    #[tokio::test]
    async fn nonsense_for_an_answer_is_worth_another_attempt() {
        let server = TestServer::start(|_| (200, "<html>".to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        assert!(matches!(table.read(&keys(), false).await, Err(Failure::Transient(_))));
    }

    #[test]
    fn settings_are_checked() {
        let error = |settings: Settings| Table::new(settings).unwrap_err();
        assert_eq!(error(Settings { table: String::new(), ..settings(None) }), SettingsError::Table);
        let region = |region: &str| Settings { region: region.to_owned(), ..settings(None) };
        assert_eq!(error(region("")), SettingsError::Region(String::new()));
        assert_eq!(error(region("eu.example/")), SettingsError::Region("eu.example/".to_owned()));
        for endpoint in ["", "localhost:8000", "ftp://x", "http//x"] {
            assert_eq!(error(settings(Some(endpoint))), SettingsError::Endpoint(endpoint.to_owned()));
        }
    }

    /// Plain HTTP must not pay for certificates: with a bundle that does not exist it would fail.
    #[test]
    fn certificates_are_loaded_for_tls_only() {
        let bundle = |endpoint| Settings { tls_roots: TlsRoots::File("/nowhere".into()), ..settings(Some(endpoint)) };
        assert!(Table::new(bundle("http://127.0.0.1:1")).is_ok());
        assert!(matches!(Table::new(bundle("HTTPS://127.0.0.1:1")), Err(SettingsError::Roots { .. })));
    }

    /// A start does not pay for it: building it takes 0.2 ms the first time.
    #[tokio::test]
    async fn the_client_is_built_for_the_first_request() {
        let server = TestServer::start(|_| (200, "{}".to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        let is_built = || !format!("{:?}", table.shared.client).contains("uninit");
        assert!(!is_built());
        table.read(&keys(), false).await.unwrap();
        assert!(is_built());
    }
}
