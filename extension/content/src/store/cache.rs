//! A store in front of another store, which remembers what one sandbox has stored and read, so that it does not pay for it
//! twice.
//!
//! - *Contents*, by scope and reference, each until its expiry, up to a number of bytes. The least recently used content is
//!   dropped first. Contents are verified when they arrive, and not again.
//! - *Names* of contents that were stored or read in the last ten minutes. Storing them again is free while at least half of
//!   their life is left. Names are not kept for longer, because an item may be deleted by hand.
//! - *Flights*: if many invocations put or get the same content at the same time, one of them does it, and the others wait
//!   for it. If it fails or is dropped, each of the others tries within its own time.
//!
//! Keys contain the whole scope, so equal references of two tenants (which exist only if one is forged) never share an
//! entry. Keys also contain the whole reference, so an altered reference is passed on to the store, which refuses it.
//!
//! Memory: a content that was *put* is copied when it is stored, because a slice would keep the whole response in memory,
//! and a slice does not tell how large that is. A content that was *read* is a separate allocation already, and is kept
//! without a copy. Callers share it.
//!
//! The cache uses the wall clock, because the monotonic clock stops while a sandbox is frozen.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use self::flights::{Boarded, Flights, Followed, Lead};
use self::lru::Lru;
use super::clock::Clock;
use super::tally::Tally;
use super::{ContentStore, Expiry, GetError, PutError, Stored, refuse_too_large};
use crate::part::Index;
use crate::reference::{ContentRef, Scope};

mod flights;
mod lru;

/// For so many seconds, a content that was stored or read is assumed to be in the store still.
const KNOWN_FOR: u64 = 600;

/// How many names to remember, which takes about a megabyte.
const KNOWN: u64 = 4096;

/// A content that was put is remembered only if the cache has room for this many contents of its size. Copying a larger one
/// would displace most others, and the invocation needs the most memory just then.
const LARGEST_SHARE: u64 = 4;

/// The index of a content counts as this share of the content's size. It is mostly smaller, and at most as large as the
/// content.
const INDEX_SHARE: u64 = 4;

/// Roughly the bytes of an entry without its content, so that the number of empty contents is limited, too.
const ENTRY_OVERHEAD: u64 = 256;

/// A store that remembers.
#[derive(Debug)]
pub struct CachedStore<S> {
    store: S,
    tally: Tally,
    shared: Arc<Shared>,
}

/// What all handles of a store share.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    /// `None` if nothing is remembered; concurrent callers still share requests.
    memory: Option<Mutex<Memory>>,
    reads: Flights<Key, Result<Stored, GetError>>,
    writes: Flights<Key, Expiry>,
    reads_spared: AtomicU64,
    writes_spared: AtomicU64,
}

/// Requests that were saved since the store was built. The difference of two snapshots is what happened between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spared {
    /// Contents that did not have to be read from the store.
    pub reads: u64,
    /// Contents that did not have to be written to the store.
    pub writes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    scope: Scope,
    reference: ContentRef,
}

#[derive(Debug)]
struct Memory {
    contents: Lru<Key, Stored>,
    /// The indices of contents of which parts were read.
    indices: Lru<Key, Index>,
    known: Lru<Key, Known>,
}

/// A content that was in the store at second `at`.
#[derive(Debug, Clone, Copy)]
struct Known {
    at: u64,
    expiry: Expiry,
}

/// A content that this call must write or read itself, with its place in the call.
type Led<'a, T> = (usize, Lead<'a, Key, T>);

/// A content that another call writes or reads, with its place in this call.
type Awaited<T> = (usize, flights::Follow<T>);

impl<S> CachedStore<S> {
    /// Remembers up to `capacity` bytes of the contents that `store` stores and reads. With 0, it remembers neither contents
    /// nor names.
    pub fn new(store: S, capacity: u64) -> Self {
        let indices = Lru::new(capacity / INDEX_SHARE);
        let memory = Memory { contents: Lru::new(capacity), indices, known: Lru::new(KNOWN) };
        let shared = Shared {
            clock: Clock::default(),
            memory: (capacity > 0).then(|| Mutex::new(memory)),
            reads: Flights::default(),
            writes: Flights::default(),
            reads_spared: AtomicU64::new(0),
            writes_spared: AtomicU64::new(0),
        };
        Self { store, tally: Tally::default(), shared: Arc::new(shared) }
    }

