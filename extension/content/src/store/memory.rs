//! A content store in memory: the rules of every store without the network, for tests and for callers who keep
//! contents within one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::clock::Clock;
use super::tally::Tally;
use super::{ContentStore, Expiry, GetError, PutError, Stored, refuse_too_large};
use crate::reference::{ContentId, ContentRef, Scope, ScopeTag};

/// Keeps contents until they are asked for after their time.
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

    /// The same store by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Contents kept, expired ones included that nobody asked for.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// A panic elsewhere cannot leave the map half changed, so a poisoned lock is as good as any.
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
