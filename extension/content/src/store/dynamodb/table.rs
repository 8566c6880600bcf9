//! Requests to the content table: the SDK's client, and the few operations that a store needs.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::KeysAndAttributesBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, KeysAndAttributes, PutRequest, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, WriteRequest,
};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::condition::Condition;
use super::endpoint::{self, Fixed};
use super::entry;
use super::item::{Attributes, ID, Item, SUMMARY};
use super::listing::Cursor;
use super::protocol::client::{Access, OwnUserAgent};
use super::protocol::connector::{charging_repeats, taking_at_most};
use super::retry::{Failure, hint, is_too_long, judge};
use super::settings::{ServiceAccess, Settings};
use super::settings_error::SettingsError;
use super::stage;
use crate::store::Expiry;
use crate::store::settings::addresses::is_label;
use crate::store::tally::{Tally, Usage};

const WARM_TIMEOUT: Duration = Duration::from_secs(2);

/// Items that one `BatchWriteItem` accepts. [`MAX_READS`] is how many keys one `BatchGetItem` accepts.
pub(super) const MAX_WRITES: usize = 25;
pub(super) const MAX_READS: usize = 100;

/// One content table, and the tally that counts the requests of this handle.
#[derive(Debug, Clone)]
pub(super) struct Table {
    shared: Arc<Shared>,
    tally: Tally,
}

/// A value that is built on first use. Building it parses the data of every region, and during init Lambda would wait for
/// that.
type Lazy<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

/// What every handle has in common.
#[derive(Debug)]
struct Shared {
    client: Lazy<Asked>,
    access: Access,
    name: String,
    total: Tally,
    /// Whether requests are sent. Requests that are not sent are not logged.
    sends: bool,
}

/// The SDK's client, and its endpoint.
#[derive(Debug, Clone)]
struct Asked {
    client: Client,
    url: String,
}

impl Table {
    pub(super) fn new(settings: Settings) -> Result<Self, SettingsError> {
        check(&settings)?;
        let Settings { table: name, region, access } = settings;
        let ServiceAccess { endpoint, fips, dual_stack, tls_roots, credentials, connections } = access;
        let access = Access::new(endpoint.as_deref(), credentials, &tls_roots, connections)?;
        if endpoint.is_none() && (fips || dual_stack) {
            endpoint::of_region(&region, fips, dual_stack)?;
        }
        let own = access.clone();
        let client = LazyLock::new(Box::new(move || {
            let endpoint = match endpoint {
                Some(url) => endpoint::given(url),
                None => endpoint::of_region(&region, fips, dual_stack).expect("BUG: it was resolved, or cannot fail"),
            };
            let url = endpoint.url().trim_end_matches('/').to_owned();
            Asked { client: client(&own, &region, endpoint), url }
        }) as Box<dyn FnOnce() -> Asked + Send>);
        let shared = Shared { client, access, name, total: Tally::default(), sends: true };
        Ok(Self { shared: Arc::new(shared), tally: Tally::default() })
    }

    /// The same table, whose requests are counted in another tally.
    pub(super) fn charging(&self, tally: &Tally) -> Self {
        Self { shared: Arc::clone(&self.shared), tally: tally.clone() }
    }

    /// The same table for the warm-up: requests are neither sent nor counted, and an item that is put is not logged.
    pub(super) fn staged(&self) -> Self {
        let real = Arc::clone(&self.shared);
        let (access, name) = (real.access.clone(), real.name.clone());
        let client = LazyLock::new(Box::new(move || {
            let Asked { client, url } = real.client.clone();
            Asked { client: stage::staged(&client), url }
        }) as Box<dyn FnOnce() -> Asked + Send>);
        let shared = Shared { client, access, name, total: Tally::default(), sends: false };
        Self { shared: Arc::new(shared), tally: Tally::default() }
    }

    /// The use of all handles together.
    pub(super) fn usage(&self) -> Usage {
        self.shared.total.usage()
    }

