//! The content table through the real DynamoDB client.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, KeysAndAttributes, PutRequest,
    ScalarAttributeType, TimeToLiveStatus, WriteRequest,
};
use lambda_local::table::{ContentTable, Fault, Faults, TableConfig};
use std::time::{Duration, Instant};

/// Retries off, so that a fault shows; a hang ends after a second.
pub(crate) fn client(table: &ContentTable) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(table.endpoint())
        .http_client(crate::http_client())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(1)).build())
        .build();
    Client::from_conf(config)
}

async fn table() -> (ContentTable, Client) {
    let table = ContentTable::start(TableConfig::default()).await.unwrap();
    let client = client(&table);
    (table, client)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn put(client: &Client, id: &str, bytes: usize) -> Result<(), String> {
    let put = client.put_item().table_name("long-content").item("id", text(id));
    let put = put.item("data", AttributeValue::B(Blob::new(vec![7; bytes])));
    put.send().await.map(drop).map_err(|error| code(&error))
}

async fn get(client: &Client, id: &str, consistent: bool) -> Result<bool, String> {
    let get = client.get_item().table_name("long-content").key("id", text(id)).consistent_read(consistent);
    get.send().await.map(|found| found.item.is_some()).map_err(|error| code(&error))
}

async fn batch_get(client: &Client, ids: &[&str], consistent: bool) -> (usize, usize) {
    let keys = ids.iter().map(|id| std::iter::once(("id".to_owned(), text(id))).collect()).collect();
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent).build().unwrap();
    let answer = client.batch_get_item().request_items("long-content", wanted).send().await.unwrap();
    let found = answer.responses().and_then(|tables| tables.get("long-content")).map_or(0, Vec::len);
    let left = answer.unprocessed_keys().and_then(|tables| tables.get("long-content")).map_or(0, |k| k.keys().len());
    (found, left)
}

/// DynamoDB's error code, or the client's own words.
fn code<E: std::error::Error + ProvideErrorMetadata>(error: &E) -> String {
    error.code().map_or_else(|| DisplayErrorContext(error).to_string(), ToOwned::to_owned)
}

#[tokio::test]
async fn table_is_there_with_ttl_on_its_attribute() {
    let (_table, client) = table().await;
    let ttl = client.describe_time_to_live().table_name("long-content").send().await.unwrap();
    let ttl = ttl.time_to_live_description().unwrap();
    assert_eq!(ttl.time_to_live_status(), Some(&TimeToLiveStatus::Enabled));
    assert_eq!(ttl.attribute_name(), Some("expires_at"));
}

#[tokio::test]
async fn sweep_deletes_what_is_expired_and_nothing_else() {
    let (table, _client) = table().await;
    table.put_raw(serde_json::json!({ "id": { "S": "old" }, "expires_at": { "N": "1000000000" } })).await.unwrap();
    // TTL ignores what is more than five years past, so that the clock decides and not the sample.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (id, expires) in [("past", now - 60), ("future", now + 60)] {
        let item = serde_json::json!({ "id": { "S": id }, "expires_at": { "N": expires.to_string() } });
        table.put_raw(item).await.unwrap();
    }
    table.sweep().await.unwrap();
    assert!(table.get_raw("past").await.unwrap().is_none());
    assert!(table.get_raw("future").await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_keeps_items_from_one_start_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let config = TableConfig { file: Some(folder.path().join("content.db")), ..TableConfig::default() };
    let first = ContentTable::start(config.clone()).await.unwrap();
    put(&client(&first), "kept", 10).await.unwrap();
    drop(first);
    let second = ContentTable::start(config).await.unwrap();
    assert_eq!(get(&client(&second), "kept", true).await, Ok(true));
}

#[tokio::test]
async fn direct_access_sees_what_clients_do_and_is_not_counted() {
    let (table, client) = table().await;
    put(&client, "a", 3).await.unwrap();
    table.put_raw(serde_json::json!({ "id": { "S": "b" } })).await.unwrap();
    table.delete("a").await.unwrap();
    assert_eq!(get(&client, "a", true).await, Ok(false));
    assert_eq!(table.items().await.unwrap(), [serde_json::json!({ "id": { "S": "b" } })]);
    assert_eq!((table.meter().requests_of("PutItem"), table.meter().requests_of("DeleteItem")), (1, 0));
}

#[tokio::test]
async fn other_tables_are_served_and_not_counted() {
    let (table, client) = table().await;
    let other = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let create = client.create_table().table_name("other").attribute_definitions(other.build().unwrap());
    create.key_schema(key).billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    let put = |name: &str| client.put_item().table_name(name).item("id", text("a")).send();
    put("other").await.unwrap();
    assert_eq!(table.meter().total_requests(), 0);
    put("long-content").await.unwrap();
    assert_eq!((table.meter().total_requests(), table.meter().items_written), (1, 1));
}

#[tokio::test]
async fn writes_are_metered_by_the_larger_of_before_and_after() {
    let (table, client) = table().await;
    // "id" + "a" + "data" are 7 bytes, so the item is exactly 2 KiB, then one byte more.
    put(&client, "a", 2041).await.unwrap();
    assert_eq!((table.meter().bytes_written, table.meter().write_units), (2048, 2.0));
    put(&client, "a", 2042).await.unwrap();
    assert_eq!((table.meter().items_written, table.meter().write_units), (2, 5.0));
    put(&client, "a", 1).await.unwrap();
    assert_eq!(table.meter().write_units, 8.0, "replacing 2049 bytes costs as much as writing them");
}

