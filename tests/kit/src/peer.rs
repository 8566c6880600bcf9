//! A server that records every request, and answers by script.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::message::{Printed, Reply};
use crate::waiting::TIMEOUT;
use crate::wire::{self, Framing, Head, Headers, Piece, Wire};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
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
pub struct Exchange {
    pub method: String,
    /// Path and query as they stood.
    pub target: String,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub trailers: Headers,
    pub state: State,
    /// When its head had come.
    pub arrived: Instant,
}

impl Exchange {
    fn new(head: &Head, body: Vec<u8>) -> Self {
        Self {
            method: head.word(0).to_owned(),
            target: head.word(1).to_owned(),
            headers: head.headers.clone(),
            body,
            trailers: Headers::default(),
            state: State::Receiving,
            arrived: Instant::now(),
        }
    }

    /// Method and target, as a script and a test name it.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub fn is_whole(&self) -> bool {
        !matches!(self.state, State::Receiving | State::BrokenOff)
    }

    /// Nobody has answered it, and somebody still waits.
    pub fn is_waiting(&self) -> bool {
        self.state == State::Received
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    fn is_called(&self, name: &str) -> bool {
        name.split_once(' ').is_some_and(|(method, target)| self.method == method && self.target == target)
    }
}

/// Everything seen so far, in the order of arrival.
#[derive(Debug, Default)]
pub struct Log {
    pub exchanges: VecDeque<Exchange>,
    pub connections: usize,
    /// How many of them have ended.
    pub closed: usize,
    /// Messages that no HTTP server would accept.
    pub malformed: Vec<String>,
    /// Exchanges that were forgotten to make room for later ones.
    forgotten: usize,
}

impl Log {
    /// Every request with this method and target.
    pub fn all(&self, name: &str) -> Vec<&Exchange> {
        self.exchanges.iter().filter(|exchange| exchange.is_called(name)).collect()
    }

    fn get(&mut self, index: usize) -> Option<&mut Exchange> {
        self.exchanges.get_mut(index.checked_sub(self.forgotten)?)
    }

    /// Adds an exchange, of which a log that keeps few has the body of the one that it forgets; its position.
    fn push(&mut self, head: &Head, kept: usize) -> usize {
        let mut body = Vec::new();
        if self.exchanges.len() >= kept {
            body = self.exchanges.pop_front().map(|forgotten| forgotten.body).unwrap_or_default();
            body.clear();
            self.forgotten += 1;
        }
        self.exchanges.push_back(Exchange::new(head, body));
        self.forgotten + self.exchanges.len() - 1
    }

    fn names(&self) -> String {
        let line = |exchange: &Exchange| format!("\n  {} {:?}", exchange.name(), exchange.state);
        self.exchanges.iter().map(line).collect()
    }
}

/// What a peer answers where the script says nothing.
pub trait Habits: Send + Sync + 'static {
    /// The reply to a whole request at its position of the log; none as long as it has to wait.
    fn reply(&self, request: &Exchange, index: usize) -> Option<Reply>;
}

impl<F: Fn(&Exchange) -> Option<Reply> + Send + Sync + 'static> Habits for F {
    fn reply(&self, request: &Exchange, _: usize) -> Option<Reply> {
        self(request)
    }
}

struct Shared {
    log: Mutex<Log>,
    /// Exchanges that the log keeps.
    kept: usize,
    logged: Notify,
    /// Replies by `METHOD target`, each used once, in order.
    script: Mutex<VecDeque<(String, Reply)>>,
    habits: Box<dyn Habits>,
    scripted: Notify,
}

