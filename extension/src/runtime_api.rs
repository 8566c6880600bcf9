//! Pooled client of the real Runtime API (and of the Extensions API, which is at the same address).
//!
//! Connection reuse is a promise here: after a freeze the kept connection may be dead, and then a `GET` is sent again on a
//! fresh one, while a `POST` that may have arrived is never repeated. Lambda freezes a sandbox while `next` is pending, so a
//! response always finds a connection that has just delivered an event.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::payload::Payload;
use crate::wire::{Broken, Connection, Framing, OutgoingHead, RequestHead, ResponseHead, Unanswered, WireError};

/// Bytes of a body that are read only to keep its connection.
const DRAINED_LENGTH: usize = 64 << 10;

/// How long a body is read only to keep its connection.
const DRAINED_TIME: Duration = Duration::from_secs(1);

/// Why there is no answer from upstream.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection.
    #[error("cannot connect to the Runtime API at {address}: {source}")]
    Connect {
        /// `host:port` tried.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// A connection, but no answer.
    #[error("no answer from the Runtime API at {address}: {source}")]
    Exchange {
        /// `host:port` of the connection.
        address: String,
        /// Why.
        source: WireError,
    },
    /// The body to be sent broke off, on the connection it came from.
    #[error("the connection closed before the request was complete: {0}")]
    Request(WireError),
}

/// Client of one Runtime API.
#[derive(Debug)]
pub struct RuntimeApi {
    address: String,
    idle: Mutex<Vec<Connection>>,
}

/// An answer whose body is still to be taken. Taken to its end, its connection serves again.
#[derive(Debug)]
pub struct Reply<'a> {
    /// Its head.
    pub head: ResponseHead,
    connection: Connection,
    api: &'a RuntimeApi,
}

impl RuntimeApi {
    /// A client of the Runtime API at `address` (`host:port`). Connects when first used.
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), idle: Mutex::default() }
    }

    /// Passes on a request without its body, if it had any, a `GET` again on a fresh connection when a kept one is dead.
    pub async fn pass(&self, request: &RequestHead) -> Result<Reply<'_>, UpstreamError> {
        let framing = if request.has_body() { Framing::None } else { request.framing };
        let head = OutgoingHead::request(request, &self.address, framing);
        self.exchange(request.method(), &head, &Payload::default()).await
    }

    /// Passes on a request with a body of ours, at most once. Its framing is ours.
    pub async fn send(&self, request: &RequestHead, body: &Payload) -> Result<Reply<'_>, UpstreamError> {
        let head = OutgoingHead::request(request, &self.address, Framing::Length(body.len() as u64));
        self.exchange(request.method(), &head, body).await
    }

    /// Passes on a request with its body, at most once, as it arrives from `runtime`.
    pub async fn stream(&self, request: &RequestHead, runtime: &mut Connection) -> Result<Reply<'_>, UpstreamError> {
        let head = OutgoingHead::request(request, &self.address, request.framing);
        let first = runtime.data_at_hand();
        loop {
            let (mut connection, is_kept) = self.connection().await?;
            match connection.relay(request.method(), &head, &first, runtime).await {
                Err(Unanswered::Unsent(_)) if is_kept => {}
                answer => return self.reply(connection, answer),
            }
        }
    }

    /// Passes on a request whose body ended early, as far as it came and framed as it was, and ends its connection there. What
    /// upstream makes of that is not awaited for longer than it takes to read it.
    pub async fn break_off(&self, request: &RequestHead, body: &Payload) -> Result<(), UpstreamError> {
        let head = OutgoingHead::request(request, &self.address, request.framing);
        loop {
            let (mut connection, is_kept) = self.connection().await?;
            match connection.send_part(&head, body).await {
                Err(Unanswered::Unsent(_)) if is_kept => {}
                Err(error) => return self.reply(connection, Err(error)).map(drop),
                Ok(()) => {
                    let _ = tokio::time::timeout(DRAINED_TIME, connection.linger()).await;
                    return Ok(());
                }
            }
        }
    }

    /// Sends a request of our own: a `GET` without a body like those of runtimes, anything else at most once.
    pub async fn call(
        &self,
        method: &str,
        target: &str,
        fields: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
        body: &Payload,
    ) -> Result<Reply<'_>, UpstreamError> {
        let head = OutgoingHead::own_request(method, target, &self.address, fields, body.len());
        self.exchange(method, &head, body).await
    }

    /// Sends what can be sent again in full, where that is safe: what never left, and a `GET` whose connection died. One that
    /// dies on a fresh connection is sent once more: it may have waited there through a freeze.
    async fn exchange(&self, method: &str, head: &OutgoingHead, body: &Payload) -> Result<Reply<'_>, UpstreamError> {
        let mut once_more = method == "GET";
        loop {
            let (mut connection, is_kept) = self.connection().await?;
            match connection.exchange(method, head, body).await {
                Err(Unanswered::Unsent(_)) if is_kept => {}
                Err(Unanswered::Lost(WireError::Closed | WireError::Io(_))) if method == "GET" && is_kept => {}
                Err(Unanswered::Lost(WireError::Closed | WireError::Io(_))) if once_more => once_more = false,
                answer => return self.reply(connection, answer),
            }
        }
    }

    /// A kept connection, or else a fresh one, and whether it was kept.
    async fn connection(&self) -> Result<(Connection, bool), UpstreamError> {
        match self.take_idle() {
            Some(idle) => Ok((idle, true)),
            None => Ok((self.connect().await?, false)),
        }
    }

    /// Opens a connection before it is needed. Failing is no loss.
    pub async fn warm(&self) {
        if let Ok(fresh) = self.connect().await {
            self.keep(fresh);
        }
    }

    /// Drops the connections that are kept.
    pub fn forget_idle(&self) {
        self.idle.lock().expect("BUG: poisoned").clear();
    }

    fn reply(
        &self,
        connection: Connection,
        answer: Result<ResponseHead, Unanswered>,
    ) -> Result<Reply<'_>, UpstreamError> {
        let lost = |source| UpstreamError::Exchange { address: self.address.clone(), source };
        match answer {
            Ok(head) => Ok(Reply { head, connection, api: self }),
            Err(Unanswered::Source(error)) => Err(UpstreamError::Request(error)),
            Err(Unanswered::Unsent(error)) => Err(lost(error.into())),
            Err(Unanswered::Lost(error)) => Err(lost(error)),
        }
    }

    /// A kept connection that lives: the last used first, as the likeliest to.
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().expect("BUG: poisoned");
        std::iter::from_fn(|| idle.pop()).find(Connection::is_idle)
    }

    fn keep(&self, connection: Connection) {
        if connection.stays_open() {
            self.idle.lock().expect("BUG: poisoned").push(connection);
        }
    }

    async fn connect(&self) -> Result<Connection, UpstreamError> {
        let failed = |source| UpstreamError::Connect { address: self.address.clone(), source };
        TcpStream::connect(&self.address).await.map(Connection::new).map_err(failed)
    }
}

