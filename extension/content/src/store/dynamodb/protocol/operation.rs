//! The operations on a content table, as `DynamoDB`'s JSON has them ("Amazon DynamoDB API Reference").

use std::collections::HashMap;

use serde::Deserialize;

use super::super::condition::Condition;
use super::super::entry;
use super::super::item::{ID, Item, SUMMARY};
use super::attribute::{Attribute, Attributes};
use super::json::{Members, object};
use crate::store::Expiry;

/// Bytes that are enough for what stands in a request beside items and keys.
const FRAME: usize = 2048;
/// Bytes that are enough for a key.
const KEY: usize = 128;

/// `BatchWriteItem` of these.
pub(crate) fn batch_write(table: &str, items: &[Item]) -> Vec<u8> {
    request(items.iter().map(Item::json_len).sum(), |request| {
        request.object("RequestItems", |tables| {
            tables.array(table, items, |json, item| {
                object(json, |write| write.object("PutRequest", |put| put.value("Item", |json| item.write(json))));
            });
        });
    })
}

/// `PutItem` on a condition; when that does not hold, the answer has what is there.
pub(crate) fn put(table: &str, condition: &Condition, item: &Item) -> Vec<u8> {
    request(item.json_len(), |request| {
        request.text("TableName", table);
        request.text("ConditionExpression", &condition.expression);
        names(request, condition.names.iter().map(|(placeholder, name)| (placeholder.as_str(), *name)));
        request.object("ExpressionAttributeValues", |values| {
            condition
                .values
                .iter()
                .for_each(|(placeholder, value)| values.value(placeholder, |json| value.write(json)));
        });
        request.text("ReturnValuesOnConditionCheckFailure", "ALL_OLD");
        request.value("Item", |json| item.write(json));
    })
}

/// `BatchGetItem` of whole items.
pub(crate) fn read(table: &str, keys: &[String], consistent: bool) -> Vec<u8> {
    batch_get(table, keys, |wanted| {
        wanted.value("ConsistentRead", |json| json.extend_from_slice(consistent.to_string().as_bytes()));
    })
}

/// `BatchGetItem`, eventually consistent, of everything but the contents.
pub(crate) fn look(table: &str, keys: &[String]) -> Vec<u8> {
    batch_get(table, keys, summary)
}

/// `Scan` of everything but the contents, from where an earlier one ended.
pub(crate) fn scan(table: &str, from: Option<&Position>) -> Vec<u8> {
    request(0, |request| {
        request.text("TableName", table);
        summary(request);
        if let Some(Position(key)) = from {
            request.value("ExclusiveStartKey", |json| json.extend_from_slice(key.to_string().as_bytes()));
        }
    })
}

/// A request that has the table say what it charges.
fn request(len: usize, members: impl FnOnce(&mut Members<'_>)) -> Vec<u8> {
    let mut json = Vec::with_capacity(len + FRAME);
    object(&mut json, |request| {
        request.text("ReturnConsumedCapacity", "TOTAL");
        members(request);
    });
    json
}

fn batch_get(table: &str, keys: &[String], how: impl FnOnce(&mut Members<'_>)) -> Vec<u8> {
    request(keys.len() * KEY, |request| {
        request.object("RequestItems", |tables| {
            tables.object(table, |wanted| {
                how(wanted);
                wanted.array("Keys", keys, |json, key| object(json, |item| item.object(ID, |id| id.text("S", key))));
            });
        });
    })
}

/// A projection on [`SUMMARY`], with the names it stands for: some of them are reserved words.
fn summary(request: &mut Members<'_>) {
    let placeholders: Vec<_> = (0..SUMMARY.len()).map(|nth| format!("#{nth}")).collect();
    request.text("ProjectionExpression", &placeholders.join(","));
    names(request, placeholders.iter().map(String::as_str).zip(SUMMARY));
}

fn names<'a>(request: &mut Members<'_>, names: impl Iterator<Item = (&'a str, &'a str)>) {
    request.object("ExpressionAttributeNames", |object| {
        names.for_each(|(placeholder, name)| object.text(placeholder, name));
    });
}

/// The answer of an operation, or an error's; nothing if it makes no sense.
pub(crate) fn parse<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Option<T> {
    serde_json::from_slice(answer).ok()
}

/// Where a scan goes on: the last key that it came by.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Position(serde_json::Value);

/// What an operation charged.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Consumed {
    capacity_units: Option<f64>,
}

/// The units in an answer.
pub(crate) fn units<'a>(consumed: impl IntoIterator<Item = &'a Consumed>) -> f64 {
    consumed.into_iter().filter_map(|consumed| consumed.capacity_units).sum()
}

/// The answer of `BatchWriteItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchWritten {
    unprocessed_items: Option<HashMap<String, Vec<Unwritten>>>,
    pub(crate) consumed_capacity: Option<Vec<Consumed>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Unwritten {
    put_request: Option<PutRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRequest {
    item: Identity,
}

/// Of an item only who it is: what else stands in it, a content too, is passed over.
#[derive(Debug, Deserialize)]
struct Identity {
    id: Option<Attribute>,
}

impl BatchWritten {
    /// The keys of what was left out.
    pub(crate) fn unwritten(self) -> Vec<String> {
        let requests = self.unprocessed_items.unwrap_or_default().into_values().flatten();
        let items = requests.filter_map(|request| request.put_request?.item.id);
        items.filter_map(|id| id.as_text().map(str::to_owned)).collect()
    }
}

/// The answer of `PutItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Written {
    pub(crate) consumed_capacity: Option<Consumed>,
}

/// The error `ConditionalCheckFailedException` of `PutItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Unmet {
    item: Option<Life>,
}

/// Of an item only when it is over.
#[derive(Debug, Deserialize)]
struct Life {
    expires_at: Option<Attribute>,
}

impl Unmet {
    /// When what is there is over; nothing when that makes no sense.
    pub(crate) fn expiry(self) -> Option<Expiry> {
        match self.item?.expires_at {
            None => Some(Expiry::NEVER),
            Some(second) => second.as_number().map(Expiry::at),
        }
    }
}

/// The answer of `BatchGetItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchRead {
    responses: Option<HashMap<String, Vec<Attributes>>>,
    unprocessed_keys: Option<HashMap<String, Unread>>,
    pub(crate) consumed_capacity: Option<Vec<Consumed>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Unread {
    keys: Vec<Attributes>,
}

impl BatchRead {
    /// Items by their keys, and the keys that `DynamoDB` did not get to.
    pub(crate) fn found(self) -> (Vec<(String, Attributes)>, Vec<String>) {
        let items = self.responses.unwrap_or_default().into_values().flatten();
        let items = items.filter_map(|item| Some((entry::key(&item)?.to_owned(), item)));
        let unread = self.unprocessed_keys.unwrap_or_default().into_values().flat_map(|unread| unread.keys);
        (items.collect(), unread.filter_map(|key| entry::key(&key).map(str::to_owned)).collect())
    }
}

/// The answer of `Scan`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Scanned {
    pub(crate) items: Option<Vec<Attributes>>,
    pub(crate) last_evaluated_key: Option<Position>,
    pub(crate) consumed_capacity: Option<Consumed>,
}
