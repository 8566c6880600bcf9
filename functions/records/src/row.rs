//! Rows as DynamoDB holds them.

use crate::error::RecordError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use serde_json::Value;
use std::collections::HashMap;

/// A row as the SDK takes and gives it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// An item has at most 400 KiB. What is left over is for the changes of a status, which add a reason of at most 1 KiB.
const MAX_BYTES: usize = (400 << 10) - (4 << 10);

/// Something with its own row.
pub trait Row: Serialize + DeserializeOwned + Send + Sync {
    /// The attribute that is the key.
    const KEY: &'static str;
    /// The attributes that are JSON text in the table.
    const NESTED: &'static [&'static str];
}

/// The row of a record.
pub(crate) fn written<T: Row>(table: &str, record: &T) -> Result<Item, RecordError> {
    let mut value = serde_json::to_value(record).map_err(|_| unreadable(table, "it is not JSON"))?;
    for name in T::NESTED {
        let Some(nested) = value.get_mut(name) else { continue };
        *nested = Value::String(nested.to_string());
    }
    let item: Item = to_item(value).map_err(|_| unreadable(table, "it is not an item of DynamoDB"))?;
    let bytes = bytes(&item);
    if bytes > MAX_BYTES { Err(RecordError::TooLarge { bytes, limit: MAX_BYTES }) } else { Ok(item) }
}

/// The record of a row.
pub(crate) fn read<T: Row>(table: &str, item: Item) -> Result<T, RecordError> {
    let mut value: Value = from_item(item).map_err(|_| unreadable(table, "it is not a record"))?;
    for name in T::NESTED {
        let Some(Value::String(text)) = value.get(name) else { continue };
        value[name] = serde_json::from_str(text).map_err(|_| unreadable(table, name))?;
    }
    serde_json::from_value(value).map_err(|_| unreadable(table, "an attribute is missing or of another type"))
}

/// A text as an attribute.
pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number as an attribute.
pub(crate) fn number(number: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// The length of a row as DynamoDB counts it. Ours hold texts, truth values and short numbers.
fn bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.as_s().map_or(21, String::len)).sum()
}

fn unreadable(table: &str, reason: &str) -> RecordError {
    RecordError::Unreadable { table: table.to_owned(), reason: reason.to_owned() }
}