#[tokio::test]
async fn reads_are_metered_per_item_and_half_when_eventually_consistent() {
    let (table, client) = table().await;
    put(&client, "a", 4089).await.unwrap();
    put(&client, "b", 4090).await.unwrap();
    let before = table.meter();
    assert_eq!(batch_get(&client, &["a", "b", "missing"], false).await, (2, 0));
    let read = table.meter().since(&before);
    assert_eq!((read.items_read, read.bytes_read, read.read_units), (2, 4096 + 4097, 0.5 + 1.0 + 0.5));
    get(&client, "b", true).await.unwrap();
    assert_eq!(table.meter().since(&before).read_units, 2.0 + 2.0);
    assert_eq!(table.meter().since(&before).total_requests(), 2);
}

#[tokio::test]
async fn batch_writes_are_metered_per_item() {
    let (table, client) = table().await;
    let write = |id: &str| {
        let item = PutRequest::builder().item("id", text(id)).item("data", AttributeValue::B(Blob::new([7; 1500])));
        WriteRequest::builder().put_request(item.build().unwrap()).build()
    };
    let batch = client.batch_write_item().request_items("long-content", vec![write("a"), write("b")]);
    batch.clone().send().await.unwrap();
    let metered = table.meter();
    assert_eq!((metered.requests_of("BatchWriteItem"), metered.items_written, metered.write_units), (1, 2, 4.0));

    table.faults().set(Faults::next(vec![Fault::Unprocessed]));
    let answer = batch.send().await.unwrap();
    assert_eq!(answer.unprocessed_items().unwrap()["long-content"].len(), 2);
    assert_eq!(table.meter().since(&metered).write_units, 0.0, "unprocessed items cost nothing");
}

#[tokio::test]
async fn refusals_have_the_codes_of_dynamodb_and_change_nothing() {
    let (table, client) = table().await;
    for (fault, expected) in [
        (Fault::Throttle, "ProvisionedThroughputExceededException"),
        (Fault::InternalError, "InternalServerError"),
        (Fault::DenyCredentials, "UnrecognizedClientException"),
    ] {
        table.faults().set(Faults::next(vec![fault]));
        assert_eq!(put(&client, "a", 1).await.unwrap_err(), expected);
        assert!(table.items().await.unwrap().is_empty());
    }
    assert_eq!(table.meter().requests_of("PutItem"), 3);
    assert_eq!(table.meter().write_units, 0.0);
    put(&client, "a", 1).await.unwrap();
}

#[tokio::test]
async fn a_hanging_request_is_never_answered_and_others_are() {
    let (table, client) = table().await;
    table.faults().set(Faults::next(vec![Fault::Hang]));
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { put(&client, "a", 1).await }
    });
    table.metered(|meter| meter.requests_of("PutItem") == 1).await;
    put(&client, "b", 1).await.unwrap();
    let error = hanging.await.unwrap().unwrap_err();
    assert!(error.contains("timeout"), "{error}");
    assert!(table.get_raw("a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_delayed_request_is_answered_after_its_delay() {
    let (table, client) = table().await;
    table.faults().set(Faults::next(vec![Fault::Delay(Duration::from_millis(150))]));
    let started = Instant::now();
    put(&client, "a", 1).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_reset_breaks_the_answer_off_after_the_write_was_done() {
    let (table, client) = table().await;
    table.faults().set(Faults::next(vec![Fault::Reset]));
    let error = put(&client, "a", 1).await.unwrap_err();
    assert!(!error.contains("timeout"), "{error}");
    assert!(table.get_raw("a").await.unwrap().is_some());
    put(&client, "b", 1).await.unwrap();
}

#[tokio::test]
async fn stale_reads_miss_what_a_consistent_read_sees() {
    let (table, client) = table().await;
    put(&client, "a", 1).await.unwrap();
    table.faults().set(Faults::always(Fault::Stale));
    assert_eq!(get(&client, "a", false).await, Ok(false));
    assert_eq!(get(&client, "a", true).await, Ok(true));
    assert_eq!(batch_get(&client, &["a"], false).await, (0, 0));
    assert_eq!(batch_get(&client, &["a"], true).await, (1, 0));
    assert_eq!(table.meter().read_units, 0.5 + 1.0 + 0.5 + 1.0);
}

#[tokio::test]
async fn unprocessed_keys_come_back_as_asked() {
    let (table, client) = table().await;
    put(&client, "a", 1).await.unwrap();
    table.faults().set(Faults::next(vec![Fault::Unprocessed]).only(&["BatchGetItem"]));
    assert_eq!(get(&client, "a", true).await, Ok(true));
    assert_eq!(batch_get(&client, &["a", "b"], false).await, (0, 2));
    assert_eq!(batch_get(&client, &["a", "b"], false).await, (1, 0));
}

#[tokio::test]
async fn a_share_of_requests_fails_and_clearing_ends_it() {
    let (table, client) = table().await;
    table.faults().set(Faults::share(30, Fault::Throttle, 42));
    let mut refused = 0;
    for n in 0..100 {
        refused += usize::from(put(&client, &n.to_string(), 1).await.is_err());
    }
    assert!((15..45).contains(&refused), "{refused} of 100");
    assert_eq!(table.items().await.unwrap().len(), 100 - refused);
    table.faults().clear();
    put(&client, "last", 1).await.unwrap();
}
