//! The operations on the table, and their signatures, beside those of the vendor's own client: both ask a server that keeps
//! what it was asked.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use aws_sdk_dynamodb::types::builders::KeysAndAttributesBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, WriteRequest};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::condition::Condition;
use super::super::inventory::Cursor;
use super::super::item::samples::layout;
use super::super::item::{ID, Item, Layout, MAX_PART, SUMMARY};
use super::super::settings::{CredentialsSource, Settings};
use super::super::table::Table;
use super::attribute::Value;
use super::credentials::Keys;
use super::operation;
use super::signature::{Signable, Signature};
use super::test_server::TestServer;
use super::tls::TlsRoots;
use crate::reference::Ttl;
use crate::store::Expiry;

const TABLE: &str = "AgentContext";
const REGION: &str = "eu-central-1";
const ID_OF_KEY: &str = "AKID";
const SECRET: &str = "SECRET";
const TOKEN: &str = "TOKEN";
const KEYS: [&str; 2] = ["first", "second"];

/// Two clients of one server.
struct Court {
    server: TestServer,
    ours: Table,
    theirs: aws_sdk_dynamodb::Client,
}

impl Court {
    async fn open() -> Self {
        Self::at("").await
    }

    /// A table whose endpoint is at a path.
    async fn at(path: &str) -> Self {
        let server = TestServer::start(|_| (200, "{}".to_owned())).await;
        let url = format!("{}{path}", server.url);
        let [id, secret, token] = [ID_OF_KEY, SECRET, TOKEN].map(str::to_owned);
        let credentials = Credentials::new(&id, &secret, Some(token.clone()), None, "test");
        let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(REGION));
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = config.credentials_provider(credentials).http_client(http).endpoint_url(&url);
        let settings = Settings {
            table: TABLE.to_owned(),
            region: REGION.to_owned(),
            endpoint: Some(url),
            fips: false,
            tls_roots: TlsRoots::Amazon,
            credentials: CredentialsSource::Static {
                access_key_id: id,
                secret_access_key: secret,
                session_token: Some(token),
            },
        };
        let theirs = aws_sdk_dynamodb::Client::from_conf(config.build());
        Self { server, ours: Table::new(settings).unwrap(), theirs }
    }

    /// The two requests so far say the same, and ours is signed as the SDK would sign what was sent.
    fn agrees(&self) {
        let (heads, bodies) = (self.server.heads(), self.server.bodies());
        assert_eq!(field(&heads[1], "authorization"), signature_of(&heads[1], &bodies[1]));
        let told = |nth: usize| {
            let body: serde_json::Value = serde_json::from_slice(&bodies[nth]).unwrap();
            (told(&heads[nth]), body)
        };
        assert_eq!(heads.len(), 2);
        assert_eq!(told(0), told(1));
    }
}

fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    head.lines().find_map(value).unwrap()
}

/// The authorization that the SDK gives a request which was received.
fn signature_of(head: &str, body: &[u8]) -> String {
    let path = head.split(' ').nth(1).unwrap();
    let [host, content_type, target] = ["host", "content-type", "x-amz-target"].map(|name| field(head, name));
    let [access_key_id, secret_access_key, token] = [ID_OF_KEY, SECRET, TOKEN].map(str::to_owned);
    let keys = Keys { access_key_id, secret_access_key, session_token: Some(token) };
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", field(head, "x-amz-date")).unwrap();
    let now = SystemTime::from(date.to_zoned(TimeZone::UTC).unwrap().timestamp());
    signature(&Signable { host, path, content_type, target, body }, &keys, REGION, now).authorization
}

/// What the SDK's signer adds to a request.
pub(super) fn signature(request: &Signable<'_>, keys: &Keys, region: &str, now: SystemTime) -> Signature {
    let token = keys.session_token.clone();
    let identity = Credentials::new(&keys.access_key_id, &keys.secret_access_key, token, None, "test").into();
    let params = SigningParams::builder().identity(&identity).region(region).name("dynamodb").time(now);
    let params = params.settings(SigningSettings::default()).build().unwrap().into();
    let headers = [("content-type", request.content_type), ("x-amz-target", request.target)];
    let url = format!("https://{}{}", request.host, request.path);
    let signable = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(request.body));
    let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
    let header = |name| instructions.headers().find(|(other, _)| *other == name).unwrap().1.to_owned();
    Signature { date: header("x-amz-date"), authorization: header("authorization") }
}