impl Reply<'_> {
    /// Takes all of its body, each piece shown to `look` as it arrives, which says whether the body is needed in one.
    pub async fn gather(mut self, look: impl FnMut(&[u8]) -> bool) -> Result<(ResponseHead, Payload), WireError> {
        let body = self.connection.gather(look).await?;
        self.api.keep(self.connection);
        Ok((self.head, body))
    }

    /// The first bytes of a body that may be long or slow: of an error that is only told.
    pub async fn excerpt(mut self, length: usize) -> Vec<u8> {
        let mut excerpt = vec![];
        let reading = async {
            while let Some(piece) = self.connection.data().await? {
                let room = length - excerpt.len();
                excerpt.extend_from_slice(&piece[..piece.len().min(room)]);
                if excerpt.len() == length {
                    break;
                }
            }
            Ok::<(), WireError>(())
        };
        drop(tokio::time::timeout(DRAINED_TIME, reading).await);
        excerpt
    }

    /// Reads a body that nobody waits for, because only then is its connection used again. A long or a slow one is not
    /// worth the wait.
    pub async fn drain(mut self) {
        let reading = async {
            let mut len = 0;
            while let Some(piece) = self.connection.data().await? {
                len += piece.len();
                if len > DRAINED_LENGTH {
                    break;
                }
            }
            Ok::<(), WireError>(())
        };
        if matches!(tokio::time::timeout(DRAINED_TIME, reading).await, Ok(Ok(()))) {
            self.api.keep(self.connection);
        }
    }

    /// Answers `request` of `runtime` with it, piece by piece.
    pub async fn answer(mut self, request: &RequestHead, runtime: &mut Connection) -> Result<(), Broken> {
        let framing = self.head.framing_for(request);
        if framing == Framing::Close {
            runtime.close_behind();
        }
        let head = OutgoingHead::response(&self.head, framing, runtime.stays_open());
        self.connection.pass_to(runtime, &head).await?;
        self.api.keep(self.connection);
        Ok(())
    }
}
