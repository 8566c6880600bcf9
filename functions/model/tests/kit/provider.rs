//! A provider that answers as it was told and remembers what it was asked.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use http_body::Frame;
use serde_json::Value;
use std::fmt;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// What the provider answers, every time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Never comes.
    pub(crate) hangs: bool,
    /// Breaks off in the middle.
    pub(crate) breaks: bool,
    /// Says no more after its beginning.
    pub(crate) stalls: bool,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a request in JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header of text"))
    }
}

/// What to answer, made of the request and of how many there were before.
type Answers = Arc<dyn Fn(usize, &Received) -> Response + Send + Sync>;

pub(crate) struct Provider {
    pub(crate) endpoint: String,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.endpoint)
    }
}

impl Provider {
    /// One that answers the same every time.
    pub(crate) async fn start(response: Response) -> Self {
        Self::answering(move |_, _| response.clone()).await
    }

    /// One that answers one after the other, and the last for ever.
    pub(crate) async fn playing(responses: Vec<Response>) -> Self {
        Self::answering(move |before, _| responses[before.min(responses.len() - 1)].clone()).await
    }

    pub(crate) async fn answering(answers: impl Fn(usize, &Received) -> Response + Send + Sync + 'static) -> Self {
        let received = Arc::default();
        let answers: Answers = Arc::new(answers);
        let state = (answers, Arc::clone(&received));
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(state);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async { axum::serve(listener, router).await.expect("a server") });
        Self { endpoint, received, task }
    }

    /// What it was asked, oldest first.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("requests").clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where nobody listens as long as this lives: the port is taken by a socket that refuses connections.
pub(crate) struct Nobody {
    pub(crate) endpoint: String,
    _socket: TcpSocket,
}

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
        let endpoint = format!("http://{}", socket.local_addr().expect("an address"));
        Self { endpoint, _socket: socket }
    }
}

type Stage = (Answers, Arc<Mutex<Vec<Received>>>);

async fn answer(
    State((answers, received)): State<Stage>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let request = Received { method, path: uri.to_string(), headers, body };
    let before = {
        let mut received = received.lock().expect("requests");
        received.push(request.clone());
        received.len() - 1
    };
    let response = answers(before, &request);
    if response.hangs {
        std::future::pending::<()>().await;
    }
    let headers =
        response.headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
    let status = StatusCode::from_u16(response.status).expect("a status");
    let mut sent = (status, headers.collect::<HeaderMap>(), response.body.clone()).into_response();
    if response.breaks {
        let beginning = Bytes::copy_from_slice(&response.body.as_bytes()[..10]);
        *sent.body_mut() = Body::new(Half(vec![false, true], beginning));
    }
    if response.stalls {
        let beginning = Bytes::from(response.body.into_bytes()).slice(..10);
        *sent.body_mut() = Body::new(Beginning(Some(beginning)));
    }
    sent
}

/// The beginning of a body, after which nothing comes.
struct Beginning(Option<Bytes>);

impl http_body::Body for Beginning {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.take().map_or(Poll::Pending, |beginning| Poll::Ready(Some(Ok(Frame::data(beginning)))))
    }
}

/// The beginning of a body, a moment in which it can be sent, and no end.
struct Half(Vec<bool>, Bytes);

impl http_body::Body for Half {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.0.pop() {
            Some(true) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.1))))),
            Some(false) => {
                let waker = cx.waker().clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    waker.wake();
                });
                Poll::Pending
            }
            None => Poll::Ready(Some(Err(std::io::Error::other("broken")))),
        }
    }
}
