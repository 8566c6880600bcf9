//! Puts contents: encodes them, lays them out in items, leaves out what is stored already, writes parts and whole items, and
//! then the commit items.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::condition::Condition;
use super::item::{Item, Label, Layout};
use super::look;
use super::retry::Attempts;
use super::store::{BLOCKING, DynamoDbStore};
use super::table::{MAX_WRITES, Put, Table};
use crate::reference::{ContentId, ContentRef, Scope};
use crate::store::Expiry;
use crate::store::clock::Clock;
use crate::store::encoding::Encoder;

/// Bytes of content in one request. At 1 MB/s or more, the request takes much less than the time of one attempt.
const WRITE_BATCH: usize = 2 << 20;

/// How many requests are made at the same time. Each needs memory for its content twice more (the SDK's copy and its
/// base64), so this limits the memory.
const WRITES_AT_ONCE: usize = 4;

/// Stores contents, and returns their expiries. The error is the last one from the table.
///
/// A new reference is valid for at least half of the content's life. If writing took so long that it is not, the content is
/// written again.
pub(super) async fn put(
    store: &DynamoDbStore,
    scope: &Scope,
    contents: &[(ContentRef, Bytes)],
    until: Instant,
) -> Result<Vec<Expiry>, String> {
    let mut expiries: HashMap<ContentId, Expiry> = HashMap::new();
    loop {
        let now = store.clock.now();
        let is_good = |reference: &ContentRef| {
            expiries.get(&reference.id).is_some_and(|expiry| expiry.leaves_half(reference.ttl, now))
        };
        let unsafe_to_name = distinct(contents, |reference| !is_good(reference));
        if unsafe_to_name.is_empty() {
            return Ok(contents.iter().map(|(reference, _)| expiries[&reference.id]).collect());
        }
        expiries.extend(put_once(store, scope, unsafe_to_name, until).await?);
    }
}

async fn put_once(
    store: &DynamoDbStore,
    scope: &Scope,
    contents: Vec<(ContentRef, Bytes)>,
    until: Instant,
) -> Result<HashMap<ContentId, Expiry>, String> {
    let mut laid_out = lay_out(store, scope, contents).await?;
    let mut expiries = HashMap::new();
    if look::is_worth_it(&laid_out) {
        expiries = look::stored(store, &laid_out, until).await;
        laid_out.retain(|(label, _)| !expiries.contains_key(&label.reference.id));
    }
    expiries.extend(write(store, laid_out, until).await?);
    Ok(expiries)
}

/// Writes what is not known to be stored. A single short item is written on a condition, without a look before.
async fn write(
    store: &DynamoDbStore,
    mut laid_out: Vec<(Label, Layout)>,
    until: Instant,
) -> Result<Vec<(ContentId, Expiry)>, String> {
    if let [(label, Layout::Whole(item))] = &mut laid_out[..] {
        let expiry = write_unless_stored(store, label, item, until).await?;
        return Ok(vec![(label.reference.id, expiry)]);
    }
    let (mut ids, mut at_once, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for (label, layout) in laid_out {
        ids.push(label.reference.id);
        match layout {
            Layout::Whole(item) => at_once.push(item),
            Layout::Parted { parts, commit } => {
                at_once.extend(parts);
                commits.push(commit);
            }
        }
    }
    let mut written = write_all(store, at_once, until).await?;
    written.extend(write_all(store, commits, until).await?);
    Ok(ids.into_iter().map(|id| (id, written[&id.to_string()])).collect())
}

/// Writes an item that may be stored already, and returns its expiry. If the answer of an attempt was lost, the item may
/// have been written; then the next attempt finds it, which counts as success. An item whose content is damaged is replaced.
async fn write_unless_stored(
    store: &DynamoDbStore,
    label: &Label,
    item: &mut Item,
    until: Instant,
) -> Result<Expiry, String> {
    let mut attempts = Attempts::until(until);
    let mut is_damaged = false;
    loop {
        let now = store.clock.now();
        item.renew(now);
        let enough = Expiry::half_of(label.reference.ttl, now);
        let condition = (!is_damaged).then(|| Condition::unless_stored(item, enough));
        match attempts.attempt(store.table.put(item, condition.as_ref())).await? {
            Some(Put::Written) => return Ok(item.expiry()),
            Some(Put::Kept(expiry)) => return Ok(expiry.unwrap_or(enough)),
            Some(Put::Damaged) => {
                tracing::warn!(reference = %label.reference, "a damaged content is replaced");
                is_damaged = true;
            }
            None => {}
        }
    }
}

/// The contents that are `wanted`, each once: one key may occur only once in a request.
fn distinct(contents: &[(ContentRef, Bytes)], wanted: impl Fn(&ContentRef) -> bool) -> Vec<(ContentRef, Bytes)> {
    let mut seen = HashSet::new();
    contents.iter().filter(|(reference, _)| wanted(reference) && seen.insert(reference.id)).cloned().collect()
}

/// Encodes and lays out contents. Long work is done on another thread.
async fn lay_out(
    store: &DynamoDbStore,
    scope: &Scope,
    contents: Vec<(ContentRef, Bytes)>,
) -> Result<Vec<(Label, Layout)>, String> {
    let (encoder, now, part_size) = (Arc::clone(&store.encoder), store.clock.now(), store.part_size);
    let (scope, tenant) = (scope.clone(), scope.tenant_tag());
    let len: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
    let work = move || {
        let lay_out = |(reference, bytes): (ContentRef, Bytes)| {
            let label =
                Label { reference, tenant, scope: scope.tag(&reference), expiry: Expiry::of(reference.ttl, now) };
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

/// The expiries of items, by their keys.
type Written = HashMap<String, Expiry>;

/// Writes items, with a few requests at a time. If the future is dropped, requests that were not sent are not made.
async fn write_all(store: &DynamoDbStore, items: Vec<Item>, until: Instant) -> Result<Written, String> {
    let mut batches = batches(items).into_iter();
    let (mut running, mut written) = (JoinSet::new(), Written::new());
    loop {
        while running.len() < WRITES_AT_ONCE {
            let Some(batch) = batches.next() else { break };
            running.spawn(write_batch(store.table.clone(), store.clock.clone(), batch, until));
        }
        match running.join_next().await {
            None => return Ok(written),
            Some(outcome) => {
                written.extend(outcome.unwrap_or_else(|_| Err("a write was cancelled".to_owned()))?);
            }
        }
    }
}

/// Groups items in their order, with as many in each request as it may have.
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

/// Writes the items of one request, and repeats it for items that were left out, until all are acknowledged. The life of an
/// item starts with each attempt.
async fn write_batch(table: Table, clock: Clock, mut items: Vec<Item>, until: Instant) -> Result<Written, String> {
    let (mut attempts, mut written) = (Attempts::until(until), Written::new());
    loop {
        let now = clock.now();
        for item in &mut items {
            item.renew(now);
        }
        let Some(unwritten) = attempts.attempt(table.write(&items)).await? else { continue };
        if unwritten.len() < items.len() {
            attempts.made_progress();
        }
        let unwritten: HashSet<_> = unwritten.into_iter().collect();
        let (left_out, done): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| unwritten.contains(item.key()));
        written.extend(done.iter().map(|item| (item.key().to_owned(), item.expiry())));
        if left_out.is_empty() {
            return Ok(written);
        }
        items = left_out;
        attempts.pause("BatchWriteItem: items were left unprocessed").await?;
    }
}
