//! Deletes what has expired by the clock of the tables.

use super::error::TableError;
use super::shifted_clock::ShiftedClock;
use dynoxide::storage::Storage;
use dynoxide::storage_backend::Clock;
use dynoxide::ttl::sweep_expired_items;
use dynoxide::{Database, DynoxideError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// The tables, and the clock that says what has expired.
#[derive(Clone)]
pub(super) struct Sweeper {
    pub(super) database: Database,
    /// Where they are kept; in memory without.
    pub(super) file: Option<PathBuf>,
    pub(super) clock: Arc<ShiftedClock>,
}

impl Sweeper {
    /// How many items were deleted.
    pub(super) async fn sweep(&self) -> Result<usize, TableError> {
        let sweeper = self.clone();
        Ok(tokio::task::spawn_blocking(move || sweeper.sweep_now()).await??)
    }

    /// dynoxide opens a file by the machine's clock alone. A second connection to it, which goes by ours, sweeps it.
    fn sweep_now(&self) -> Result<usize, DynoxideError> {
        let Some(file) = &self.file else { return self.database.sweep_ttl() };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let storage = Storage::new(&file.to_string_lossy())?.with_clock(clock);
        Handle::current().block_on(sweep_expired_items(&storage))
    }

    /// Not before somebody had the time to set the clock.
    pub(super) async fn sweep_on_timer(self, every: Duration) {
        let mut timer = interval_at(Instant::now() + every, every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            match self.sweep().await {
                Ok(0) => {}
                Ok(swept) => tracing::info!(swept, "expired items deleted"),
                Err(error) => tracing::warn!(%error, "sweep of expired items failed"),
            }
        }
    }
}
