//! Gets contents: first the entries, then the parts that they list. Reads are eventually consistent first. What seems to be
//! missing or expired is read once more with a consistent read.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::Instant;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::entry::{self, Body, Read, Unreadable};
use super::in_flight::LARGE_IN_FLIGHT;
use super::item::{Attributes, MAX_ITEM};
use super::retry::Attempts;
use super::store::{BLOCKING, DynamoDbStore};
use super::table::{Found, MAX_READS};
use crate::reference::{ContentRef, Scope, ScopeTag, TenantTag};
use crate::store::encoding::{Encoding, decode_parts};
use crate::store::{Expiry, GetError, MAX_CONTENT_LEN, Stored};

/// Bytes of contents that one answer is expected to have. `DynamoDB` would send 16 MiB, but an answer of that size takes a
/// small sandbox longer than one attempt's time, and the SDK parses it on the thread that serves every other invocation.
const READ_BATCH: usize = 4 << 20;

/// How many requests one call makes at the same time.
const READS_AT_ONCE: usize = 4;

/// Reads contents in the references' order.
pub(super) async fn get(
    store: &DynamoDbStore,
    scope: &Scope,
    references: &[ContentRef],
    until: Instant,
) -> Vec<Result<Stored, GetError>> {
    let mut searches: Vec<_> = references.iter().map(|reference| Search::new(reference, scope)).collect();
    for consistent in [false, true] {
        find_entries(store, &mut searches, consistent, until).await;
        find_parts(store, &mut searches, consistent, until).await;
    }
    let mut contents = Vec::with_capacity(searches.len());
    for search in searches {
        contents.push(search.finish(scope, until).await);
    }
    contents
}

/// Requests the entries of everything that was not found so far.
async fn find_entries(store: &DynamoDbStore, searches: &mut [Search], consistent: bool, until: Instant) {
    let open = searches.iter().filter(|search| search.is_open());
    let keys = open.map(Search::wanted).collect();
    let parse = |item, size| Read::parse(item).of_at_most(size);
    let entries = read_all(store, keys, consistent, until, parse).await;
    let now = store.clock.now();
    for search in searches.iter_mut().filter(|search| search.is_open()) {
        search.entry(entries.get(&search.key), now);
    }
}

/// Requests the parts that known entries list and that have not arrived.
async fn find_parts(store: &DynamoDbStore, searches: &mut [Search], consistent: bool, until: Instant) {
    let part = |key| Wanted { key, size: MAX_ITEM };
    let keys = searches.iter().flat_map(Search::missing_parts).map(part).collect();
    let parts = read_all(store, keys, consistent, until, |mut part, _| entry::take_content(&mut part)).await;
    for search in searches {
        search.parts(&parts);
    }
}

/// The state of the search for one reference.
#[derive(Debug)]
struct Search {
    reference: ContentRef,
    tenant: Option<TenantTag>,
    scope: ScopeTag,
    /// Whether the item that was found may be of another scope, because it does not name its scope.
    may_be_anothers: bool,
    key: String,
    state: State,
    /// The expiry in the last entry.
    expiry: Expiry,
    /// Parts that have arrived. Their keys depend on their bytes, so they are valid for any entry that lists them.
    parts: HashMap<String, Bytes>,
}

#[derive(Debug)]
enum State {
    /// Not found so far, for this reason.
    Open(GetError),
    /// An entry lists these parts, some of which have not arrived.
    Parted(Encoding, Vec<String>),
    /// The stored form has arrived.
    Found(Encoding, Vec<Bytes>),
    /// It has failed, and reading again is useless.
    Failed(GetError),
}

