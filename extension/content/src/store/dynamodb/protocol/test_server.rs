//! An HTTP server of a few lines for unit tests: answers what the test says, and tells what it was asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Heads, the names of their fields in lower case, and bodies.
type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Listens on a free port until the test's runtime ends.
pub(crate) struct TestServer {
    pub(crate) url: String,
    requests: Requests,
    connections: Arc<AtomicUsize>,
}

impl TestServer {
    /// `answer` makes status and body from a request's head.
    pub(crate) async fn start(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::start_with_fields(move |head| {
            let (status, body) = answer(head);
            (status, String::new(), body)
        })
        .await
    }

    /// `answer` makes status, header fields (each line with its end) and body from a request's head.
    pub(crate) async fn start_with_fields(
        answer: impl Fn(&str) -> (u16, String, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, requests: Arc::default(), connections: Arc::default() };
        let (requests, connections) = (server.requests.clone(), server.connections.clone());
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, requests.clone(), answer.clone()));
            }
        });
        server
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }

    /// The bodies of all requests so far.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// An address where nobody listens as long as the socket lives: it has the port, and refuses connections.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn serve(stream: TcpStream, requests: Requests, answer: Arc<impl Fn(&str) -> (u16, String, String)>) {
    let mut stream = BufReader::new(stream);
    while let Some((head, received)) = read_request(&mut stream).await {
        let (status, fields, body) = answer(&head);
        requests.lock().unwrap().push((head, received));
        let answer = format!("HTTP/1.1 {status} X\r\n{fields}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// The names of the fields in lower case, as everything is compared here.
fn with_lower_names(head: &str) -> String {
    let field = |line: &str| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    };
    head.split("\r\n").map(field).collect::<Vec<_>>().join("\r\n")
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = with_lower_names(&head);
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |len| len.parse().unwrap());
    let mut body = vec![0; len];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