    fn count(&self, count: impl Fn(&Tally)) {
        count(&self.shared.total);
        count(&self.tally);
    }

    /// The client for one more request.
    fn client(&self) -> &Client {
        self.count(Tally::sent);
        &self.shared.client.client
    }

    /// Sends a request, and counts it each time that it is sent.
    async fn call<O, E, F>(&self, send: impl Fn() -> F) -> Result<O, SdkError<E, HttpResponse>>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let payers = [self.shared.total.clone(), self.tally.clone()];
        // In a box: what goes on below is nested so deep that compilers of our users give up.
        Box::pin(charging_repeats(payers, self.shared.access.call(send))).await
    }

    /// Opens a connection, TLS included, and leaves it in the pool: `GET /ping` is the endpoint's health check, which needs
    /// no permission, uses no table and costs nothing. If it fails, nothing is lost: the first request tries again.
    pub(super) async fn warm(&self) {
        let url = format!("{}/ping", self.shared.client.url);
        if tokio::time::timeout(WARM_TIMEOUT, self.shared.access.ping(&url)).await != Ok(true) {
            tracing::debug!("the content table's endpoint could not be warmed");
        }
    }

    /// Writes up to [`MAX_WRITES`] items; returns the keys that `DynamoDB` left out.
    pub(super) async fn write(&self, items: &[Item]) -> Result<Vec<String>, Failure> {
        const OPERATION: &str = "BatchWriteItem";
        let send = || {
            let request = self.client().batch_write_item();
            let request = request.request_items(&self.shared.name, items.iter().map(put_request).collect());
            request.return_consumed_capacity(ReturnConsumedCapacity::Total).send()
        };
        let output = self.call(send).await.map_err(|error| judge(OPERATION, hint, error))?;
        let charged = units(output.consumed_capacity());
        self.count(|tally| tally.wrote(charged));
        tracing::debug!(items = items.len(), units = charged, "{OPERATION}");
        let asked = items.iter().map(Item::key).collect();
        unwritten(output).filter(|keys| are_among(keys, &asked)).ok_or_else(|| incomplete(OPERATION))
    }

    /// Writes one item, unless a condition fails because of the item that is there. `DynamoDB` charges in both cases: a
    /// failed condition costs what the write would have cost, although the answer does not say so.
    pub(super) async fn put(&self, item: &Item, condition: Option<&Condition>) -> Result<Put, Failure> {
        const OPERATION: &str = "PutItem";
        let send = || {
            let request = self.client().put_item().table_name(&self.shared.name).set_item(Some(item.attributes()));
            let request = match condition {
                Some(condition) => on_condition(request, condition),
                None => request,
            };
            request.return_consumed_capacity(ReturnConsumedCapacity::Total).send()
        };
        let (put, charged) = match self.call(send).await {
            Ok(output) => (Put::Written, units(output.consumed_capacity.as_slice())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(kept)) => {
                    (Put::of_kept(item, kept.item()), item.write_units() as f64)
                }
                _ => return Err(judge(OPERATION, hint, error)),
            },
        };
        self.count(|tally| tally.wrote(charged));
        if self.shared.sends {
            tracing::debug!(written = put == Put::Written, units = charged, "{OPERATION}");
        }
        Ok(put)
    }

    /// Reads up to [`MAX_READS`] different keys. Returns `None` if their items have more than `most` bytes of content
    /// together; the connector stops reading such an answer.
    pub(super) async fn read(
        &self,
        keys: &[&str],
        most: Option<usize>,
        consistent: bool,
    ) -> Result<Option<Found>, Failure> {
        let work = self.batch_get(keys, consistent, |keys| keys.consistent_read(consistent));
        let found = match most {
            Some(bytes) => taking_at_most(longest_answer(keys.len(), bytes), work).await,
            None => work.await,
        };
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Unread::TooLong) => Ok(None),
            Err(Unread::Failed(failure)) => Err(failure),
        }
    }

    /// Reads up to [`MAX_READS`] different keys, eventually consistent, without their contents.
    pub(super) async fn look(&self, keys: &[&str]) -> Result<Found, Failure> {
        let found = self.batch_get(keys, false, |wanted| {
            let (projection, names) = summary();
            wanted.projection_expression(projection).set_expression_attribute_names(Some(names))
        });
        found.await.map_err(Unread::into_failure)
    }

    async fn batch_get(
        &self,
        keys: &[&str],
        consistent: bool,
        how: impl Fn(KeysAndAttributesBuilder) -> KeysAndAttributesBuilder,
    ) -> Result<Found, Unread> {
        const OPERATION: &str = "BatchGetItem";
        let send = || {
            let wanted =
                KeysAndAttributes::builder().set_keys(Some(keys.iter().map(|key| key_attributes(key)).collect()));
            let wanted = how(wanted).build().expect("BUG: the keys are set");
            let request = self.client().batch_get_item().request_items(&self.shared.name, wanted);
            request.return_consumed_capacity(ReturnConsumedCapacity::Total).send()
        };
        let output = self.call(send).await.map_err(|error| {
            if is_too_long(&error) { Unread::TooLong } else { Unread::Failed(judge(OPERATION, hint, error)) }
        })?;
        let charged = units(output.consumed_capacity());
        self.count(|tally| tally.read(charged));
        tracing::debug!(keys = keys.len(), consistent, units = charged, "{OPERATION}");
        let asked = keys.iter().copied().collect();
        let found = Found::of(output).filter(|found| are_among(&found.unread, &asked));
        found.ok_or_else(|| Unread::Failed(incomplete(OPERATION)))
    }

    /// Reads one page of all items, without their contents.
    pub(super) async fn scan(&self, from: Option<&Cursor>) -> Result<(Vec<Attributes>, Option<Cursor>), Failure> {
        const OPERATION: &str = "Scan";
        let send = || {
            let (projection, names) = summary();
            let request = self.client().scan().table_name(&self.shared.name).projection_expression(projection);
            let request = request.set_expression_attribute_names(Some(names));
            let request = request.set_exclusive_start_key(from.map(|cursor| cursor.0.clone()));
            request.return_consumed_capacity(ReturnConsumedCapacity::Total).send()
        };
        let output = self.call(send).await.map_err(|error| judge(OPERATION, hint, error))?;
        let charged = units(output.consumed_capacity.as_slice());
        self.count(|tally| tally.read(charged));
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key.map(Cursor)))
    }
}