/// A scripted server. It ends with the value.
pub struct Peer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    server: Mutex<Option<JoinHandle<()>>>,
    /// Bound, and never listening: nobody else gets the port even when this has vanished.
    _port: TcpSocket,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Peer {
    /// A peer that replies by habit where nothing is scripted, and whose log keeps everything.
    pub async fn start(habits: impl Habits) -> Self {
        Self::start_keeping(usize::MAX, habits).await
    }

    /// The same, whose log keeps only so many exchanges. It shows bodies when they are whole, and costs little.
    pub async fn start_keeping(kept: usize, habits: impl Habits) -> Self {
        let (port, listener) = reserved().await.expect("a free port");
        let address = listener.local_addr().expect("BUG: a listener has an address");
        let (logged, scripted) = (Notify::new(), Notify::new());
        let (log, script) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { log, kept, logged, script, habits: Box::new(habits), scripted });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, server: Mutex::new(Some(server)), _port: port }
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next request called `name` (`METHOD target`) with `reply`.
    pub fn reply(&self, name: &str, reply: Reply) {
        locked(&self.shared.script).push_back((name.to_owned(), reply));
        self.changed();
    }

    /// Takes back the replies to requests called `name` that did not come.
    pub fn forget_reply(&self, name: &str) {
        locked(&self.shared.script).retain(|(key, _)| key != name);
    }

    /// Looks again at the requests that wait: a habit may have changed.
    pub fn changed(&self) {
        self.shared.scripted.notify_waiters();
    }

    /// It is gone: its port refuses connections and its open ones end.
    pub async fn vanish(&self) {
        let server = locked(&self.server).take().expect("a peer that has not vanished yet");
        server.abort();
        server.await.ok();
    }

    /// Waits until the log holds what `find` looks for.
    pub async fn until<T>(&self, what: &str, mut find: impl FnMut(&Log) -> Option<T>) -> T {
        let wait = async {
            loop {
                let mut logged = std::pin::pin!(self.shared.logged.notified());
                logged.as_mut().enable();
                if let Some(found) = self.with_log(&mut find) {
                    return found;
                }
                logged.await;
            }
        };
        let outcome = tokio::time::timeout(TIMEOUT, wait).await;
        outcome.unwrap_or_else(|_| panic!("timed out waiting for {what}; seen:{}", self.with_log(Log::names)))
    }

    /// The first whole request called `name` (`METHOD target`).
    pub async fn recorded(&self, name: &str) -> Exchange {
        self.until(name, |log| log.all(name).into_iter().find(|exchange| exchange.is_whole()).cloned()).await
    }

    /// The first request called `name` (`METHOD target`) whose connection ended before its body did.
    pub async fn broken_off(&self, name: &str) -> Exchange {
        let is_broken = |exchange: &&Exchange| exchange.state == State::BrokenOff;
        self.until(&format!("the end of {name}"), |log| log.all(name).into_iter().find(is_broken).cloned()).await
    }

    /// Looks at the log.
    pub fn with_log<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&locked(&self.shared.log))
    }

    /// How many requests called `name` have come.
    pub fn count(&self, name: &str) -> usize {
        self.with_log(|log| log.all(name).len())
    }

    /// `METHOD target` of everything seen, in order.
    pub fn names(&self) -> Vec<String> {
        self.with_log(|log| log.exchanges.iter().map(Exchange::name).collect())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(server) = locked(&self.server).take() {
            server.abort();
        }
        let malformed = self.with_log(|log| log.malformed.clone());
        if !std::thread::panicking() {
            assert!(malformed.is_empty(), "malformed messages reached the peer: {malformed:?}");
        }
    }
}

impl Shared {
    fn edit_log<T>(&self, edit: impl FnOnce(&mut Log) -> T) -> T {
        let edited = edit(&mut locked(&self.log));
        self.logged.notify_waiters();
        edited
    }

    /// Changes an exchange, if it is still known.
    fn edit(&self, index: usize, edit: impl FnOnce(&mut Exchange)) {
        self.edit_log(|log| log.get(index).map(edit));
    }

    fn keeps_everything(&self) -> bool {
        self.kept == usize::MAX
    }

    /// The reply to the request that is due before its body is.
    fn early_reply_to(&self, head: &Head) -> Option<Reply> {
        let is_early = |(name, reply): &(String, Reply)| reply.early && is_named(head, name);
        self.take_reply(is_early)
    }

    /// The reply to the request at `index`, when it is due.
    async fn reply_to(&self, head: &Head, index: usize) -> Reply {
        loop {
            let mut scripted = std::pin::pin!(self.scripted.notified());
            scripted.as_mut().enable();
            if let Some(mut reply) = self.due_reply_to(head, index) {
                reply.released().await;
                return reply;
            }
            scripted.await;
        }
    }

    fn due_reply_to(&self, head: &Head, index: usize) -> Option<Reply> {
        let scripted = self.take_reply(|(name, _)| is_named(head, name));
        scripted.or_else(|| locked(&self.log).get(index).and_then(|request| self.habits.reply(request, index)))
    }

    fn take_reply(&self, is_meant: impl FnMut(&(String, Reply)) -> bool) -> Option<Reply> {
        let mut script = locked(&self.script);
        let at = script.iter().position(is_meant)?;
        script.remove(at).map(|(_, reply)| reply)
    }
}

