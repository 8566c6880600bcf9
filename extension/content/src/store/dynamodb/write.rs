//! Putting contents: encode, lay out, write parts and whole items, then the commit items.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::encoding::Encoder;
use super::item::{Entry, Item, Layout};
use super::retry::Attempts;
use super::table::{MAX_READS, MAX_WRITES, Table};
use super::{BLOCKING, DynamoDbStore};
use crate::reference::ContentRef;
use crate::store::expires_at;

/// Content bytes of one request: at 1 MB/s and more it is done well within one attempt's time.
const WRITE_BATCH: usize = 2 << 20;

/// Requests at once. Each holds its content twice more (the SDK's copy and its base64), so this bounds the memory.
const WRITES_AT_ONCE: usize = 4;

/// Stores contents. The error says what was last heard of the table.
pub(super) async fn put(store: &DynamoDbStore, contents: &[(ContentRef, Bytes)], until: Instant) -> Result<(), String> {
    let (mut at_once, mut in_parts, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for (reference, layout) in lay_out(store, distinct(contents)).await? {
        match layout {
            Layout::Whole(item) => at_once.push(item),
            Layout::Parted { parts, commit } => in_parts.push((reference, parts, commit)),
        }
    }
    let stored = fresh(store, in_parts.iter().map(|(reference, ..)| *reference), until).await;
    for (_, parts, commit) in in_parts.into_iter().filter(|(reference, ..)| !stored.contains(reference)) {
        at_once.extend(parts);
        commits.push(commit);
    }
    write_all(&store.table, at_once, until).await?;
    write_all(&store.table, commits, until).await
}

/// One key may occur only once in a request.
fn distinct(contents: &[(ContentRef, Bytes)]) -> Vec<(ContentRef, Bytes)> {
    let mut seen = HashSet::new();
    contents.iter().filter(|(reference, _)| seen.insert(reference.id)).cloned().collect()
}

/// Encodes and lays out contents; what takes long happens on another thread.
async fn lay_out(
    store: &DynamoDbStore,
    contents: Vec<(ContentRef, Bytes)>,
) -> Result<Vec<(ContentRef, Layout)>, String> {
    let (encoder, now, part_size) = (Arc::clone(&store.encoder), store.clock.now(), store.part_size);
    let len: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
    let work = move || {
        let lay_out = |(reference, bytes)| (reference, lay_out_one(&encoder, &reference, &bytes, now, part_size));
        contents.into_iter().map(lay_out).collect()
    };
    if len <= BLOCKING {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| "the content could not be encoded".to_owned())
}

fn lay_out_one(encoder: &Encoder, reference: &ContentRef, bytes: &Bytes, now: u64, part_size: usize) -> Layout {
    let end = expires_at(reference.ttl, now);
    let units = |encoding, len| Layout::write_units(reference, encoding, len, end, part_size);
    Layout::new(reference, &encoder.encode(bytes, units), end, part_size)
}

/// Which contents are in the table already, for at least half of their life. This only saves work, so it is one attempt
/// and any doubt means writing: a function that may write but not read can still store.
async fn fresh(
    store: &DynamoDbStore,
    references: impl Iterator<Item = ContentRef>,
    until: Instant,
) -> HashSet<ContentRef> {
    let references: Vec<_> = references.take(MAX_READS).collect();
    let keys: Vec<_> = references.iter().map(|reference| reference.id.to_string()).collect();
    if keys.is_empty() {
        return HashSet::new();
    }
    let now = Instant::now();
    let half = now + until.saturating_duration_since(now) / 2;
    let answer = tokio::time::timeout_at(half.into(), store.table.read(&keys, false)).await;
    let found = answer.ok().and_then(Result::ok).unwrap_or_default();
    let second = store.clock.now();
    let entries = found.items.into_iter().filter_map(|(key, item)| Some((key, Entry::parse(item).ok()?)));
    let entries: std::collections::HashMap<_, _> = entries.collect();
    let is_fresh = |(reference, key): &(ContentRef, String)| {
        entries.get(key).is_some_and(|entry| entry.is_fresh(reference, second))
    };
    references.into_iter().zip(keys).filter(is_fresh).map(|(reference, _)| reference).collect()
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