/// The SDK's client, which uses `endpoint` for every operation.
fn client(access: &Access, region: &str, endpoint: Fixed) -> Client {
    let config: Config =
        Builder::from(&access.config(region)).endpoint_resolver(endpoint).interceptor(OwnUserAgent).build();
    Client::from_conf(config)
}

fn units(consumed: &[ConsumedCapacity]) -> f64 {
    consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum()
}

fn on_condition(request: PutItemFluentBuilder, condition: &Condition) -> PutItemFluentBuilder {
    let names = condition.names.iter().map(|(placeholder, name)| (placeholder.clone(), (*name).to_owned()));
    let values = condition.values.iter().map(|(placeholder, value)| (placeholder.clone(), value.attribute()));
    request
        .condition_expression(&condition.expression)
        .set_expression_attribute_names(Some(names.collect()))
        .set_expression_attribute_values(Some(values.collect()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// A projection on [`SUMMARY`], with placeholders for the names, because some of them are reserved words.
fn summary() -> (String, HashMap<String, String>) {
    let placeholder = |nth: usize| format!("#{nth}");
    let names = SUMMARY.iter().enumerate().map(|(nth, name)| (placeholder(nth), (*name).to_owned()));
    ((0..SUMMARY.len()).map(placeholder).collect::<Vec<_>>().join(","), names.collect())
}

/// The outcome of writing an item on a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Written,
    /// The item that is there stays. Its expiry, if it has a valid one.
    Kept(Option<Expiry>),
    /// The item that is there has another content of the same length, which is therefore damaged.
    Damaged,
}

impl Put {
    /// The answer to a failed condition contains the item that is there, so comparing it takes no further request.
    fn of_kept(item: &Item, kept: Option<&Attributes>) -> Self {
        match kept {
            Some(kept) if !item.has_content_of(kept) => Self::Damaged,
            kept => Self::Kept(kept.and_then(entry::expiry)),
        }
    }
}

/// Bytes that an answer may have beside its items. They are enough for short contents whose references name a size that is
/// too small, so that these are read only once. [`AROUND_ITEM`] is the bytes of each item beside its content: names,
/// numbers, and the key.
const AROUND: usize = 64 << 10;
const AROUND_ITEM: usize = 1 << 10;

/// The most bytes that an answer with so many items, and so many bytes of content in them, can have. Contents are in base64.
fn longest_answer(items: usize, content: usize) -> usize {
    AROUND + items * AROUND_ITEM + content.div_ceil(3) * 4
}

/// Why a read has no result.
enum Unread {
    /// The answer was longer than expected.
    TooLong,
    Failed(Failure),
}

impl Unread {
    fn into_failure(self) -> Failure {
        match self {
            Self::TooLong => incomplete("BatchGetItem"),
            Self::Failed(failure) => failure,
        }
    }
}

/// The result of a read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<(String, Attributes)>,
    /// Keys that `DynamoDB` has not processed. A key that is neither here nor in `items` does not exist.
    pub(super) unread: Vec<String>,
}

impl Found {
    /// `None` if a key in the answer cannot be read, because its item would seem not to exist.
    fn of(output: BatchGetItemOutput) -> Option<Self> {
        let items = output.responses.unwrap_or_default().into_values().flatten();
        let unread = output.unprocessed_keys.unwrap_or_default().into_values().flat_map(|keys| keys.keys);
        Some(Self {
            items: items.map(|item| Some((entry::key(&item)?.to_owned(), item))).collect::<Option<_>>()?,
            unread: unread.map(|key| entry::key(&key).map(str::to_owned)).collect::<Option<_>>()?,
        })
    }
}

/// The keys of items that were not written. `None` if one of the keys cannot be read, because its item would count as
/// written.
fn unwritten(output: BatchWriteItemOutput) -> Option<Vec<String>> {
    let requests = output.unprocessed_items.unwrap_or_default().into_values().flatten();
    requests.map(|request| entry::key(&request.put_request?.item).map(str::to_owned)).collect()
}

/// Whether an answer contains only keys that were requested.
fn are_among(keys: &[String], asked: &HashSet<&str>) -> bool {
    keys.iter().all(|key| asked.contains(key.as_str()))
}

/// An answer that makes no sense was damaged on its way.
fn incomplete(operation: &str) -> Failure {
    Failure::Transient(format!("{operation}: the answer names unprocessed keys that were not in the request"))
}

fn put_request(item: &Item) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item.attributes())).build().expect("BUG: the item is set");
    WriteRequest::builder().put_request(put).build()
}

