//! The store itself: its table, its compressor, and its clock.

use std::sync::Arc;

use super::super::clock::Clock;
use super::super::tally::{Tally, Usage};
use super::in_flight::InFlight;
use super::item::MAX_PART;
use super::settings::Settings;
use super::settings_error::SettingsError;
use super::table::Table;
use crate::store::encoding::Encoder;

/// For more bytes than this, another thread hashes and compresses. On the tokio runtime's thread, other invocations would
/// wait for it.
pub(super) const BLOCKING: usize = 512 << 10;

/// A content store on a `DynamoDB` table. Clones share one client, its connections and its counters.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    pub(super) table: Table,
    pub(super) encoder: Arc<Encoder>,
    pub(super) clock: Clock,
    pub(super) part_size: usize,
    pub(super) in_flight: Arc<InFlight>,
}

impl DynamoDbStore {
    /// Checks the settings and reads the certificates of [`TlsRoots::File`]. Everything else is set up on first use.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            table: Table::new(settings)?,
            encoder: Arc::default(),
            clock: Clock::default(),
            part_size: MAX_PART,
            in_flight: Arc::default(),
        })
    }

    /// The same store with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same store, which writes parts of `part_size` bytes, but at most what an item can hold and at least what readers
    /// accept (1 KiB). Readers accept all sizes in between, so writers may use different ones.
    #[must_use]
    pub fn with_part_size(self, part_size: usize) -> Self {
        Self { part_size: part_size.clamp(1 << 10, MAX_PART), ..self }
    }

    /// Opens the connection, TLS included, without a `DynamoDB` operation. If that fails, nothing is lost. It takes at most
    /// two seconds.
    pub async fn warm(&self) {
        self.table.warm().await;
    }

    /// The same store without its table, for the warm-up: requests are neither sent nor counted, and every write succeeds.
    #[must_use]
    pub fn staged(&self) -> Self {
        Self { table: self.table.staged(), ..self.clone() }
    }

    /// Requests and units since the store was built, for all clones and the tallies that they charge.
    pub fn meter(&self) -> Usage {
        self.table.usage()
    }
}

impl DynamoDbStore {
    /// The same store, whose requests are counted in another tally.
    pub(super) fn charged_to(&self, tally: &Tally) -> Self {
        Self { table: self.table.charging(tally), ..self.clone() }
    }
}
