//! Pooled client of the real Runtime API (and of the Extensions API, which is at the same address).
//!
//! After a freeze, a kept connection may be dead. Then a `GET` is sent again on another connection, while a `POST` that may
//! have arrived is never repeated. Lambda freezes a sandbox while `next` is pending, so a response is always sent on a
//! connection that has just delivered an event.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::payload::Payload;
use crate::wire::{Broken, Connection, Framing, OutgoingHead, RequestHead, ResponseHead, Unanswered, WireError};

/// The most bytes of a body that are read only so that its connection can be used again.
const DRAINED_LENGTH: usize = 64 << 10;

/// How long a body is read only so that its connection can be used again.
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
    /// The body of the request ended early on the runtime's connection.
    #[error("the connection closed before the request was complete: {0}")]
    Request(WireError),
}

/// Client of one Runtime API.
#[derive(Debug)]
pub struct RuntimeApi {
    address: String,
    idle: Mutex<Vec<Connection>>,
}

/// An answer whose body is still to be read. When it was read to its end, its connection is used again.
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

    /// Forwards a request without its body, if it had one. A `GET` is sent again if its connection is dead.
    pub async fn pass(&self, request: &RequestHead) -> Result<Reply<'_>, UpstreamError> {
        let framing = if request.has_body() { Framing::None } else { request.framing };
        let head = OutgoingHead::request(request, &self.address, framing);
        self.exchange(request.method(), &head, &Payload::default()).await
    }

    /// Forwards a request with a body of ours and its length, at most once.
    pub async fn send(&self, request: &RequestHead, body: &Payload) -> Result<Reply<'_>, UpstreamError> {
        let head = OutgoingHead::request(request, &self.address, Framing::Length(body.len() as u64));
        self.exchange(request.method(), &head, body).await
    }

    /// Forwards a request with its body, at most once, while the body arrives from `runtime`.
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

    /// Forwards a request whose body ended early, as far as the body arrived and with its original framing, and then ends
    /// the connection. It does not return an answer: it only gives upstream a moment to read the request.
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

    /// Sends a request of our own. A `GET` is sent again if its connection is dead; anything else is sent at most once.
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

    /// Sends a request whose whole body is in memory, and sends it again if that is safe: if nothing of it was written, or
    /// if it is a `GET` whose connection died. A `GET` whose fresh connection died is sent once more, because it may have
    /// waited there through a freeze.
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

    /// Opens a connection before it is needed. If that fails, nothing is lost.
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

    /// A kept connection that is alive. The last one that was used comes first, because it is the most likely to be alive.
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
    /// Reads the whole body, and shows each piece to `look` as it arrives; `look` returns whether the body is needed in one
    /// piece.
    pub async fn gather(mut self, look: impl FnMut(&[u8]) -> bool) -> Result<(ResponseHead, Payload), WireError> {
        let body = self.connection.gather(look).await?;
        self.api.keep(self.connection);
        Ok((self.head, body))
    }

    /// The first bytes of a body that may be long or slow. It is for errors that are only logged.
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

    /// Reads a body that is not needed, because its connection can be used again only after that. If the body is long or
    /// slow, it gives up.
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

    /// Sends this answer to `runtime`, which sent `request`, piece by piece.
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
