//! The connector for the table: HTTP/1.1 connections, with TLS if the URL says so, which are kept for the next request.
//!
//! Clients that can do more (HTTP/2, proxies, idle timers, any TLS library) have half a megabyte more, which every cold
//! start would load, and nothing of that is needed here.
//!
//! A kept connection may have died without a packet that says so. If it brings no byte for
//! [`SILENCE`](super::traffic::SILENCE), the same request is also sent on a new connection, and the first answer is used
//! (ADR 10). So every request to the table may arrive twice. Reads and batches of writes have the same effect again. If the
//! condition of the second `PutItem` fails, the first one has stored the content (ADR 9).

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::dial::dial;
use super::pool::{Connection, Connections, Opening, Origin, Pool};
use super::tls::LazyTls;
pub(crate) use super::traffic::SILENCE;
use super::traffic::{Traffic, Watched};
use crate::store::tally::Tally;

/// How long opening a connection may take, TLS included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest answer that is read: more than twice the 16 MiB that `BatchGetItem` may send, which base64 makes a third
/// longer.
const MAX_ANSWER: usize = 48 << 20;

tokio::task_local! {
    /// The tallies that count requests that are sent a second time. The caller counts only the first.
    static PAYERS: [Tally; 2];
    /// The longest answer that the caller accepts, in bytes.
    static LONGEST: usize;
}

/// Does `work`, and counts requests that it sends a second time in the tallies of `payers`.
pub(crate) fn charging_repeats<W: Future>(payers: [Tally; 2], work: W) -> impl Future<Output = W::Output> {
    PAYERS.scope(payers, work)
}

/// Does `work`. If the answer to one of its requests is longer than `bytes`, it is not read further
/// ([`ConnectorError::TooLong`]).
pub(crate) fn taking_at_most<W: Future>(bytes: usize, work: W) -> impl Future<Output = W::Output> {
    LONGEST.scope(bytes.min(MAX_ANSWER), work)
}

/// Connections to any number of endpoints, all over HTTP/1.1. Clones share them.
#[derive(Clone)]
pub(crate) struct Http1Connector(Arc<Shared>);

struct Shared {
    tls: Option<LazyTls>,
    pool: Pool,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The outcome of sending a request.
type Outcome = Result<Response<Bytes>, ConnectorError>;

/// A future of a whole answer.
pub(crate) type PendingOutcome<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectorError {
    #[error("no connection in time")]
    Late,
    #[error("no connection, or it failed before the response was complete")]
    Failed(#[source] BoxError),
    /// An answer ended early, or was longer than the longest answer that is read.
    #[error("a response with status {0} ended early, or was too long")]
    BrokenOff(u16),
    /// An answer is longer than [`taking_at_most`] allows.
    #[error("the response is longer than expected")]
    TooLong,
}

/// Whether a request on a new connection was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// It was not sent before.
    First,
    /// It was sent on a kept connection, which has not answered.
    Again,
}

/// Which connection answered a request that was sent on a kept connection and on a new one.
enum Winner {
    Kept(Response<Bytes>),
    New(Outcome),
}

impl Http1Connector {
    /// A connector that checks certificates with `tls`; without it there is no TLS. Connects on first use.
    pub(crate) fn new(tls: Option<LazyTls>, connections: Connections) -> Self {
        Self(Arc::new(Shared { tls, pool: Pool::new(connections) }))
    }

    /// Sends a request to its URL, and returns the whole answer. A request with `Connection: close` gets a separate
    /// connection. The future is boxed, because it is nested deep, and the compiler would process all of it wherever it is
    /// awaited.
    pub(crate) fn call(&self, request: Request<Bytes>) -> PendingOutcome<'_> {
        Box::pin(self.answer(request))
    }

