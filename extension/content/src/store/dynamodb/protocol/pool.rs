//! Connections that are kept for the next request, and which of them are still used.
//!
//! A sandbox is frozen between two invocations, and a connection can die meanwhile without a word. How long the sandbox was
//! frozen only the wall clock tells: the others may have stood still. So a connection that was idle for long, or since a
//! later time than now, is dropped, and so is every connection that was opened before a snapshot.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::uri::Authority;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::task::AbortHandle;

use super::traffic::{SILENCE, Traffic};

/// The longest that a connection is kept idle.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// Connections kept at once: what eight invocations use that each have four requests in flight.
pub(super) const MOST_KEPT: usize = 32;

/// What the clients of one process share: how they may use connections. Clones are one.
#[derive(Debug, Clone)]
pub struct Connections {
    /// How often the process has been restored, and one more; 0 while a snapshot of it is still to be taken.
    life: Arc<AtomicU64>,
    addresses: Option<Arc<[SocketAddr]>>,
    silence: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self { life: Arc::new(AtomicU64::new(1)), addresses: None, silence: SILENCE }
    }
}

impl Connections {
    /// For a process of which a snapshot will be taken: until it is restored or invoked, no connection is kept.
    pub fn before_snapshot() -> Self {
        Self { life: Arc::default(), ..Self::default() }
    }

    /// Connects to these addresses, in this order, whatever the name of a host resolves to.
    #[must_use]
    pub fn to(self, addresses: Vec<SocketAddr>) -> Self {
        Self { addresses: Some(addresses.into()), ..self }
    }

    /// A kept connection may be silent for so long before a request is sent on a new one too: where requests are counted, a
    /// machine that is busy must not be taken for a dead connection.
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    pub(super) fn silence(&self) -> Duration {
        self.silence
    }

    /// Whether a snapshot is still to be taken.
    pub fn expect_snapshot(&self) -> bool {
        self.life() == 0
    }

    /// The process was restored: connections that were opened before are not used any more.
    pub fn restored(&self) {
        self.life.fetch_add(1, Ordering::Relaxed);
    }

    /// The process is invoked, so no snapshot of it is taken any more.
    pub fn invoked(&self) {
        if self.expect_snapshot() {
            self.restored();
        }
    }

    /// A number that changes whenever connections opened before become useless; 0 where none may be kept.
    fn life(&self) -> u64 {
        self.life.load(Ordering::Relaxed)
    }

    pub(super) fn addresses(&self) -> Option<Vec<SocketAddr>> {
        self.addresses.as_ref().map(|addresses| addresses.to_vec())
    }
}

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) is_tls: bool,
    pub(super) authority: Authority,
}

/// The sending end of a connection.
pub(super) type Sender = SendRequest<Full<bytes::Bytes>>;

/// An open connection. Dropping it closes it at once, whatever it is doing.
pub(super) struct Connection {
    pub(super) sender: Sender,
    pub(super) traffic: Arc<Traffic>,
    driver: AbortHandle,
    life: u64,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Connections that wait for the next request.
pub(super) struct Pool {
    connections: Connections,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Vec<Kept>,
    /// Counts what is put back, which makes it a clock that cannot jump.
    turn: Turn,
    /// Connections put back by then are not used: one like them was silent.
    suspected: Turn,
}

struct Kept {
    origin: Origin,
    connection: Connection,
    since: SystemTime,
    turn: Turn,
}

/// A moment in the life of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(u64);

/// What was true of the pool when a connection was about to be opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    life: u64,
    turn: Turn,
}

impl Opening {
    /// The connection that was opened then.
    pub(super) fn connection(self, sender: Sender, traffic: Arc<Traffic>, driver: AbortHandle) -> Connection {
        Connection { sender, traffic, driver, life: self.life }
    }
}

impl Pool {
    pub(super) fn new(connections: Connections) -> Self {
        Self { connections, state: Mutex::default() }
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// A connection is about to be opened.
    pub(super) fn opening(&self) -> Opening {
        Opening { life: self.connections.life(), turn: self.state().turn }
    }

    /// A kept connection, the last used first: it is the likeliest to live.
    pub(super) fn take(&self, origin: &Origin) -> Option<Connection> {
        let (life, now) = (self.connections.life(), SystemTime::now());
        let mut state = self.state();
        let State { kept, suspected, .. } = &mut *state;
        kept.retain(|kept| kept.connection.life == life && !kept.connection.sender.is_closed() && kept.is_fresh(now));
        let last = kept.iter().rposition(|kept| kept.turn > *suspected && kept.origin == *origin)?;
        Some(kept.remove(last).connection)
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn keep(&self, origin: &Origin, connection: Connection) {
        let life = self.connections.life();
        if life == 0 || connection.life != life || connection.sender.is_closed() {
            return;
        }
        let mut state = self.state();
        state.turn.0 += 1;
        let (turn, origin) = (state.turn, origin.clone());
        state.kept.push(Kept { origin, connection, since: SystemTime::now(), turn });
        if state.kept.len() > MOST_KEPT {
            state.kept.remove(0);
        }
    }

    /// A kept connection is silent: the others may be dead too, so they are not used until it is known.
    pub(super) fn suspect(&self) {
        let mut state = self.state();
        state.suspected = state.turn;
    }

    /// A connection that was silent answered after all.
    pub(super) fn trust(&self) {
        self.state().suspected = Turn::default();
    }

    /// A new connection answered where a kept one did not: all that were kept when it was opened are dropped.
    pub(super) fn drop_kept_before(&self, opening: Opening) {
        self.state().kept.retain(|kept| kept.turn > opening.turn);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Idle for a short time by the wall clock; where that went back, nobody knows for how long.
    fn is_fresh(&self, now: SystemTime) -> bool {
        now.duration_since(self.since).is_ok_and(|idle| idle <= LONGEST_IDLE)
    }
}

#[cfg(test)]
impl Pool {
    /// Has every connection kept since then.
    pub(super) fn pretend_kept_since(&self, since: SystemTime) {
        self.state().kept.iter_mut().for_each(|kept| kept.since = since);
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.state().kept.len()
    }
}
