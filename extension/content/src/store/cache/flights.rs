//! One request at a time for each key: later callers wait for the result of the first.
//!
//! A flight ends when its leader lands it, fails, or is dropped in the middle of its work (because the runtime has
//! disconnected). In each case, followers are notified at once, because the leader's half of the channel is dropped with it.
//! So no follower can be forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

/// The flights under way.
#[derive(Debug)]
pub(super) struct Flights<K, T>(Mutex<HashMap<K, watch::Receiver<Option<T>>>>);

/// A place on the only flight for a key.
#[derive(Debug)]
pub(super) enum Boarded<'a, K: Eq + Hash, T> {
    /// No other task does the same, so this one must.
    Lead(Lead<'a, K, T>),
    /// Another task does it.
    Follow(Follow<T>),
}

/// The outcome of a flight that was followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Followed<T> {
    Landed(T),
    /// Its leader failed, or was dropped.
    Lost,
    /// The follower's own time is over.
    OutOfTime,
}

/// The leader's duty to end a flight. If it is dropped, the flight is lost.
#[derive(Debug)]
pub(super) struct Lead<'a, K: Eq + Hash, T> {
    flights: &'a Flights<K, T>,
    key: K,
    outcome: watch::Sender<Option<T>>,
}

/// A seat on the flight of another task.
#[derive(Debug)]
pub(super) struct Follow<T>(watch::Receiver<Option<T>>);

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Flights<K, T> {
    /// Joins the flight for `key`, or starts it.
    pub(super) fn board(&self, key: &K) -> Boarded<'_, K, T> {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(key) {
            return Boarded::Follow(Follow(flight.clone()));
        }
        let (outcome, flight) = watch::channel(None);
        flights.insert(key.clone(), flight);
        Boarded::Lead(Lead { flights: self, key: key.clone(), outcome })
    }
}

impl<K, T> Flights<K, T> {
    /// A panic in another thread cannot leave the map half changed, so a poisoned lock is used like any other.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, T> Lead<'_, K, T> {
    /// Tells the followers the outcome.
    pub(super) fn land(self, outcome: T) {
        self.outcome.send_replace(Some(outcome));
    }
}

/// Whatever the outcome, the next caller starts a new flight.
impl<K: Eq + Hash, T> Drop for Lead<'_, K, T> {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

impl<T: Clone> Follow<T> {
    /// Waits for the flight's end, but not past `until`.
    pub(super) async fn end(mut self, until: Instant) -> Followed<T> {
        let landing = tokio::time::timeout_at(until.into(), self.0.wait_for(Option::is_some)).await;
        match landing {
            Ok(Ok(outcome)) => outcome.clone().map_or(Followed::Lost, Followed::Landed),
            Ok(Err(_)) => Followed::Lost,
            Err(_) => Followed::OutOfTime,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn later() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn lead(flights: &Flights<u8, u8>) -> Lead<'_, u8, u8> {
        match flights.board(&1) {
            Boarded::Lead(lead) => lead,
            Boarded::Follow(_) => panic!("somebody is at it"),
        }
    }

    fn follow(flights: &Flights<u8, u8>) -> Follow<u8> {
        match flights.board(&1) {
            Boarded::Lead(_) => panic!("nobody is at it"),
            Boarded::Follow(follow) => follow,
        }
    }

    #[tokio::test]
    async fn followers_get_what_the_leader_lands() {
        let flights = Flights::default();
        let leader = lead(&flights);
        let (early, late) = (follow(&flights), follow(&flights));
        let waits = tokio::spawn(early.end(later()));
        leader.land(7);
        assert_eq!(waits.await.unwrap(), Followed::Landed(7));
        assert_eq!(late.end(later()).await, Followed::Landed(7));
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn a_dropped_leader_loses_its_flight_at_once() {
        let flights = Flights::default();
        let leader = lead(&flights);
        let waits = tokio::spawn(follow(&flights).end(later()));
        drop(leader);
        assert_eq!(waits.await.unwrap(), Followed::Lost);
        lead(&flights).land(1);
    }

    #[tokio::test]
    async fn a_follower_out_of_time_gives_up_alone() {
        let flights = Flights::default();
        let leader = lead(&flights);
        let patient = follow(&flights);
        assert_eq!(follow(&flights).end(Instant::now()).await, Followed::OutOfTime);
        leader.land(7);
        assert_eq!(patient.end(later()).await, Followed::Landed(7));
    }

    #[tokio::test]
    async fn other_keys_fly_by_themselves() {
        let flights = Flights::default();
        let _leader = lead(&flights);
        assert!(matches!(flights.board(&2), Boarded::Lead(_)));
    }
}
