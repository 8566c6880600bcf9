//! Lambda, as far as one sandbox sees it: the tests' own fake, which always has an event ready here and keeps little.
//!
//! It runs on its own thread, because Lambda itself is another process than the extension.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use test_kit::peer::Log;
use test_kit::{EXTENSION_NEXT, Event, FakeLambda, NEXT, REGISTER};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Bytes of a chunk of an event that comes in chunks.
const CHUNK: usize = 16 << 10;

/// Longer than any run takes; Lambda's own is at most a quarter of an hour.
const DEADLINE: Duration = Duration::from_hours(1);

/// When the extension's life reached what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Milestones {
    /// Its request to register arrived.
    pub(crate) registered: Instant,
    /// Its first poll arrived: its init is over.
    pub(crate) polled: Instant,
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
        Ok(Sandbox { lambda: self.handle.spawn(FakeLambda::start_keeping_few()).await? })
    }
}

/// The APIs that one sandbox talks to. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct Sandbox {
    lambda: FakeLambda,
}

impl Sandbox {
    /// Where they listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.lambda.address
    }

    /// What every poll is answered with from now on.
    pub(crate) fn set_event(&self, json: &[u8]) {
        self.lambda.push_always(Event::new("", json).due_in(DEADLINE));
    }

    /// What every poll of a runtime by this name is answered with from now on.
    pub(crate) fn set_event_of(&self, user_agent: &str, json: &[u8]) {
        self.lambda.push_always_to(user_agent, Event::new("", json).due_in(DEADLINE));
    }

    /// The same as [`set_event`](Self::set_event), in chunks.
    pub(crate) fn set_event_in_chunks(&self, json: &[u8]) {
        self.lambda.push_always(Event::new("", json).due_in(DEADLINE).chunked(CHUNK));
    }

    /// The last response's data. An invocation that failed is an error.
    pub(crate) fn last_response(&self) -> anyhow::Result<Vec<u8>> {
        if let Some(failure) = self.lambda.failure() {
            bail!("an invocation failed: {failure}");
        }
        let last = |log: &Log| {
            let mut latest = log.exchanges.iter().rev();
            latest.find(|exchange| exchange.target.ends_with("/response")).map(|response| response.body.clone())
        };
        self.lambda.with_log(last).context("no response has come")
    }

    /// When the first poll of a runtime came.
    pub(crate) async fn polled(&self) -> Instant {
        self.lambda.recorded(&format!("GET {NEXT}")).await.arrived
    }

    /// One event for a runtime that polls, and how long it takes until its response comes. An error is one here too.
    pub(crate) async fn invoke(&self, nth: usize, event: &[u8]) -> anyhow::Result<Duration> {
        let id = format!("invocation-{nth}");
        let begun = Instant::now();
        self.lambda.push(Event::new(&id, event).due_in(DEADLINE));
        let answered = |log: &Log| {
            let mut exchanges = log.exchanges.iter().filter(|exchange| exchange.is_whole());
            exchanges.find(|exchange| exchange.method == "POST" && exchange.target.contains(&id)).cloned()
        };
        let answer = self.lambda.until("an answer", answered).await;
        ensure!(answer.target.ends_with("/response"), "the invocation failed: {}", answer.text());
        Ok(answer.arrived.duration_since(begun))
    }

    /// Waits until the extension has polled for the first time.
    pub(crate) async fn ready(&self) -> Milestones {
        let polled = self.lambda.recorded(&format!("GET {EXTENSION_NEXT}")).await.arrived;
        let registered = self.lambda.recorded(&format!("POST {REGISTER}")).await.arrived;
        Milestones { registered, polled }
    }
}