    /// The same store with another clock, which should be that of the store behind it.
    ///
    /// # Panics
    ///
    /// If the store is in use already.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        Arc::get_mut(&mut self.shared).expect("a clock is chosen before the store is used").clock = clock;
        self
    }

    /// The store behind it.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What was saved so far.
    pub fn spared(&self) -> Spared {
        Spared { reads: self.shared.reads_spared.load(Relaxed), writes: self.shared.writes_spared.load(Relaxed) }
    }

    fn spared_read(&self) {
        self.shared.reads_spared.fetch_add(1, Relaxed);
        self.tally.hit();
    }

    fn spared_write(&self) {
        self.shared.writes_spared.fetch_add(1, Relaxed);
        self.tally.hit();
    }

    /// After a panic in another thread, at worst an entry is missing, so a poisoned lock is used like any other.
    fn memory(&self) -> Option<MutexGuard<'_, Memory>> {
        self.shared.memory.as_ref().map(|memory| memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn content(&self, key: &Key) -> Option<Stored> {
        self.memory()?.content(key, self.shared.clock.now())
    }

    /// The expiry of a content that need not be written again; `None` if it must be.
    fn known(&self, key: &Key) -> Option<Expiry> {
        self.memory()?.known(key, self.shared.clock.now())
    }

    fn remember_read(&self, key: Key, stored: &Stored) {
        if let Some(mut memory) = self.memory() {
            memory.note(key.clone(), Known { at: self.shared.clock.now(), expiry: stored.expiry });
            memory.keep(key, stored.clone());
        }
    }

    /// Forgets a content that could not be read, so that it does not count as stored any more.
    fn forget(&self, key: &Key) {
        if let Some(mut memory) = self.memory() {
            memory.known.remove(key);
        }
    }

    fn remember_write(&self, key: Key, bytes: &Bytes, expiry: Expiry) {
        if let Some(mut memory) = self.memory() {
            memory.note(key.clone(), Known { at: self.shared.clock.now(), expiry });
            memory.keep_copy(key, bytes, expiry);
        }
    }
}

impl Memory {
    /// A content that has not expired.
    fn content(&mut self, key: &Key, now: u64) -> Option<Stored> {
        let stored = self.contents.get(key)?;
        if !stored.expiry.has_come(now) {
            return Some(stored.clone());
        }
        self.contents.remove(key);
        None
    }

    fn known(&mut self, key: &Key, now: u64) -> Option<Expiry> {
        let Known { at, expiry } = *self.known.get(key)?;
        let is_recent = now.checked_sub(at).is_some_and(|age| age < KNOWN_FOR);
        if is_recent && expiry.leaves_half(key.reference.ttl, now) {
            return Some(expiry);
        }
        self.known.remove(key);
        None
    }

    fn note(&mut self, key: Key, known: Known) {
        self.known.insert(key, known, 1);
    }

    fn keep(&mut self, key: Key, stored: Stored) {
        let weight = weight(&stored.bytes);
        self.contents.insert(key, stored, weight);
    }

    /// Copies and keeps a content that may be a slice of something larger, unless the copy would take more than its share.
    /// If the content is kept already, only its expiry is updated.
    fn keep_copy(&mut self, key: Key, bytes: &Bytes, expiry: Expiry) {
        let kept = self.contents.get(&key).map(|stored| stored.bytes.clone());
        if kept.is_some() || self.contents.has_room_for(LARGEST_SHARE * weight(bytes)) {
            let bytes = kept.unwrap_or_else(|| Bytes::copy_from_slice(bytes));
            self.keep(key, Stored { bytes, expiry });
        }
    }
}

