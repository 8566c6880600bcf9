//! The content table over the wire: the few operations that a store needs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use super::condition::Condition;
use super::inventory::Cursor;
use super::item::Item;
use super::protocol::attribute::Attributes;
use super::protocol::endpoint;
use super::protocol::operation::{self, BatchRead, BatchWritten, Scanned, Unmet, Written, units};
use super::protocol::service::{CallError, Protocol, Service};
use super::rehearsal;
use super::retry::{Failure, judge};
use super::settings::{Settings, SettingsError};
use crate::store::Expiry;
use crate::store::tally::{Tally, Usage};

const DYNAMODB: Protocol =
    Protocol { service: "dynamodb", prefix: "DynamoDB_20120810", content_type: "application/x-amz-json-1.0" };

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

/// What every handle has in common.
#[derive(Debug)]
struct Shared {
    service: Service,
    name: String,
    total: Tally,
}

impl Table {
    pub(super) fn new(settings: Settings) -> Result<Self, SettingsError> {
        check(&settings)?;
        let Settings { table: name, region, endpoint, fips, tls_roots, credentials } = settings;
        let url = endpoint.unwrap_or_else(|| endpoint::dynamodb(&region, fips));
        let service = Service::new(DYNAMODB, &url, &region, credentials, &tls_roots)?;
        Ok(Self::of(Shared { service, name, total: Tally::default() }))
    }

    fn of(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), tally: Tally::default() }
    }

    /// The same table on another account.
    pub(super) fn charging(&self, tally: &Tally) -> Self {
        Self { shared: Arc::clone(&self.shared), tally: tally.clone() }
    }

    /// The same table in name only: nothing that is asked of it is sent or counted, and an item that is put is not logged.
    pub(super) fn staged(&self) -> Self {
        let service = self.shared.service.rehearsing(rehearsal::ANSWER);
        Self::of(Shared { service, name: self.shared.name.clone(), total: Tally::default() })
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
        if tokio::time::timeout(WARM_TIMEOUT, self.shared.service.ping("ping")).await != Ok(true) {
            tracing::debug!("the content table's endpoint could not be warmed");
        }
    }

    /// Sends a request; its answer.
    async fn call(&self, operation: &str, request: Vec<u8>) -> Result<Bytes, CallError> {
        self.count(Tally::sent);
        self.shared.service.call(operation, request).await
    }

    /// Writes up to [`MAX_WRITES`] items; returns the keys that `DynamoDB` left out.
    pub(super) async fn write(&self, items: &[Item]) -> Result<Vec<String>, Failure> {
        const OPERATION: &str = "BatchWriteItem";
        let answer = self.call(OPERATION, operation::batch_write(&self.shared.name, items)).await;
        let written: BatchWritten = parsed(OPERATION, &answer.map_err(|error| judge(OPERATION, &error))?)?;
        let charged = units(written.consumed_capacity.iter().flatten());
        self.count(|tally| tally.wrote(charged));
        tracing::debug!(items = items.len(), units = charged, "{OPERATION}");
        Ok(written.unwritten())
    }

    /// Writes one item, unless what is there keeps it from doing so. `DynamoDB` charges for either: an item whose
    /// condition fails costs what writing it would have cost, although no answer says so.
    pub(super) async fn write_unless(&self, condition: &Condition, item: &Item) -> Result<Put, Failure> {
        const OPERATION: &str = "PutItem";
        let (put, charged) = match self.call(OPERATION, operation::put(&self.shared.name, condition, item)).await {
            Ok(answer) => (Put::Written, units(&parsed::<Written>(OPERATION, &answer)?.consumed_capacity)),
            Err(CallError::Refused(refusal)) if refusal.code == "ConditionalCheckFailedException" => {
                let expiry = parsed::<Unmet>(OPERATION, &refusal.body)?.expiry();
                (Put::Kept(expiry), item.write_units() as f64)
            }
            Err(error) => return Err(judge(OPERATION, &error)),
        };
        self.count(|tally| tally.wrote(charged));
        if !self.shared.service.is_rehearsing() {
            tracing::debug!(written = put == Put::Written, units = charged, "{OPERATION}");
        }
        Ok(put)
    }

    /// Reads up to [`MAX_READS`] different keys.
    pub(super) async fn read(&self, keys: &[String], consistent: bool) -> Result<Found, Failure> {
        self.batch_get(keys.len(), operation::read(&self.shared.name, keys, consistent), consistent).await
    }

    /// Reads up to [`MAX_READS`] different keys, eventually consistent, without their contents.
    pub(super) async fn look(&self, keys: &[String]) -> Result<Found, Failure> {
        self.batch_get(keys.len(), operation::look(&self.shared.name, keys), false).await
    }

    async fn batch_get(&self, keys: usize, request: Vec<u8>, consistent: bool) -> Result<Found, Failure> {
        const OPERATION: &str = "BatchGetItem";
        let answer = self.call(OPERATION, request).await.map_err(|error| judge(OPERATION, &error))?;
        let read: BatchRead = parsed(OPERATION, &answer)?;
        let charged = units(read.consumed_capacity.iter().flatten());
        self.count(|tally| tally.read(charged));
        tracing::debug!(keys, consistent, units = charged, "{OPERATION}");
        let (items, unread) = read.found();
        Ok(Found { items, unread })
    }

    /// Reads one page of all items, without their contents.
    pub(super) async fn scan(&self, from: Option<&Cursor>) -> Result<(Vec<Attributes>, Option<Cursor>), Failure> {
        const OPERATION: &str = "Scan";
        let request = operation::scan(&self.shared.name, from.map(|cursor| &cursor.0));
        let answer = self.call(OPERATION, request).await.map_err(|error| judge(OPERATION, &error))?;
        let scanned: Scanned = parsed(OPERATION, &answer)?;
        let charged = units(&scanned.consumed_capacity);
        self.count(|tally| tally.read(charged));
        Ok((scanned.items.unwrap_or_default(), scanned.last_evaluated_key.map(Cursor)))
    }
}

/// An answer that makes no sense was cut off on its way.
fn parsed<'a, T: Deserialize<'a>>(operation: &str, answer: &'a [u8]) -> Result<T, Failure> {
    operation::parse(answer).ok_or_else(|| Failure::Transient(format!("{operation}: unreadable answer")))
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

fn check(settings: &Settings) -> Result<(), SettingsError> {
    if settings.table.is_empty() {
        return Err(SettingsError::Table);
    }
    if endpoint::is_label(&settings.region) { Ok(()) } else { Err(SettingsError::Region(settings.region.clone())) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::protocol::test_server::{TestServer, nobody};
    use super::super::protocol::tls::TlsRoots;
    use super::super::settings::CredentialsSource;
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
        let uri = format!("{}/credentials", server.url);
        let credentials = CredentialsSource::Container { uri, authorization: None };
        let table = Table::new(Settings { credentials, ..settings(Some(&server.url)) }).unwrap();
        table.read(&keys(), false).await.unwrap();
        table.read(&keys(), false).await.unwrap();
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
}
