//! Lambda as one sandbox sees it: Runtime API and Extensions API on one address, every request on record, every reply by script.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_local::ReservedPort;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::message::{Event, Reply};
use super::wire::{Head, Headers, Piece, Wire};

pub(crate) const REGISTER: &str = "/2020-01-01/extension/register";
pub(crate) const EXTENSION_NEXT: &str = "/2020-01-01/extension/event/next";
pub(crate) const EXTENSION_INIT_ERROR: &str = "/2020-01-01/extension/init/error";
pub(crate) const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its body is still arriving.
    Receiving,
    /// Its connection ended before its body did.
    BrokenOff,
    /// It is whole, and its reply has not been sent.
    Received,
    Answered,
    /// The other side closed the connection before the reply.
    Abandoned,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    /// Path and query as they stood.
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
    pub(crate) state: State,
}

impl Exchange {
    /// Method and target, as a script and a test name it.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub(crate) fn is_whole(&self) -> bool {
        !matches!(self.state, State::Receiving | State::BrokenOff)
    }

    /// Nobody has answered it, and somebody still waits.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == State::Received
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}

/// Everything seen so far, in the order of arrival over both APIs.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) connections: usize,
    /// How many of them have ended.
    pub(crate) closed: usize,
    /// Messages that no HTTP server would accept.
    pub(crate) malformed: Vec<String>,
    /// Whether the probed port accepted a connection when `register` arrived.
    pub(crate) listening_at_register: Option<bool>,
}

impl Log {
    /// Every request with this method and target.
    pub(crate) fn all(&self, name: &str) -> Vec<&Exchange> {
        self.exchanges.iter().filter(|exchange| exchange.name() == name).collect()
    }

    /// The polls for an event that are waiting now, by their position in the log.
    pub(crate) fn waiting_polls(&self) -> Vec<usize> {
        let polls = self.exchanges.iter().enumerate();
        let waiting = polls.filter(|(_, exchange)| exchange.target == NEXT && exchange.is_waiting());
        waiting.map(|(index, _)| index).collect()
    }

    fn names(&self) -> String {
        let line = |exchange: &Exchange| format!("\n  {} {:?}", exchange.name(), exchange.state);
        self.exchanges.iter().map(line).collect()
    }
}

/// What will be answered.
#[derive(Default)]
struct Script {
    /// Replies by `METHOD target`, each used once, in order.
    replies: VecDeque<(String, Reply)>,
    /// Events for the next poll, or for the poll at a position of the log.
    events: VecDeque<(Option<usize>, Event)>,
    shutdown: bool,
    probe: Option<SocketAddr>,
}

struct Shared {
    log: watch::Sender<Log>,
    script: Mutex<Script>,
    changed: Notify,
}

/// The fake. Its server ends with it.
pub(crate) struct FakeLambda {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    server: Mutex<Option<JoinHandle<()>>>,
    /// Nobody else's, even when this has vanished.
    _port: ReservedPort,
}

