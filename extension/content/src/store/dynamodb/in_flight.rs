//! Limits how many bytes the answers to reads may have together while they are in flight.

use std::time::Instant;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes of contents that all answers in flight may have together. An answer is in memory twice, as base64 and decoded. An
/// answer that may be larger is read alone.
pub const LARGE_IN_FLIGHT: usize = 8 << 20;

/// The same for answers of at most [`SMALL`] bytes, so that they need not wait for larger ones.
const SMALL_IN_FLIGHT: usize = 4 << 20;
const SMALL: usize = 512 << 10;

/// Room for answers in flight.
#[derive(Debug)]
pub(super) struct InFlight {
    large: Semaphore,
    small: Semaphore,
}

impl Default for InFlight {
    fn default() -> Self {
        Self { large: Semaphore::new(LARGE_IN_FLIGHT), small: Semaphore::new(SMALL_IN_FLIGHT) }
    }
}

impl InFlight {
    /// Waits until an answer of at most `bytes` may be requested, but at most until `until`.
    pub(super) async fn room(&self, bytes: usize, until: Instant) -> Result<SemaphorePermit<'_>, String> {
        let (lane, most) = if bytes <= SMALL { (&self.small, SMALL_IN_FLIGHT) } else { (&self.large, LARGE_IN_FLIGHT) };
        let room = tokio::time::timeout_at(until.into(), lane.acquire_many(bytes.min(most) as u32)).await;
        let room = room.map_err(|_| "other reads left no room for the answer in time".to_owned())?;
        Ok(room.expect("BUG: never closed"))
    }
}
