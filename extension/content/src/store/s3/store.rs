//! The store itself: its bucket, what encodes for it, its clock, and how much it does at once.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::bucket::Bucket;
use super::settings::BucketSettings;
use crate::store::clock::Clock;
use crate::store::dynamodb::SettingsError;
use crate::store::encoding::Encoder;
use crate::store::tally::{Tally, Usage};

/// Requests that carry contents at once, of all invocations: of each at most the bytes of a part or a range are in memory.
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
    /// Checks the settings and reads the certificates; connects when first asked.
    pub fn new(settings: BucketSettings) -> Result<Self, SettingsError> {
        let at_once = Arc::new(Semaphore::new(AT_ONCE));
        Ok(Self { bucket: Bucket::new(settings)?, encoder: Arc::default(), clock: Clock::default(), at_once })
    }

    /// The same store by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Opens the connection, TLS included. Failing is no loss; it takes two seconds at most.
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
