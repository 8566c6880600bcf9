//! A small HTTP server for unit tests. It sends the answers that the test sets, and records the requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

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

/// An address at which no program listens. The socket holds the port, and connections to it are refused.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// What a [`ScriptedServer`] does with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// Answers with the connection's number.
    Answer,
    AnswerAfter(Duration),
    /// Sends the head of its answer at once, and the body later.
    AnswerInTwo(Duration),
    /// Neither answers nor closes.
    Nothing,
    /// Closes the connection.
    Close,
    /// Answers, and reads nothing more.
    AnswerAndStopReading,
}

/// A server with a script that says what it does with each request, by the number of the connection and the number of the
/// request on it.
pub(crate) struct ScriptedServer {
    pub(crate) address: SocketAddr,
    served: watch::Receiver<Served>,
    accepting: AbortHandle,
}

/// What a [`ScriptedServer`] has seen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    /// The connections of all requests, in the order of these.
    pub(crate) requests: Vec<usize>,
    /// Connections that clients have closed.
    pub(crate) closed: Vec<usize>,
}

impl ScriptedServer {
    pub(crate) async fn start(script: impl Fn(usize, usize) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (serving, served) = watch::channel(Served::default());
        let (script, serving) = (Arc::new(script), Arc::new(serving));
        let accepting = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (script, serving) = (Arc::clone(&script), Arc::clone(&serving));
                tokio::spawn(async move {
                    follow(stream, connection, &*script, &serving).await;
                    serving.send_modify(|served| served.closed.push(connection));
                });
            }
        });
        Self { address, served, accepting: accepting.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Refuses connections from now on. Connections that are open are still served.
    pub(crate) fn stop_listening(&self) {
        self.accepting.abort();
    }

    /// The connections of all requests so far.
    pub(crate) fn requests(&self) -> Vec<usize> {
        self.served.borrow().requests.clone()
    }

    pub(crate) async fn until(&self, seen: impl Fn(&Served) -> bool) {
        let mut served = self.served.clone();
        timeout(Duration::from_secs(10), served.wait_for(seen)).await.expect("in time").unwrap();
    }
}

/// Serves one connection until it ends.
async fn follow(
    stream: TcpStream,
    connection: usize,
    script: &impl Fn(usize, usize) -> Does,
    serving: &watch::Sender<Served>,
) {
    let mut stream = BufReader::new(stream);
    for request in 0.. {
        if read_request(&mut stream).await.is_none() {
            return;
        }
        serving.send_modify(|served| served.requests.push(connection));
        let body = connection.to_string();
        let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", body.len());
        let pause = match script(connection, request) {
            Does::Nothing => continue,
            Does::Close => return,
            Does::AnswerInTwo(pause) => pause,
            Does::Answer | Does::AnswerAndStopReading => Duration::ZERO,
            Does::AnswerAfter(time) => {
                tokio::time::sleep(time).await;
                Duration::ZERO
            }
        };
        // A client that has its answer from elsewhere closes instead.
        let _ = stream.write_all(head.as_bytes()).await;
        tokio::time::sleep(pause).await;
        let _ = stream.write_all(body.as_bytes()).await;
        if matches!(script(connection, request), Does::AnswerAndStopReading) {
            std::future::pending::<()>().await;
        }
    }
}

/// An address that never answers: its queue of connections is full, so that the kernel does not answer SYN packets.
pub(crate) struct SynHole {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl SynHole {
    pub(crate) async fn dig() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(queued) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            queue.push(queued.unwrap());
        }
        Self { address, _listener: listener, _queue: queue }
    }
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

/// A head with the names of its fields in lower case, so that they can be compared.
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
