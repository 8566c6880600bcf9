//! What a service does instead of what it should.

use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happens to one request.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The connection is closed without an answer, and nothing is done.
    Down,
    /// What is asked for is done, but the connection is closed before the answer.
    Lost,
    /// The request is done, and answered after this time.
    Slow {
        /// How long.
        milliseconds: u64,
    },
    /// Something else than the service answers, with status 200.
    Garbage,
    /// Nothing is done, and this status is answered.
    Status {
        /// Such as 500 or 429.
        status: u16,
        /// The header `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
}

/// Which faults the next requests meet, by service. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Script(Arc<Mutex<HashMap<String, Vec<Planned>>>>);

#[derive(Debug)]
struct Planned {
    fault: Fault,
    /// How many requests are left that meet it; all without.
    times: Option<u64>,
}

impl Script {
    /// The next `times` requests to a service meet this fault, after those that are planned already.
    pub fn plan(&self, service: &str, fault: Fault, times: u64) {
        self.add(service, Planned { fault, times: Some(times) });
    }

    /// Every request meets this fault, until [`Self::clear`].
    pub fn always(&self, service: &str, fault: Fault) {
        self.add(service, Planned { fault, times: None });
    }

    /// No faults any more, of any service.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The fault of a request that has come.
    pub(crate) fn next(&self, service: &str) -> Option<Fault> {
        let mut planned = self.lock();
        let planned = planned.get_mut(service)?;
        planned.retain(|planned| planned.times != Some(0));
        let next = planned.first_mut()?;
        next.times = next.times.map(|times| times - 1);
        Some(next.fault)
    }

    fn add(&self, service: &str, planned: Planned) {
        self.lock().entry(service.to_owned()).or_default().push(planned);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Planned>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_met_in_their_order_and_as_often_as_planned() {
        let script = Script::default();
        script.plan("ntfy", Fault::Down, 2);
        script.plan("ntfy", Fault::Garbage, 1);
        let met: Vec<_> = (0..4).map(|_| script.next("ntfy")).collect();
        assert_eq!(met, [Some(Fault::Down), Some(Fault::Down), Some(Fault::Garbage), None]);
        assert_eq!(script.next("noaa"), None);
    }

    #[test]
    fn a_lasting_fault_ends_when_it_is_cleared() {
        let script = Script::default();
        script.always("ntfy", Fault::Lost);
        assert_eq!([script.next("ntfy"), script.next("ntfy")], [Some(Fault::Lost); 2]);
        script.clear();
        assert_eq!(script.next("ntfy"), None);
    }
}
