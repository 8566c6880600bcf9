//! What a registry keeps, as a table holds it: nested values as JSON text, because a state machine reads text.

use aws_sdk_dynamodb::types::AttributeValue;
use functions_content::refuse_references;
use functions_shared::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// A row as the SDK takes and gives it.
pub type Item = HashMap<String, AttributeValue>;

/// Something with its own row.
pub trait Row: Serialize + DeserializeOwned {
    /// The attributes that are objects or lists here and JSON text in the table.
    const NESTED: &'static [&'static str];
}

/// Random, and another one after every change: a change is written only over what it was made from.
const REVISION: &str = "revision";
/// The stack that registered the row, which alone may take it back.
const OWNER: &str = "registered_by";
/// A table holds no row over 400 KiB, and a copy is a little longer than its original.
const MAX_BYTES: usize = (400 << 10) - 128;

/// A row as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// What it says.
    pub row: T,
    /// Which stack registered it, if one did.
    pub owner: Option<String>,
    pub(crate) revision: Option<String>,
}

impl<T: Row> Stored<T> {
    pub(crate) fn read(item: &Item) -> Result<Self, Refusal> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        Ok(Self { row: read(item)?, owner: text(OWNER), revision: text(REVISION) })
    }
}

/// A row to be written, with a revision that no other has.
pub(crate) fn written<T: Row>(row: &T, owner: Option<&str>) -> Result<Item, Refusal> {
    let mut value = serde_json::to_value(row).map_err(|error| unreadable(&error))?;
    // One in a row would open, in the state machine, a content that the caller who registers it was never given.
    refuse_references("", &value)?;
    for name in T::NESTED {
        let Some(nested) = value.get_mut(name) else { continue };
        *nested = Value::String(nested.to_string());
    }
    let mut item: Item = to_item(value).map_err(|error| unreadable(&error))?;
    item.insert(REVISION.to_owned(), AttributeValue::S(Uuid::new_v4().to_string()));
    item.extend(owner.map(|owner| (OWNER.to_owned(), AttributeValue::S(owner.to_owned()))));
    if bytes(&item) > MAX_BYTES {
        return Err(Refusal::TooLarge(format!(
            "the row would be longer than the {MAX_BYTES} bytes that a table holds"
        )));
    }
    Ok(item)
}

fn read<T: Row>(item: &Item) -> Result<T, Refusal> {
    let mut value: Value = from_item(item.clone()).map_err(|error| unreadable(&error))?;
    for name in T::NESTED {
        let Some(Value::String(text)) = value.get(name) else { continue };
        value[name] = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    }
    serde_json::from_value(value).map_err(|error| unreadable(&error))
}

/// The length of a row as `DynamoDB` counts it. Ours hold texts, truth values and short numbers.
fn bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.as_s().map_or(1, String::len)).sum()
}

/// A row that is not one: somebody else wrote it. Its content is not for the log either.
fn unreadable(error: &impl std::fmt::Display) -> Refusal {
    tracing::error!(error_bytes = error.to_string().len(), "a row cannot be read");
    Refusal::Unavailable("a row of the registry cannot be read".to_owned())
}

/// The condition under which a row may be written: that nobody has written it since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was not there.
    Nothing,
    /// It was there, with this revision; rows of other writers have none.
    Revision(Option<String>),
}

impl Seen {
    pub(crate) fn of<T>(stored: Option<&Stored<T>>) -> Self {
        stored.map_or(Self::Nothing, |stored| Self::Revision(stored.revision.clone()))
    }

    /// The condition's expression and its values; `key` is an attribute that every row has.
    pub(crate) fn condition(&self, key: &str) -> (String, Option<Item>) {
        match self {
            Self::Nothing => (format!("attribute_not_exists({key})"), None),
            Self::Revision(None) => (format!("attribute_exists({key}) AND attribute_not_exists({REVISION})"), None),
            Self::Revision(Some(revision)) => {
                let value = AttributeValue::S(revision.clone());
                (format!("{REVISION} = :seen"), Some(Item::from([(":seen".to_owned(), value)])))
            }
        }
    }
}