/// Whether a request is called `name` (`METHOD target`).
fn is_named(head: &Head, name: &str) -> bool {
    name.split_once(' ').is_some_and(|(method, target)| head.word(0) == method && head.word(1) == target)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port that only this peer opens. The kernel gave it to a socket without `SO_REUSEADDR`, and gives it to no one else as long as
/// that lives; sockets that have the option, as listeners do, share it.
async fn reserved() -> io::Result<(TcpSocket, TcpListener)> {
    let port = TcpSocket::new_v4()?;
    port.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    port.set_reuseaddr(true)?;
    let listener = TcpListener::bind(port.local_addr()?).await?;
    Ok((port, listener))
}

/// Connections end with the task that accepts them.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.edit_log(|log| log.connections += 1);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            serve(&shared, stream).await;
            shared.edit_log(|log| log.closed += 1);
        });
    }
}

/// Serves one connection until either side ends it.
async fn serve(shared: &Shared, stream: TcpStream) {
    let (mut wire, mut body) = (Wire::new(stream), Vec::new());
    loop {
        match exchange(shared, &mut wire, &mut body).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    shared.edit_log(|log| log.malformed.push(error.to_string()));
                }
                return;
            }
        }
    }
}

/// One request and its reply; false when the connection ends with it.
async fn exchange(shared: &Shared, wire: &mut Wire, body: &mut Vec<u8>) -> io::Result<bool> {
    let Some(head) = wire.head().await? else { return Ok(false) };
    let index = shared.edit_log(|log| log.push(&head, shared.kept));
    if let Some(reply) = shared.early_reply_to(&head) {
        let Printed { head: early, body: its_body, .. } = reply.print();
        wire.send(&early, &its_body).await?;
        return receive(shared, wire, body, &head, index).await.map(|()| true);
    }
    if let Err(error) = receive(shared, wire, body, &head, index).await {
        shared.edit(index, |exchange| exchange.state = State::BrokenOff);
        return Err(error);
    }
    let reply = tokio::select! {
        biased;
        reply = shared.reply_to(&head, index) => reply,
        () = wire.closed() => {
            shared.edit(index, |exchange| exchange.state = State::Abandoned);
            return Ok(false);
        }
    };
    let Printed { head, body, closes } = reply.print();
    // Logged before it is sent: the receiver of the reply may look at the log at once.
    shared.edit(index, |exchange| exchange.state = State::Answered);
    wire.send(&head, &body).await?;
    Ok(!closes)
}

/// Takes the body. A log that keeps everything shows each piece of it, so that a test sees the first before the last was sent.
async fn receive(shared: &Shared, wire: &mut Wire, body: &mut Vec<u8>, head: &Head, index: usize) -> io::Result<()> {
    let framing = head.request_framing()?;
    if head.headers.get("expect").is_some() {
        wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    if shared.keeps_everything() {
        return receive_pieces(shared, wire, framing, index).await;
    }
    wire.framed_body(framing, body).await?;
    if framing == Framing::Chunked {
        *body = wire::data(framing, body)?;
    }
    shared.edit(index, |exchange| {
        std::mem::swap(&mut exchange.body, body);
        exchange.state = State::Received;
    });
    Ok(())
}

async fn receive_pieces(shared: &Shared, wire: &mut Wire, mut framing: Framing, index: usize) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Request;
    use crate::runtime::Runtime;

    async fn echo(kept: usize) -> Peer {
        Peer::start_keeping(kept, |request: &Exchange| Some(Reply::new(200, request.body.clone()))).await
    }

    #[tokio::test]
    async fn a_peer_replies_by_script_and_else_by_habit() {
        let peer = echo(usize::MAX).await;
        let mut client = Runtime::new(peer.address);
        peer.reply("POST /a", Reply::new(404, "scripted"));
        for (target, text) in [("/b", "by habit"), ("/a", "scripted"), ("/a", "by habit")] {
            assert_eq!(client.send(Request::post(target, "by habit")).await.text(), text);
        }
        assert_eq!(peer.names(), ["POST /b", "POST /a", "POST /a"]);
    }

    #[tokio::test]
    async fn a_log_that_keeps_few_has_the_last_ones() {
        let peer = echo(2).await;
        let mut client = Runtime::new(peer.address);
        for number in 0..5 {
            let request = Request::post(&format!("/{number}"), number.to_string());
            assert_eq!(client.send(request.chunked(1)).await.text(), number.to_string());
        }
        assert_eq!(peer.names(), ["POST /3", "POST /4"]);
        assert_eq!(peer.with_log(|log| log.all("POST /4")[0].text()), "4");
    }

    #[tokio::test]
    async fn a_peer_that_has_vanished_refuses_connections() {
        let peer = echo(usize::MAX).await;
        peer.vanish().await;
        let refused = TcpStream::connect(peer.address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