impl Memory {
    /// The index of a content, an empty one at first.
    fn index(&mut self, key: Key) -> Index {
        if let Some(index) = self.indices.get(&key) {
            return index.clone();
        }
        let (index, weight) = (Index::default(), (key.reference.size + ENTRY_OVERHEAD) / INDEX_SHARE);
        self.indices.insert(key, index.clone(), weight);
        index
    }
}

fn weight(bytes: &Bytes) -> u64 {
    bytes.len() as u64 + ENTRY_OVERHEAD
}

impl<S: ContentStore + Sync> CachedStore<S> {
    /// Joins or starts the read of a content that is not remembered.
    #[expect(clippy::result_large_err, reason = "it is taken apart where it is returned to")]
    fn board_read(&self, key: &Key) -> Result<Stored, Boarded<'_, Key, Result<Stored, GetError>>> {
        if let Some(stored) = self.content(key) {
            return Ok(stored);
        }
        match self.shared.reads.board(key) {
            // The read before ours may have landed since we looked.
            Boarded::Lead(lead) => self.content(key).ok_or(Boarded::Lead(lead)),
            follow @ Boarded::Follow(_) => Err(follow),
        }
    }

    /// Joins or starts the write of a content that is not known to be stored.
    #[expect(clippy::result_large_err, reason = "it is taken apart where it is returned to")]
    fn board_write(&self, key: &Key) -> Result<Expiry, Boarded<'_, Key, Expiry>> {
        if let Some(expiry) = self.known(key) {
            return Ok(expiry);
        }
        match self.shared.writes.board(key) {
            Boarded::Lead(lead) => self.known(key).ok_or(Boarded::Lead(lead)),
            follow @ Boarded::Follow(_) => Err(follow),
        }
    }

    /// Reads what this call leads, in one call of the store, and tells the followers.
    async fn read(
        &self,
        scope: &Scope,
        references: &[ContentRef],
        led: Vec<Led<'_, Result<Stored, GetError>>>,
        until: Instant,
    ) -> Vec<(usize, Result<Stored, GetError>)> {
        if led.is_empty() {
            return vec![];
        }
        let wanted: Vec<_> = led.iter().map(|(index, _)| references[*index]).collect();
        let read = self.store.get(scope, &wanted, until).await;
        let land = |((index, lead), outcome): (Led<'_, _>, Result<Stored, GetError>)| {
            match &outcome {
                Ok(stored) => self.remember_read(key(scope, &references[index]), stored),
                Err(GetError::Unavailable(_)) => {}
                Err(_) => self.forget(&key(scope, &references[index])),
            }
            lead.land(outcome.clone());
            (index, outcome)
        };
        led.into_iter().zip(read).map(land).collect()
    }

    /// Writes what this call leads, in one call of the store, and tells the followers.
    async fn write(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        led: Vec<Led<'_, Expiry>>,
        until: Instant,
    ) -> Result<Vec<(usize, Expiry)>, PutError> {
        if led.is_empty() {
            return Ok(vec![]);
        }
        let wanted: Vec<_> = led.iter().map(|(index, _)| contents[*index].clone()).collect();
        let written = self.store.put(scope, &wanted, until).await?;
        let land = |((index, lead), expiry): (Led<'_, _>, Expiry)| {
            let (reference, bytes) = &contents[index];
            self.remember_write(key(scope, reference), bytes, expiry);
            lead.land(expiry);
            (index, expiry)
        };
        Ok(led.into_iter().zip(written).map(land).collect())
    }
}

impl<S: ContentStore + Sync> ContentStore for CachedStore<S> {
    fn charging(&self, tally: &Tally) -> Self {
        Self { store: self.store.charging(tally), tally: tally.clone(), shared: Arc::clone(&self.shared) }
    }

    fn index(&self, scope: &Scope, reference: &ContentRef) -> Index {
        self.memory().map_or_else(Index::default, |mut memory| memory.index(key(scope, reference)))
    }

