//! Tables of rows that are written only over what they were read as.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use functions_shared::Refusal;
use registries::table_error::unavailable;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use uuid::Uuid;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Another one after every change.
const REVISION: &str = "revision";

/// A row with its own key.
pub(crate) trait Row: Serialize + DeserializeOwned + Sync {
    /// The attribute that every row has.
    const KEY: &'static str;
}

/// A row as it was read or written last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored<T> {
    pub(crate) row: T,
    revision: String,
}

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    client: Client,
    name: String,
}

/// Whether a row was written.
#[derive(Debug)]
pub(crate) enum Written<T> {
    Done(Stored<T>),
    /// Somebody else wrote it meanwhile.
    Overtaken,
}

impl Table {
    pub(crate) fn new(client: Client, name: &str) -> Self {
        Self { client, name: name.to_owned() }
    }

    pub(crate) async fn get<T: Row>(&self, key: Item) -> Result<Option<Stored<T>>, Refusal> {
        let read = self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        let read = read.send().await.map_err(|error| unavailable(&error))?;
        read.item.map(read_row).transpose()
    }

    /// Adds a row whose key is free.
    pub(crate) async fn add<T: Row>(&self, row: T) -> Result<Written<T>, Refusal> {
        self.put(row, format!("attribute_not_exists({})", T::KEY), None).await
    }

    /// Writes a row over the one that was read.
    pub(crate) async fn replace<T: Row>(&self, seen: &Stored<T>, row: T) -> Result<Written<T>, Refusal> {
        let values = Item::from([(":seen".to_owned(), text(&seen.revision))]);
        self.put(row, format!("{REVISION} = :seen"), Some(values)).await
    }

    async fn put<T: Row>(&self, row: T, condition: String, values: Option<Item>) -> Result<Written<T>, Refusal> {
        let mut item: Item = to_item(&row).map_err(|error| unreadable(&error))?;
        let revision = Uuid::new_v4().to_string();
        item.insert(REVISION.to_owned(), text(&revision));
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let put = put.condition_expression(condition).set_expression_attribute_values(values);
        match put.send().await {
            Ok(_) => Ok(Written::Done(Stored { row, revision })),
            Err(error) if is_lost(&error) => Ok(Written::Overtaken),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// A page of all rows, and the key after which the next one begins.
    pub(crate) async fn scan<T: Row>(
        &self,
        limit: Option<i32>,
        after: Option<Item>,
    ) -> Result<(Vec<Stored<T>>, Option<Item>), Refusal> {
        let scan = self.client.scan().table_name(&self.name).set_limit(limit).set_exclusive_start_key(after);
        let page = scan.consistent_read(true).send().await.map_err(|error| unavailable(&error))?;
        let rows = page.items.unwrap_or_default().into_iter().map(read_row).collect::<Result<_, _>>()?;
        Ok((rows, page.last_evaluated_key))
    }

    /// Every row of an index with this key, as far as the index has heard of it.
    pub(crate) async fn query<T: Row>(&self, index: &str, key: &str, value: &str) -> Result<Vec<Stored<T>>, Refusal> {
        let (mut rows, mut after) = (vec![], None);
        loop {
            let query = self.client.query().table_name(&self.name).index_name(index);
            let query = query.key_condition_expression("#key = :key").expression_attribute_names("#key", key);
            let query = query.expression_attribute_values(":key", text(value)).set_exclusive_start_key(after);
            let page = query.send().await.map_err(|error| unavailable(&error))?;
            rows.extend(page.items.unwrap_or_default().into_iter().map(read_row).collect::<Result<Vec<_>, _>>()?);
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Every row.
    pub(crate) async fn all<T: Row>(&self) -> Result<Vec<Stored<T>>, Refusal> {
        let (mut rows, mut after) = self.scan(None, None).await?;
        while after.is_some() {
            let (more, next) = self.scan(None, after).await?;
            rows.extend(more);
            after = next;
        }
        Ok(rows)
    }
}

fn read_row<T: Row>(mut item: Item) -> Result<Stored<T>, Refusal> {
    let revision = item.remove(REVISION).and_then(|value| value.as_s().ok().cloned()).unwrap_or_default();
    Ok(Stored { row: from_item(item).map_err(|error| unreadable(&error))?, revision })
}

fn is_lost<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

/// A row that is not one: somebody else wrote it. Its content is not for the log.
fn unreadable(error: &impl std::fmt::Display) -> Refusal {
    tracing::error!(error_bytes = error.to_string().len(), "a row cannot be read");
    Refusal::Unavailable("a row of the registry cannot be read".to_owned())
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
