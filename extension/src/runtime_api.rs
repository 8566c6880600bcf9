//! Pooled HTTP/1 client of the real Runtime API (and of the Extensions API, which stands at the same address).
//!
//! A pool of our own, because connection reuse is a promise here: after a freeze the kept connection may be dead, and
//! then a `GET` is sent again on a fresh one, while a `POST` that may have arrived is never repeated. Lambda freezes a
//! sandbox while `next` is pending, so a response always finds a connection that has just delivered an event.

use std::sync::Mutex;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version, request};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::payload::Payload;
use crate::socket::Socket;

/// Bytes that the head of a message may have: Lambda takes an `XRay-Error-Cause` of 1 MiB.
pub const MAX_HEAD: usize = (1 << 20) + (128 << 10);

/// A body that passes through us: gathered, or streaming by.
pub type Body = Either<Payload, Incoming>;

/// A body of these bytes.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Payload::from(bytes.into()))
}

/// Why there is no answer from upstream.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection.
    #[error("cannot connect to the Runtime API at {address}: {source}")]
    Connect {
        /// `host:port` tried.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// A connection, but no answer.
    #[error("no answer from the Runtime API at {address}: {source}")]
    Exchange {
        /// `host:port` of the connection.
        address: String,
        /// Why.
        source: hyper::Error,
    },
}

/// Client of one Runtime API.
#[derive(Debug)]
pub struct RuntimeApi {
    address: String,
    host: HeaderValue,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

impl RuntimeApi {
    /// A client of the Runtime API at `address` (`host:port`). Connects when first used.
    pub fn new(address: &str) -> Self {
        let host = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("localhost"));
        Self { address: address.to_owned(), host, idle: Mutex::default() }
    }

    /// Sends a request without a body that may be repeated, again on a fresh connection when a kept one is dead.
    pub async fn get(&self, head: &request::Parts) -> Result<Response<Incoming>, UpstreamError> {
        loop {
            let (sender, reused) = self.connection().await?;
            match self.exchange(sender, Request::from_parts(head.clone(), full(Bytes::new()))).await {
                Err(_) if reused => {}
                answer => return answer,
            }
        }
    }

    /// Sends a request at most once. A kept connection that died before the first byte was written is replaced.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, UpstreamError> {
        self.prepare(&mut request);
        loop {
            let (mut sender, reused) = self.connection().await?;
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.keep(sender, response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if reused => request = unsent,
                    _ => return Err(self.no_answer(error.into_error())),
                },
            }
        }
    }

    async fn exchange(
        &self,
        mut sender: SendRequest<Body>,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        self.prepare(&mut request);
        let answer = sender.send_request(request).await;
        answer.map(|response| self.keep(sender, response)).map_err(|source| self.no_answer(source))
    }

    /// Makes a request of another connection one of ours: its version, target form, host and connection headers.
    fn prepare(&self, request: &mut Request<Body>) {
        *request.version_mut() = Version::HTTP_11;
        if request.uri().authority().is_some() {
            *request.uri_mut() = request.uri().path_and_query().cloned().map(Uri::from).unwrap_or_default();
        }
        remove_hop_by_hop(request.headers_mut());
        request.headers_mut().insert(HOST, self.host.clone());
    }

    fn keep(&self, sender: SendRequest<Body>, response: Response<Incoming>) -> Response<Incoming> {
        self.idle.lock().expect("BUG: poisoned").push(sender);
        response
    }

    fn no_answer(&self, source: hyper::Error) -> UpstreamError {
        UpstreamError::Exchange { address: self.address.clone(), source }
    }

    /// A kept connection that is ready (the last used first: it is the likeliest to live), else a new one.
    async fn connection(&self) -> Result<(SendRequest<Body>, bool), UpstreamError> {
        if let Some(sender) = self.take_idle() {
            return Ok((sender, true));
        }
        self.connect().await.map(|sender| (sender, false))
    }

    fn take_idle(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.lock().expect("BUG: poisoned");
        idle.retain(|sender| !sender.is_closed());
        let ready = idle.iter().rposition(SendRequest::is_ready)?;
        Some(idle.remove(ready))
    }

    async fn connect(&self) -> Result<SendRequest<Body>, UpstreamError> {
        let failed = |source| UpstreamError::Connect { address: self.address.clone(), source };
        let stream = TcpStream::connect(&self.address).await.map_err(failed)?;
        let mut builder = http1::Builder::new();
        builder.preserve_header_case(true).title_case_headers(true).max_buf_size(MAX_HEAD);
        let (sender, connection) =
            builder.handshake(TokioIo::new(Socket::new(stream))).await.map_err(|source| self.no_answer(source))?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Removes the headers that belong to one connection (RFC 9110, section 7.6.1). `Trailer` announces fields of the message
/// and stays. `Expect` was answered on the connection it came on.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let fixed = [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE, EXPECT];
    for name in named.into_iter().chain(fixed) {
        headers.remove(name);
    }
}
