//! What moves the clock of the tables.

use super::error::TableError;
use super::sweeper::Sweeper;
use std::fmt;

/// The clock by which items expire, and what deletes those that have.
#[derive(Clone)]
pub(crate) struct TableClock(pub(super) Sweeper);

impl TableClock {
    /// Sets how far the clock is ahead, and deletes what has expired by then, as `DynamoDB` does some time later. How many items.
    pub(crate) async fn set_ahead(&self, seconds: f64) -> Result<usize, TableError> {
        self.0.clock.set_ahead(seconds);
        self.0.sweep().await
    }
}

impl fmt::Debug for TableClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TableClock").field(&self.0.clock).finish()
    }
}
