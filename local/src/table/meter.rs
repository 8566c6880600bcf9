//! What the table was asked and what DynamoDB would charge for it.
//!
//! Units as DynamoDB computes them: a write unit per KiB of the larger of the item before and after, a read unit per 4 KiB of an
//! item, half of it when eventually consistent, each item of a batch rounded up by itself, a missing item as one of no bytes.
//! Refused requests and unprocessed items cost nothing, but a write whose condition fails costs what it would have cost. `Query` and `Scan` are charged by the items they return (a filter that
//! drops items would be charged more); transactions and `PartiQL` are counted as requests only.

use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::types::{KeySchemaElement, item_size, read_capacity_units_with_consistency, table_write_capacity_units};
use dynoxide::{Database, Item};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// A snapshot of the counters since the table started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meter {
    /// Requests that arrived, by operation (`PutItem`, `BatchGetItem` …), failed and refused ones included.
    pub requests: BTreeMap<String, u64>,
    /// Items put or updated.
    pub items_written: u64,
    /// Items deleted by request (not by the TTL sweep).
    pub items_deleted: u64,
    /// Items found by reads.
    pub items_read: u64,
    /// Bytes of the items written, as DynamoDB sizes them: names and values, binary unencoded.
    pub bytes_written: u64,
    /// Bytes of the items read.
    pub bytes_read: u64,
    /// On-demand write request units.
    pub write_units: f64,
    /// On-demand read request units.
    pub read_units: f64,
}

impl Meter {
    /// Requests of one operation.
    pub fn requests_of(&self, operation: &str) -> u64 {
        self.requests.get(operation).copied().unwrap_or(0)
    }

    /// Requests of all operations; health checks (`GET /ping`), which name none, are counted under `""` only.
    pub fn total_requests(&self) -> u64 {
        self.requests.iter().filter(|(operation, _)| !operation.is_empty()).map(|(_, count)| count).sum()
    }

    /// What was added since `earlier`, a snapshot of the same table.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let requests =
            self.requests.iter().map(|(operation, count)| (operation.clone(), count - earlier.requests_of(operation)));
        Self {
            requests: requests.filter(|(_, count)| *count > 0).collect(),
            items_written: self.items_written - earlier.items_written,
            items_deleted: self.items_deleted - earlier.items_deleted,
            items_read: self.items_read - earlier.items_read,
            bytes_written: self.bytes_written - earlier.bytes_written,
            bytes_read: self.bytes_read - earlier.bytes_read,
            write_units: self.write_units - earlier.write_units,
            read_units: self.read_units - earlier.read_units,
        }
    }

    pub(super) fn arrived(&mut self, operation: &str) {
        *self.requests.entry(operation.to_owned()).or_default() += 1;
    }

    pub(super) fn apply(&mut self, charges: &[Charge]) {
        for charge in charges {
            match *charge {
                Charge::Write { old, new } => self.wrote(old, new),
                Charge::InVain { old, new } => self.write_units += table_write_capacity_units(old, new),
                Charge::Read { size, consistent } => self.read(size, consistent),
                Charge::Page { items, bytes, consistent } => {
                    self.items_read += items;
                    self.bytes_read += bytes as u64;
                    self.read_units += read_capacity_units_with_consistency(bytes, consistent);
                }
            }
        }
    }

    fn wrote(&mut self, old: Option<usize>, new: Option<usize>) {
        match new {
            Some(size) => {
                self.items_written += 1;
                self.bytes_written += size as u64;
            }
            None => self.items_deleted += u64::from(old.is_some()),
        }
        self.write_units += table_write_capacity_units(old, new);
    }

    fn read(&mut self, size: Option<usize>, consistent: bool) {
        self.items_read += u64::from(size.is_some());
        self.bytes_read += size.unwrap_or(0) as u64;
        self.read_units += read_capacity_units_with_consistency(size.unwrap_or(0), consistent);
    }
}

/// What one item, or one page of a query, costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Charge {
    /// The item's sizes before and after.
    Write { old: Option<usize>, new: Option<usize> },
    /// The same, when the item stayed as it was because a condition failed.
    InVain { old: Option<usize>, new: Option<usize> },
    /// The item's size, if there is one.
    Read { size: Option<usize>, consistent: bool },
    /// A page of a query or scan, rounded up as a whole.
    Page { items: u64, bytes: usize, consistent: bool },
}

/// What a request will cost if it succeeds: taken before it runs, since a write is charged by the item it replaces too.
#[derive(Debug)]
pub(super) enum Pending {
    Writes(Vec<PendingWrite>),
    Reads(Vec<PendingRead>),
    Page { consistent: bool },
    Free,
}

#[derive(Debug)]
pub(super) struct PendingWrite {
    table: String,
    key: Item,
    old: Option<usize>,
    new: NewSize,
}

