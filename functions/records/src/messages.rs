//! The table of messages.

use crate::change::{Change, Changed};
use crate::dynamodb::{DynamoDb, Index, Update};
use crate::error::RecordError;
use crate::message::{Message, MessageStatus};
use crate::moment;
use crate::page::{Listed, Page};
use crate::row::{Item, Row, number, text, written};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, Select, TransactWriteItem};
use functions_shared::{VariableError, Variables};
use jiff::Timestamp;
use std::time::Duration;

const TABLE: &str = "DYNAMODB_TABLE_NAME";
const BY_STAGE: &str = "stage-created_date-index";
const BY_STATUS: &str = "status-created_date-index";
/// In front of the key of a claim.
const REQUEST: &str = "request_";
/// Of a claim only: messages stay.
const TTL: &str = "ttl";

/// The table that the variable `DYNAMODB_TABLE_NAME` names.
pub fn messages(variables: &Variables, client: Client) -> Result<DynamoDb<Message>, VariableError> {
    Ok(DynamoDb::new(client, variables.required(TABLE)?))
}

/// Which messages to list, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFilter<'a> {
    /// Those of a stage.
    Stage(&'a str),
    /// Those with a status.
    Status(MessageStatus),
}

/// How long a request that is sent again leads to the same message.
pub const CLAIM_LIFE: Duration = Duration::from_hours(7 * 24);

/// A caller's promise that a request is the only one with its id. It is kept as a separate row, beside the message, until `ttl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is claimed: who asks, and the request's id.
    pub request: String,
    /// The message that the request has led to.
    pub message_id: String,
    /// Of the request's body: the same id with another body is another request.
    pub fingerprint: String,
    /// Seconds since 1970. The table deletes the row some time after that; it counts no more as soon as that has come.
    pub ttl: i64,
}

/// The table of messages.
pub trait Messages: Send + Sync {
    /// Adds a message. False if its id is there, and nothing was written.
    fn create(&self, message: &Message) -> impl Future<Output = Result<bool, RecordError>> + Send;

    /// Adds a message together with a claim. If the request is claimed already, nothing is written and the first claim is returned.
    fn create_claimed(
        &self,
        message: &Message,
        claim: &Claim,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Claim>, RecordError>> + Send;

    /// One message, after every write that was acknowledged before.
    fn get(&self, id: &str) -> impl Future<Output = Result<Option<Message>, RecordError>> + Send;

    /// The claim of a request, if there is one that still counts.
    fn claim(&self, request: &str, now: Timestamp) -> impl Future<Output = Result<Option<Claim>, RecordError>> + Send;

    /// Changes the status of a message.
    fn change(
        &self,
        id: &str,
        change: Change,
        now: Timestamp,
    ) -> impl Future<Output = Result<Changed<Message>, RecordError>> + Send;

    /// A page of messages, newest first. An index may be a little behind.
    fn list(
        &self,
        filter: MessageFilter<'_>,
        page: Page,
    ) -> impl Future<Output = Result<Listed<Message>, RecordError>> + Send;

    /// How many messages of a status were made since a moment. Reads one page of the index.
    fn count(&self, status: MessageStatus, since: Timestamp)
    -> impl Future<Output = Result<Count, RecordError>> + Send;
}

/// A number of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// So many are there.
    pub number: usize,
    /// False if there may be more: a page of an index is a megabyte.
    pub is_complete: bool,
}

impl Messages for DynamoDb<Message> {
    async fn create(&self, message: &Message) -> Result<bool, RecordError> {
        self.put_new(message).await
    }