impl Search {
    fn new(reference: &ContentRef, scope: &Scope) -> Self {
        // Nothing of this size was ever stored.
        let impossible = reference.size > MAX_CONTENT_LEN;
        let state = if impossible { State::Failed(GetError::Refused) } else { State::Open(GetError::NotFound) };
        Self {
            reference: *reference,
            tenant: scope.tenant_tag(),
            scope: scope.tag(reference),
            may_be_anothers: false,
            key: reference.id.to_string(),
            state,
            expiry: Expiry::NEVER,
            parts: HashMap::new(),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_) | State::Parted(..))
    }

    /// Its entry.
    fn wanted(&self) -> Wanted {
        let size = usize::try_from(self.reference.size).unwrap_or(MAX_ITEM).min(MAX_ITEM);
        Wanted { key: self.key.clone(), size }
    }

    /// Takes the answer for the entry: nothing, a failure, or an item. The caller does not learn that there is an item of
    /// another scope.
    fn entry(&mut self, answer: Option<&Answer<Read>>, now: u64) {
        self.state = match answer {
            None => State::Open(GetError::NotFound),
            Some(Err(heard)) => State::Failed(GetError::Unavailable(heard.clone())),
            Some(Ok(read)) if self.is_anothers(read) => {
                // What is missing is asked for twice, and so is this, by a key that no item has: time tells nothing, and no item
                // is read twice.
                self.key.push('.');
                State::Open(GetError::NotFound)
            }
            Some(Ok(read)) => self.item(read, now),
        };
    }

    fn is_anothers(&mut self, read: &Read) -> bool {
        // A signature that was checked says whose it is, and what the forerunner wrote is everybody's.
        self.may_be_anothers =
            read.scope.is_none() && self.reference.signature.is_none() && !self.reference.is_legacy();
        read.scope.as_ref().is_some_and(|scope| *scope != self.scope.to_string())
    }

    fn item(&mut self, read: &Read, now: u64) -> State {
        let entry = match &read.entry {
            Ok(entry) => entry,
            Err(Unreadable::Damaged) => return State::Failed(GetError::Corrupt),
            Err(Unreadable::Newer(format)) => {
                let heard = format!("it was stored in item format {format}, which a newer layer reads");
                return State::Failed(GetError::Unavailable(heard));
            }
        };
        self.expiry = entry.heading.expiry;
        if !entry.heading.fits(&self.reference, self.tenant) {
            return State::Failed(GetError::Refused);
        }
        if entry.heading.expiry.has_come(now) {
            return State::Open(GetError::Expired);
        }
        match &entry.body {
            Body::Whole(content) => State::Found(entry.heading.encoding, vec![content.clone()]),
            Body::Parts(list) => State::Parted(entry.heading.encoding, list.keys(&self.key).collect()),
        }
    }

    fn missing_parts(&self) -> Vec<String> {
        match &self.state {
            State::Parted(_, keys) => keys.iter().filter(|key| !self.parts.contains_key(*key)).cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Takes what arrived of its parts.
    fn parts(&mut self, answers: &Answers<Option<Bytes>>) {
        let State::Parted(encoding, keys) = &self.state else { return };
        for key in keys {
            match answers.get(key) {
                None => {}
                Some(Ok(Some(content))) => drop(self.parts.insert(key.clone(), content.clone())),
                Some(Ok(None)) => return self.state = State::Failed(GetError::Corrupt),
                Some(Err(heard)) => return self.state = State::Failed(GetError::Unavailable(heard.clone())),
            }
        }
        if keys.iter().all(|key| self.parts.contains_key(key)) {
            let parts = keys.iter().filter_map(|key| self.parts.remove(key)).collect();
            self.state = State::Found(*encoding, parts);
        }
    }

    /// The content, decoded and verified. Long work is done on another thread.
    async fn finish(self, scope: &Scope, until: Instant) -> Result<Stored, GetError> {
        let (expiry, may_be_anothers) = (self.expiry, self.may_be_anothers);
        match self.content(scope, until).await {
            Ok(bytes) => Ok(Stored { bytes, expiry }),
            Err(error) if may_be_anothers && !matches!(error, GetError::Unavailable(_)) => Err(GetError::NotFound),
            Err(error) => Err(error),
        }
    }

    async fn content(self, scope: &Scope, until: Instant) -> Result<Bytes, GetError> {
        let (encoding, parts) = match self.state {
            State::Found(encoding, parts) => (encoding, parts),
            State::Parted(..) => return Err(GetError::NotFound),
            State::Open(error) | State::Failed(error) => return Err(error),
        };
        let reference = self.reference;
        if reference.size as usize <= BLOCKING {
            return verify(scope, &reference, encoding, parts);
        }
        let scope = scope.clone();
        let work = tokio::task::spawn_blocking(move || verify(&scope, &reference, encoding, parts));
        match tokio::time::timeout_at(until.into(), work).await {
            Ok(outcome) => outcome.unwrap_or(Err(GetError::Corrupt)),
            Err(_) => Err(GetError::Unavailable("there was no time left to decode it".to_owned())),
        }
    }
}

fn verify(scope: &Scope, reference: &ContentRef, encoding: Encoding, parts: Vec<Bytes>) -> Result<Bytes, GetError> {
    let content = if reference.is_legacy() {
        parts.into_iter().next()
    } else {
        decode_parts(encoding, parts, reference.size as usize)
    };
    let content = content.ok_or(GetError::Corrupt)?;
    if scope.holds(reference, &content) { Ok(content) } else { Err(GetError::Corrupt) }
}

/// What was read under a key, or the last error from the table.
type Answer<T> = Result<T, String>;

/// By key; a key without an answer does not exist.
type Answers<T> = HashMap<String, Answer<T>>;

/// A key to be read, with the content bytes that its item has at most, if its reference is right.
#[derive(Debug)]
struct Wanted {
    key: String,
    size: usize,
}

/// Converts an item, whose content may have at most so many bytes, to what is needed of it.
type Parse<T> = fn(Attributes, usize) -> T;

/// Which sizes of items are assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// The sizes in the references. The connector stops reading an answer that is longer.
    Claims,
    /// No sizes: each item counts as one of the largest size, and an answer may have any length.
    Nothing,
}

impl Belief {
    /// Bytes of content with which an item counts.
    fn size(self, wanted: &Wanted) -> usize {
        if self == Self::Claims { wanted.size } else { MAX_ITEM }
    }

