//! A content store in memory. It has the rules of every store but needs no network, for tests and for callers that keep
//! contents within one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::clock::Clock;
use super::tally::Tally;
use super::{ContentStore, Expiry, GetError, PutError, Stored, refuse_too_large};
use crate::reference::{ContentId, ContentRef, Scope, ScopeTag};

/// Keeps contents in memory. An expired content is dropped when it is requested.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<HashMap<ContentId, Kept>>>,
    clock: Clock,
}

#[derive(Debug, Clone)]
struct Kept {
    reference: ContentRef,
    scope: ScopeTag,
    stored: Stored,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same store with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// How many contents are kept, including expired ones that were not requested since.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// A panic in another thread cannot leave the map half changed, so a poisoned lock is used like any other.
    fn lock(&self) -> MutexGuard<'_, HashMap<ContentId, Kept>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get_one(&self, scope: &Scope, reference: &ContentRef) -> Result<Stored, GetError> {
        let kept = self.lock().get(&reference.id).cloned();
        let kept = kept.filter(|kept| kept.scope == scope.tag(reference)).ok_or(GetError::NotFound)?;
        if kept.reference != *reference {
            return Err(GetError::Refused);
        }
        if kept.stored.expiry.has_come(self.clock.now()) {
            self.lock().remove(&reference.id);
            return Err(GetError::Expired);
        }
        if !scope.holds(reference, &kept.stored.bytes) {
            return Err(GetError::Corrupt);
        }
        Ok(kept.stored)
    }
}

impl ContentStore for MemoryStore {
    /// Memory costs nothing.
    fn charging(&self, _tally: &Tally) -> Self {
        self.clone()
    }

    async fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        _until: Instant,
    ) -> Result<Vec<Expiry>, PutError> {
        refuse_too_large(contents)?;
        let (now, mut kept) = (self.clock.now(), self.lock());
        let keep = |(reference, bytes): &(ContentRef, Bytes)| {
            let tag = scope.tag(reference);
            let same = kept.get(&reference.id).filter(|old| (old.reference, old.scope) == (*reference, tag));
            if let Some(old) = same.filter(|old| old.stored.expiry.leaves_half(reference.ttl, now)) {
                return old.stored.expiry;
            }
            let expiry = Expiry::of(reference.ttl, now);
            let stored = Stored { bytes: Bytes::copy_from_slice(bytes), expiry };
            kept.insert(reference.id, Kept { reference: *reference, scope: tag, stored });
            expiry
        };
        Ok(contents.iter().map(keep).collect())
    }

    async fn get(&self, scope: &Scope, references: &[ContentRef], _until: Instant) -> Vec<Result<Stored, GetError>> {
        references.iter().map(|reference| self.get_one(scope, reference)).collect()
    }
}