/// The lines of a head that have the service do something.
fn told(head: &str) -> Vec<&str> {
    const NAMES: [&str; 5] = ["POST ", "host: ", "content-type: ", "x-amz-target: ", "x-amz-security-token: "];
    let mut lines: Vec<_> = head.lines().filter(|line| NAMES.iter().any(|name| line.starts_with(name))).collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), NAMES.len(), "{head}");
    lines
}

fn item() -> Item {
    let Layout::Whole(item) = layout(3000, Ttl::seconds(60), MAX_PART) else { panic!("parts") };
    item
}

fn their_value(value: &Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text.clone()),
        Value::N(number) => AttributeValue::N(number.to_string()),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes.to_vec())),
    }
}

fn their_item(item: &Item) -> HashMap<String, AttributeValue> {
    item.values().map(|(name, value)| ((*name).to_owned(), their_value(value))).collect()
}

fn their_key(key: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([(ID.to_owned(), AttributeValue::S(key.to_owned()))])
}

fn their_keys() -> KeysAndAttributesBuilder {
    KeysAndAttributes::builder().set_keys(Some(KEYS.map(their_key).to_vec()))
}

/// A projection on everything but the contents, and the names in it.
fn their_summary() -> (String, HashMap<String, String>) {
    let placeholders: Vec<_> = (0..SUMMARY.len()).map(|nth| format!("#{nth}")).collect();
    (placeholders.join(","), placeholders.into_iter().zip(SUMMARY.map(str::to_owned)).collect())
}

#[tokio::test]
async fn batch_write_item() {
    let (court, item) = (Court::open().await, item());
    let put = PutRequest::builder().set_item(Some(their_item(&item))).build().unwrap();
    let write = WriteRequest::builder().put_request(put).build();
    let request = court.theirs.batch_write_item().request_items(TABLE, vec![write.clone(), write]);
    request.return_consumed_capacity(Total).send().await.unwrap();
    court.ours.write(&[item.clone(), item]).await.unwrap();
    court.agrees();
}

#[tokio::test]
async fn put_item() {
    let (court, item) = (Court::open().await, item());
    let condition = Condition::unless_stored(&item, Expiry::at(7));
    let names = condition.names.iter().map(|(placeholder, name)| (placeholder.clone(), (*name).to_owned()));
    let values = condition.values.iter().map(|(placeholder, value)| (placeholder.clone(), their_value(value)));
    let request = court.theirs.put_item().table_name(TABLE).set_item(Some(their_item(&item)));
    let request = request.condition_expression(&condition.expression);
    let request = request.set_expression_attribute_names(Some(names.collect()));
    let request = request.set_expression_attribute_values(Some(values.collect()));
    let request = request.return_values_on_condition_check_failure(AllOld).return_consumed_capacity(Total);
    request.send().await.unwrap();
    court.ours.write_unless(&condition, &item).await.unwrap();
    court.agrees();
}

#[tokio::test]
async fn batch_get_item() {
    for (path, consistent) in [("", false), ("", true), ("/", false), ("/folder", false), ("/folder/", false)] {
        let court = Court::at(path).await;
        let wanted = their_keys().consistent_read(consistent).build().unwrap();
        let request = court.theirs.batch_get_item().request_items(TABLE, wanted);
        request.return_consumed_capacity(Total).send().await.unwrap();
        court.ours.read(&KEYS.map(str::to_owned), consistent).await.unwrap();
        court.agrees();
    }
}

#[tokio::test]
async fn batch_get_item_without_contents() {
    let court = Court::open().await;
    let (projection, names) = their_summary();
    let wanted = their_keys().projection_expression(projection).set_expression_attribute_names(Some(names));
    let request = court.theirs.batch_get_item().request_items(TABLE, wanted.build().unwrap());
    request.return_consumed_capacity(Total).send().await.unwrap();
    court.ours.look(&KEYS.map(str::to_owned)).await.unwrap();
    court.agrees();
}

#[tokio::test]
async fn scan() {
    let court = Court::open().await;
    let (projection, names) = their_summary();
    let request = court.theirs.scan().table_name(TABLE).projection_expression(projection);
    let request = request.set_expression_attribute_names(Some(names)).set_exclusive_start_key(Some(their_key("first")));
    request.return_consumed_capacity(Total).send().await.unwrap();
    let position = operation::parse(br#"{"id":{"S":"first"}}"#).unwrap();
    court.ours.scan(Some(&Cursor(position))).await.unwrap();
    court.agrees();
}
