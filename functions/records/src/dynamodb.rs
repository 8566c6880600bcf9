//! What the four tables have in common: one key, conditional writes, queries in pages.

use crate::change::Changed;
use crate::error::RecordError;
use crate::page::{Listed, Place, key_of, place_of, token_of};
use crate::row::{Item, Row, read, text, written};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use std::fmt;
use std::marker::PhantomData;

/// The longest key that a table takes, in bytes.
const LONGEST_KEY: usize = 2048;

/// The table of one kind of record.
pub struct DynamoDb<T> {
    pub(crate) client: Client,
    pub(crate) table: String,
    kind: PhantomData<fn() -> T>,
}

/// An update of one row.
pub(crate) struct Update {
    /// `SET` these attributes.
    pub(crate) set: Vec<(&'static str, AttributeValue)>,
    /// `REMOVE` these.
    pub(crate) remove: Vec<&'static str>,
    /// Under this condition; `#name` is an attribute, `:value` one of `values`.
    pub(crate) condition: String,
    /// Of the condition.
    pub(crate) names: Vec<&'static str>,
    /// Of the condition.
    pub(crate) values: Vec<(String, AttributeValue)>,
}

/// One index, and the value of its partition key.
#[derive(Clone, Copy)]
pub(crate) struct Index<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
}

impl<T: Row> DynamoDb<T> {
    /// The records in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), kind: PhantomData }
    }

    /// Writes a record over the one whose attribute has this value. Whether it was written.
    pub(crate) async fn put_over(
        &self,
        record: &T,
        attribute: &str,
        value: AttributeValue,
    ) -> Result<bool, RecordError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(written(&self.table, record)?));
        let put = put.condition_expression("#seen = :seen").expression_attribute_names("#seen", attribute);
        self.put(put.expression_attribute_values(":seen", value)).await
    }

    async fn put(&self, put: PutItemFluentBuilder) -> Result<bool, RecordError> {
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(RecordError::of(&self.table, &error)),
        }
    }

    /// Writes a record unless its key is there. Whether it was written.
    pub(crate) async fn put_new(&self, record: &T) -> Result<bool, RecordError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(written(&self.table, record)?));
        self.put(put.condition_expression(format!("attribute_not_exists({})", T::KEY))).await
    }

    /// The record under this key, after every write that was acknowledged before.
    pub(crate) async fn find(&self, key: &str) -> Result<Option<T>, RecordError> {
        self.item(key).await?.map(|item| read(&self.table, item)).transpose()
    }

    pub(crate) async fn item(&self, key: &str) -> Result<Option<Item>, RecordError> {
        // What cannot be a key is not there; the table would refuse the question.
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Ok(None);
        }
        let get = self.client.get_item().table_name(&self.table).key(T::KEY, text(key)).consistent_read(true);
        let found = get.send().await.map_err(|error| RecordError::of(&self.table, &error))?;
        Ok(found.item)
    }

    /// Changes the record under this key.
    pub(crate) async fn update(&self, key: &str, update: Update) -> Result<Changed<T>, RecordError> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Ok(Changed::Absent);
        }
        let mut request = self.client.update_item().table_name(&self.table).key(T::KEY, text(key));
        request = request.update_expression(update.expression()).condition_expression(update.condition);
        for name in update.set.iter().map(|(name, _)| *name).chain(update.remove).chain(update.names) {
            request = request.expression_attribute_names(format!("#{name}"), name);
        }
        let set = update.set.into_iter().map(|(name, value)| (format!(":{name}"), value));
        for (name, value) in set.chain(update.values) {
            request = request.expression_attribute_values(name, value);
        }
        request = request.return_values(ReturnValue::AllNew);
        request = request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(done) => Ok(Changed::Made(read(&self.table, done.attributes.unwrap_or_default())?)),
            Err(error) => self.unchanged(&error),
        }
    }

    fn unchanged(&self, error: &SdkError<UpdateItemError>) -> Result<Changed<T>, RecordError> {
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => match refused.item() {
                Some(item) => Ok(Changed::Refused(read(&self.table, item.clone())?)),
                None => Ok(Changed::Absent),
            },
            _ => Err(RecordError::of(&self.table, error)),
        }
    }

    /// Whether a table would take the row of this record, without writing it.
    ///
    /// # Errors
    /// [`RecordError::TooLarge`].
    pub fn check_fits(&self, record: &T) -> Result<(), RecordError> {
        written(&self.table, record).map(|_| ())
    }

    /// Records of an index, newest first, after `place`.
    pub(crate) async fn query(
        &self,
        index: Index<'_>,
        limit: usize,
        place: Option<Place>,
    ) -> Result<Listed<T>, RecordError> {
        if index.value.is_empty() || index.value.len() > LONGEST_KEY {
            return Ok(Listed { records: Vec::new(), next_token: None });
        }
        let is_continued = place.is_some();
        let query = self.client.query().table_name(&self.table).index_name(index.name).scan_index_forward(false);
        let query = query.key_condition_expression("#key = :key").expression_attribute_names("#key", index.key);
        let query = query.expression_attribute_values(":key", text(index.value));
        let query = query.limit(i32::try_from(limit).unwrap_or(i32::MAX)).set_exclusive_start_key(place.map(key_of));
        let found = query.send().await.map_err(|error| self.not_listed(&error, is_continued))?;
        let next_token = found.last_evaluated_key.as_ref().map(|key| token_of(&place_of(key)));
        let records = found.items.unwrap_or_default().into_iter().map(|item| read(&self.table, item));
        Ok(Listed { records: records.collect::<Result<_, _>>()?, next_token })
    }

    /// A list that begins at a place of another list is refused by the table.
    fn not_listed(&self, error: &SdkError<QueryError>, is_continued: bool) -> RecordError {
        if is_continued && error.code() == Some("ValidationException") {
            return RecordError::ForeignToken;
        }
        RecordError::of(&self.table, error)
    }
}

impl Update {
    fn expression(&self) -> String {
        let set: Vec<_> = self.set.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
        let set = format!("SET {}", set.join(", "));
        let remove: Vec<_> = self.remove.iter().map(|name| format!("#{name}")).collect();
        if remove.is_empty() { set } else { format!("{set} REMOVE {}", remove.join(", ")) }
    }
}

/// Whether the condition of a write does not hold.
pub(crate) fn is_refused<E, R>(error: &SdkError<E, R>) -> bool
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    error.code() == Some("ConditionalCheckFailedException")
}

impl<T> Clone for DynamoDb<T> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), table: self.table.clone(), kind: PhantomData }
    }
}

impl<T> fmt::Debug for DynamoDb<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDb").field("table", &self.table).finish_non_exhaustive()
    }
}
