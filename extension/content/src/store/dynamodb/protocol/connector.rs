//! The way to the table: HTTP/1.1 connections, over TLS where the URL says so, kept for the next request.
//!
//! Clients that can do more (HTTP/2, proxies, idle timers, any TLS library) are half a megabyte that every cold start would
//! load, and none of it is of use here.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tls::LazyTls;

/// How long opening a connection may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes of an answer: more than twice the 16 MiB that `BatchGetItem` may send, which base64 makes a third longer.
const MAX_ANSWER: usize = 48 << 20;

/// Connections to any number of endpoints, all over HTTP/1.1. Clones share them.
#[derive(Clone)]
pub(crate) struct Http1Connector(Arc<Shared>);

struct Shared {
    tls: Option<LazyTls>,
    idle: Mutex<Vec<(Origin, Sender)>>,
}

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    is_tls: bool,
    authority: Authority,
}

/// The sending end of a connection.
type Sender = SendRequest<Full<Bytes>>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A whole answer, some time.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, ConnectorError>> + Send + 'a>>;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectorError {
    #[error("no connection in time")]
    Late,
    #[error("no connection, or none that lasted")]
    Failed(#[source] BoxError),
    /// Too long an answer is as good as one that never ends.
    #[error("an answer with status {0} broke off, or was too long")]
    BrokenOff(u16),
}

impl Http1Connector {
    /// A connector that checks certificates by `tls`; without it there is no TLS. Connects when first used.
    pub(crate) fn new(tls: Option<LazyTls>) -> Self {
        Self(Arc::new(Shared { tls, idle: Mutex::default() }))
    }

    /// Sends a request to the URL it names; the whole answer. Boxed, since what goes on below is nested deep, and a
    /// compiler looks at all of it wherever it is waited for.
    pub(crate) fn call(&self, request: Request<Bytes>) -> Answer<'_> {
        Box::pin(self.answer(request))
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        let (origin, request) = address(request).map_err(ConnectorError::Failed)?;
        let (head, body) = self.exchange(origin, request.map(Full::new)).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|_| ConnectorError::BrokenOff(head.status.as_u16()))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Sends a request, again on a fresh connection when a kept one died before the first byte was written.
    async fn exchange(
        &self,
        origin: Origin,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ConnectorError> {
        while let Some(mut sender) = self.take_idle(&origin) {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.keep(origin, sender, response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(ConnectorError::Failed(error.into_error().into())),
                },
            }
        }
        let mut sender = self.connect(&origin).await?;
        let response = sender.send_request(request).await.map_err(|error| ConnectorError::Failed(error.into()))?;
        Ok(self.keep(origin, sender, response))
    }

    /// A connection is ready for the next request when the body of this answer has been read.
    fn keep(&self, origin: Origin, sender: Sender, response: Response<Incoming>) -> Response<Incoming> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push((origin, sender));
        response
    }

    /// A kept connection that is ready, the last used first: it is the likeliest to live.
    fn take_idle(&self, origin: &Origin) -> Option<Sender> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, sender)| !sender.is_closed());
        let ready = idle.iter().rposition(|(kept, sender)| kept == origin && sender.is_ready())?;
        Some(idle.remove(ready).1)
    }

    async fn connect(&self, origin: &Origin) -> Result<Sender, ConnectorError> {
        let opened = timeout(CONNECT_TIMEOUT, self.open(origin)).await;
        opened.map_err(|_| ConnectorError::Late)?.map_err(ConnectorError::Failed)
    }

    async fn open(&self, origin: &Origin) -> Result<Sender, BoxError> {
        let host = origin.authority.host().trim_matches(['[', ']']);
        let port = origin.authority.port_u16().unwrap_or(if origin.is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        if !origin.is_tls {
            return handshake(stream).await;
        }
        let tls = self.0.tls.as_ref().ok_or_else(|| io::Error::other("built without TLS"))?;
        handshake(tls.connect(ServerName::try_from(host.to_owned())?, stream).await?).await
    }
}

/// Begins HTTP on an open connection, and lets it be driven until it closes.
async fn handshake(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Sender, BoxError> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    drop(tokio::spawn(connection));
    Ok(sender)
}