    async fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        until: Instant,
    ) -> Result<Vec<Expiry>, PutError> {
        refuse_too_large(contents)?;
        let mut expiries = vec![None; contents.len()];
        while expiries.contains(&None) {
            let (mut ours, mut others): (Vec<Led<'_, _>>, Vec<Awaited<_>>) = (vec![], vec![]);
            for index in open(&expiries) {
                match self.board_write(&key(scope, &contents[index].0)) {
                    Ok(expiry) => {
                        self.spared_write();
                        expiries[index] = Some(expiry);
                    }
                    Err(Boarded::Lead(lead)) => ours.push((index, lead)),
                    Err(Boarded::Follow(follow)) => others.push((index, follow)),
                }
            }
            for (index, expiry) in self.write(scope, contents, ours, until).await? {
                expiries[index] = Some(expiry);
            }
            for (index, follow) in others {
                match follow.end(until).await {
                    Followed::Landed(expiry) => {
                        self.spared_write();
                        expiries[index] = Some(expiry);
                    }
                    Followed::Lost => {}
                    Followed::OutOfTime => return Err(PutError::Unavailable(OUT_OF_TIME.to_owned())),
                }
            }
            // While some were awaited, others may have lost the half of their life that a reference is good for.
            let now = self.shared.clock.now();
            for (expiry, (reference, _)) in expiries.iter_mut().zip(contents) {
                *expiry = expiry.filter(|expiry| expiry.leaves_half(reference.ttl, now));
            }
            if expiries.contains(&None) && Instant::now() >= until {
                return Err(PutError::Unavailable(OUT_OF_TIME.to_owned()));
            }
        }
        Ok(expiries.into_iter().flatten().collect())
    }

    async fn get(&self, scope: &Scope, references: &[ContentRef], until: Instant) -> Vec<Result<Stored, GetError>> {
        let mut answers: Vec<Option<Result<Stored, GetError>>> = vec![None; references.len()];
        let mut began_before_us = true;
        while answers.contains(&None) {
            let (mut ours, mut others): (Vec<Led<'_, _>>, Vec<Awaited<_>>) = (vec![], vec![]);
            for index in open(&answers) {
                match self.board_read(&key(scope, &references[index])) {
                    Ok(stored) => {
                        self.spared_read();
                        answers[index] = Some(Ok(stored));
                    }
                    Err(Boarded::Lead(lead)) => ours.push((index, lead)),
                    Err(Boarded::Follow(follow)) => others.push((index, follow)),
                }
            }
            for (index, answer) in self.read(scope, references, ours, until).await {
                answers[index] = Some(answer);
            }
            for (index, follow) in others {
                answers[index] = match follow.end(until).await {
                    Followed::Landed(answer) => self.of_another(answer, began_before_us),
                    Followed::Lost => None,
                    Followed::OutOfTime => Some(Err(GetError::Unavailable(OUT_OF_TIME.to_owned()))),
                };
            }
            began_before_us = false;
        }
        answers.into_iter().flatten().collect()
    }
}

impl<S> CachedStore<S> {
    /// What the read of another call means for this call. A content that it has read is valid here, too. That there is no
    /// content is valid only if the read started after this call; otherwise the content may have been stored in between. A
    /// timeout of the other call is not valid here.
    fn of_another(&self, answer: Result<Stored, GetError>, began_before_us: bool) -> Option<Result<Stored, GetError>> {
        match answer {
            Ok(stored) if stored.expiry.has_come(self.shared.clock.now()) => None,
            Err(GetError::Unavailable(_)) => None,
            Err(_) if began_before_us => None,
            answer => {
                if answer.is_ok() {
                    self.spared_read();
                }
                Some(answer)
            }
        }
    }
}

const OUT_OF_TIME: &str = "timed out waiting for another request for the same content";

fn key(scope: &Scope, reference: &ContentRef) -> Key {
    Key { scope: scope.clone(), reference: *reference }
}

/// Places that have no answer so far.
fn open<T>(answers: &[Option<T>]) -> Vec<usize> {
    answers.iter().enumerate().filter(|(_, answer)| answer.is_none()).map(|(index, _)| index).collect()
}
