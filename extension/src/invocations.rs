//! What is remembered of an invocation between its event and its response.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use long_content::reference::ContentRef;

use crate::metrics::Work;
use crate::wire::Fields;

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE: &str = "lambda-runtime-deadline-ms";
const TENANT: &str = "lambda-runtime-aws-tenant-id";

/// An invocation that the runtime works on.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// When Lambda ends it, if upstream said so.
    pub deadline: Option<Instant>,
    /// Whose content it may read and writes, where the function has tenant isolation.
    pub tenant: Option<String>,
    /// Whether its response is left alone, because whoever reads it cannot hydrate.
    pub response_stays: bool,
    /// References that its event held and that were handed over as they are.
    pub kept: Vec<ContentRef>,
    /// What it made us do so far.
    pub work: Work,
}

impl Invocation {
    /// The request id and what the head of an event says of its invocation; nothing without an id.
    pub fn of(event: &Fields) -> Option<(String, Self)> {
        let text = |name| event.text(name);
        let deadline = text(DEADLINE).and_then(|millis| millis.parse().ok()).and_then(instant_of);
        let tenant = event.get(TENANT).map(|tenant| String::from_utf8_lossy(tenant).into_owned());
        Some((text(REQUEST_ID)?.to_owned(), Self { deadline, tenant, ..Self::default() }))
    }

    /// Until when its contents may be stored: `timeout` from now, but never so late that no answer could be sent.
    pub fn store_until(&self, timeout: Duration) -> Instant {
        let now = Instant::now();
        let limit = now + timeout;
        self.deadline.map_or(limit, |deadline| {
            let remaining = deadline.saturating_duration_since(now);
            limit.min(deadline.checked_sub(margin(remaining)).unwrap_or(now))
        })
    }

    /// Until when its event may be hydrated: `timeout` from now, and at most half of the time that remains.
    pub fn hydrate_until(&self, timeout: Duration) -> Instant {
        let now = Instant::now();
        let limit = now + timeout;
        self.deadline.map_or(limit, |deadline| limit.min(now + deadline.saturating_duration_since(now) / 2))
    }
}

/// What is kept back of the remaining time, to tell upstream how it ended.
fn margin(remaining: Duration) -> Duration {
    (remaining / 10).clamp(Duration::from_millis(100), Duration::from_secs(1)).min(remaining)
}

/// The instant of a Unix time in milliseconds.
fn instant_of(millis: u64) -> Option<Instant> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let ahead = Duration::from_millis(millis).saturating_sub(now);
    Instant::now().checked_add(ahead)
}

/// The invocations in progress, by request id: one, or many on Lambda Managed Instances.
#[derive(Debug, Default)]
pub struct Invocations(Mutex<HashMap<String, Invocation>>);

impl Invocations {
    /// Remembers an invocation until it ends. Those whose time is over are forgotten: their runtime died.
    pub fn begin(&self, request_id: String, invocation: Invocation) {
        let now = Instant::now();
        let mut invocations = self.0.lock().expect("BUG: poisoned");
        invocations.retain(|_, other| other.deadline.is_none_or(|deadline| deadline > now));
        invocations.insert(request_id, invocation);
    }

    /// What is remembered of an invocation; of an unknown one, nothing.
    pub fn get(&self, request_id: &str) -> Invocation {
        self.0.lock().expect("BUG: poisoned").get(request_id).cloned().unwrap_or_default()
    }

    /// Remembers whether the response of an invocation in progress is left alone.
    pub fn leave_response(&self, request_id: &str, stays: bool) {
        if let Some(invocation) = self.0.lock().expect("BUG: poisoned").get_mut(request_id) {
            invocation.response_stays = stays;
        }
    }

    /// Counts references that an invocation in progress was given inside of base64 text.
    pub fn note_encoded(&self, request_id: &str) {
        if let Some(invocation) = self.0.lock().expect("BUG: poisoned").get_mut(request_id) {
            invocation.work.left_encoded += 1;
        }
    }

    /// Remembers what an invocation in progress made us do so far.
    pub fn worked(&self, request_id: &str, work: Work) {
        if let Some(invocation) = self.0.lock().expect("BUG: poisoned").get_mut(request_id) {
            invocation.work = work;
        }
    }

    /// Forgets an invocation: upstream took its outcome. Until then the runtime may send it again.
    pub fn end(&self, request_id: &str) -> Option<Invocation> {
        self.0.lock().expect("BUG: poisoned").remove(request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending_in(remaining: Duration) -> Invocation {
        Invocation { deadline: Some(Instant::now() + remaining), ..Invocation::default() }
    }

    #[test]
    fn storing_ends_before_the_deadline() {
        for millis in [0, 50, 500, 3_000, 30_000, 900_000] {
            let invocation = ending_in(Duration::from_millis(millis));
            let until = invocation.store_until(Duration::from_secs(1_000));
            assert!(until <= invocation.deadline.unwrap());
            assert!(millis < 200 || invocation.deadline.unwrap() - until >= Duration::from_millis(99), "{millis}");
        }
        let until = ending_in(Duration::from_mins(15)).store_until(Duration::from_secs(20));
        assert!(until <= Instant::now() + Duration::from_secs(20));
    }

    #[test]
    fn hydrating_takes_at_most_half_of_what_remains() {
        let until = ending_in(Duration::from_secs(3)).hydrate_until(Duration::from_secs(20));
        assert!(until <= Instant::now() + Duration::from_millis(1_500));
    }

    #[test]
    fn what_its_runtime_never_answered_is_forgotten() {
        let invocations = Invocations::default();
        invocations.begin("dead".into(), ending_in(Duration::ZERO));
        invocations.begin("next".into(), ending_in(Duration::from_secs(3)));
        assert_eq!(invocations.0.lock().unwrap().len(), 1);
    }
}
