//! What a day's calls of models have cost, by agent and model.
//!
//! `llm` writes one item for the day and one for each agent and model, in the table of costs. The day's names the others, so that
//! nothing has to be searched.

use crate::error::RecordError;
use crate::row::{Item, text};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use functions_shared::{Refusal, VariableError, Variables};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

const TABLE: &str = "COST_TABLE_NAME";
/// The numbers of an item, all of them counts or micro-dollars.
const NUMBERS: [&str; 7] = [
    "spent_micro_usd",
    "unconfirmed_micro_usd",
    "requests",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
];
/// Items that one request reads.
const BATCH: usize = 100;

/// The table of costs, of which a function only reads.
#[derive(Clone, Debug)]
pub struct Usage {
    client: Client,
    table: String,
    stage: String,
}

impl Usage {
    /// The table that the variable `COST_TABLE_NAME` names, if it is set.
    pub fn from_variables(variables: &Variables, client: &Client, stage: &str) -> Result<Option<Self>, VariableError> {
        let table = variables.optional(TABLE)?;
        Ok(table.map(|table| Self { client: client.clone(), table: table.to_owned(), stage: stage.to_owned() }))
    }

    /// The numbers of a day, and of each agent and model in it: amounts in micro-dollars, and counts.
    pub async fn of_day(&self, day: Date) -> Result<Value, RecordError> {
        let item = self.item(&format!("bedrock#{}#{day}", self.stage)).await?.unwrap_or_default();
        let keys = item.get("usage").and_then(|keys| keys.as_ss().ok()).cloned().unwrap_or_default();
        let mut by = self.items(&keys).await?.iter().map(part).collect::<Vec<_>>();
        by.sort_by_key(|part| std::cmp::Reverse(part["spent_micro_usd"].as_u64()));
        let mut numbers = Value::Object(numbers(&item));
        numbers["day"] = day.to_string().into();
        numbers["stage"] = self.stage.as_str().into();
        numbers["by_agent_and_model"] = by.into();
        Ok(numbers)
    }

    async fn item(&self, id: &str) -> Result<Option<Item>, RecordError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(id))).consistent_read(true);
        let found = request.send().await.map_err(|error| RecordError::of(&self.table, &error))?;
        Ok(found.item)
    }

    async fn items(&self, ids: &[String]) -> Result<Vec<Item>, RecordError> {
        let mut items = Vec::new();
        for batch in ids.chunks(BATCH) {
            let mut open = Some(wanted(batch));
            while let Some(keys) = open.take() {
                let request = self.client.batch_get_item().request_items(&self.table, keys);
                let found = request.send().await.map_err(|error| RecordError::of(&self.table, &error))?;
                let mut found_here = found.responses.unwrap_or_default();
                items.extend(found_here.remove(&self.table).unwrap_or_default());
                open = found.unprocessed_keys.and_then(|mut keys| keys.remove(&self.table));
            }
        }
        Ok(items)
    }
}

/// The day that a request names, such as `2026-11-29`; today, in UTC, if it names none.
pub fn day(text: Option<&str>, now: Timestamp) -> Result<Date, Refusal> {
    let Some(text) = text else { return Ok(now.to_zoned(TimeZone::UTC).date()) };
    let day = text.parse::<Date>().ok().filter(|day| day.year() >= 0 && day.to_string() == text);
    day.ok_or_else(|| Refusal::invalid("day", "is not a day such as 2026-11-29"))
}

fn key(id: &str) -> Item {
    Item::from([("id".to_owned(), text(id))])
}

fn wanted(ids: &[String]) -> KeysAndAttributes {
    let keys = ids.iter().map(|id| key(id)).collect();
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
    wanted.expect("BUG: the keys are set")
}

/// The numbers of one agent's calls of one model.
fn part(item: &Item) -> Value {
    let mut part = numbers(item);
    for name in ["agent", "provider", "model"] {
        let text = item.get(name).and_then(|text| text.as_s().ok()).cloned();
        part.insert(name.to_owned(), text.into());
    }
    Value::Object(part)
}

fn numbers(item: &Item) -> Map<String, Value> {
    let number = |name: &str| {
        let attribute = item.get(name.trim_end_matches("_micro_usd"))?;
        attribute.as_n().ok()?.parse::<i64>().ok()
    };
    NUMBERS.iter().map(|name| ((*name).to_owned(), json!(number(name).unwrap_or_default()))).collect()
}
