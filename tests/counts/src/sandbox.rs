//! The extension between a Lambda and a runtime that take turns: nothing is sent before the extension waits again. So it
//! does the same on every invocation, and counts of what it does are exact.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use test_kit::message::REQUEST_ID;
use test_kit::peer::Log;
use test_kit::{EXTENSION_NEXT, Exchange, FakeLambda, NEXT, Peer, Reply, Request, Runtime};
use tokio::sync::oneshot;

/// How long anything may take; only what fails takes so long.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What `DynamoDB` answers to an item that was put.
const STORED: &str = r#"{"ConsumedCapacity":{"TableName":"AgentContext-counts","CapacityUnits":12.0}}"#;

/// A sandbox whose init is over.
pub(crate) struct Sandbox {
    /// The extension, or the program that runs it.
    child: Child,
    lambda: FakeLambda,
    /// The content table, which answers the health check by itself.
    table: Peer,
    runtime: Runtime,
    invocations: usize,
}

/// A response on its way to Lambda, whose answer waits.
struct Held {
    /// `POST` and its path.
    name: String,
    release: oneshot::Sender<()>,
}

impl Sandbox {
    /// Starts `extension` by `command`, which ends with its path or runs a program that does.
    pub(crate) async fn start(command: &mut Command) -> anyhow::Result<Self> {
        let lambda = FakeLambda::start().await;
        let is_healthy = |request: &Exchange| (request.target == "/ping").then(|| Reply::new(200, "healthy"));
        let (table, listener) = (Peer::start(is_healthy).await, free_address()?);
        let child = command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string())
            .env("LRAP_LISTENER_PORT", listener.port().to_string())
            .env("AGENT_CONTEXT_TABLE", "AgentContext-counts")
            .env("AWS_ENDPOINT_URL_DYNAMODB", table.url())
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "counts")
            .env("AWS_SECRET_ACCESS_KEY", "counts")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        lambda.recorded(&format!("GET {EXTENSION_NEXT}")).await;
        Ok(Self { child, lambda, table, runtime: Runtime::new(listener), invocations: 0 })
    }

    /// One invocation whose event and response are `payload`, and pass.
    pub(crate) async fn pass(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        let held = self.run(payload, payload).await?;
        let len = self.finish(held).await?;
        ensure!(len == payload.len(), "not the response: {len} bytes");
        Ok(())
    }

    /// One invocation whose event passes, and of whose response one text is stored.
    pub(crate) async fn offload(&mut self, response: &[u8]) -> anyhow::Result<()> {
        let held = self.run(b"{}", response).await?;
        self.table.until("a write", |log| waiting(log, "POST /")).await;
        self.wait().await?;
        self.table.reply("POST /", Reply::new(200, STORED));
        let len = self.finish(held).await?;
        ensure!(len < response.len(), "nothing was offloaded: {len} bytes");
        Ok(())
    }

    /// Takes an event to the runtime, and its response to the extension.
    async fn run(&mut self, event: &[u8], response: &[u8]) -> anyhow::Result<Held> {
        self.invocations += 1;
        let id = format!("{:08}-0000-4000-8000-000000000000", self.invocations);
        let poll = format!("GET {NEXT}");
        self.wait().await?;
        self.runtime.begin_next().await;
        self.lambda.until("a poll", |log| waiting(log, &poll)).await;
        self.wait().await?;
        let reply =
            Reply::new(200, event).header(REQUEST_ID, &id).header("Lambda-Runtime-Deadline-Ms", "4102444800000");
        self.lambda.reply(&poll, reply);
        let arrived = self.runtime.event().await;
        ensure!(arrived.body == event, "not the event: {:?}", arrived.headers);
        self.wait().await?;
        let (request, (reply, release)) = (Request::response(&id, response), Reply::accepted().held());
        let name = format!("POST {}", request.target);
        self.lambda.reply(&name, reply);
        self.runtime.begin(&request).await;
        Ok(Held { name, release })
    }

    /// Takes the response to Lambda, whose answer ends the invocation; the bytes of its body.
    async fn finish(&mut self, held: Held) -> anyhow::Result<usize> {
        let len = self.lambda.recorded(&held.name).await.body.len();
        self.wait().await?;
        // Lambda waits for it as long as the sandbox lives.
        held.release.send(()).ok();
        self.runtime.answer("POST").await;
        Ok(len)
    }

    /// Ends the sandbox as Lambda does, and waits for the end of the extension and of what runs it.
    pub(crate) async fn shut_down(mut self) -> anyhow::Result<()> {
        self.lambda.shut_down();
        let status = self.ended().await?;
        ensure!(status.success(), "the extension ended with {status}");
        Ok(())
    }

    async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the extension has nothing left to do: it sleeps until a socket wakes it.
    async fn wait(&self) -> anyhow::Result<()> {
        let process = traced(self.child.id());
        let begun = Instant::now();
        while !sleeps(process) {
            ensure!(begun.elapsed() < TIMEOUT, "the extension is never done");
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

impl Drop for Sandbox {
    /// The extension first: a tracer that is killed lets it go on.
    fn drop(&mut self) {
        let extension = traced(self.child.id());
        if extension != self.child.id()
            && let Some(extension) = Pid::from_raw(extension.cast_signed())
        {
            kill_process(extension, Signal::KILL).ok();
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Whether the last request called `name` waits for its reply.
fn waiting(log: &Log, name: &str) -> Option<()> {
    log.all(name).last().filter(|request| request.is_waiting()).map(drop)
}

/// The process that a tracer started, or the process itself: valgrind is in the place of what it runs, strace is its parent.
fn traced(process: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    children.split_whitespace().next().and_then(|child| child.parse().ok()).unwrap_or(process)
}

/// Whether a process waits for the next event of its sockets, and has no thread that does anything.
fn sleeps(process: u32) -> bool {
    let folder = Path::new("/proc").join(process.to_string()).join("task");
    let threads = fs::read_dir(folder).into_iter().flatten().map_while(Result::ok);
    let mut threads = threads.map(|thread| thread.path()).peekable();
    threads.peek().is_some() && threads.all(|thread| is_asleep(&thread))
}

/// `S` is after the name of the thread, which may hold anything but is the only thing in parentheses.
fn is_asleep(thread: &Path) -> bool {
    let read = |file| fs::read_to_string(thread.join(file)).unwrap_or_default();
    let waits = read("syscall").split(' ').next().is_some_and(|call| WAITS.contains(&call));
    waits && read("stat").rsplit_once(')').is_some_and(|(_, state)| state.starts_with(" S"))
}

/// `epoll_wait`, `epoll_pwait` and `futex` by their numbers on x86-64.
const WAITS: [&str; 3] = ["232", "281", "202"];
