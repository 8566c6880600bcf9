//! Connections: one request at a time, and kept for a moment for the next.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use crate::call::Outgoing;

/// A head larger than this is not read.
const MAX_HEAD: usize = 64 << 10;

/// An idle connection is not used after this: many servers close theirs after five seconds, and a request that meets the end of a
/// connection may or may not have arrived.
const IDLE: Duration = Duration::from_secs(4);

/// So many idle connections are kept.
const MOST: usize = 16;

/// A connection to an address that was found public. It ends with this value.
pub(crate) struct Link {
    sender: http1::SendRequest<Full<Bytes>>,
    address: SocketAddr,
    _connection: JoinSet<Result<(), hyper::Error>>,
}

/// A request without a response.
pub(crate) struct Unanswered {
    /// Why.
    pub(crate) error: hyper::Error,
    /// Whether the server may have got it.
    pub(crate) may_have_arrived: bool,
}

impl Link {
    /// Speaks HTTP/1.1 on a stream to this address.
    pub(crate) async fn new(stream: TlsStream<TcpStream>, address: SocketAddr) -> Result<Self, hyper::Error> {
        let mut client = http1::Builder::new();
        let (sender, connection) = client.max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await?;
        let mut connections = JoinSet::new();
        connections.spawn(connection);
        Ok(Self { sender, address, _connection: connections })
    }

    /// The head of the response, and its body as it arrives.
    pub(crate) async fn send(&mut self, request: Outgoing) -> Result<Response<Incoming>, Unanswered> {
        self.sender.try_send_request(request).await.map_err(|mut error| {
            let may_have_arrived = error.take_message().is_none();
            Unanswered { error: error.into_error(), may_have_arrived }
        })
    }
}

/// Connections that wait for a next request. Their age is told by the time of day: the monotonic clock may stop while a
/// sandbox is frozen.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Vec<Waiting>>);

struct Waiting {
    host: String,
    since: SystemTime,
    link: Link,
}

impl Idle {
    /// A connection to the host, at one of the addresses that its name has now.
    pub(crate) async fn take(&self, host: &str, addresses: &[SocketAddr]) -> Option<Link> {
        loop {
            let mut link = self.pop(host, addresses)?;
            if link.sender.ready().await.is_ok() {
                return Some(link);
            }
        }
    }

    fn pop(&self, host: &str, addresses: &[SocketAddr]) -> Option<Link> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(Waiting::is_young);
        let fits = |waiting: &Waiting| waiting.host == host && addresses.contains(&waiting.link.address);
        let found = waiting.iter().position(fits)?;
        Some(waiting.swap_remove(found).link)
    }

    /// Keeps a connection whose last response was read to its end.
    pub(crate) fn keep(&self, host: &str, link: Link) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(Waiting::is_young);
        if waiting.len() < MOST {
            waiting.push(Waiting { host: host.to_owned(), since: SystemTime::now(), link });
        }
    }
}

impl Waiting {
    /// Of a clock that was set back no age can be told.
    fn is_young(&self) -> bool {
        SystemTime::now().duration_since(self.since).is_ok_and(|age| age < IDLE)
    }
}