impl FakeLambda {
    pub(crate) async fn start() -> Self {
        let port = ReservedPort::new().unwrap();
        let address = port.address();
        let listener = TcpListener::bind(address).await.unwrap();
        let (log, _) = watch::channel(Log::default());
        let shared = Arc::new(Shared { log, script: Mutex::default(), changed: Notify::new() });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, server: Mutex::new(Some(server)), _port: port }
    }

    /// Queues an event for whichever poll comes first.
    pub(crate) fn push(&self, event: Event) {
        self.script(|script| script.events.push_back((None, event)));
    }

    /// Answers the waiting poll at position `poll` of the log.
    pub(crate) fn push_to(&self, poll: usize, event: Event) {
        self.script(|script| script.events.push_back((Some(poll), event)));
    }

    /// Answers the next request called `name` (`METHOD target`) with `reply`.
    pub(crate) fn reply(&self, name: &str, reply: Reply) {
        self.script(|script| script.replies.push_back((name.to_owned(), reply)));
    }

    /// Takes back the replies to requests called `name` that did not come.
    pub(crate) fn forget_reply(&self, name: &str) {
        self.script(|script| script.replies.retain(|(key, _)| key != name));
    }

    /// Tries to connect to `listener` at the moment when `register` arrives.
    pub(crate) fn probe_at_register(&self, listener: SocketAddr) {
        self.script(|script| script.probe = Some(listener));
    }

    /// Answers the extension's poll with SHUTDOWN.
    pub(crate) fn shut_down(&self) {
        self.script(|script| script.shutdown = true);
    }

    /// Lambda is gone: its port refuses connections and its open ones end.
    pub(crate) async fn vanish(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        let server = server.expect("a fake that has not vanished yet");
        server.abort();
        server.await.ok();
    }

    /// Waits until the log holds what `find` looks for.
    pub(crate) async fn until<T>(&self, what: &str, mut find: impl FnMut(&Log) -> Option<T>) -> T {
        let mut log = self.shared.log.subscribe();
        let wait = async {
            loop {
                if let Some(found) = find(&log.borrow_and_update()) {
                    return found;
                }
                log.changed().await.expect("BUG: the fake holds the sender of its log");
            }
        };
        let outcome = tokio::time::timeout(super::PATIENCE, wait).await;
        outcome.unwrap_or_else(|_| panic!("waited in vain for {what}; seen:{}", self.with_log(Log::names)))
    }

    /// The first whole request called `name` (`METHOD target`).
    pub(crate) async fn recorded(&self, name: &str) -> Exchange {
        self.until(name, |log| log.all(name).into_iter().find(|exchange| exchange.is_whole()).cloned()).await
    }

    /// The first request called `name` (`METHOD target`) whose connection ended before its body did.
    pub(crate) async fn broken_off(&self, name: &str) -> Exchange {
        let is_broken = |exchange: &&Exchange| exchange.state == State::BrokenOff;
        self.until(&format!("the end of {name}"), |log| log.all(name).into_iter().find(is_broken).cloned()).await
    }

    /// The response of invocation `id`.
    pub(crate) async fn response(&self, id: &str) -> Exchange {
        self.recorded(&format!("POST /2018-06-01/runtime/invocation/{id}/response")).await
    }

    /// The error of invocation `id`.
    pub(crate) async fn error(&self, id: &str) -> Exchange {
        self.recorded(&format!("POST /2018-06-01/runtime/invocation/{id}/error")).await
    }

    /// Looks at the log.
    pub(crate) fn with_log<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.shared.log.borrow())
    }

    /// How many requests called `name` have come.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.with_log(|log| log.all(name).len())
    }

    /// `METHOD target` of everything seen, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.with_log(|log| log.exchanges.iter().map(Exchange::name).collect())
    }

    fn script(&self, change: impl FnOnce(&mut Script)) {
        self.shared.script(change);
        self.shared.changed.notify_waiters();
    }
}

impl Drop for FakeLambda {
    fn drop(&mut self) {
        if let Some(server) = self.server.lock().unwrap_or_else(PoisonError::into_inner).take() {
            server.abort();
        }
        let malformed = self.with_log(|log| log.malformed.clone());
        if !std::thread::panicking() {
            assert!(malformed.is_empty(), "malformed messages reached Lambda: {malformed:?}");
        }
    }
}

impl Shared {
    fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self, head: &Head) -> usize {
        let mut index = 0;
        self.log.send_modify(|log| {
            index = log.exchanges.len();
            log.exchanges.push(Exchange {
                method: head.word(0).to_owned(),
                target: head.word(1).to_owned(),
                headers: head.headers.clone(),
                body: Vec::new(),
                trailers: Headers::default(),
                state: State::Receiving,
            });
        });
        index
    }

    fn edit(&self, index: usize, edit: impl FnOnce(&mut Exchange)) {
        self.log.send_modify(|log| edit(&mut log.exchanges[index]));
    }

    fn name(&self, index: usize) -> String {
        self.log.borrow().exchanges[index].name()
    }

    /// The reply to the request at `index` that is due before its body is.
    fn early_reply_to(&self, index: usize) -> Option<Reply> {
        let name = self.name(index);
        self.script(|script| {
            let early = script.replies.iter().position(|(key, reply)| *key == name && reply.early)?;
            script.replies.remove(early).map(|(_, reply)| reply)
        })
    }

    /// The reply to the request at `index`, when it is due.
    async fn reply_to(&self, index: usize) -> Reply {
        let name = self.name(index);
        loop {
            let changed = self.changed.notified();
            if let Some(mut reply) = self.script(|script| script.reply_to(&name, index)) {
                reply.released().await;
                return reply;
            }
            changed.await;
        }
    }

    /// Whether the probed listener accepts a connection; noted before `register` is answered.
    async fn probe(&self) {
        let Some(listener) = self.script(|script| script.probe) else { return };
        let open = TcpStream::connect(listener).await.is_ok();
        self.log.send_modify(|log| log.listening_at_register = Some(open));
    }
}