    async fn answer(&self, request: Request<Bytes>) -> Outcome {
        let (origin, request) = address(request).map_err(ConnectorError::Failed)?;
        let request = request.map(Full::new);
        let is_alone = request.headers().contains_key(CONNECTION);
        match if is_alone { None } else { self.0.pool.take(&origin) } {
            Some(kept) => self.over_kept(kept, &origin, request).await,
            None => self.over_new(&origin, request, Sending::First).await,
        }
    }

    /// Sends a request on a kept connection. If that is dead, it sends the request on a new connection, never on another
    /// kept one.
    async fn over_kept(&self, mut kept: Connection, origin: &Origin, request: Request<Full<Bytes>>) -> Outcome {
        let (traffic, copy) = (Arc::clone(&kept.traffic), request.clone());
        let outcome = {
            let mut first = pin!(exchange(&mut kept, request));
            tokio::select! {
                biased;
                outcome = &mut first => outcome,
                () = traffic.silence(self.0.pool.connections().silence()) => {
                    tracing::debug!("a kept connection is silent: the request is sent on a new one too");
                    self.0.pool.suspect();
                    // In a box: who is answered does not pay for the size of this future.
                    match Box::pin(self.race(first, origin, copy.clone())).await {
                        Winner::Kept(answer) => Ok(answer),
                        Winner::New(outcome) => return outcome,
                    }
                }
            }
        };
        match outcome {
            Ok(answer) => {
                self.0.pool.keep(origin, kept);
                Ok(answer)
            }
            Err(error) if traffic.has_read() => Err(error),
            Err(_) => {
                let sending = if traffic.has_written() { Sending::Again } else { Sending::First };
                Box::pin(self.over_new(origin, copy, sending)).await
            }
        }
    }

    /// Sends a request that a kept connection has not answered on a new connection, too, and waits for the first answer.
    async fn race(
        &self,
        mut kept: Pin<&mut impl Future<Output = Outcome>>,
        origin: &Origin,
        request: Request<Full<Bytes>>,
    ) -> Winner {
        let mut new = pin!(self.over_new(origin, request, Sending::Again));
        let answer = tokio::select! {
            biased;
            outcome = &mut kept => match outcome {
                Ok(answer) => answer,
                Err(_) => return Winner::New(new.await),
            },
            outcome = &mut new => match outcome {
                // A table that is slow, and takes no more connections, has a little more time for the one it has.
                Err(error) => match timeout(SILENCE, kept).await {
                    Ok(Ok(answer)) => answer,
                    _ => return Winner::New(Err(error)),
                },
                answered => return Winner::New(answered),
            },
        };
        self.0.pool.trust();
        Winner::Kept(answer)
    }

    async fn over_new(&self, origin: &Origin, request: Request<Full<Bytes>>, sending: Sending) -> Outcome {
        let opening = self.0.pool.opening();
        let is_alone = request.headers().contains_key(CONNECTION);
        let mut new = self.connect(origin, opening).await?;
        if sending == Sending::Again {
            // Outside of `charging_repeats` nobody pays.
            let _ = PAYERS.try_with(|payers| payers.iter().for_each(Tally::sent));
        }
        let answer = exchange(&mut new, request).await?;
        if sending == Sending::Again {
            self.0.pool.drop_kept_before(opening);
        }
        if !is_alone {
            self.0.pool.keep(origin, new);
        }
        Ok(answer)
    }

    async fn connect(&self, origin: &Origin, opening: Opening) -> Result<Connection, ConnectorError> {
        let opened = timeout(CONNECT_TIMEOUT, self.open(origin, opening)).await;
        opened.map_err(|_| ConnectorError::Late)?.map_err(ConnectorError::Failed)
    }

