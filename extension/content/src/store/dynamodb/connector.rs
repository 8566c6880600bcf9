//! The way to the table: HTTP/1.1 connections, over TLS where the URL says so, kept for the next request.
//!
//! The SDK's own client can do much more (HTTP/2, proxies, idle timers, any TLS library). None of it is of use here, and it
//! is half a megabyte that every cold start would load.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, Uri};
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

/// Connections to any number of endpoints, all over HTTP/1.1. Clones share them.
#[derive(Clone)]
pub(super) struct Http1Connector(Arc<Shared>);

struct Shared {
    tls: Option<LazyTls>,
    idle: Mutex<Vec<(Origin, SendRequest<SdkBody>)>>,
}

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    is_tls: bool,
    authority: Authority,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Http1Connector {
    /// A connector that checks certificates by `tls`; without it there is no TLS. Connects when first used.
    pub(super) fn new(tls: Option<LazyTls>) -> Self {
        Self(Arc::new(Shared { tls, idle: Mutex::default() }))
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let (origin, request) = address(request).map_err(ConnectorError::user)?;
        let response = self.exchange(origin, request).await?.map(SdkBody::from_body_1_x);
        HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
    }

    /// Sends a request, again on a fresh connection when a kept one died before the first byte was written.
    async fn exchange(
        &self,
        origin: Origin,
        mut request: Request<SdkBody>,
    ) -> Result<Response<Incoming>, ConnectorError> {
        while let Some(mut sender) = self.take_idle(&origin) {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.keep(origin, sender, response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(ConnectorError::io(error.into_error().into())),
                },
            }
        }
        let mut sender = self.connect(&origin).await?;
        let response = sender.send_request(request).await.map_err(|error| ConnectorError::io(error.into()))?;
        Ok(self.keep(origin, sender, response))
    }

    /// A connection is ready for the next request when the body of this answer has been read.
    fn keep(&self, origin: Origin, sender: SendRequest<SdkBody>, response: Response<Incoming>) -> Response<Incoming> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push((origin, sender));
        response
    }

    /// A kept connection that is ready, the last used first: it is the likeliest to live.
    fn take_idle(&self, origin: &Origin) -> Option<SendRequest<SdkBody>> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, sender)| !sender.is_closed());
        let ready = idle.iter().rposition(|(kept, sender)| kept == origin && sender.is_ready())?;
        Some(idle.remove(ready).1)
    }

    async fn connect(&self, origin: &Origin) -> Result<SendRequest<SdkBody>, ConnectorError> {
        let opened = timeout(CONNECT_TIMEOUT, self.open(origin)).await;
        opened.map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?.map_err(ConnectorError::io)
    }

    async fn open(&self, origin: &Origin) -> Result<SendRequest<SdkBody>, BoxError> {
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
async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<SdkBody>, BoxError> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    drop(tokio::spawn(connection));
    Ok(sender)
}

/// Where a request goes, and the request as it is spelt there: its target without the authority, which stands in `Host`.
fn address(mut request: Request<SdkBody>) -> Result<(Origin, Request<SdkBody>), BoxError> {
    let uri = std::mem::take(request.uri_mut()).into_parts();
    let authority = uri.authority.ok_or("the URL has no host")?;
    let is_tls = uri.scheme.is_some_and(|scheme| scheme == http::uri::Scheme::HTTPS);
    let origin = Origin { is_tls, authority };
    if !request.headers().contains_key(HOST) {
        let host = HeaderValue::from_str(&host_header(&origin))?;
        request.headers_mut().insert(HOST, host);
    }
    *request.uri_mut() =
        uri.path_and_query.map_or_else(|| Ok(Uri::default()), |path| Uri::builder().path_and_query(path).build())?;
    Ok((origin, request))
}

/// As it is signed: without the port that goes without saying.
fn host_header(origin: &Origin) -> String {
    match (origin.is_tls, origin.authority.port_u16()) {
        (true, Some(443)) | (false, Some(80)) => origin.authority.host().to_owned(),
        _ => origin.authority.as_str().rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

impl HttpConnector for Http1Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.answer(request).await })
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
    use aws_smithy_types::byte_stream::ByteStream;

    fn origin(url: &str) -> (Origin, Request<SdkBody>) {
        address(Request::post(url).body(SdkBody::empty()).unwrap()).unwrap()
    }

    async fn get(connector: &Http1Connector, url: &str) -> Result<String, ConnectorError> {
        let response = connector.call(HttpRequest::get(url).unwrap()).await?;
        let body = ByteStream::new(response.into_body()).collect().await.unwrap();
        Ok(String::from_utf8(body.to_vec()).unwrap())
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
        assert!(address(Request::get("/relative").body(SdkBody::empty()).unwrap()).is_err());
    }

    #[tokio::test]
    async fn a_connection_serves_one_request_after_the_other_and_one_endpoint() {
        let server = TestServer::start(|head| (200, head.lines().next().unwrap().to_owned())).await;
        let other = TestServer::start(|_| (200, "other".to_owned())).await;
        let connector = Http1Connector::new(None);
        for nth in 0..3 {
            let answer = get(&connector, &format!("{}/{nth}", server.url)).await.unwrap();
            assert_eq!(answer, format!("get /{nth} http/1.1"));
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
    async fn what_cannot_be_reached_is_an_io_error() {
        let (_nobody, free) = nobody();
        let connector = Http1Connector::new(None);
        assert!(get(&connector, &format!("http://{free}/")).await.unwrap_err().is_io());
        assert!(get(&connector, &format!("https://{free}/")).await.unwrap_err().is_io());
    }
}
