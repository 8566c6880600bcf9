//! Counts what the use of a store costs: for the whole sandbox, or for one of many concurrent invocations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Requests to a store, and what it charged.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Read request units consumed, as the store reports them. If an answer never arrived, its units are unknown.
    pub read_units: f64,
    /// Write request units consumed, as the store reports them.
    pub write_units: f64,
    /// Contents that were read, or known to be stored, without a request to the store.
    pub cache_hits: u64,
    /// USD, by list prices, that contents in S3 cost less than they would have in the table.
    pub saved_usd: f64,
}

/// Counters of what one caller uses. Clones share the counters, also in tasks that outlive the call, so requests of a call
/// that was given up are counted, too.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    read: AtomicU64,
    write: AtomicU64,
    hits: AtomicU64,
    saved: AtomicU64,
}

/// Units are counted in halves, because the store charges in halves.
const PARTS_OF_A_UNIT: f64 = 2.0;

/// Savings are counted in these parts of a dollar. A read saves some hundreds of them.
const PARTS_OF_A_DOLLAR: f64 = 1e9;

impl Tally {
    /// Everything counted so far.
    pub fn usage(&self) -> Usage {
        let Counters { requests, read, write, hits, saved } = &*self.0;
        let units = |halves: &AtomicU64| halves.load(Relaxed) as f64 / PARTS_OF_A_UNIT;
        Usage {
            requests: requests.load(Relaxed),
            read_units: units(read),
            write_units: units(write),
            cache_hits: hits.load(Relaxed),
            saved_usd: saved.load(Relaxed) as f64 / PARTS_OF_A_DOLLAR,
        }
    }

    /// A request is being sent.
    pub fn sent(&self) {
        self.0.requests.fetch_add(1, Relaxed);
    }

    /// The store charged for a read.
    pub fn read(&self, units: f64) {
        self.0.read.fetch_add(halves(units), Relaxed);
    }

    /// The store charged for a write.
    pub fn wrote(&self, units: f64) {
        self.0.write.fetch_add(halves(units), Relaxed);
    }

    /// The store charged `usd` less than the table would have. If it charged more, nothing is counted.
    #[allow(clippy::cast_sign_loss)] // `as` saturates at nothing
    pub fn saved(&self, usd: f64) {
        self.0.saved.fetch_add((usd * PARTS_OF_A_DOLLAR).round() as u64, Relaxed);
    }

    /// A content did not have to be requested.
    pub fn hit(&self) {
        self.0.hits.fetch_add(1, Relaxed);
    }
}

#[allow(clippy::cast_sign_loss)] // what is charged is never negative, and `as` saturates
fn halves(units: f64) -> u64 {
    (units * PARTS_OF_A_UNIT).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let tally = Tally::default();
        let clone = tally.clone();
        tally.sent();
        clone.sent();
        clone.read(0.5);
        tally.wrote(3.0);
        tally.hit();
        clone.saved(0.0032);
        clone.saved(-1.0);
        let expected = Usage { requests: 2, read_units: 0.5, write_units: 3.0, cache_hits: 1, saved_usd: 0.0032 };
        assert_eq!(tally.usage(), expected);
    }
}