/// Where a request goes, and the request as it is spelt there: its target without the authority, which stands in `Host`.
fn address(mut request: Request<Bytes>) -> Result<(Origin, Request<Bytes>), BoxError> {
    let uri = std::mem::take(request.uri_mut()).into_parts();
    let authority = uri.authority.ok_or("the URL has no host")?;
    let is_tls = uri.scheme == Some(Scheme::HTTPS);
    let host = HeaderValue::from_str(host(is_tls, &authority))?;
    request.headers_mut().insert(HOST, host);
    let origin = Origin { is_tls, authority };
    *request.uri_mut() =
        uri.path_and_query.map_or_else(|| Ok(Uri::default()), |path| Uri::builder().path_and_query(path).build())?;
    Ok((origin, request))
}

/// What the header `Host` says, and what is signed: no user, and no port that goes without saying.
pub(crate) fn host(is_tls: bool, authority: &Authority) -> &str {
    match (is_tls, authority.port_u16()) {
        (true, Some(443)) | (false, Some(80)) => authority.host(),
        _ => authority.as_str().rsplit('@').next().unwrap_or_default(),
    }
}

impl std::fmt::Debug for Http1Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http1Connector").field("tls", &self.0.tls.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_server::{TestServer, nobody};
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn origin(url: &str) -> (Origin, Request<Bytes>) {
        address(Request::post(url).body(Bytes::new()).unwrap()).unwrap()
    }

    async fn get(connector: &Http1Connector, url: &str) -> Result<String, ConnectorError> {
        let response = connector.call(Request::get(url).body(Bytes::new()).unwrap()).await?;
        Ok(String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    #[test]
    fn a_request_is_spelt_as_it_was_signed() {
        for (url, host, target) in [
            ("https://dynamodb.eu-central-1.amazonaws.com/", "dynamodb.eu-central-1.amazonaws.com", "/"),
            ("https://example.com:443/a?b=c", "example.com", "/a?b=c"),
            ("http://example.com:80", "example.com", "/"),
            ("http://127.0.0.1:8000/", "127.0.0.1:8000", "/"),
            ("http://[::1]:8000/", "[::1]:8000", "/"),
            ("https://example.com:80/", "example.com:80", "/"),
        ] {
            let (_, request) = origin(url);
            assert_eq!(request.headers()[HOST], host, "{url}");
            assert_eq!(request.uri().to_string(), target, "{url}");
        }
        assert!(address(Request::get("/relative").body(Bytes::new()).unwrap()).is_err());
    }

    #[tokio::test]
    async fn a_connection_serves_one_request_after_the_other_and_one_endpoint() {
        let server = TestServer::start(|head| (200, head.lines().next().unwrap().to_owned())).await;
        let other = TestServer::start(|_| (200, "other".to_owned())).await;
        let connector = Http1Connector::new(None);
        for nth in 0..3 {
            let answer = get(&connector, &format!("{}/{nth}", server.url)).await.unwrap();
            assert_eq!(answer, format!("GET /{nth} HTTP/1.1"));
        }
        assert_eq!(get(&connector, &other.url).await.unwrap(), "other");
        assert_eq!((server.connections(), other.connections()), (1, 1));
    }

    #[tokio::test]
    async fn requests_at_the_same_time_have_connections_of_their_own() {
        let server = TestServer::start(|_| (200, "x".to_owned())).await;
        let connector = Http1Connector::new(None);
        let (first, second) = tokio::join!(get(&connector, &server.url), get(&connector, &server.url));
        assert_eq!((first.unwrap(), second.unwrap(), server.connections()), ("x".into(), "x".into(), 2));
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_a_failed_connection() {
        let (_nobody, free) = nobody();
        let connector = Http1Connector::new(None);
        for scheme in ["http", "https"] {
            let error = get(&connector, &format!("{scheme}://{free}/")).await.unwrap_err();
            assert!(matches!(error, ConnectorError::Failed(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn half_an_answer_is_none() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        };
        let connector = Http1Connector::new(None);
        let ((), outcome) = tokio::join!(server, get(&connector, &url));
        let error = outcome.unwrap_err();
        assert!(matches!(error, ConnectorError::BrokenOff(200)), "{error}");
    }
}
