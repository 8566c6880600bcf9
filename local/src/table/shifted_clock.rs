//! The clock by which items expire: the machine's, shifted by what a test sets.

use dynoxide::storage_backend::{Clock, SystemClock};
use std::sync::atomic::{AtomicI64, Ordering};

/// Milliseconds ahead of the machine's clock.
#[derive(Debug, Default)]
pub(super) struct ShiftedClock(AtomicI64);

impl ShiftedClock {
    pub(super) fn set_ahead(&self, seconds: f64) {
        self.0.store((seconds * 1000.0) as i64, Ordering::Relaxed);
    }
}

impl Clock for ShiftedClock {
    #[expect(clippy::cast_sign_loss, reason = "a moment before 1970 is none")]
    fn now_unix_secs(&self) -> u64 {
        self.now_unix_secs_f64().max(0.0) as u64
    }

    fn now_unix_secs_f64(&self) -> f64 {
        SystemClock.now_unix_secs_f64() + self.0.load(Ordering::Relaxed) as f64 / 1000.0
    }
}