fn key_attributes(key: &str) -> Attributes {
    Attributes::from([(ID.to_owned(), AttributeValue::S(key.to_owned()))])
}

fn check(settings: &Settings) -> Result<(), SettingsError> {
    if settings.table.is_empty() {
        return Err(SettingsError::Table);
    }
    if is_label(&settings.region) { Ok(()) } else { Err(SettingsError::Region(settings.region.clone())) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::item::samples::layout;
    use super::super::item::{Layout, MAX_PART};
    use super::super::protocol::client::AGENT;
    use super::super::protocol::test_server::{TestServer, nobody};
    use super::super::protocol::tls::TlsRoots;
    use super::super::retry::Attempts;
    use super::super::settings::CredentialsSource;
    use super::*;
    use crate::reference::Ttl;
    use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
    use aws_sdk_dynamodb::config::retry::RetryConfig;
    use aws_smithy_types::DateTime;
    use aws_smithy_types::date_time::Format;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Instant, SystemTime};

    fn settings(endpoint: Option<&str>) -> Settings {
        let credentials = CredentialsSource::Static {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "SECRET".to_owned(),
            session_token: None,
        };
        Settings {
            table: "AgentContext".to_owned(),
            region: "eu-central-1".to_owned(),
            access: ServiceAccess::new(endpoint.map(str::to_owned), credentials),
        }
    }

    fn with_credentials(credentials: CredentialsSource, url: &str) -> Settings {
        let mut settings = settings(Some(url));
        settings.access.credentials = credentials;
        settings
    }

    /// Reads one key of a short content.
    async fn read(table: &Table) -> Result<Found, Failure> {
        Ok(table.read(&["key"], None, false).await?.expect("an answer that is not too long"))
    }

    #[tokio::test]
    async fn an_answer_that_is_longer_than_contents_may_be_is_broken_off() {
        for (bytes, is_read) in [(30_000, true), (120_000, false)] {
            let item = format!(r#"{{"id":{{"S":"key"}},"content":{{"B":"{}"}}}}"#, "QUFB".repeat(bytes / 3));
            let answer = format!(r#"{{"Responses":{{"AgentContext":[{item}]}}}}"#);
            let server = TestServer::start(move |_| (200, answer.clone())).await;
            let table = Table::new(settings(Some(&server.url))).unwrap();
            let found = table.read(&["key"], Some(30_000), false).await.unwrap();
            assert_eq!(found.map(|found| found.items.len()), is_read.then_some(1), "{bytes}");
        }
    }

    #[tokio::test]
    async fn the_warmed_connection_is_the_one_that_is_used() {
        let server = TestServer::start(|_| (200, "{}".to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        table.warm().await;
        read(&table).await.unwrap();
        let heads = server.heads();
        assert!(heads[0].starts_with("GET /ping HTTP/1.1\r\n"), "{}", heads[0]);
        assert!(heads[1].contains("x-amz-target: DynamoDB_20120810.BatchGetItem\r\n"), "{}", heads[1]);
        assert_eq!((heads.len(), server.connections()), (2, 1));
    }

    #[tokio::test]
    async fn container_credentials_are_loaded_once_and_sign_the_requests() {
        let answer =
            r#"{"AccessKeyId":"FROMCONTAINER","SecretAccessKey":"S","Token":"T","Expiration":"2999-01-01T00:00:00Z"}"#;
        let server = TestServer::start(|head| {
            (200, if head.starts_with("GET /credentials") { answer.to_owned() } else { "{}".to_owned() })
        });
        let server = server.await;
        let uri = format!("{}/credentials", server.url.replace("127.0.0.1", "localhost"));
        let credentials = CredentialsSource::Container { uri, authorization: None };
        let table = Table::new(with_credentials(credentials, &server.url)).unwrap();
        read(&table).await.unwrap();
        read(&table).await.unwrap();
        let heads = server.heads();
        assert_eq!(heads.iter().filter(|head| head.starts_with("GET /credentials")).count(), 1);
        assert_eq!(heads.iter().filter(|head| head.contains("Credential=FROMCONTAINER/")).count(), 2);
    }

    #[tokio::test]
    async fn refusals_say_what_to_look_at() {
        let denied =
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:… is not authorized"}"#;
        let server = TestServer::start(|_| (400, denied.to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        let Err(Failure::Permanent(reason)) = read(&table).await else { panic!("no refusal") };
        assert!(reason.starts_with("BatchGetItem: AccessDeniedException"), "{reason}");
        assert!(reason.contains("dynamodb:BatchGetItem") && reason.contains("AGENT_CONTEXT_TABLE"), "{reason}");
        assert!(!reason.contains("arn"), "{reason}");
    }

    #[tokio::test]
    async fn no_connection_is_worth_another_attempt() {
        let (_nobody, address) = nobody();
        let table = Table::new(settings(Some(&format!("http://{address}")))).unwrap();
        table.warm().await;
        let outcome = read(&table).await;
        assert!(matches!(&outcome, Err(Failure::Transient(heard)) if heard.contains("no connection")), "{outcome:?}");
    }

    #[tokio::test]
    async fn nonsense_for_an_answer_is_worth_another_attempt() {
        let server = TestServer::start(|_| (200, "<html>".to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        assert!(matches!(read(&table).await, Err(Failure::Transient(_))));
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

    /// With plain HTTP, certificates are not read. If they were, the bundle that does not exist would make it fail.
    #[test]
    fn certificates_are_loaded_for_tls_only() {
        let bundle = |endpoint| {
            let mut settings = settings(Some(endpoint));
            settings.access.tls_roots = TlsRoots::File("/nowhere".into());
            settings
        };
        assert!(Table::new(bundle("http://127.0.0.1:1")).is_ok());
        assert!(matches!(Table::new(bundle("HTTPS://127.0.0.1:1")), Err(SettingsError::Roots { .. })));
    }

    /// The client is not built at start, because building it takes 0.2 ms the first time.
    #[tokio::test]
    async fn the_client_is_built_for_the_first_request() {
        let server = TestServer::start(|_| (200, "{}".to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        let is_built = || !format!("{:?}", table.shared.client).contains("uninit");
        assert!(!is_built());
        read(&table).await.unwrap();
        assert!(is_built());
    }

    #[tokio::test]
    async fn a_request_names_us_and_goes_to_the_folder_of_its_endpoint() {
        let server = TestServer::start(|_| (200, "{}".to_owned())).await;
        for path in ["", "/", "/folder", "/folder/"] {
            let table = Table::new(settings(Some(&format!("{}{path}", server.url)))).unwrap();
            read(&table).await.unwrap();
        }
        let heads = server.heads();
        let lines: Vec<_> = heads.iter().map(|head| head.lines().next().unwrap()).collect();
        assert_eq!(lines, ["POST / HTTP/1.1", "POST / HTTP/1.1", "POST /folder/ HTTP/1.1", "POST /folder/ HTTP/1.1"]);
        assert!(heads.iter().all(|head| head.contains(&format!("user-agent: {AGENT}\r\n"))), "{heads:?}");
        assert!(server.bodies().iter().all(|body| String::from_utf8_lossy(body).contains(r#"{"AgentContext":{"#)));
    }

    #[tokio::test]
    async fn nothing_is_sent_in_the_warm_up() {
        let server = TestServer::start(|_| (200, "{}".to_owned())).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        let Layout::Whole(item) = layout(10, Ttl::NONE, MAX_PART) else { panic!("parts") };
        let condition = Condition::unless_stored(&item, Expiry::NEVER);
        assert_eq!(table.staged().put(&item, Some(&condition)).await, Ok(Put::Written));
        assert!(server.heads().is_empty());
        assert_eq!(table.usage().requests, 0);
    }

    #[tokio::test]
    async fn refused_keys_of_a_container_are_replaced_once() {
        for (refusals, asked, is_ok) in [(1, 4, true), (2, 4, false)] {
            let refused = AtomicUsize::new(0);
            let server = TestServer::start(move |head| match head.starts_with("GET") {
                true => (200, r#"{"AccessKeyId":"AKID","SecretAccessKey":"S"}"#.to_owned()),
                false if refused.fetch_add(1, Ordering::SeqCst) < refusals => {
                    (400, r#"{"__type":"ExpiredTokenException"}"#.to_owned())
                }
                false => (200, "{}".to_owned()),
            });
            let server = server.await;
            let credentials = CredentialsSource::Container { uri: server.url.clone(), authorization: None };
            let table = Table::new(with_credentials(credentials, &server.url)).unwrap();
            assert_eq!(read(&table).await.is_ok(), is_ok);
            assert_eq!(server.heads().len(), asked, "{:?}", server.heads());
        }
    }

    /// Reads with our own retries.
    async fn persistently(table: &Table) -> Result<Found, String> {
        let mut attempts = Attempts::until(Instant::now() + Duration::from_secs(10));
        loop {
            if let Some(found) = attempts.attempt(read(table)).await? {
                return Ok(found);
            }
        }
    }

    /// A server whose clock is so many seconds ahead. It refuses a request with `code` if `refuses`, given the seconds by
    /// which the request's time is off, is true.
    async fn with_clock(ahead: i64, code: &'static str, refuses: fn(i64) -> bool) -> TestServer {
        TestServer::start_with_fields(move |head| {
            let now = DateTime::from(SystemTime::now()).secs() + ahead;
            let date = DateTime::from_secs(now).fmt(Format::HttpDate).unwrap();
            let is_off = refuses((signed_at(head) - now).abs());
            let (status, body) =
                if is_off { (400, format!(r#"{{"__type":"{code}"}}"#)) } else { (200, "{}".to_owned()) };
            (status, format!("date: {date}\r\n"), body)
        })
        .await
    }

    fn signed_at(head: &str) -> i64 {
        let date = head.lines().find_map(|line| line.strip_prefix("x-amz-date: ")).unwrap();
        let (day, time) = date.split_once('T').unwrap();
        let time =
            format!("{}-{}-{}T{}:{}:{}Z", &day[..4], &day[4..6], &day[6..], &time[..2], &time[2..4], &time[4..6]);
        DateTime::from_str(&time, Format::DateTime).unwrap().secs()
    }

    #[tokio::test]
    async fn a_clock_that_is_off_costs_one_more_request_once() {
        for (ahead, code) in [(600, "InvalidSignatureException"), (-600, "RequestTimeTooSkewed")] {
            let server = with_clock(ahead, code, |off| off > 300).await;
            let table = Table::new(settings(Some(&server.url))).unwrap();
            persistently(&table).await.unwrap();
            assert_eq!(server.heads().len(), 2, "{ahead}");
            persistently(&table).await.unwrap();
            assert_eq!(server.heads().len(), 3, "{ahead}: what was learnt is kept");
        }
    }

    #[tokio::test]
    async fn a_refusal_with_a_right_clock_is_final() {
        for code in ["AccessDeniedException", "InvalidSignatureException", "SignatureDoesNotMatch"] {
            let server = with_clock(0, code, |_| true).await;
            let table = Table::new(settings(Some(&server.url))).unwrap();
            let heard = persistently(&table).await.unwrap_err();
            assert!(heard.contains(code), "{heard}");
            assert_eq!(server.heads().len(), 1, "{code}");
        }
    }

    #[tokio::test]
    async fn a_refusal_that_is_not_the_clocks_is_asked_once_more_only() {
        let server = with_clock(600, "AccessDeniedException", |_| true).await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        persistently(&table).await.unwrap_err();
        assert_eq!(server.heads().len(), 2);
    }

    /// The skew that was learnt is wrong as soon as the clock is corrected.
    #[tokio::test]
    async fn a_clock_that_was_set_right_costs_one_more_request_too() {
        let ahead = Arc::new(std::sync::atomic::AtomicI64::new(600));
        let servers = ahead.clone();
        let server = TestServer::start_with_fields(move |head| {
            let now = DateTime::from(SystemTime::now()).secs() + servers.load(Ordering::SeqCst);
            let date = DateTime::from_secs(now).fmt(Format::HttpDate).unwrap();
            let (status, body) = match (signed_at(head) - now).abs() {
                0..=300 => (200, "{}"),
                _ => (400, r#"{"__type":"InvalidSignatureException"}"#),
            };
            (status, format!("date: {date}\r\n"), body.to_owned())
        });
        let server = server.await;
        let table = Table::new(settings(Some(&server.url))).unwrap();
        persistently(&table).await.unwrap();
        ahead.store(0, Ordering::SeqCst);
        persistently(&table).await.unwrap();
        assert_eq!(server.heads().len(), 4);
    }

    /// A server that refuses the first request in this way.
    async fn refusing_first(status: u16, code: &'static str) -> TestServer {
        let asked = AtomicUsize::new(0);
        TestServer::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => (status, format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}"}}"#)),
            _ => (200, "{}".to_owned()),
        })
        .await
    }

    /// How many requests the SDK's own client sends to a server. It may send two.
    async fn asked_by_the_sdk(server: &TestServer) -> usize {
        let table = Table::new(settings(Some(&server.url))).unwrap();
        let retries = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(1));
        let config = table.shared.client.client.config().to_builder().retry_config(retries).build();
        let wanted = KeysAndAttributes::builder().keys(key_attributes("key")).build().unwrap();
        let _ = Client::from_conf(config).batch_get_item().request_items("AgentContext", wanted).send().await;
        server.heads().len()
    }

    #[tokio::test]
    async fn what_the_sdk_would_ask_again_is_asked_again_and_nothing_else() {
        let transient = THROTTLING_ERRORS.iter().chain(TRANSIENT_ERRORS).map(|code| (400, *code));
        let statuses = [500, 502, 503, 504].map(|status| (status, "InternalServerError"));
        let permanent = [
            "AccessDeniedException",
            "IncompleteSignatureException",
            "ItemCollectionSizeLimitExceededException",
            "MissingAuthenticationTokenException",
            "ResourceNotFoundException",
            "SerializationException",
            "ValidationException",
        ];
        for (status, code) in transient.chain(statuses).chain(permanent.map(|code| (400, code))) {
            let theirs = asked_by_the_sdk(&refusing_first(status, code).await).await;
            let is_permanent = permanent.contains(&code);
            assert_eq!(theirs, if is_permanent { 1 } else { 2 }, "{status} {code}");
            let server = refusing_first(status, code).await;
            let outcome = persistently(&Table::new(settings(Some(&server.url))).unwrap()).await;
            assert_eq!((server.heads().len(), outcome.is_err()), (theirs, is_permanent), "{status} {code}");
        }
    }

    /// O3: an item counts as written only if the table says so, not if its answer cannot be read.
    #[tokio::test]
    async fn left_out_items_that_cannot_be_told_are_not_taken_for_written() {
        let Layout::Whole(item) = layout(10, Ttl::NONE, MAX_PART) else { panic!("parts") };
        for left_out in [
            r#"{"PutRequest":{"Item":{"id":{"N":"1"}}}}"#,
            r#"{"PutRequest":{"Item":{}}}"#,
            "{}",
            r#"{"PutRequest":{"Item":{"id":{"S":"another"}}}}"#,
        ] {
            let answer = format!(r#"{{"UnprocessedItems":{{"AgentContext":[{left_out}]}}}}"#);
            let server = TestServer::start(move |_| (200, answer.clone())).await;
            let table = Table::new(settings(Some(&server.url))).unwrap();
            let outcome = table.write(std::slice::from_ref(&item)).await;
            assert!(matches!(outcome, Err(Failure::Transient(_))), "{left_out}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn keys_that_cannot_be_told_are_not_taken_for_missing() {
        for answer in [
            r#"{"UnprocessedKeys":{"AgentContext":{"Keys":[{"id":{"N":"1"}}]}}}"#,
            r#"{"UnprocessedKeys":{"AgentContext":{"Keys":[{"id":{"S":"another"}}]}}}"#,
            r#"{"Responses":{"AgentContext":[{"content":{"S":"x"}}]}}"#,
            "",
        ] {
            let server = TestServer::start(move |_| (200, answer.to_owned())).await;
            let table = Table::new(settings(Some(&server.url))).unwrap();
            let outcome = read(&table).await;
            assert!(matches!(outcome, Err(Failure::Transient(_))), "{answer}: {outcome:?}");
        }
    }

    #[test]
    fn an_endpoint_that_a_region_does_not_have_is_a_mistake() {
        let mut local = Settings { region: "local".to_owned(), ..settings(None) };
        local.access.fips = true;
        assert!(matches!(Table::new(local.clone()), Err(SettingsError::NoEndpoint { .. })));
        local.access.endpoint = Some("http://127.0.0.1:1".to_owned());
        assert!(Table::new(local).is_ok());
    }
}
