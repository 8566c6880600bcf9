//! The extension between a Lambda and a runtime that take turns: nothing is sent before the extension waits again. So it
//! does the same on every invocation, and counts of what it does are exact.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::wire::{self, Message};

/// How long anything may take; only what fails takes so long.
const PATIENCE: Duration = Duration::from_mins(1);
const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// A request that reached Lambda, and the connection that waits for its answer.
type Request = (Message, TcpStream);

/// A sandbox whose init is over.
pub(crate) struct Sandbox {
    /// The extension, or the program that runs it.
    child: Child,
    requests: Receiver<Request>,
    /// Requests that reached the content table.
    writes: Receiver<Request>,
    runtime: TcpStream,
    /// The extension's poll for SHUTDOWN.
    lifecycle: TcpStream,
    invocations: u64,
}

impl Sandbox {
    /// Starts `extension` by `command`, which ends with its path or runs a program that does.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let lambda = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = lambda.local_addr()?;
        let (table, writes) = table()?;
        let port = free_port()?;
        let child = command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("LRAP_LISTENER_PORT", port.to_string())
            .env("AGENT_CONTEXT_TABLE", "AgentContext-counts")
            .env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{table}"))
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "counts")
            .env("AWS_SECRET_ACCESS_KEY", "counts")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || accept(&lambda, &sender));
        let (_, mut registering) = expect(&requests, "POST /2020-01-01/extension/register")?;
        answer(&mut registering, "Lambda-Extension-Identifier: counts\r\n", b"{}")?;
        let (_, lifecycle) = expect(&requests, "GET /2020-01-01/extension/event/next")?;
        let runtime = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        runtime.set_nodelay(true)?;
        runtime.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { child, requests, writes, runtime, lifecycle, invocations: 0 })
    }

    /// One invocation whose event and response are `payload`, and pass.
    pub(crate) fn pass(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        let path = self.run(payload, payload)?;
        let len = self.finish(&path)?;
        ensure!(len == payload.len(), "not the response: {len} bytes");
        Ok(())
    }

    /// One invocation whose event passes, and of whose response one text is stored.
    pub(crate) fn offload(&mut self, response: &[u8]) -> anyhow::Result<()> {
        let path = self.run(b"{}", response)?;
        let (_, mut table) = expect(&self.writes, "POST /")?;
        self.wait()?;
        answer(&mut table, "", br#"{"ConsumedCapacity":{"TableName":"AgentContext-counts","CapacityUnits":12.0}}"#)?;
        let len = self.finish(&path)?;
        ensure!(len < response.len(), "nothing was offloaded: {len} bytes");
        Ok(())
    }

    /// Takes an event to the runtime, and its response to the extension; the path that the response has.
    fn run(&mut self, event: &[u8], response: &[u8]) -> anyhow::Result<String> {
        self.invocations += 1;
        let id = format!("{:08}-0000-4000-8000-000000000000", self.invocations);
        self.wait()?;
        wire::write(&mut self.runtime, &format!("GET {NEXT} HTTP/1.1"), "", b"")?;
        let (_, mut poll) = expect(&self.requests, &format!("GET {NEXT}"))?;
        self.wait()?;
        let fields = format!("Lambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n");
        answer(&mut poll, &fields, event)?;
        let arrived = Message::read(&mut self.runtime)?.context("the extension closed the runtime's connection")?;
        ensure!(arrived.body_len == event.len(), "not the event: {}", arrived.head);
        self.wait()?;
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        wire::write(&mut self.runtime, &format!("POST {path} HTTP/1.1"), "", response)?;
        Ok(path)
    }

    /// Takes the response to Lambda, whose answer ends the invocation; the bytes of its body.
    fn finish(&mut self, path: &str) -> anyhow::Result<usize> {
        let (response, mut connection) = expect(&self.requests, &format!("POST {path}"))?;
        self.wait()?;
        answer(&mut connection, "", br#"{"status":"OK"}"#)?;
        Message::read(&mut self.runtime)?.context("the extension closed the runtime's connection")?;
        Ok(response.body_len)
    }

    /// Ends the sandbox as Lambda does, and waits for the end of the extension and of what runs it.
    pub(crate) fn shut_down(mut self) -> anyhow::Result<()> {
        answer(&mut self.lifecycle, "", br#"{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1}"#)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the extension ended with {status}");
        Ok(())
    }

    /// Waits until the extension has nothing left to do: it sleeps until a socket wakes it.
    fn wait(&self) -> anyhow::Result<()> {
        let process = traced(self.child.id());
        let begun = Instant::now();
        while !sleeps(process) {
            ensure!(begun.elapsed() < PATIENCE, "the extension is never done");
            thread::yield_now();
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

/// Takes connections until the process ends.
fn accept(lambda: &TcpListener, requests: &Sender<Request>) {
    for connection in lambda.incoming().map_while(Result::ok) {
        let requests = requests.clone();
        thread::spawn(move || receive(connection, &requests));
    }
}

fn receive(mut connection: TcpStream, requests: &Sender<Request>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    while let Some(message) = Message::read(&mut connection)? {
        if requests.send((message, connection.try_clone()?)).is_err() {
            break;
        }
    }
    Ok(())
}

/// The next request, which must be called `name`.
fn expect(requests: &Receiver<Request>, name: &str) -> anyhow::Result<Request> {
    let (message, connection) = requests.recv_timeout(PATIENCE).with_context(|| format!("no {name}"))?;
    if message.name() != name {
        bail!("expected {name}, not {}", message.name());
    }
    Ok((message, connection))
}

fn answer(connection: &mut TcpStream, fields: &str, body: &[u8]) -> io::Result<()> {
    wire::write(connection, "HTTP/1.1 200 OK", fields, body)
}

/// A table that answers the health check by itself; what it is asked to store comes out of the channel.
fn table() -> io::Result<(SocketAddr, Receiver<Request>)> {
    let table = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = table.local_addr()?;
    let (sender, arrived) = mpsc::channel();
    let (writes_sender, writes) = mpsc::channel();
    thread::spawn(move || accept(&table, &sender));
    thread::spawn(move || {
        for (message, mut connection) in arrived {
            let is_over = match message.name() {
                "GET /ping" => answer(&mut connection, "", b"healthy").is_err(),
                _ => writes_sender.send((message, connection)).is_err(),
            };
            if is_over {
                break;
            }
        }
    });
    Ok((address, writes))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
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

/// `S` stands after the name of the thread, which may hold anything but is the only thing in parentheses.
fn is_asleep(thread: &Path) -> bool {
    let read = |file| fs::read_to_string(thread.join(file)).unwrap_or_default();
    let waits = read("syscall").split(' ').next().is_some_and(|call| WAITS.contains(&call));
    waits && read("stat").rsplit_once(')').is_some_and(|(_, state)| state.starts_with(" S"))
}

/// `epoll_wait`, `epoll_pwait` and `futex` by their numbers on x86-64.
const WAITS: [&str; 3] = ["232", "281", "202"];