impl Script {
    fn reply_to(&mut self, name: &str, index: usize) -> Option<Reply> {
        let scripted = self.replies.iter().position(|(key, _)| key == name);
        if let Some((_, reply)) = scripted.and_then(|at| self.replies.remove(at)) {
            return Some(reply);
        }
        let (method, target) = name.split_once(' ')?;
        match (method, target.split('?').next()?) {
            ("GET", NEXT) => self.event_for(index).map(Event::into_reply),
            ("GET", EXTENSION_NEXT) => self.shutdown.then(shutdown_event),
            ("POST", REGISTER) => Some(registered()),
            ("POST", EXTENSION_INIT_ERROR) => Some(Reply::accepted()),
            ("POST", path) if path.starts_with("/2018-06-01/runtime/") => Some(Reply::accepted()),
            _ => Some(Reply::new(404, r#"{"errorMessage":"Not found","errorType":"InvalidRequest"}"#)),
        }
    }

    fn event_for(&mut self, poll: usize) -> Option<Event> {
        let mine = |(target, _): &(Option<usize>, Event)| target.is_none_or(|target| target == poll);
        let at = self.events.iter().position(mine)?;
        self.events.remove(at).map(|(_, event)| event)
    }
}

fn registered() -> Reply {
    let body = r#"{"functionName":"under-test","functionVersion":"$LATEST","handler":"app.handler"}"#;
    Reply::new(200, body).header("Lambda-Extension-Identifier", "3b8a7c0e-5a0e-4c8e-9d8f-2f1f0a9b7c6d")
}

fn shutdown_event() -> Reply {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(2);
    let body =
        format!(r#"{{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":{}}}"#, deadline.as_millis());
    Reply::new(200, body)
}

/// Connections end with the task that accepts them.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.log.send_modify(|log| log.connections += 1);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            serve(&shared, Wire::new(stream)).await;
            shared.log.send_modify(|log| log.closed += 1);
        });
    }
}

/// Serves one connection until either side ends it.
async fn serve(shared: &Shared, mut wire: Wire) {
    loop {
        match exchange(shared, &mut wire).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    shared.log.send_modify(|log| log.malformed.push(error.to_string()));
                }
                return;
            }
        }
    }
}

/// One request and its reply; false when the connection ends with it.
async fn exchange(shared: &Shared, wire: &mut Wire) -> io::Result<bool> {
    let Some(head) = wire.head().await? else { return Ok(false) };
    let index = shared.begin(&head);
    if let Some(reply) = shared.early_reply_to(index) {
        wire.write(&reply.print().0).await?;
        return receive(shared, wire, &head, index).await.map(|()| true);
    }
    if let Err(error) = receive(shared, wire, &head, index).await {
        shared.edit(index, |exchange| exchange.state = State::BrokenOff);
        return Err(error);
    }
    if head.word(1) == REGISTER {
        shared.probe().await;
    }
    let reply = tokio::select! {
        reply = shared.reply_to(index) => reply,
        () = wire.closed() => {
            shared.edit(index, |exchange| exchange.state = State::Abandoned);
            return Ok(false);
        }
    };
    let (bytes, closes) = reply.print();
    // On record before it leaves: whoever reads the reply may look at the log at once.
    shared.edit(index, |exchange| exchange.state = State::Answered);
    wire.write(&bytes).await?;
    Ok(!closes)
}

/// Takes the body piece by piece, so that a test sees the first before the last was sent.
async fn receive(shared: &Shared, wire: &mut Wire, head: &Head, index: usize) -> io::Result<()> {
    let mut framing = head.request_framing()?;
    if head.headers.get("expect").is_some() {
        wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    loop {
        match wire.piece(&mut framing).await? {
            Piece::Data(data) => shared.edit(index, |exchange| exchange.body.extend_from_slice(&data)),
            Piece::End(trailers) => {
                shared.edit(index, |exchange| {
                    exchange.trailers = trailers;
                    exchange.state = State::Received;
                });
                return Ok(());
            }
        }
    }
}
