//! The clock by which items expire: the machine's, shifted by what a test sets.

use super::error::TableError;
use dynoxide::Database;
use dynoxide::storage_backend::{Clock, SystemClock};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Milliseconds ahead of the machine's clock.
#[derive(Debug, Default)]
pub(super) struct ShiftedClock(AtomicI64);

impl Clock for ShiftedClock {
    #[expect(clippy::cast_sign_loss, reason = "a moment before 1970 is none")]
    fn now_unix_secs(&self) -> u64 {
        self.now_unix_secs_f64().max(0.0) as u64
    }

    fn now_unix_secs_f64(&self) -> f64 {
        SystemClock.now_unix_secs_f64() + self.0.load(Ordering::Relaxed) as f64 / 1000.0
    }
}

/// What moves the clock of the tables.
#[derive(Clone)]
pub(crate) struct TableClock {
    pub(super) clock: Arc<ShiftedClock>,
    pub(super) database: Database,
}

impl TableClock {
    /// Sets how far the clock is ahead, and deletes what has expired by then, as `DynamoDB` does some time later. How many items.
    pub(crate) async fn set_ahead(&self, seconds: f64) -> Result<usize, TableError> {
        self.clock.0.store((seconds * 1000.0) as i64, Ordering::Relaxed);
        let database = self.database.clone();
        Ok(tokio::task::spawn_blocking(move || database.sweep_ttl()).await??)
    }
}

impl fmt::Debug for TableClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableClock").field("clock", &self.clock).finish_non_exhaustive()
    }
}
