//! What is between Lambda and the runtime: nothing, a relay, or an extension.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use lambda_local::ReservedPort;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::lambda::{Lambda, Sandbox};
use crate::relay::Relay;
use crate::runtime::Runtime;
use crate::table;

/// The longest that a process may take to be there.
const START: Duration = Duration::from_secs(10);

/// Between two looks at a port that is not open yet.
const KNOCK: Duration = Duration::from_micros(50);

/// A lane by its name in the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    /// As the report and `--lane` call it.
    pub(crate) name: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Direct,
    Relay(Relay),
    Extension(PathBuf),
}

impl Lane {
    /// The runtime talks to Lambda itself.
    pub(crate) fn direct() -> Self {
        Self { name: "direct".to_owned(), kind: Kind::Direct }
    }

    /// A relay of this executable.
    pub(crate) fn relay(name: &str, relay: Relay) -> Self {
        Self { name: name.to_owned(), kind: Kind::Relay(relay) }
    }

    /// An extension's binary.
    pub(crate) fn extension(name: &str, path: &Path) -> Self {
        Self { name: name.to_owned(), kind: Kind::Extension(path.to_owned()) }
    }

    /// The extension's binary, if it is one.
    pub(crate) fn binary(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Extension(path) => Some(path),
            Kind::Direct | Kind::Relay(_) => None,
        }
    }

    /// Whether nothing is in between.
    pub(crate) fn is_direct(&self) -> bool {
        self.kind == Kind::Direct
    }

    /// Starts the lane's process, on the processors of this thread, and connects a runtime to it.
    pub(crate) async fn start(&self, lambda: &Lambda, environment: &Environment) -> anyhow::Result<Running> {
        let sandbox = lambda.sandbox().await?;
        let begun = Instant::now();
        let started = tokio::time::timeout(START, self.spawn(&sandbox, environment)).await;
        let (process, address) = started.unwrap_or_else(|_| Err(anyhow!("not there after {START:?}")))?;
        let runtime = Runtime::connect(address).await.with_context(|| format!("lane {}", self.name))?;
        Ok(Running { name: self.name.clone(), begun, process, sandbox, runtime })
    }

    /// How long an extension's process takes to open its port.
    ///
    /// Knocking takes time from a process that shares the processor, so that its other milestones belong to another start.
    pub(crate) async fn opens_port(&self, lambda: &Lambda, environment: &Environment) -> anyhow::Result<Duration> {
        let path = self.binary().with_context(|| format!("lane {} is no extension", self.name))?;
        let (sandbox, port) = (lambda.sandbox().await?, ReservedPort::new()?);
        let address = port.address();
        let begun = Instant::now();
        let mut process = spawn_extension(path, sandbox.address(), address, environment)?;
        // Nothing else runs on this thread: it may as well sleep, for less than tokio's millisecond.
        while std::net::TcpStream::connect(address).is_err() {
            ensure!(begun.elapsed() < START, "lane {}: the port is closed after {START:?}", self.name);
            std::thread::sleep(KNOCK);
        }
        let took = begun.elapsed();
        process.kill().await?;
        Ok(took)
    }

    async fn spawn(&self, sandbox: &Sandbox, environment: &Environment) -> anyhow::Result<(Option<Child>, SocketAddr)> {
        match &self.kind {
            Kind::Direct => Ok((None, sandbox.address())),
            Kind::Relay(relay) => spawn_relay(*relay, sandbox.address()).await.map(|(child, at)| (Some(child), at)),
            Kind::Extension(path) => {
                let port = ReservedPort::new()?;
                let child = spawn_extension(path, sandbox.address(), port.address(), environment)?;
                sandbox.ready().await;
                Ok((Some(child), port.address()))
            }
        }
    }
}

/// A lane's process with its Lambda and its runtime; ended when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    /// The lane's name.
    pub(crate) name: String,
    /// When its start began.
    pub(crate) begun: Instant,
    process: Option<Child>,
    /// Its side of Lambda.
    pub(crate) sandbox: Sandbox,
    /// Its runtime.
    pub(crate) runtime: Runtime,
}

impl Running {
    /// Its process, as the kernel knows it.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Child::id)
    }

    /// Ends it. A process that is only dropped may still be ending, on the processor of the next, when that begins.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        match self.process {
            Some(mut process) => Ok(process.kill().await?),
            None => Ok(()),
        }
    }
}

/// The variables of an extension's process, but for its addresses.
#[derive(Debug, Clone)]
pub(crate) struct Environment(BTreeMap<&'static str, String>);

impl Environment {
    /// Those of a function of 128 MB with nothing configured, and the content table at `endpoint`.
    pub(crate) fn new(endpoint: &str) -> Self {
        let mut environment = Self(BTreeMap::new());
        for (name, value) in [
            ("AGENT_CONTEXT_TABLE", table::NAME),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "of-no-use-anywhere"),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ] {
            environment.set(name, value);
        }
        environment
    }

    /// Sets one more, or another value.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, value.into());
    }
}

async fn spawn_relay(relay: Relay, upstream: SocketAddr) -> anyhow::Result<(Child, SocketAddr)> {
    let relay = match relay {
        Relay::Copy => "copy",
        Relay::Splice => "splice",
        Relay::Gather => "gather",
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["relay", relay, &upstream.to_string()]);
    let mut child = command.env_clear().stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut said = BufReader::new(child.stdout.take().expect("BUG: it is piped")).lines();
    let line = said.next_line().await?.context("the relay ended")?;
    Ok((child, line.parse()?))
}

fn spawn_extension(
    path: &Path,
    lambda: SocketAddr,
    listener: SocketAddr,
    environment: &Environment,
) -> anyhow::Result<Child> {
    let mut command = Command::new(path);
    command.env_clear().envs(&environment.0);
    command.env("AWS_LAMBDA_RUNTIME_API", lambda.to_string()).env("LRAP_LISTENER_PORT", listener.port().to_string());
    // Its metrics go nowhere, as Lambda's own side of that pipe is not measured; what it complains about is shown.
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().with_context(|| format!("{} cannot be started", path.display()))
}