    async fn open(&self, origin: &Origin, opening: Opening) -> Result<Connection, BoxError> {
        let host = origin.authority.host().trim_matches(['[', ']']);
        let port = origin.authority.port_u16().unwrap_or(if origin.is_tls { 443 } else { 80 });
        let addresses = match self.0.pool.connections().addresses() {
            Some(addresses) => addresses,
            None => lookup_host((host, port)).await?.collect(),
        };
        let stream = dial(addresses).await?;
        stream.set_nodelay(true)?;
        let traffic = Arc::new(Traffic::new());
        let stream = Watched::new(stream, &traffic);
        if !origin.is_tls {
            return handshake(stream, traffic, opening).await;
        }
        let tls = self.0.tls.as_ref().ok_or_else(|| io::Error::other("built without TLS"))?;
        let stream = tls.connect(ServerName::try_from(host.to_owned())?, stream).await?;
        handshake(stream, traffic, opening).await
    }
}

/// Starts HTTP on an open connection. A task drives the connection until it closes or is dropped.
async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    traffic: Arc<Traffic>,
    opening: Opening,
) -> Result<Connection, BoxError> {
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(driver).abort_handle();
    Ok(opening.connection(sender, traffic, driver))
}

/// Sends a request on a connection, and reads the whole answer.
async fn exchange(connection: &mut Connection, request: Request<Full<Bytes>>) -> Outcome {
    let failed = |error: hyper::Error| ConnectorError::Failed(error.into());
    connection.traffic.start();
    // It may not have got over the end of the answer before.
    connection.sender.ready().await.map_err(failed)?;
    let (head, body) = connection.sender.send_request(request).await.map_err(failed)?.into_parts();
    let longest = LONGEST.try_with(|bytes| *bytes).ok();
    let body = Limited::new(body, longest.unwrap_or(MAX_ANSWER)).collect().await;
    let body = body.map_err(|error| match longest {
        Some(_) if error.is::<LengthLimitError>() => ConnectorError::TooLong,
        _ => ConnectorError::BrokenOff(head.status.as_u16()),
    })?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// The origin of a request, and the request as it is sent there: its target has no authority, which is in `Host`.
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

/// The value of the header `Host`, which is also signed: it has no user name, and no default port.
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
    use super::super::pool::MOST_KEPT;
    use super::super::test_server::{Does, ScriptedServer, SynHole, TestServer, nobody};
    use super::*;
    use std::time::SystemTime;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;
    use tokio::time::Instant;

    /// How long a request may take if all kept connections are dead.
    const BOUND: Duration = Duration::from_millis(2500);

    fn connector() -> Http1Connector {
        Http1Connector::new(None, Connections::default())
    }

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
        let connector = connector();
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
        let connector = connector();
        let (first, second) = tokio::join!(get(&connector, &server.url), get(&connector, &server.url));
        assert_eq!((first.unwrap(), second.unwrap(), server.connections()), ("x".into(), "x".into(), 2));
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_a_failed_connection() {
        let (_nobody, free) = nobody();
        let connector = connector();
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
        let connector = connector();
        let ((), outcome) = tokio::join!(server, get(&connector, &url));
        let error = outcome.unwrap_err();
        assert!(matches!(error, ConnectorError::BrokenOff(200)), "{error}");
    }

    /// A server whose first `kept` connections do `then` after they are kept.
    async fn server_where_kept_connections(kept: usize, then: Does) -> (ScriptedServer, Http1Connector) {
        let server = ScriptedServer::start(move |connection, request| match (connection < kept, request) {
            (true, 1..) => then,
            _ => Does::Answer,
        });
        let (server, connector) = (server.await, connector());
        keep(&connector, &server, kept).await;
        (server, connector)
    }

    /// Makes the connector keep so many connections.
    async fn keep(connector: &Http1Connector, server: &ScriptedServer, count: usize) {
        ask_at_once(connector, server, count).await;
        assert_eq!(connector.0.pool.len(), count.min(MOST_KEPT));
    }

    async fn ask_at_once(connector: &Http1Connector, server: &ScriptedServer, count: usize) {
        let asking = (0..count).map(|_| {
            let (connector, url) = (connector.clone(), server.url());
            async move { get(&connector, &url).await.unwrap() }
        });
        asking.collect::<JoinSet<_>>().join_all().await;
    }

    /// Sends one request while so many connections are kept and silent, and checks how long it takes.
    async fn answered_where_silent(kept: usize) {
        let (server, connector) = server_where_kept_connections(kept, Does::Nothing).await;
        let started = Instant::now();
        assert_eq!(get(&connector, &server.url()).await.unwrap(), kept.to_string(), "the new connection");
        assert!(started.elapsed() < BOUND, "{kept} kept: {:?}", started.elapsed());
        assert_eq!(connector.0.pool.len(), 1, "those kept before are dropped");
        server.until(|served| served.closed.len() == kept).await;
        assert_eq!(get(&connector, &server.url()).await.unwrap(), kept.to_string());
        assert_eq!(server.requests().len(), kept + 3);
    }

    #[tokio::test]
    async fn silent_kept_connections_cost_a_second_whatever_their_number() {
        tokio::join!(answered_where_silent(1), answered_where_silent(2), answered_where_silent(8));
    }

    #[tokio::test]
    async fn requests_at_once_on_silent_connections_cost_a_second_together() {
        let (server, connector) = server_where_kept_connections(4, Does::Nothing).await;
        let started = Instant::now();
        ask_at_once(&connector, &server, 4).await;
        assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
        assert_eq!(server.requests().len(), 4 + 8);
    }

    #[tokio::test]
    async fn a_kept_connection_that_takes_no_bytes_is_silent() {
        let server = ScriptedServer::start(|connection, _| match connection {
            0 => Does::AnswerAndStopReading,
            _ => Does::Answer,
        });
        let (server, connector) = (server.await, connector());
        keep(&connector, &server, 1).await;
        let (started, body) = (Instant::now(), Bytes::from(vec![0; 16 << 20]));
        let answer = connector.call(Request::post(server.url()).body(body).unwrap()).await.unwrap();
        assert_eq!(answer.into_body(), "1");
        assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_server_that_answers_after_a_second_and_a_half_gets_two_requests_and_its_answer_counts() {
        let server = ScriptedServer::start(|connection, request| match (connection, request) {
            (0, 0 | 2) => Does::Answer,
            _ => Does::AnswerAfter(Duration::from_millis(1500)),
        });
        let (server, connector) = (server.await, connector());
        for _ in 0..3 {
            assert_eq!(get(&connector, &server.url()).await.unwrap(), "0");
        }
        assert_eq!(server.requests(), [0, 0, 1, 0], "the first to answer is kept");
        server.until(|served| served.closed == [1]).await;
    }

    #[tokio::test]
    async fn an_answer_that_has_started_is_waited_for() {
        let (server, connector) =
            server_where_kept_connections(1, Does::AnswerInTwo(Duration::from_millis(1500))).await;
        assert_eq!(get(&connector, &server.url()).await.unwrap(), "0");
        assert_eq!(server.requests(), [0, 0]);
    }

    #[tokio::test]
    async fn a_kept_connection_that_closes_instead_of_answering_costs_no_time() {
        let (server, connector) = server_where_kept_connections(8, Does::Close).await;
        let started = Instant::now();
        assert_eq!(get(&connector, &server.url()).await.unwrap(), "8");
        assert!(started.elapsed() < SILENCE, "{:?}", started.elapsed());
        assert_eq!(server.requests().len(), 8 + 2);
        assert_eq!(connector.0.pool.len(), 1);
    }

    #[tokio::test]
    async fn a_slow_server_that_takes_no_new_connection_is_waited_for() {
        let slow = Does::AnswerAfter(Duration::from_millis(1500));
        let (server, connector) = server_where_kept_connections(1, slow).await;
        server.stop_listening();
        assert_eq!(get(&connector, &server.url()).await.unwrap(), "0");
    }

    #[tokio::test]
    async fn after_a_silent_connection_no_other_kept_one_is_used_though_the_request_was_given_up() {
        let server = ScriptedServer::start(|connection, request| match (connection, request) {
            (0..=1, 1..) | (2, _) => Does::Nothing,
            _ => Does::Answer,
        });
        let (server, connector) = (server.await, connector());
        keep(&connector, &server, 2).await;
        let given_up = timeout(SILENCE + SILENCE / 2, get(&connector, &server.url())).await;
        assert!(given_up.is_err(), "the second connection is silent, too");
        let started = Instant::now();
        assert_eq!(get(&connector, &server.url()).await.unwrap(), "3");
        assert!(started.elapsed() < SILENCE, "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_connection_is_kept_for_half_a_minute_of_the_wall_clock() {
        let seconds = Duration::from_secs;
        let (server, connector) = server_where_kept_connections(1, Does::Answer).await;
        let now = SystemTime::now();
        for (since, connection) in [
            (now - seconds(25), "0"),
            (now - seconds(31), "1"),
            (now + seconds(60), "2"), // the clock went back
        ] {
            connector.0.pool.pretend_kept_since(since);
            assert_eq!(get(&connector, &server.url()).await.unwrap(), connection);
        }
    }

    #[tokio::test]
    async fn no_connection_is_in_a_snapshot_or_outlives_one() {
        let server = ScriptedServer::start(|_, _| Does::Answer).await;
        let connections = Connections::before_snapshot();
        let connector = Http1Connector::new(None, connections.clone());
        let get = || async { get(&connector, &server.url()).await.unwrap() };
        assert_eq!([get().await, get().await], ["0", "1"], "before the snapshot");
        server.until(|served| served.closed == [0, 1]).await;
        connections.restored();
        assert_eq!([get().await, get().await], ["2", "2"], "after it");
        connections.invoked();
        assert_eq!(get().await, "2");
        connections.restored();
        assert_eq!(get().await, "3");
    }

    #[tokio::test]
    async fn a_process_that_is_invoked_was_restored() {
        let connections = Connections::before_snapshot();
        assert!(connections.expect_snapshot());
        connections.invoked();
        assert!(!connections.expect_snapshot());
        assert!(!Connections::default().expect_snapshot());
    }

    #[tokio::test]
    async fn a_bounded_number_of_connections_is_kept() {
        let server = ScriptedServer::start(|_, _| Does::Answer).await;
        let connector = connector();
        keep(&connector, &server, MOST_KEPT + 8).await;
        assert_eq!(connector.0.pool.len(), MOST_KEPT);
        server.until(|served| served.closed.len() == 8).await;
    }

    #[tokio::test]
    async fn a_request_that_says_so_has_a_connection_for_itself() {
        let (server, connector) = server_where_kept_connections(1, Does::Answer).await;
        let request = Request::get(server.url()).header(CONNECTION, "close").body(Bytes::new()).unwrap();
        assert_eq!(connector.call(request).await.unwrap().into_body(), "1");
        assert_eq!(get(&connector, &server.url()).await.unwrap(), "0");
        server.until(|served| served.closed == [1]).await;
    }

    #[tokio::test]
    async fn all_addresses_of_a_name_are_tried() {
        let (hole, server) = (SynHole::dig().await, ScriptedServer::start(|_, _| Does::Answer).await);
        let connections = Connections::default().to(vec![hole.address, server.address]);
        let connector = Http1Connector::new(None, connections);
        assert_eq!(get(&connector, "http://table.invalid/").await.unwrap(), "0");
    }

    #[tokio::test]
    async fn a_request_that_is_sent_twice_is_counted_twice() {
        for (then, repeats) in [(Does::Answer, 0), (Does::Nothing, 1), (Does::Close, 1)] {
            let (server, connector) = server_where_kept_connections(1, then).await;
            let payers = [Tally::default(), Tally::default()];
            charging_repeats(payers.clone(), get(&connector, &server.url())).await.unwrap();
            assert_eq!(payers.map(|payer| payer.usage().requests), [repeats; 2], "{then:?}");
        }
    }
}