    async fn create_claimed(
        &self,
        message: &Message,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Option<Claim>, RecordError> {
        let rows = vec![new(self.put_of(written(&self.table, message)?)), free(self.put_of(claim.row()), now)];
        let written = self.client.transact_write_items().set_transact_items(Some(rows)).send().await;
        match written {
            Ok(_) => Ok(None),
            Err(error) if is_cancelled(&error) => {
                let first = Messages::claim(self, &claim.request, now).await?;
                // Two requests at once cancel each other: the caller may ask again.
                first.map(Some).ok_or_else(|| RecordError::of(&self.table, &error))
            }
            Err(error) => Err(RecordError::of(&self.table, &error)),
        }
    }

    async fn get(&self, id: &str) -> Result<Option<Message>, RecordError> {
        if id.starts_with(REQUEST) { Ok(None) } else { self.find(id).await }
    }

    async fn claim(&self, request: &str, now: Timestamp) -> Result<Option<Claim>, RecordError> {
        let claim = self.item(&key_of(request)).await?.and_then(|row| Claim::of(request, &row));
        Ok(claim.filter(|claim| claim.ttl > now.as_second()))
    }

    async fn change(&self, id: &str, change: Change, now: Timestamp) -> Result<Changed<Message>, RecordError> {
        self.update(id, update_of(change, now)).await
    }

    async fn list(&self, filter: MessageFilter<'_>, page: Page) -> Result<Listed<Message>, RecordError> {
        let index = match filter {
            MessageFilter::Stage(stage) => Index { name: BY_STAGE, key: "stage", value: stage },
            MessageFilter::Status(status) => Index { name: BY_STATUS, key: "status", value: status.as_str() },
        };
        self.query(index, page.limit, page.place()?).await
    }

    async fn count(&self, status: MessageStatus, since: Timestamp) -> Result<Count, RecordError> {
        let query = self.client.query().table_name(&self.table).index_name(BY_STATUS).select(Select::Count);
        let query = query.key_condition_expression("#status = :status AND created_date >= :since");
        let query = query.expression_attribute_names("#status", "status");
        let query = query.expression_attribute_values(":status", text(status.as_str()));
        let query = query.expression_attribute_values(":since", text(moment::text(since)));
        let found = query.send().await.map_err(|error| RecordError::of(&self.table, &error))?;
        let number = usize::try_from(found.count()).unwrap_or_default();
        Ok(Count { number, is_complete: found.last_evaluated_key.is_none() })
    }
}

impl DynamoDb<Message> {
    fn put_of(&self, row: Item) -> PutBuilder {
        Put::builder().table_name(&self.table).set_item(Some(row))
    }
}

/// If its key is not there.
fn new(put: PutBuilder) -> TransactWriteItem {
    item(put.condition_expression(format!("attribute_not_exists({})", Message::KEY)))
}

/// If its key is not there, or a claim that counts no more.
fn free(put: PutBuilder, now: Timestamp) -> TransactWriteItem {
    let put = put.condition_expression(format!("attribute_not_exists({}) OR #ttl <= :now", Message::KEY));
    let put = put.expression_attribute_names("#ttl", TTL);
    item(put.expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string())))
}

fn item(put: PutBuilder) -> TransactWriteItem {
    TransactWriteItem::builder().put(put.build().expect("BUG: a table and an item are there")).build()
}

fn update_of(change: Change, now: Timestamp) -> Update {
    let mut set = vec![("status", text(change.to.as_str())), ("updated_date", text(moment::text(now)))];
    set.extend(change.retry_count.map(|count| ("retry_count", number(count))));
    let remove = if change.reason.is_none() { vec!["error_message"] } else { vec![] };
    set.extend(change.reason.map(|reason| ("error_message", text(reason))));
    let names = (0..change.from.len()).map(|index| format!(":from{index}"));
    let condition = format!("#status IN ({})", names.clone().collect::<Vec<_>>().join(", "));
    let values = names.zip(change.from.iter().map(|status| text(status.as_str()))).collect();
    Update { set, remove, condition, names: vec!["status"], values }
}

/// Requests may be of any length and hold anything; a key may not.
fn key_of(request: &str) -> String {
    format!("{REQUEST}{}", blake3::hash(request.as_bytes()).to_hex())
}

impl Claim {
    fn row(&self) -> Item {
        Item::from([
            (Message::KEY.to_owned(), text(key_of(&self.request))),
            ("message_id".to_owned(), text(&self.message_id)),
            ("fingerprint".to_owned(), text(&self.fingerprint)),
            (TTL.to_owned(), AttributeValue::N(self.ttl.to_string())),
        ])
    }

    fn of(request: &str, row: &Item) -> Option<Self> {
        let text = |name: &str| row.get(name)?.as_s().ok().cloned();
        let ttl = row.get(TTL)?.as_n().ok()?.parse().ok()?;
        Some(Self {
            request: request.to_owned(),
            message_id: text("message_id")?,
            fingerprint: text("fingerprint")?,
            ttl,
        })
    }
}

fn is_cancelled(error: &SdkError<TransactWriteItemsError>) -> bool {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        _ => return false,
    };
    let is_conflict = |code: &str| code == "ConditionalCheckFailed" || code == "TransactionConflict";
    reasons.iter().any(|reason| reason.code().is_some_and(is_conflict))
}
