//! Lambda, as far as one sandbox sees it: the Runtime API, which always has an event ready, and the Extensions API.
//!
//! It runs on a thread of its own, as Lambda's side is another process, and answers from buffers that were made before.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

use crate::wire::{self, Head, Wire};

/// Bytes of a chunk of an event that comes in chunks.
const CHUNK: usize = 16 << 10;

const ACCEPTED: &[u8] =
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
const REGISTERED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Lambda-Extension-Identifier: 6f0e3f7a-2f4c-4d5c-9a51-0a8b8f7f3c11\r\nContent-Length: 2\r\n\r\n{}";
const OUT_OF_EVENTS: &[u8] = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";

/// An event, ready to be sent.
#[derive(Debug)]
pub(crate) struct Event {
    /// The head but for the request id, which every invocation has its own of.
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Event {
    /// An event whose length is told in advance.
    pub(crate) fn with_length(json: &[u8]) -> Self {
        Self::new(&format!("Content-Length: {}", json.len()), json.to_vec())
    }

    /// The same in chunks.
    pub(crate) fn in_chunks(json: &[u8]) -> Self {
        Self::new("Transfer-Encoding: chunked", wire::chunked(json, CHUNK))
    }

    fn new(framing: &str, body: Vec<u8>) -> Self {
        // Longer than any run takes; Lambda's own is at most a quarter of an hour.
        let deadline = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_millis()) + 3_600_000;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{framing}\r\n\
             Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:123456789012:function:bench\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n\
             Lambda-Runtime-Aws-Request-Id: "
        );
        Self { head: head.into_bytes(), body }
    }

    fn head(&self, invocation: u64) -> Vec<u8> {
        let id = format!("8476a536-e9f4-11e8-9739-{invocation:012x}\r\n\r\n");
        [&self.head, id.as_bytes()].concat()
    }
}

/// When the extension's life reached what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Milestones {
    /// Its request to register arrived.
    pub(crate) registered: Option<Instant>,
    /// Its first poll arrived: its init is over.
    pub(crate) polled: Option<Instant>,
}

/// The thread that all sandboxes' APIs run on.
#[derive(Debug)]
pub(crate) struct Lambda {
    handle: Handle,
    /// Dropped with the value, which ends the thread.
    _running: oneshot::Sender<()>,
}

impl Lambda {
    /// Starts the thread, on the processors that the caller may use.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel::<()>();
        std::thread::Builder::new().name("lambda".to_owned()).spawn(move || {
            // Only ever ends by the other half's end.
            runtime.block_on(ended).ok();
        })?;
        Ok(Self { handle, _running: running })
    }

    /// Opens the APIs of one sandbox.
    pub(crate) async fn sandbox(&self) -> anyhow::Result<Sandbox> {
        let (milestones, seen) = watch::channel(Milestones::default());
        let api = Arc::new(Api { state: Mutex::default(), milestones });
        let serving = Arc::clone(&api);
        let listener = self.handle.spawn(async { TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await }).await??;
        let address = listener.local_addr().context("a listener without an address")?;
        let accepting = self.handle.spawn(accept(listener, serving));
        Ok(Sandbox { address, api, milestones: seen, accepting: accepting.abort_handle() })
    }
}

/// The APIs that one sandbox talks to. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// Where they listen.
    pub(crate) address: SocketAddr,
    api: Arc<Api>,
    milestones: watch::Receiver<Milestones>,
    accepting: tokio::task::AbortHandle,
}

impl Sandbox {
    /// What every poll is answered with from now on.
    pub(crate) fn set_event(&self, event: Event) {
        self.api.state().event = Some(Arc::new(event));
    }

    /// The last response's data. An invocation that failed is an error.
    pub(crate) fn last_response(&self) -> anyhow::Result<Vec<u8>> {
        let state = self.api.state();
        match &state.failure {
            Some(failure) => anyhow::bail!("an invocation failed: {failure}"),
            None => Ok(state.response.clone()),
        }
    }

    /// Waits until the extension has polled for the first time.
    pub(crate) async fn ready(&self) -> anyhow::Result<Milestones> {
        let mut milestones = self.milestones.clone();
        Ok(*milestones.wait_for(|seen| seen.polled.is_some()).await?)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Debug)]
struct Api {
    state: Mutex<State>,
    milestones: watch::Sender<Milestones>,
}

#[derive(Debug, Default)]
struct State {
    event: Option<Arc<Event>>,
    invocations: u64,
    response: Vec<u8>,
    failure: Option<String>,
}

impl Api {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next event, unless there is none or an invocation failed: then whoever polls shall know.
    fn next_event(&self) -> Option<(Arc<Event>, u64)> {
        let mut state = self.state();
        state.invocations += 1;
        let event = state.event.clone().filter(|_| state.failure.is_none())?;
        Some((event, state.invocations))
    }
}

async fn accept(listener: TcpListener, api: Arc<Api>) {
    while let Ok((stream, _)) = listener.accept().await {
        let api = Arc::clone(&api);
        // A connection that breaks off is the peer's end; what it did not do is missed on the other side.
        tokio::spawn(async move { serve(stream, &api).await.ok() });
    }
}

async fn serve(stream: TcpStream, api: &Api) -> io::Result<()> {
    let (mut wire, mut body) = (Wire::new(stream)?, Vec::new());
    while let Some(head) = wire.head().await? {
        let framing = head.framing()?;
        wire.body(framing, &mut body).await?;
        match Call::of(&head) {
            Call::Next => match api.next_event() {
                Some((event, invocation)) => wire.send(&event.head(invocation), &event.body).await?,
                None => wire.send(OUT_OF_EVENTS, b"").await?,
            },
            Call::Response => {
                std::mem::swap(&mut api.state().response, &mut body);
                wire.send(ACCEPTED, b"").await?;
            }
            Call::Error => {
                api.state().failure = Some(String::from_utf8_lossy(&body).into_owned());
                wire.send(ACCEPTED, b"").await?;
            }
            Call::Register => {
                api.milestones.send_modify(|seen| seen.registered = Some(Instant::now()));
                wire.send(REGISTERED, b"").await?;
            }
            Call::ExtensionNext => {
                api.milestones.send_modify(|seen| seen.polled = Some(Instant::now()));
                std::future::pending::<()>().await;
            }
        }
    }
    Ok(())
}

/// What is asked.
enum Call {
    Next,
    Response,
    Error,
    Register,
    ExtensionNext,
}

impl Call {
    /// Whatever is not known is taken for an error, which stops the run.
    fn of(head: &Head) -> Self {
        let path = head.word(1);
        match path {
            b"/2018-06-01/runtime/invocation/next" => Self::Next,
            b"/2020-01-01/extension/register" => Self::Register,
            b"/2020-01-01/extension/event/next" => Self::ExtensionNext,
            _ if path.ends_with(b"/response") => Self::Response,
            _ => Self::Error,
        }
    }
}
