//! What a day's calls of models have cost, by agent and model: `GET /usage?day=2026-11-29`, today unless it is said.
//!
//! `llm` writes one item for the day and one for each agent and model, in the table of costs. The day's names the others, so that
//! nothing has to be searched.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use functions_shared::{Clock, Refusal};
use http_api::{Request, Response};
use registries::table_error::unavailable;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::time::SystemTime;

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

type Item = HashMap<String, AttributeValue>;

/// The table of costs.
#[derive(Debug)]
pub(crate) struct Usage {
    client: Client,
    table: String,
    stage: String,
    pub(crate) clock: Clock,
}

impl Usage {
    pub(crate) fn new(client: Client, table: &str, stage: &str) -> Self {
        Self { client, table: table.to_owned(), stage: stage.to_owned(), clock: Clock::system() }
    }

    /// What `GET /usage` answers.
    pub(crate) async fn answer(&self, request: &Request) -> Result<Response, Refusal> {
        let day = match request.parameter("day") {
            Some(day) if is_day(day) => day.to_owned(),
            Some(_) => return Err(Refusal::invalid("day", "is not a day such as 2026-11-29")),
            None => day_of(self.clock.now()),
        };
        let item = self.item(&format!("bedrock#{}#{day}", self.stage)).await?.unwrap_or_default();
        let keys = item.get("usage").and_then(|keys| keys.as_ss().ok()).cloned().unwrap_or_default();
        let mut by = self.items(&keys).await?.iter().map(part).collect::<Vec<_>>();
        by.sort_by_key(|part| std::cmp::Reverse(part["spent_micro_usd"].as_u64()));
        let mut answer = Value::Object(numbers(&item));
        answer["day"] = day.into();
        answer["stage"] = self.stage.as_str().into();
        answer["by_agent_and_model"] = by.into();
        Ok(Response::ok(answer))
    }

    async fn item(&self, id: &str) -> Result<Option<Item>, Refusal> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(id))).consistent_read(true);
        let found = request.send().await.map_err(|error| unavailable(&error))?;
        Ok(found.item)
    }

    async fn items(&self, ids: &[String]) -> Result<Vec<Item>, Refusal> {
        let mut items = Vec::new();
        for batch in ids.chunks(BATCH) {
            let mut open = Some(wanted(batch)?);
            while let Some(keys) = open.take() {
                let request = self.client.batch_get_item().request_items(&self.table, keys);
                let found = request.send().await.map_err(|error| unavailable(&error))?;
                let mut found_here = found.responses.unwrap_or_default();
                items.extend(found_here.remove(&self.table).unwrap_or_default());
                open = found.unprocessed_keys.and_then(|mut keys| keys.remove(&self.table));
            }
        }
        Ok(items)
    }
}

fn key(id: &str) -> Item {
    HashMap::from([("id".to_owned(), AttributeValue::S(id.to_owned()))])
}

fn wanted(ids: &[String]) -> Result<KeysAndAttributes, Refusal> {
    let keys = ids.iter().map(|id| key(id)).collect();
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
    wanted.map_err(|error| Refusal::Unavailable(error.to_string()))
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

fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok_and(|day| day.to_string() == text)
}

/// The day in UTC.
fn day_of(now: SystemTime) -> String {
    let now = jiff::Timestamp::try_from(now).unwrap_or(jiff::Timestamp::MAX);
    now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