    /// Bytes of content that one request may have together.
    fn most(self) -> usize {
        if self == Self::Claims { READ_BATCH } else { LARGE_IN_FLIGHT }
    }

    /// Bytes of content above which the connector stops reading the answer for a batch.
    fn bound(self, batch: usize) -> Option<usize> {
        (self == Self::Claims).then_some(batch)
    }
}

/// Reads keys. The sizes in references may be wrong. If an answer is longer than they say, the connector stops reading it,
/// and its keys are read again as if each had an item of the largest size. So a reference with a wrong size does not take
/// more memory than one with the right size.
async fn read_all<T: Send + 'static>(
    store: &DynamoDbStore,
    keys: Vec<Wanted>,
    consistent: bool,
    until: Instant,
    parse: Parse<T>,
) -> Answers<T> {
    let mut answers = HashMap::new();
    let mut keys = distinct(keys);
    for belief in [Belief::Claims, Belief::Nothing] {
        let (mut batches, mut running) = (batches(keys, belief).into_iter(), JoinSet::new());
        keys = vec![];
        loop {
            while running.len() < READS_AT_ONCE {
                let Some(batch) = batches.next() else { break };
                running.spawn(read_batch(store.clone(), batch, belief, consistent, until, parse));
            }
            let Some(outcome) = running.join_next().await else { break };
            let (read, longer) = outcome.expect("BUG: a read neither panics nor is aborted");
            answers.extend(read);
            keys.extend(longer);
        }
    }
    answers
}

/// Distinct keys of one request, and the most bytes of content that its answer may have.
#[derive(Debug, Default)]
struct Batch {
    keys: Vec<Wanted>,
    bytes: usize,
}

/// Puts as many keys into each request as it may have.
fn batches(wanted: Vec<Wanted>, belief: Belief) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for wanted in wanted {
        let bytes = belief.size(&wanted);
        let has_room = |last: &Batch| last.keys.len() < MAX_READS && last.bytes + bytes <= belief.most();
        if !batches.last().is_some_and(has_room) {
            batches.push(Batch::default());
        }
        let batch = batches.last_mut().expect("BUG: there is one, or it was pushed just now");
        batch.keys.push(wanted);
        batch.bytes += bytes;
    }
    batches
}

/// Each key once, in their order. References may name different sizes for one content, of which at most one is right.
fn distinct(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(wanted.len());
    let mut distinct: Vec<Wanted> = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        match places.entry(wanted.key.clone()) {
            Entry::Occupied(place) => {
                let first = &mut distinct[*place.get()];
                first.size = first.size.max(wanted.size);
            }
            Entry::Vacant(place) => {
                place.insert(distinct.len());
                distinct.push(wanted);
            }
        }
    }
    distinct
}

/// Reads the keys of one request, and repeats the request for keys that were left out. Returns the keys of an answer that is
/// too long.
async fn read_batch<T>(
    store: DynamoDbStore,
    batch: Batch,
    belief: Belief,
    consistent: bool,
    until: Instant,
    parse: Parse<T>,
) -> (Answers<T>, Vec<Wanted>) {
    let Batch { keys, bytes } = batch;
    let mut attempts = Attempts::until(until);
    let mut answers = HashMap::new();
    let room = match store.in_flight.room(bytes, until).await {
        Ok(room) => room,
        Err(heard) => return (failed(keys, &heard), vec![]),
    };
    let mut open = keys;
    while !open.is_empty() {
        let keys: Vec<_> = open.iter().map(|wanted| wanted.key.as_str()).collect();
        let outcome = match attempts.attempt(store.table.read(&keys, belief.bound(bytes), consistent)).await {
            Ok(None) => continue,
            Ok(Some(None)) => break,
            Ok(Some(Some(found))) => {
                if !found.items.is_empty() {
                    attempts.made_progress();
                }
                let unread = take(found, &open, parse, &mut answers);
                open.retain(|wanted| unread.contains(&wanted.key));
                if open.is_empty() { Ok(()) } else { attempts.pause("BatchGetItem: keys were left unprocessed").await }
            }
            Err(heard) => Err(heard),
        };
        if let Err(heard) = outcome {
            answers.extend(failed(std::mem::take(&mut open), &heard));
        }
    }
    drop(room);
    (answers, open)
}

/// Takes what was found of these keys, and returns the keys that were left out.
fn take<T>(found: Found, open: &[Wanted], parse: Parse<T>, answers: &mut Answers<T>) -> HashSet<String> {
    let sizes: HashMap<_, _> = open.iter().map(|wanted| (wanted.key.as_str(), wanted.size)).collect();
    for (key, item) in found.items {
        let size = sizes.get(key.as_str()).copied().unwrap_or_default();
        answers.insert(key, Ok(parse(item, size)));
    }
    found.unread.into_iter().collect()
}

/// The same failure of all keys.
fn failed<T>(keys: Vec<Wanted>, heard: &str) -> Answers<T> {
    keys.into_iter().map(|wanted| (wanted.key, Err(heard.to_owned()))).collect()
}
