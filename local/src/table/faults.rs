//! What goes wrong on purpose: a script that decides for every request to the table.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

/// What happens to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the table answers.
    Pass,
    /// 400 `ProvisionedThroughputExceededException`; nothing is read or written.
    Throttle,
    /// 500 `InternalServerError`; nothing is read or written.
    InternalError,
    /// Never answered; nothing is read or written.
    Hang,
    /// Carried out and answered after this time.
    Delay(Duration),
    /// Carried out and answered when the gate opens.
    Wait(Gate),
    /// Carried out, but the connection closes in the middle of the answer: the client cannot know.
    Reset,
    /// 400 `UnrecognizedClientException`, as for an unknown access key.
    DenyCredentials,
    /// 400 `ResourceNotFoundException`, as where there is no such table.
    NoTable,
    /// This status and this error; nothing is read or written.
    Refuse(u16, &'static str),
    /// 301 `PermanentRedirect` to this region, as for a bucket that is there. The table passes.
    Elsewhere(&'static str),
    /// The table's clock is so many seconds ahead, or behind when negative: requests that were signed more than five minutes
    /// from its time are refused with `InvalidSignatureException`, the others pass.
    Clock(i64),
    /// `BatchGetItem` and `BatchWriteItem` answer 200 with everything unprocessed. Other operations pass.
    Unprocessed,
    /// An eventually consistent `GetItem` or `BatchGetItem` does not see the items yet; one with `ConsistentRead` does. Other operations pass.
    Stale,
}

/// What requests wait at until a test opens it; clones are one gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate that is shut.
    pub fn shut() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        self.0.close();
    }

    pub(super) async fn opened(&self) {
        let never_given = self.0.acquire().await;
        debug_assert!(never_given.is_err(), "a gate opens by closing");
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}

/// A request as a fault script sees it.
#[derive(Clone, Copy, Debug)]
pub struct TableRequest<'a> {
    /// The operation, such as `PutItem`.
    pub operation: &'a str,
    /// The JSON body.
    pub body: &'a [u8],
    /// Who signed it, after its own word: signatures are not checked. Empty without.
    pub access_key_id: &'a str,
    /// The region that it was signed for. Empty without.
    pub region: &'a str,
}

type Decide = Box<dyn FnMut(&TableRequest<'_>) -> Fault + Send>;

/// A script of faults. Requests that it does not concern (see [`Faults::only`]) pass and are not counted by it.
pub struct Faults {
    decide: Decide,
    only: Option<Vec<String>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self::always(Fault::Pass)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("only", &self.only).finish_non_exhaustive()
    }
}

impl Faults {
    /// Every request gets `fault`.
    pub fn always(fault: Fault) -> Self {
        Self::by(move |_| fault.clone())
    }

    /// The next requests get these faults in turn, the ones after them pass.
    pub fn next(faults: Vec<Fault>) -> Self {
        let mut left = VecDeque::from(faults);
        Self::by(move |_| left.pop_front().unwrap_or(Fault::Pass))
    }

    /// About `percent` of a hundred requests get `fault`, the same ones for the same `seed`.
    pub fn share(percent: u8, fault: Fault, seed: u64) -> Self {
        let mut state = seed;
        Self::by(move |_| if split_mix(&mut state) % 100 < u64::from(percent) { fault.clone() } else { Fault::Pass })
    }

    /// The request after the next `passing` ones gets `fault`.
    pub fn after(passing: usize, fault: Fault) -> Self {
        Self::next([vec![Fault::Pass; passing], vec![fault]].concat())
    }

    /// As AWS does it: tables are their region's, so who signs for another one finds none there, and who signs with no
    /// credentials is refused.
    pub fn regional(region: &str) -> Self {
        let home = region.to_owned();
        Self::by(move |request| match request {
            TableRequest { access_key_id: "", .. } => Fault::DenyCredentials,
            TableRequest { region, .. } if *region != home => Fault::NoTable,
            _ => Fault::Pass,
        })
    }

