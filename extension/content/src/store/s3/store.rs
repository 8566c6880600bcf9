//! The store itself: its bucket, its compressor, its clock, and how many requests it makes at the same time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::bucket::Bucket;
use super::settings::BucketSettings;
use crate::store::clock::Clock;
use crate::store::dynamodb::SettingsError;
use crate::store::encoding::Encoder;
use crate::store::tally::{Tally, Usage};

/// How many requests with contents are in flight at the same time, for all invocations. Each has at most the bytes of a part
/// or a range in memory.
const AT_ONCE: usize = 8;

/// A content store on an S3 bucket. Clones share connections and counters.
#[derive(Debug, Clone)]
pub struct S3Store {
    pub(super) bucket: Bucket,
    pub(super) encoder: Arc<Encoder>,
    pub(super) clock: Clock,
    pub(super) at_once: Arc<Semaphore>,
}

impl S3Store {
    /// Checks the settings and reads the certificates. Connects on first use.
    pub fn new(settings: BucketSettings) -> Result<Self, SettingsError> {
        let at_once = Arc::new(Semaphore::new(AT_ONCE));
        Ok(Self { bucket: Bucket::new(settings)?, encoder: Arc::default(), clock: Clock::default(), at_once })
    }

    /// The same store with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Opens the connection, TLS included. If that fails, nothing is lost. It takes at most two seconds.
    pub async fn warm(&self) {
        self.bucket.warm().await;
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.bucket.settings().bucket
    }

    /// Contents whose stored form has more bytes than this are meant for it.
    pub fn min_size(&self) -> u64 {
        self.bucket.settings().min_size
    }

    /// Requests since the store was built, counted over all clones and the tallies that they charge.
    pub fn meter(&self) -> Usage {
        self.bucket.usage()
    }

    pub(super) fn charged_to(&self, tally: &Tally) -> Self {
        Self { bucket: self.bucket.charging(tally), ..self.clone() }
    }
}
