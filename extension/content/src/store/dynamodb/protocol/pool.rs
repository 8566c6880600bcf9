//! Keeps connections for the next request, and decides which of them are still used.
//!
//! A sandbox is frozen between two invocations, and a connection can die meanwhile without a packet that says so. Only the
//! wall clock shows how long the sandbox was frozen, because other clocks may have stopped. So a connection is dropped if it
//! was idle for long, or if the wall clock was set back since. Every connection that was opened before a snapshot is
//! dropped, too.

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

/// How many connections are kept: as many as eight invocations use if each has four requests in flight.
pub(super) const MOST_KEPT: usize = 32;

/// How the clients of one process may use connections. Clones share this state.
#[derive(Debug, Clone)]
pub struct Connections {
    /// One more than how often the process has been restored; 0 while a snapshot of it is still to be taken.
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
    /// For a process of which a snapshot will be taken. Until it is restored or invoked, no connection is kept.
    pub fn before_snapshot() -> Self {
        Self { life: Arc::default(), ..Self::default() }
    }

    /// Connects to these addresses, in this order, whatever the name of a host resolves to.
    #[must_use]
    pub fn to(self, addresses: Vec<SocketAddr>) -> Self {
        Self { addresses: Some(addresses.into()), ..self }
    }

    /// Sets how long a kept connection may be silent before a request is also sent on a new one. Tests that count requests
    /// set it, so that a busy machine does not look like a dead connection.
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

    /// A number that changes whenever the connections opened before become useless; 0 if none may be kept.
    fn life(&self) -> u64 {
        self.life.load(Ordering::Relaxed)
    }

    pub(super) fn addresses(&self) -> Option<Vec<SocketAddr>> {
        self.addresses.as_ref().map(|addresses| addresses.to_vec())
    }
}

/// The server to which a connection leads.
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
    /// Counts the connections that are put back, so that it is a clock that cannot jump.
    turn: Turn,
    /// Connections that were put back until then are not used, because one of them was silent.
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

/// The state of the pool before a connection was opened.
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

    /// The state of the pool, for a connection that is about to be opened.
    pub(super) fn opening(&self) -> Opening {
        Opening { life: self.connections.life(), turn: self.state().turn }
    }

    /// A kept connection. The last one that was used comes first, because it is the most likely to be alive.
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

    /// Notes that a kept connection is silent. The others may be dead, too, so they are not used until it is known.
    pub(super) fn suspect(&self) {
        let mut state = self.state();
        state.suspected = state.turn;
    }

    /// Notes that a connection that was silent has answered after all.
    pub(super) fn trust(&self) {
        self.state().suspected = Turn::default();
    }

    /// Drops all connections that were kept when a new one was opened, because the new one has answered and a kept one has
    /// not.
    pub(super) fn drop_kept_before(&self, opening: Opening) {
        self.state().kept.retain(|kept| kept.turn > opening.turn);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether it was idle for a short time only, by the wall clock. If the clock was set back, the time is unknown.
    fn is_fresh(&self, now: SystemTime) -> bool {
        now.duration_since(self.since).is_ok_and(|idle| idle <= LONGEST_IDLE)
    }
}

#[cfg(test)]
impl Pool {
    /// Pretends that every connection is kept since then.
    pub(super) fn pretend_kept_since(&self, since: SystemTime) {
        self.state().kept.iter_mut().for_each(|kept| kept.since = since);
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.state().kept.len()
    }
}
