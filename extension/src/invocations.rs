//! What the proxy remembers of an invocation between its event and its outcome, a response or an error (O9).
//!
//! It is remembered until upstream accepts the outcome, or until so much time has passed that the invocation must have
//! ended. Its deadline is no reason to forget it: the proxy still needs to know who reads the response, the tenant, and the
//! references that stayed in the event. If an invocation is unknown here, its response is left alone.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use long_content::reference::Reference;

use crate::deadlines::{Deadlines, LONGEST};
use crate::metrics::Work;
use crate::wire::Fields;

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE: &str = "lambda-runtime-deadline-ms";
const TENANT: &str = "lambda-runtime-aws-tenant-id";

/// Which attempt at an invocation an event or its outcome belongs to. Lambda Managed Instances send it, and runtimes send it back
/// with the outcome; elsewhere there is none.
pub const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// How often invocations that must have ended are dropped.
const SWEEP: Duration = Duration::from_mins(1);

/// One attempt at an invocation: a retry has the same request id and another invocation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// The invocation's id in paths.
    pub request_id: &'a str,
    /// Distinguishes the attempts of one invocation, if Lambda sent it.
    pub invocation_id: Option<&'a [u8]>,
}

impl<'a> Attempt<'a> {
    /// The attempt of an event; `None` if it has no request id.
    pub fn of_event(event: &'a Fields) -> Option<Self> {
        let request_id = event.text(REQUEST_ID).filter(|id| !id.is_empty())?;
        Some(Self::of(request_id, event))
    }

    /// The attempt of an outcome with these fields, for the invocation `request_id`.
    pub fn of_outcome(request_id: &'a str, outcome: &'a Fields) -> Self {
        Self::of(request_id, outcome)
    }

    fn of(request_id: &'a str, fields: &'a Fields) -> Self {
        Self { request_id, invocation_id: present(fields, INVOCATION_ID) }
    }

    /// Both ids in one key, separated by a line end, which no header value contains.
    fn key(&self) -> Cow<'a, [u8]> {
        match self.invocation_id {
            None => Cow::Borrowed(self.request_id.as_bytes()),
            Some(invocation_id) => Cow::Owned([self.request_id.as_bytes(), b"\n", invocation_id].concat()),
        }
    }
}

/// The value of a field; `None` if it is missing or empty.
fn present<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    fields.get(name).filter(|value| !value.is_empty())
}

/// An invocation that the runtime works on.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// When Lambda ends it, if that is known.
    pub deadline: Option<Instant>,
    /// The tenant whose contents it reads and writes, if the function has tenant isolation: bytes, which need not be text.
    pub tenant: Option<Box<[u8]>>,
    /// Whether its response is left alone, because its reader cannot hydrate.
    pub is_left_alone: bool,
    /// References of its event that were handed to the runtime unchanged.
    pub kept: Vec<Reference>,
    /// What the proxy has done for it so far.
    pub work: Work,
}

impl Invocation {
    /// Until when its contents may be stored: `timeout` from now, but early enough that an answer can still be sent.
    pub fn store_until(&self, timeout: Duration) -> Instant {
        let now = Instant::now();
        now + self.time_left(now).map_or(timeout, |left| timeout.min(left.saturating_sub(margin(left))))
    }

    /// Until when its event may be hydrated: `timeout` from now, and at most half of the time that remains.
    pub fn hydrate_until(&self, timeout: Duration) -> Instant {
        let now = Instant::now();
        now + self.time_left(now).map_or(timeout, |left| timeout.min(left / 2))
    }

    /// The time until its deadline; `None` if it has passed. As the invocation still runs, that time was not the real
    /// deadline.
    fn time_left(&self, now: Instant) -> Option<Duration> {
        self.deadline?.checked_duration_since(now).filter(|left| !left.is_zero())
    }
}

/// The part of the remaining time that is reserved for telling upstream how the invocation ended.
fn margin(remaining: Duration) -> Duration {
    (remaining / 10).clamp(Duration::from_millis(100), Duration::from_secs(1)).min(remaining)
}

/// An invocation as it is remembered. It takes little memory if it has only a deadline, as most invocations do: a runtime
/// that dies leaves its invocations here.
#[derive(Debug)]
struct Remembered {
    since: Instant,
    deadline: Option<Instant>,
    is_left_alone: bool,
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Clone, Default)]
struct Rest {
    tenant: Option<Box<[u8]>>,
    kept: Box<[Reference]>,
    work: Work,
}

