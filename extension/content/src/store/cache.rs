//! What one sandbox need not pay for twice: a store in front of another one that remembers what it stored and read.
//!
//! - *Contents*, by scope and reference, each until its expiry, bounded by bytes; what was used least recently leaves
//!   first. They were verified when they came, and are not again.
//! - *Names* of contents stored or read in the last ten minutes: storing them again is free while at least half of their
//!   life is left. Not for longer: an item that somebody deleted would be named for ever.
//! - *Flights*: of many invocations that put or get one content at once, one does it, and the others wait for it. When it
//!   fails or is dropped, each of them tries within its own time.
//!
//! Keys hold the whole scope: equal references of two tenants (which only a forger has) never meet. They hold the whole
//! reference too, so that an altered one is the store's to refuse.
//!
//! Whose memory: a content that was *put* is copied once it is durable, because a slice would keep the whole response
//! alive, and a slice does not tell how large that is. A content that was *read* is a separate allocation, and is kept
//! as it came; what is handed out shares it.
//!
//! Time is the wall clock: the monotonic one stops while a sandbox is frozen.

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

/// Seconds for which a content that was stored or read is taken to be in the store still.
const KNOWN_FOR: u64 = 600;

/// Names to remember: a megabyte or so.
const KNOWN: u64 = 4096;

/// A content that was put is remembered if the memory holds this many of its size: one that would drive out all others
/// is not worth a copy in the middle of an invocation that is at its largest just then.
const LARGEST_SHARE: u64 = 4;

/// The index of a content has about this share of its size, at most as much as it has, and mostly less.
const INDEX_SHARE: u64 = 4;

/// What an entry costs beside its content, roughly, so that a million empty contents are bounded too.
const ENTRY_OVERHEAD: u64 = 256;

/// A store that remembers.
#[derive(Debug)]
pub struct CachedStore<S> {
    store: S,
    tally: Tally,
    shared: Arc<Shared>,
}

/// What all handles of a store remember together.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    /// `None` remembers nothing; those who come together still share.
    memory: Option<Mutex<Memory>>,
    reads: Flights<Key, Result<Stored, GetError>>,
    writes: Flights<Key, Expiry>,
    reads_spared: AtomicU64,
    writes_spared: AtomicU64,
}

/// What was spared since the store was built. Subtract two snapshots to see what happened between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spared {
    /// Contents that were got without reading them.
    pub reads: u64,
    /// Contents that were put without writing them.
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
    /// Where the parts of contents are of which some were read.
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

/// A content that another call is at, with its place in this one.
type Awaited<T> = (usize, flights::Follow<T>);

impl<S> CachedStore<S> {
    /// Remembers up to `capacity` bytes of what `store` takes and gives; with 0 nothing, neither contents nor names.
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

    /// The same store by another clock, which should be that of the store behind it.
    ///
    /// # Panics
    ///
    /// When the store is in use already.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        Arc::get_mut(&mut self.shared).expect("a clock is chosen before the store is used").clock = clock;
        self
    }

    /// The store behind it.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What was spared so far.
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

    /// A panic elsewhere leaves at worst an entry less, so a poisoned lock is as good as any.
    fn memory(&self) -> Option<MutexGuard<'_, Memory>> {
        self.shared.memory.as_ref().map(|memory| memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn content(&self, key: &Key) -> Option<Stored> {
        self.memory()?.content(key, self.shared.clock.now())
    }

    /// Until when a content is stored that need not be written again.
    fn known(&self, key: &Key) -> Option<Expiry> {
        self.memory()?.known(key, self.shared.clock.now())
    }

    fn remember_read(&self, key: Key, stored: &Stored) {
        if let Some(mut memory) = self.memory() {
            memory.note(key.clone(), Known { at: self.shared.clock.now(), expiry: stored.expiry });
            memory.keep(key, stored.clone());
        }
    }

    /// What cannot be read is not taken to be stored any more.
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
    /// A content whose time is not over.
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

    /// Keeps a content that may be a slice of something larger, unless its copy would take more than its share. One that
    /// is kept already only lives longer.
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
    /// Joins or begins the read of a content that is not remembered.
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

    /// Joins or begins the write of a content that is not known to be stored.
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
    /// What another call's read says to this one. A content is a content. That there is none holds only if the read began
    /// after this call: otherwise somebody may have stored it in between. And another's deadline is none of ours.
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
