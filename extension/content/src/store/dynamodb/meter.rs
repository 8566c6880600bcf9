//! Counts what the table was asked for and what it charged.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Everything since the store was built. Subtract two snapshots to see what happened between.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Read request units consumed, as `DynamoDB` reports them.
    pub read_units: f64,
    /// Write request units consumed, as `DynamoDB` reports them.
    pub write_units: f64,
}

/// Units come in halves, so they are counted in halves.
const PARTS_OF_A_UNIT: f64 = 2.0;

#[derive(Debug, Default)]
pub(super) struct Meter {
    requests: AtomicU64,
    read: AtomicU64,
    write: AtomicU64,
}

impl Meter {
    pub(super) fn sent(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self, consumed: &[ConsumedCapacity]) {
        self.read.fetch_add(halves(consumed), Relaxed);
    }

    pub(super) fn wrote(&self, consumed: &[ConsumedCapacity]) {
        self.write.fetch_add(halves(consumed), Relaxed);
    }

    pub(super) fn usage(&self) -> Usage {
        let units = |halves: &AtomicU64| halves.load(Relaxed) as f64 / PARTS_OF_A_UNIT;
        Usage { requests: self.requests.load(Relaxed), read_units: units(&self.read), write_units: units(&self.write) }
    }
}

#[allow(clippy::cast_sign_loss)] // capacity is never negative, and `as` saturates
fn halves(consumed: &[ConsumedCapacity]) -> u64 {
    let units: f64 = consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum();
    (units * PARTS_OF_A_UNIT).round() as u64
}
