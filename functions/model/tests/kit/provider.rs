//! A provider that answers as it was told and remembers what it was asked.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
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

#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) endpoint: String,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Provider {
    pub(crate) async fn start(response: Response) -> Self {
        let received = Arc::default();
        let state = (response, Arc::clone(&received));
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

type Stage = (Response, Arc<Mutex<Vec<Received>>>);

async fn answer(
    State((response, received)): State<Stage>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    received.lock().expect("requests").push(Received { method, path: uri.to_string(), headers, body });
    if response.hangs {
        std::future::pending::<()>().await;
    }
    let headers =
        response.headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
    (StatusCode::from_u16(response.status).expect("a status"), headers.collect::<HeaderMap>(), response.body)
}