#[derive(Debug, Clone, Copy)]
enum NewSize {
    Put(usize),
    Gone,
    /// Known only afterwards.
    Updated,
}

#[derive(Debug)]
pub(super) struct PendingRead {
    table: String,
    key: Item,
    consistent: bool,
}

impl Pending {
    /// Reads what is needed from the request and from the table as it is now.
    pub(super) fn before(operation: &str, body: &[u8], database: &Database) -> Self {
        let pending = match operation {
            "PutItem" => put(body, database),
            "UpdateItem" => keyed_write(body, database, NewSize::Updated),
            "DeleteItem" => keyed_write(body, database, NewSize::Gone),
            "BatchWriteItem" => batch_write(body, database),
            "GetItem" => get(body),
            "BatchGetItem" => batch_get(body),
            "Query" | "Scan" => page(body),
            _ => return Self::Free,
        };
        // What cannot be read here the table refuses as well.
        pending.unwrap_or(Self::Free)
    }

    /// The charges of a request that was answered with 200 and `response`. `hidden`: eventually consistent reads saw nothing.
    pub(super) fn charges(self, response: &[u8], hidden: bool, database: &Database) -> Vec<Charge> {
        match self {
            Self::Free => Vec::new(),
            Self::Writes(writes) => write_charges(writes, response, database),
            Self::Reads(reads) => read_charges(reads, response, hidden, database),
            Self::Page { consistent } => page_charge(response, consistent).into_iter().collect(),
        }
    }