    /// `decide` says for each request, in the order they arrive.
    pub fn by(decide: impl FnMut(&TableRequest<'_>) -> Fault + Send + 'static) -> Self {
        Self { decide: Box::new(decide), only: None }
    }

    /// Concerns only these operations.
    #[must_use]
    pub fn only(mut self, operations: &[&str]) -> Self {
        self.only = Some(operations.iter().map(ToString::to_string).collect());
        self
    }

    fn decide(&mut self, request: &TableRequest<'_>) -> Fault {
        let concerned = self.only.as_ref().is_none_or(|only| only.iter().any(|o| o == request.operation));
        if concerned { (self.decide)(request) } else { Fault::Pass }
    }
}

/// The script in force at a table; shared between the table and the test that sets it.
#[derive(Clone, Debug, Default)]
pub struct FaultScript {
    current: Arc<Mutex<Faults>>,
    connections: Arc<Connections>,
}

/// Connections of clients, numbered as they were opened.
#[derive(Debug, Default)]
struct Connections {
    opened: AtomicU64,
    /// Those with a lower number are silent.
    speaking_from: AtomicU64,
}

impl FaultScript {
    /// Replaces the script. Holds from the next request on.
    pub fn set(&self, faults: Faults) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Every request passes again.
    pub fn clear(&self) {
        self.set(Faults::default());
    }

    /// Connections that are open now go silent, as if the network had lost them: what is sent on them never arrives, and nobody
    /// says so. Connections that are opened later work.
    pub fn silence_open_connections(&self) {
        self.connections.speaking_from.store(self.opened(), Ordering::SeqCst);
    }

    /// How many connections clients have opened so far.
    pub fn opened(&self) -> u64 {
        self.connections.opened.load(Ordering::SeqCst)
    }

    /// Numbers a connection that is being opened.
    pub(super) fn open(&self) -> u64 {
        self.connections.opened.fetch_add(1, Ordering::SeqCst)
    }

    /// Whether the connection with this number is silent.
    pub(super) fn is_silent(&self, connection: u64) -> bool {
        connection < self.connections.speaking_from.load(Ordering::SeqCst)
    }

    pub(super) fn decide(&self, request: &TableRequest<'_>) -> Fault {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).decide(request)
    }
}

/// `SplitMix64`: every seed, 0 included, gives an even sequence.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decisions(faults: &mut Faults, operation: &str, count: usize) -> Vec<Fault> {
        let request = TableRequest { operation, body: b"{}", access_key_id: "AKIDEXAMPLE", region: "eu-central-1" };
        (0..count).map(|_| faults.decide(&request)).collect()
    }

    #[test]
    fn next_gives_each_once_and_then_passes() {
        let mut faults = Faults::next(vec![Fault::Throttle, Fault::Hang]);
        assert_eq!(decisions(&mut faults, "GetItem", 3), [Fault::Throttle, Fault::Hang, Fault::Pass]);
    }

    #[test]
    fn share_is_near_its_percentage_and_repeats_for_a_seed() {
        let of = |seed| decisions(&mut Faults::share(30, Fault::Throttle, seed), "PutItem", 1000);
        let hit = of(7).iter().filter(|f| **f == Fault::Throttle).count();
        assert!((250..350).contains(&hit), "{hit} of 1000");
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn operations_left_out_pass_and_are_not_counted() {
        let mut faults = Faults::next(vec![Fault::Throttle]).only(&["PutItem"]);
        assert_eq!(decisions(&mut faults, "GetItem", 2), [Fault::Pass, Fault::Pass]);
        assert_eq!(decisions(&mut faults, "PutItem", 2), [Fault::Throttle, Fault::Pass]);
    }

    #[test]
    fn only_connections_that_were_open_go_silent() {
        let script = FaultScript::default();
        let (first, second) = (script.open(), script.open());
        script.silence_open_connections();
        let third = script.open();
        assert_eq!([first, second, third].map(|connection| script.is_silent(connection)), [true, true, false]);
        assert_eq!(script.opened(), 3);
    }

    #[test]
    fn a_region_knows_its_own_table_and_nobody_without_credentials() {
        let mut faults = Faults::regional("eu-central-1");
        let mut signed = |access_key_id, region| {
            faults.decide(&TableRequest { operation: "GetItem", body: b"{}", access_key_id, region })
        };
        assert_eq!(signed("AKIDEXAMPLE", "eu-central-1"), Fault::Pass);
        assert_eq!(signed("AKIDEXAMPLE", "us-east-1"), Fault::NoTable);
        assert_eq!(signed("", "eu-central-1"), Fault::DenyCredentials);
    }
}
