//! A content store in memory: the rules of every store without the network, for tests and for callers who keep
//! contents within one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::clock::Clock;
use super::tally::Tally;
use super::{ContentStore, GetError, PutError, expires_at, refuse_too_large};
use crate::reference::{ContentId, ContentRef, Scope};

/// Keeps contents until they are asked for after their time.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<HashMap<ContentId, Kept>>>,
    clock: Clock,
}

#[derive(Debug, Clone)]
struct Kept {
    reference: ContentRef,
    bytes: Bytes,
    expires_at: Option<u64>,
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

    fn get_one(&self, scope: &Scope, reference: &ContentRef) -> Result<Bytes, GetError> {
        let kept = self.lock().get(&reference.id).cloned().ok_or(GetError::NotFound)?;
        if kept.reference != *reference {
            return Err(GetError::Refused);
        }
        if kept.expires_at.is_some_and(|end| end <= self.clock.now()) {
            self.lock().remove(&reference.id);
            return Err(GetError::Expired);
        }
        if !scope.holds(reference, &kept.bytes) {
            return Err(GetError::Corrupt);
        }
        Ok(kept.bytes)
    }
}

impl ContentStore for MemoryStore {
    /// Memory costs nothing.
    fn charging(&self, _tally: &Tally) -> Self {
        self.clone()
    }

    async fn put(&self, contents: &[(ContentRef, Bytes)], _until: Instant) -> Result<(), PutError> {
        refuse_too_large(contents)?;
        let now = self.clock.now();
        let mut kept = self.lock();
        for (reference, bytes) in contents {
            let expires_at = expires_at(reference.ttl, now);
            kept.insert(reference.id, Kept { reference: *reference, bytes: bytes.clone(), expires_at });
        }
        Ok(())
    }

    async fn get(&self, scope: &Scope, references: &[ContentRef], _until: Instant) -> Vec<Result<Bytes, GetError>> {
        references.iter().map(|reference| self.get_one(scope, reference)).collect()
    }
}