    /// The charges of a write whose condition failed.
    pub(super) fn charges_in_vain(self) -> Vec<Charge> {
        let Self::Writes(writes) = self else { return Vec::new() };
        let charge = |PendingWrite { old, new, .. }| match new {
            NewSize::Put(size) => Charge::InVain { old, new: Some(size) },
            NewSize::Gone | NewSize::Updated => Charge::InVain { old, new: old },
        };
        writes.into_iter().map(charge).collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRequest {
    table_name: String,
    item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyRequest {
    table_name: String,
    key: Item,
    #[serde(default)]
    consistent_read: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchWriteRequest {
    request_items: HashMap<String, Vec<WriteRequest>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WriteRequest {
    put_request: Option<BatchPut>,
    delete_request: Option<BatchDelete>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchPut {
    item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchDelete {
    key: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchGetRequest {
    request_items: HashMap<String, KeysAndAttributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeysAndAttributes {
    keys: Vec<Item>,
    #[serde(default)]
    consistent_read: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct BatchAnswer {
    unprocessed_items: HashMap<String, Vec<WriteRequest>>,
    unprocessed_keys: HashMap<String, KeysAndAttributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PageRequest {
    #[serde(default)]
    consistent_read: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PageAnswer {
    #[serde(default)]
    items: Vec<Item>,
}

fn put(body: &[u8], database: &Database) -> Option<Pending> {
    let request: PutRequest = serde_json::from_slice(body).ok()?;
    pending_put(request.table_name, &request.item, database).map(|write| Pending::Writes(vec![write]))
}

fn keyed_write(body: &[u8], database: &Database, new: NewSize) -> Option<Pending> {
    let request: KeyRequest = serde_json::from_slice(body).ok()?;
    Some(Pending::Writes(vec![pending_write(request.table_name, request.key, new, database)]))
}

fn batch_write(body: &[u8], database: &Database) -> Option<Pending> {
    let request: BatchWriteRequest = serde_json::from_slice(body).ok()?;
    let mut writes = Vec::new();
    for (table, requests) in request.request_items {
        for request in requests {
            writes.extend(batch_member(&table, request, database));
        }
    }
    Some(Pending::Writes(writes))
}

fn batch_member(table: &str, request: WriteRequest, database: &Database) -> Option<PendingWrite> {
    match (request.put_request, request.delete_request) {
        (Some(put), _) => pending_put(table.to_owned(), &put.item, database),
        (None, Some(delete)) => Some(pending_write(table.to_owned(), delete.key, NewSize::Gone, database)),
        (None, None) => None,
    }
}

fn get(body: &[u8]) -> Option<Pending> {
    let request: KeyRequest = serde_json::from_slice(body).ok()?;
    let consistent = request.consistent_read.unwrap_or(false);
    Some(Pending::Reads(vec![PendingRead { table: request.table_name, key: request.key, consistent }]))
}

fn batch_get(body: &[u8]) -> Option<Pending> {
    let request: BatchGetRequest = serde_json::from_slice(body).ok()?;
    let reads = request.request_items.into_iter().flat_map(|(table, wanted)| {
        let consistent = wanted.consistent_read.unwrap_or(false);
        wanted.keys.into_iter().map(move |key| PendingRead { table: table.clone(), key, consistent })
    });
    Some(Pending::Reads(reads.collect()))
}

fn page(body: &[u8]) -> Option<Pending> {
    let request: PageRequest = serde_json::from_slice(body).ok()?;
    Some(Pending::Page { consistent: request.consistent_read.unwrap_or(false) })
}

fn pending_put(table: String, item: &Item, database: &Database) -> Option<PendingWrite> {
    let key = key_of(&table, item, database)?;
    Some(pending_write(table, key, NewSize::Put(item_size(item)), database))
}

fn pending_write(table: String, key: Item, new: NewSize, database: &Database) -> PendingWrite {
    let old = size_of(&table, &key, database);
    PendingWrite { table, key, old, new }
}

fn write_charges(writes: Vec<PendingWrite>, response: &[u8], database: &Database) -> Vec<Charge> {
    let answer: BatchAnswer = serde_json::from_slice(response).unwrap_or_default();
    let unprocessed = unprocessed_writes(&answer, database);
    let done = writes.into_iter().filter(|write| !unprocessed.contains(&(write.table.clone(), write.key.clone())));
    done.map(|write| {
        let new = match write.new {
            NewSize::Put(size) => Some(size),
            NewSize::Gone => None,
            NewSize::Updated => size_of(&write.table, &write.key, database),
        };
        Charge::Write { old: write.old, new }
    })
    .collect()
}

fn unprocessed_writes(answer: &BatchAnswer, database: &Database) -> Vec<(String, Item)> {
    let requests =
        answer.unprocessed_items.iter().flat_map(|(table, requests)| requests.iter().map(move |r| (table, r)));
    requests
        .filter_map(|(table, request)| match (&request.put_request, &request.delete_request) {
            (Some(put), _) => key_of(table, &put.item, database).map(|key| (table.clone(), key)),
            (None, Some(delete)) => Some((table.clone(), delete.key.clone())),
            (None, None) => None,
        })
        .collect()
}

fn read_charges(reads: Vec<PendingRead>, response: &[u8], hidden: bool, database: &Database) -> Vec<Charge> {
    let answer: BatchAnswer = serde_json::from_slice(response).unwrap_or_default();
    let unprocessed =
        |read: &PendingRead| answer.unprocessed_keys.get(&read.table).is_some_and(|left| left.keys.contains(&read.key));
    let done = reads.into_iter().filter(|read| !unprocessed(read));
    done.map(|read| {
        let seen = read.consistent || !hidden;
        let size = if seen { size_of(&read.table, &read.key, database) } else { None };
        Charge::Read { size, consistent: read.consistent }
    })
    .collect()
}

fn page_charge(response: &[u8], consistent: bool) -> Option<Charge> {
    let page: PageAnswer = serde_json::from_slice(response).ok()?;
    let bytes = page.items.iter().map(item_size).sum();
    Some(Charge::Page { items: page.items.len() as u64, bytes, consistent })
}

/// The primary key of an item of `table`.
fn key_of(table: &str, item: &Item, database: &Database) -> Option<Item> {
    // Not `describe_table`, which reads every item to count them.
    let schema = database.get_table_metadata(table).ok()??.key_schema;
    let schema: Vec<KeySchemaElement> = serde_json::from_str(&schema).ok()?;
    schema
        .iter()
        .map(|element| item.get_key_value(&element.attribute_name).map(|(k, v)| (k.clone(), v.clone())))
        .collect()
}

fn size_of(table: &str, key: &Item, database: &Database) -> Option<usize> {
    let request = GetItemRequest {
        table_name: table.to_owned(),
        key: key.clone(),
        consistent_read: Some(true),
        ..Default::default()
    };
    database.get_item(request).ok()?.item.as_ref().map(item_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_charged_by_the_larger_of_before_and_after() {
        let mut meter = Meter::default();
        meter.apply(&[Charge::Write { old: Some(3000), new: Some(10) }]);
        assert_eq!((meter.write_units, meter.items_written, meter.bytes_written), (3.0, 1, 10));
    }

    #[test]
    fn a_failed_condition_is_charged_and_writes_nothing() {
        let mut meter = Meter::default();
        meter.apply(&[Charge::InVain { old: Some(3000), new: Some(10) }]);
        assert_eq!((meter.write_units, meter.items_written, meter.bytes_written), (3.0, 0, 0));
    }

    #[test]
    fn an_eventually_consistent_read_costs_half_and_a_missing_item_too() {
        let mut meter = Meter::default();
        meter.apply(&[
            Charge::Read { size: Some(4097), consistent: true },
            Charge::Read { size: None, consistent: false },
        ]);
        assert_eq!((meter.read_units, meter.items_read, meter.bytes_read), (2.5, 1, 4097));
    }

    #[test]
    fn since_leaves_only_what_was_added() {
        let mut earlier = Meter::default();
        earlier.arrived("PutItem");
        let mut later = earlier.clone();
        later.arrived("GetItem");
        let added = later.since(&earlier);
        assert_eq!((added.requests_of("GetItem"), added.requests_of("PutItem"), added.total_requests()), (1, 0, 1));
    }
}
