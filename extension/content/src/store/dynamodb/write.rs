//! Putting contents: encode, lay out, leave out what is stored already, write parts and whole items, then the commit items.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::condition::Condition;
use super::encoding::Encoder;
use super::item::{Item, Label, Layout};
use super::retry::Attempts;
use super::table::{MAX_WRITES, Put, Table};
use super::{BLOCKING, DynamoDbStore, look};
use crate::reference::{ContentId, ContentRef, Scope};
use crate::store::Expiry;

/// Content bytes of one request: at 1 MB/s and more it is done well within one attempt's time.
const WRITE_BATCH: usize = 2 << 20;

/// Requests at once. Each holds its content twice more (the SDK's copy and its base64), so this bounds the memory.
const WRITES_AT_ONCE: usize = 4;

/// Stores contents; gives their expiries. The error says what was last heard of the table.
pub(super) async fn put(
    store: &DynamoDbStore,
    scope: &Scope,
    contents: &[(ContentRef, Bytes)],
    until: Instant,
) -> Result<Vec<Expiry>, String> {
    let mut laid_out = lay_out(store, scope, distinct(contents)).await?;
    let mut expiries = HashMap::new();
    if look::is_worth_it(&laid_out) {
        expiries = look::stored(store, &laid_out, until).await;
        laid_out.retain(|(label, _)| !expiries.contains_key(&label.reference.id));
    }
    expiries.extend(write(store, laid_out, until).await?);
    Ok(contents.iter().map(|(reference, _)| expiries[&reference.id]).collect())
}

/// Writes what is not known to be stored. A single item looks for itself.
async fn write(
    store: &DynamoDbStore,
    laid_out: Vec<(Label, Layout)>,
    until: Instant,
) -> Result<Vec<(ContentId, Expiry)>, String> {
    if let [(label, Layout::Whole(item))] = &laid_out[..] {
        let expiry = write_unless_stored(store, label, item, until).await?;
        return Ok(vec![(label.reference.id, expiry)]);
    }
    let (mut expiries, mut at_once, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for (label, layout) in laid_out {
        expiries.push((label.reference.id, label.expiry));
        match layout {
            Layout::Whole(item) => at_once.push(item),
            Layout::Parted { parts, commit } => {
                at_once.extend(parts);
                commits.push(commit);
            }
        }
    }
    write_all(&store.table, at_once, until).await?;
    write_all(&store.table, commits, until).await?;
    Ok(expiries)
}

/// Writes an item that may be stored already; until when it then is. An attempt whose answer was lost may have written
/// it: the next one finds it, which is as good.
async fn write_unless_stored(
    store: &DynamoDbStore,
    label: &Label,
    item: &Item,
    until: Instant,
) -> Result<Expiry, String> {
    let mut attempts = Attempts::until(until);
    loop {
        let enough = Expiry::half_of(label.reference.ttl, store.clock.now());
        let condition = Condition::unless_stored(item, enough);
        match attempts.attempt(store.table.write_unless(&condition, item)).await? {
            Some(Put::Written) => return Ok(label.expiry),
            Some(Put::Kept(expiry)) => return Ok(expiry.unwrap_or(enough)),
            None => {}
        }
    }
}

/// One key may occur only once in a request.
fn distinct(contents: &[(ContentRef, Bytes)]) -> Vec<(ContentRef, Bytes)> {
    let mut seen = HashSet::new();
    contents.iter().filter(|(reference, _)| seen.insert(reference.id)).cloned().collect()
}

/// Encodes and lays out contents; what takes long happens on another thread.
async fn lay_out(
    store: &DynamoDbStore,
    scope: &Scope,
    contents: Vec<(ContentRef, Bytes)>,
) -> Result<Vec<(Label, Layout)>, String> {
    let (encoder, now, part_size) = (Arc::clone(&store.encoder), store.clock.now(), store.part_size);
    let tenant = scope.tenant_tag();
    let len: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
    let work = move || {
        let lay_out = |(reference, bytes): (ContentRef, Bytes)| {
            let label = Label { reference, tenant, expiry: Expiry::of(reference.ttl, now) };
            (label, lay_out_one(&encoder, &label, &bytes, part_size))
        };
        contents.into_iter().map(lay_out).collect()
    };
    if len <= BLOCKING {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| "the content could not be encoded".to_owned())
}

fn lay_out_one(encoder: &Encoder, label: &Label, bytes: &Bytes, part_size: usize) -> Layout {
    let units = |encoding, len| Layout::write_units(label, encoding, len, part_size);
    Layout::new(label, &encoder.encode(bytes, units), part_size)
}

/// Writes items, a few requests at a time. Dropping this stops what has not been sent.
async fn write_all(table: &Table, items: Vec<Item>, until: Instant) -> Result<(), String> {
    let mut batches = batches(items).into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < WRITES_AT_ONCE {
            let Some(batch) = batches.next() else { break };
            running.spawn(write_batch(table.clone(), batch, until));
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(outcome) => outcome.unwrap_or_else(|_| Err("a write was broken off".to_owned()))?,
        }
    }
}

/// Items in their order, as many to a request as it may hold.
fn batches(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut batches: Vec<Vec<Item>> = Vec::new();
    let mut len = 0;
    for item in items {
        len += item.content_len();
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_WRITES && len <= WRITE_BATCH => batch.push(item),
            _ => {
                len = item.content_len();
                batches.push(vec![item]);
            }
        }
    }
    batches
}

/// Writes one request's items, repeating what was left out, until all are acknowledged.
async fn write_batch(table: Table, mut items: Vec<Item>, until: Instant) -> Result<(), String> {
    let mut attempts = Attempts::until(until);
    loop {
        let Some(unwritten) = attempts.attempt(table.write(&items)).await? else { continue };
        if unwritten.is_empty() {
            return Ok(());
        }
        if unwritten.len() < items.len() {
            attempts.made_progress();
        }
        let unwritten: HashSet<_> = unwritten.into_iter().collect();
        items.retain(|item| unwritten.contains(item.key()));
        attempts.pause("BatchWriteItem: items were left out").await?;
    }
}