impl Remembered {
    fn new(invocation: Invocation, since: Instant) -> Self {
        let Invocation { deadline, tenant, is_left_alone, mut kept, work } = invocation;
        if is_left_alone {
            // They are looked up only for a response that may be changed.
            kept = vec![];
        }
        let has_rest = tenant.is_some() || !kept.is_empty() || work != Work::default();
        let rest = has_rest.then(|| Box::new(Rest { tenant, kept: kept.into(), work }));
        Self { since, deadline, is_left_alone, rest }
    }

    fn invocation(&self) -> Invocation {
        let Rest { tenant, kept, work } = self.rest.as_deref().cloned().unwrap_or_default();
        let (deadline, is_left_alone) = (self.deadline, self.is_left_alone);
        Invocation { deadline, tenant, is_left_alone, kept: kept.into(), work }
    }
}

/// The invocations in progress: one, or many on Lambda Managed Instances.
#[derive(Debug, Default)]
pub struct Invocations {
    deadlines: Deadlines,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_attempt: HashMap<Box<[u8]>, Remembered>,
    swept: Option<Instant>,
}

impl Invocations {
    /// An invocation, from the head of its event when that arrives.
    pub fn arriving(&self, event: &Fields) -> Invocation {
        Invocation {
            deadline: self.deadlines.at_arrival(event.text(DEADLINE)),
            tenant: present(event, TENANT).map(Box::from),
            ..Invocation::default()
        }
    }

    /// Remembers an invocation until it ends or must have ended.
    pub fn begin(&self, attempt: Attempt<'_>, invocation: Invocation) {
        self.begin_at(attempt, invocation, Instant::now());
    }

    fn begin_at(&self, attempt: Attempt<'_>, invocation: Invocation, now: Instant) {
        let mut known = self.known.lock().expect("BUG: poisoned");
        known.sweep(now);
        known.by_attempt.insert(attempt.key().into(), Remembered::new(invocation, now));
    }

    /// What is remembered of an invocation, if anything is.
    pub fn get(&self, attempt: Attempt<'_>) -> Option<Invocation> {
        let mut known = self.known.lock().expect("BUG: poisoned");
        known.find(attempt).map(|remembered| remembered.invocation())
    }

    /// Remembers whether the response of an invocation in progress is left alone.
    pub fn leave_alone(&self, attempt: Attempt<'_>, is_left_alone: bool) {
        if let Some(remembered) = self.known.lock().expect("BUG: poisoned").find(attempt) {
            remembered.is_left_alone = is_left_alone;
        }
    }

    /// Notes that the event of an invocation in progress has references inside of base64 text.
    pub fn note_encoded(&self, attempt: Attempt<'_>) {
        if let Some(remembered) = self.known.lock().expect("BUG: poisoned").find(attempt) {
            remembered.rest.get_or_insert_default().work.left_encoded += 1;
        }
    }

    /// Remembers what the proxy has done so far for an invocation in progress.
    pub fn worked(&self, attempt: Attempt<'_>, work: Work) {
        if let Some(remembered) = self.known.lock().expect("BUG: poisoned").find(attempt) {
            remembered.rest.get_or_insert_default().work = work;
        }
    }

    /// Forgets an invocation whose outcome upstream has accepted, and returns what the proxy has done for it. Until then,
    /// the runtime may send the outcome again.
    pub fn end(&self, attempt: Attempt<'_>) -> Option<Work> {
        let mut known = self.known.lock().expect("BUG: poisoned");
        let key = known.key_of(attempt)?;
        let ended = known.by_attempt.remove(&*key)?;
        Some(ended.rest.map_or_else(Work::default, |rest| rest.work))
    }
}

impl Known {
    fn find(&mut self, attempt: Attempt<'_>) -> Option<&mut Remembered> {
        let key = self.key_of(attempt)?;
        self.by_attempt.get_mut(&*key)
    }

