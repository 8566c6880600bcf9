//! Putting contents: encode, lay out, write parts and whole items, then the commit items.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::encoding::Encoder;
use super::item::{Entry, Item, Label, Layout};
use super::retry::Attempts;
use super::table::{MAX_READS, MAX_WRITES, Table};
use super::{BLOCKING, DynamoDbStore};
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
    let (mut at_once, mut in_parts, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    let mut expiries = HashMap::new();
    for (label, layout) in lay_out(store, scope, distinct(contents)).await? {
        expiries.insert(label.reference.id, label.expiry);
        match layout {
            Layout::Whole(item) => at_once.push(item),
            Layout::Parted { parts, commit } => in_parts.push((label, parts, commit)),
        }
    }
    let stored = fresh(store, in_parts.iter().map(|(label, ..)| *label), until).await;
    for (_, parts, commit) in in_parts.into_iter().filter(|(label, ..)| !stored.contains_key(&label.reference.id)) {
        at_once.extend(parts);
        commits.push(commit);
    }
    write_all(&store.table, at_once, until).await?;
    write_all(&store.table, commits, until).await?;
    expiries.extend(stored);
    Ok(contents.iter().map(|(reference, _)| expiries[&reference.id]).collect())
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

/// Which contents are in the table already, for at least half of their life, and until when. This only saves work, so it is one attempt
/// and any doubt means writing: a function that may write but not read can still store.
async fn fresh(
    store: &DynamoDbStore,
    labels: impl Iterator<Item = Label>,
    until: Instant,
) -> HashMap<ContentId, Expiry> {
    let labels: Vec<_> = labels.take(MAX_READS).collect();
    let keys: Vec<_> = labels.iter().map(|label| label.reference.id.to_string()).collect();
    if keys.is_empty() {
        return HashMap::new();
    }
    let now = Instant::now();
    let half = now + until.saturating_duration_since(now) / 2;
    let answer = tokio::time::timeout_at(half.into(), store.table.read(&keys, false)).await;
    let found = answer.ok().and_then(Result::ok).unwrap_or_default();
    let second = store.clock.now();
    let entries = found.items.into_iter().filter_map(|(key, item)| Some((key, Entry::parse(item).ok()?)));
    let entries: HashMap<_, _> = entries.collect();
    let fresh = |(Label { reference, tenant, .. }, key): (Label, String)| {
        let entry = entries.get(&key).filter(|entry| entry.fits(&reference, tenant))?;
        entry.expiry.leaves_half(reference.ttl, second).then_some((reference.id, entry.expiry))
    };
    labels.into_iter().zip(keys).filter_map(fresh).collect()
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