    /// The key of an attempt that is known. If an outcome has no invocation id, because its runtime does not know that
    /// header, it belongs to the invocation's only attempt.
    fn key_of<'a>(&self, attempt: Attempt<'a>) -> Option<Cow<'a, [u8]>> {
        let key = attempt.key();
        if self.by_attempt.contains_key(&*key) {
            return Some(key);
        }
        let is_attempt = |other: &&[u8]| other.strip_prefix(&*key).is_some_and(|rest| rest.first() == Some(&b'\n'));
        let mut attempts = self.by_attempt.keys().map(|other| &**other).filter(is_attempt);
        match (attempt.invocation_id, attempts.next(), attempts.next()) {
            (None, Some(only), None) => Some(Cow::Owned(only.to_vec())),
            _ => None,
        }
    }

    /// Drops invocations that must have ended, because no invocation lasts so long.
    fn sweep(&mut self, now: Instant) {
        let swept = *self.swept.get_or_insert(now);
        if now.saturating_duration_since(swept) >= SWEEP {
            self.swept = Some(now);
            self.by_attempt.retain(|_, remembered| now.saturating_duration_since(remembered.since) < LONGEST);
            self.by_attempt.shrink_to(self.by_attempt.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending_in(remaining: Duration) -> Invocation {
        Invocation { deadline: Some(Instant::now() + remaining), ..Invocation::default() }
    }

    fn attempt<'a>(request_id: &'a str, invocation_id: Option<&'a str>) -> Attempt<'a> {
        Attempt { request_id, invocation_id: invocation_id.map(str::as_bytes) }
    }

    fn of_tenant(tenant: &str) -> Invocation {
        Invocation { tenant: Some(tenant.as_bytes().into()), ..Invocation::default() }
    }

    fn tenant_of(invocations: &Invocations, attempt: Attempt<'_>) -> Option<String> {
        let tenant = invocations.get(attempt)?.tenant?;
        Some(String::from_utf8(tenant.into_vec()).unwrap())
    }

    #[test]
    fn storing_ends_before_the_deadline() {
        for millis in [50, 500, 3_000, 30_000, 900_000] {
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

    /// A handler that ran for 25 s without a known deadline still offloads, and so does one whose deadline was wrong.
    #[test]
    fn o8_without_a_deadline_the_store_has_its_time_from_its_own_start() {
        let passed =
            Invocation { deadline: Instant::now().checked_sub(Duration::from_secs(25)), ..Invocation::default() };
        assert!(passed.deadline.is_some());
        for invocation in [Invocation::default(), passed] {
            let (begun, timeout) = (Instant::now(), Duration::from_secs(20));
            for until in [invocation.store_until(timeout), invocation.hydrate_until(timeout)] {
                assert!(until >= begun + timeout && until <= Instant::now() + timeout);
            }
        }
    }

    #[test]
    fn o9_no_deadline_makes_an_invocation_forgotten() {
        let (invocations, start) = (Invocations::default(), Instant::now());
        let passed = Invocation { deadline: Some(start), is_left_alone: true, ..Invocation::default() };
        for request_id in ["first", "second"] {
            invocations.begin_at(attempt(request_id, None), passed.clone(), start + Duration::from_secs(9));
        }
        invocations.begin_at(attempt("last", None), Invocation::default(), start + LONGEST);
        for request_id in ["first", "second"] {
            assert!(invocations.get(attempt(request_id, None)).unwrap().is_left_alone, "{request_id}");
        }
    }

    #[test]
    fn o9_what_must_have_ended_is_forgotten_with_or_without_a_deadline() {
        let (invocations, start) = (Invocations::default(), Instant::now());
        for number in 0..3_000 {
            let invocation = if number % 2 == 0 { Invocation::default() } else { ending_in(LONGEST) };
            invocations.begin_at(attempt(&number.to_string(), None), invocation, start);
        }
        invocations.begin_at(attempt("last", None), Invocation::default(), start + LONGEST);
        let known = invocations.known.lock().unwrap();
        assert_eq!(known.by_attempt.len(), 1);
        assert!(known.by_attempt.capacity() < 100);
    }

    #[test]
    fn o9_what_passes_is_remembered_without_memory_of_its_own_beside_its_key() {
        assert!(Remembered::new(ending_in(LONGEST), Instant::now()).rest.is_none());
        assert!(size_of::<(Box<[u8]>, Remembered)>() <= 64);
    }

    #[test]
    fn o9_attempts_of_one_request_are_told_apart() {
        let invocations = Invocations::default();
        for id in ["a1", "b1"] {
            invocations.begin(attempt("r", Some(id)), of_tenant(id));
        }
        assert_eq!(tenant_of(&invocations, attempt("r", Some("a1"))).as_deref(), Some("a1"));
        assert_eq!(tenant_of(&invocations, attempt("r", None)), None, "which one it is cannot be told");
        assert!(invocations.end(attempt("r", Some("c1"))).is_none());
        assert!(invocations.end(attempt("r", Some("a1"))).is_some());
        assert_eq!(tenant_of(&invocations, attempt("r", Some("a1"))), None);
        assert_eq!(tenant_of(&invocations, attempt("r", None)).as_deref(), Some("b1"), "the only one there is");
        assert_eq!(tenant_of(&invocations, attempt("", None)), None);
        assert!(invocations.end(attempt("r", None)).is_some());
        assert!(invocations.get(attempt("r", Some("b1"))).is_none());
    }
}
