//! One sandbox: its two APIs on a separate port, its extensions and its runtime, from init to shutdown.
//!
//! As in Lambda the runtime starts when every extension has registered, init ends when all of them have asked for an event, and a
//! process that ends, or an invocation that takes too long, ends the sandbox. One deviation: a failed init is reported at once,
//! where Lambda tries it once more as part of the invocation. On managed instances an invocation that takes too long fails alone, and
//! several go on at once.

use crate::answers::not_found;
use crate::command::command_line;
use crate::control::Control;
use crate::definition::Definition;
use crate::environment::{self, Environment};
use crate::http_server::{HttpServer, listen_on_loopback};
use crate::lifecycle::{Failure, Invocation, Lifecycle, RuntimeOutcome};
use crate::log::{RUNTIME, SandboxLog};
use crate::platform_log::PlatformEvent;
use crate::process::{Process, Program};
use crate::reserved_port::ReservedPort;
use crate::{extensions_api, runtime_api};
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// How long init may take.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// What shutdown may take with extensions as processes of their own.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// What it may take with extensions inside the runtime only.
const INTERNAL_SHUTDOWN_LIMIT: Duration = Duration::from_millis(500);
/// How long a killed process may take to be gone; it is killed, so this is the machine's time, not its own.
const KILL_LIMIT: Duration = Duration::from_secs(1);

/// The error type of an invocation that took too long.
pub(crate) const TIMED_OUT: &str = "Sandbox.Timedout";

/// Why a sandbox ends, as SHUTDOWN events say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Spindown,
    Timeout,
    Failure,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

/// A running sandbox. Dropping it kills its processes; [`Sandbox::shut_down`] lets them end.
#[derive(Debug)]
pub(crate) struct Sandbox {
    control: Arc<Control>,
    /// Both APIs; they end with it.
    _server: HttpServer,
    /// Held for a proxy among the extensions.
    _proxy_port: Option<ReservedPort>,
    extensions: Vec<Process>,
    runtime: Option<Process>,
    log: Arc<SandboxLog>,
    /// In KiB.
    peak_memory: AtomicU64,
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Bytes, Failure>,
    /// Set if the sandbox cannot be used again.
    pub(crate) end: Option<Reason>,
}

/// What a wait came to.
#[derive(Debug)]
enum Waited {
    Reached,
    Failed(Failure),
    Exited(String, ExitStatus),
    Late,
    Closing,
}

impl Sandbox {
    /// Starts extensions and runtime and waits for the end of init. How long it took, in both cases.
    pub(crate) async fn start(
        function: Arc<Definition>,
        request_id: &str,
    ) -> Result<(Self, Duration), (Failure, Duration)> {
        let started = Instant::now();
        let log = Arc::new(function.new_log());
        log.platform(&PlatformEvent::InitStart);
        match Self::init(function, Arc::clone(&log), request_id, started + INIT_LIMIT).await {
            Ok(sandbox) => Ok((sandbox, started.elapsed())),
            Err(failure) => {
                let took = started.elapsed();
                log.platform(&PlatformEvent::InitFailed { took, error_type: &failure.error_type });
                Err((failure, took))
            }
        }
    }

    async fn init(
        function: Arc<Definition>,
        log: Arc<SandboxLog>,
        request_id: &str,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let files = extension_files(&function)?;
        let names = files.iter().map(|file| file_name(file)).collect();
        let lifecycle = Lifecycle::new(names, function.config.max_concurrency());
        let control = Arc::new(Control::new(Arc::clone(&function), lifecycle));
        let server = serve(&control).await.map_err(|error| broken(request_id, &error))?;
        let proxy_port = proxy_port(&function, &files).map_err(|error| broken(request_id, &error))?;
        let environment = environment_of(&function, &server, proxy_port.as_ref());
        let (extensions, runtime, peak_memory) = (Vec::new(), None, AtomicU64::new(0));
        let mut sandbox =
            Self { control, _server: server, _proxy_port: proxy_port, extensions, runtime, log, peak_memory };
        match sandbox.start_processes(&files, &environment, request_id, deadline).await {
            Ok(()) => Ok(sandbox),
            Err(failure) => {
                sandbox.shut_down(Reason::Failure).await;
                Err(failure)
            }
        }
    }

    async fn start_processes(
        &mut self,
        files: &[PathBuf],
        environment: &Environment,
        request_id: &str,
        deadline: Instant,
    ) -> Result<(), Failure> {
        for file in files {
            let extension = self.start_extension(file, environment).map_err(|e| cannot_launch(request_id, file, &e))?;
            self.extensions.push(extension);
        }
        let registered = self.wait(deadline, None, Lifecycle::all_registered).await;
        init_result(registered, request_id)?;
        let config = &self.control.function.config;
        let command = command_line(config, environment);
        let runtime = self.start_runtime(command.clone(), environment);
        self.runtime = Some(runtime.map_err(|error| no_entrypoint(request_id, &command, &config.directory, &error))?);
        init_result(self.wait(deadline, None, Lifecycle::is_idle).await, request_id)
    }

    fn start_extension(&self, file: &Path, environment: &Environment) -> std::io::Result<Process> {
        let program = Program {
            source: file_name(file),
            command: vec![file.into()],
            environment: environment::of_extension(environment).into_iter().collect(),
            directory: self.control.function.config.directory.clone(),
        };
        self.start_process(&program)
    }

    fn start_runtime(&self, command: Vec<OsString>, environment: &Environment) -> std::io::Result<Process> {
        let program = Program {
            source: RUNTIME.to_owned(),
            command,
            environment: environment.clone().into_iter().collect(),
            directory: self.control.function.config.directory.clone(),
        };
        self.start_process(&program)
    }

    fn start_process(&self, program: &Program) -> std::io::Result<Process> {
        let (control, source) = (Arc::clone(&self.control), program.source.clone());
        Process::start(program, &self.log, move |status| control.update(|state| state.exited(source, status)))
    }

    /// Hands an event to the runtime and waits for the end of its invocation: on demand, until the runtime asks for more.
    pub(crate) async fn invoke(&self, invocation: Invocation, timeout: Duration) -> Outcome {
        let request_id = invocation.request_id.clone();
        self.control.update(|state| state.invoke(invocation));
        let waited = self.wait(Instant::now() + timeout, Some(&request_id), |state| state.is_done(&request_id)).await;
        self.measure_memory();
        self.drain_output().await;
        let end = end_after(&waited).filter(|reason| *reason != Reason::Timeout || !self.control.is_managed_instance());
        let answer = self.control.update(|state| state.invocations().finish(&request_id));
        let result = match answer {
            // An answer given counts, whatever happened afterwards.
            Some(RuntimeOutcome::Response(body)) => Ok(body),
            Some(RuntimeOutcome::Error(failure)) => Err(failure),
            None => Err(failure_of(waited, &request_id, timeout)),
        };
        Outcome { result, end }
    }

    /// Waits until the extensions are done with the invocation too; why not, if they are not until then.
    pub(crate) async fn settle(&self, deadline: Instant) -> Option<Reason> {
        end_after(&self.wait(deadline, None, Lifecycle::is_idle).await)
    }

    /// Whether every process waits for an event.
    pub(crate) fn is_idle(&self) -> bool {
        self.control.read(|state| state.is_idle() && !state.has_ended(None))
    }

    /// Whether every process still runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.control.read(|state| !state.has_ended(None))
    }

    pub(crate) fn log(&self) -> &Arc<SandboxLog> {
        &self.log
    }

    /// Megabytes at the peak, as far as measured: at the end of each invocation.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.peak_memory.load(Ordering::Relaxed).div_ceil(1024)
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.extensions.iter().chain(&self.runtime)
    }

    fn measure_memory(&self) {
        let now = self.processes().map(Process::peak_memory).sum();
        self.peak_memory.fetch_max(now, Ordering::Relaxed);
    }

    async fn drain_output(&self) {
        for process in self.processes() {
            process.drain_output().await;
        }
    }

    /// Waits for `wanted`, as part of an invocation if `request_id` names one, or for the end of a process.
    async fn wait(
        &self,
        deadline: Instant,
        request_id: Option<&str>,
        mut wanted: impl FnMut(&Lifecycle) -> bool,
    ) -> Waited {
        let settled = self.control.until(|state| wanted(state) || state.has_ended(request_id));
        tokio::select! {
            biased;
            () = settled => {}
            () = tokio::time::sleep_until(deadline) => return Waited::Late,
            () = self.control.function.host.closed() => return Waited::Closing,
        }
        self.control.read(|state| match (state.failure(), state.first_exit()) {
            _ if wanted(state) => Waited::Reached,
            (Some(failure), _) => Waited::Failed(failure.clone()),
            (None, Some((source, status))) => Waited::Exited(source.clone(), *status),
            (None, None) => Waited::Reached,
        })
    }

    /// Ends the sandbox: the runtime first, then SHUTDOWN to the extensions, what is left is killed.
    pub(crate) async fn shut_down(self, reason: Reason) {
        self.end(reason).await;
    }

    /// The same, where others hold on to it. Its APIs go on for as long as they do.
    pub(crate) async fn end(&self, reason: Reason) {
        let limit = self.shutdown_limit();
        let deadline = Instant::now() + limit;
        self.end_runtime(reason, limit).await;
        let told = self.control.update(|state| state.shut_down(reason.as_str(), milliseconds_from_now(deadline)));
        for extension in &self.extensions {
            if told.contains(&extension.source) {
                gone_or_killed(extension, deadline).await;
            } else {
                gone_or_killed(extension, Instant::now()).await;
            }
        }
        self.drain_output().await;
    }

    /// What Lambda grants, by the kinds of extensions.
    fn shutdown_limit(&self) -> Duration {
        if !self.extensions.is_empty() {
            SHUTDOWN_LIMIT
        } else if self.control.read(Lifecycle::has_extensions) {
            INTERNAL_SHUTDOWN_LIMIT
        } else {
            Duration::ZERO
        }
    }

    /// A runtime whose sandbox spins down gets SIGTERM and a third of the time, if there are extensions; otherwise SIGKILL.
    async fn end_runtime(&self, reason: Reason, limit: Duration) {
        let Some(runtime) = &self.runtime else {
            return;
        };
        let grace = if reason == Reason::Spindown { limit.mul_f64(0.3) } else { Duration::ZERO };
        if !grace.is_zero() {
            runtime.terminate();
        }
        gone_or_killed(runtime, Instant::now() + grace).await;
    }
}

async fn gone_or_killed(process: &Process, deadline: Instant) {
    if tokio::time::timeout_at(deadline, process.exited()).await.is_err() {
        process.kill();
        if tokio::time::timeout(KILL_LIMIT, process.exited()).await.is_err() {
            tracing::error!(process = process.source, "a process still runs after it was killed");
        }
    }
}

fn milliseconds_from_now(deadline: Instant) -> u128 {
    deadline_ms(deadline.saturating_duration_since(Instant::now()))
}

/// Milliseconds since 1970 of a moment so far from now.
pub(crate) fn deadline_ms(from_now: Duration) -> u128 {
    (SystemTime::now() + from_now).duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

async fn serve(control: &Arc<Control>) -> std::io::Result<HttpServer> {
    let control = Arc::clone(control);
    HttpServer::serve(listen_on_loopback(0).await?, move || {
        let control = Arc::clone(&control);
        move |request| answer(Arc::clone(&control), request)
    })
}

async fn answer(control: Arc<Control>, request: Request<Incoming>) -> crate::answers::ApiResponse {
    let path = request.uri().path().to_owned();
    if let Some(path) = path.strip_prefix(runtime_api::PREFIX) {
        runtime_api::answer(&control, path, request).await
    } else if let Some(path) = path.strip_prefix(extensions_api::PREFIX) {
        extensions_api::answer(&control, path, request).await
    } else {
        not_found(&path)
    }
}

/// A port for the proxy that may be among these extensions, if the function did not choose one.
fn proxy_port(function: &Definition, extensions: &[PathBuf]) -> std::io::Result<Option<ReservedPort>> {
    let wanted = !extensions.is_empty() && !environment::chooses_port(&function.config);
    wanted.then(ReservedPort::new).transpose()
}

fn environment_of(function: &Definition, server: &HttpServer, proxy_port: Option<&ReservedPort>) -> Environment {
    let (api, proxy_port) = (server.address().to_string(), proxy_port.map(ReservedPort::port));
    environment::of_runtime(function, &api, proxy_port)
}

fn extension_files(function: &Definition) -> Result<Vec<PathBuf>, Failure> {
    let Some(layer) = &function.config.layer else {
        return Ok(Vec::new());
    };
    environment::extensions_in(layer).map_err(|error| {
        Failure::new("Extension.LaunchError", &format!("cannot read {}/extensions: {error}", layer.display()))
    })
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn broken(request_id: &str, error: &std::io::Error) -> Failure {
    Failure::new("Sandbox.Failure", &format!("RequestId: {request_id} Error: {error}"))
}

fn cannot_launch(request_id: &str, file: &Path, error: &std::io::Error) -> Failure {
    Failure::new("Extension.LaunchError", &format!("RequestId: {request_id} Error: {}: {error}", file.display()))
}

/// Both are named: a folder that is gone and a program that is not there are the same error to the system.
fn no_entrypoint(request_id: &str, command: &[OsString], directory: &Path, error: &std::io::Error) -> Failure {
    let program = command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
    let message = format!("RequestId: {request_id} Error: cannot start {program} in {}: {error}", directory.display());
    Failure::new("Runtime.InvalidEntrypoint", &message)
}

fn init_result(waited: Waited, request_id: &str) -> Result<(), Failure> {
    match waited {
        Waited::Reached => Ok(()),
        other => Err(failure_of(other, request_id, INIT_LIMIT)),
    }
}

/// Whether the sandbox can go on, and why not.
fn end_after(waited: &Waited) -> Option<Reason> {
    match waited {
        Waited::Reached => None,
        Waited::Late => Some(Reason::Timeout),
        Waited::Closing => Some(Reason::Spindown),
        Waited::Failed(_) | Waited::Exited(..) => Some(Reason::Failure),
    }
}

/// What the caller is told. `Reached` without an answer is excluded by who calls.
fn failure_of(waited: Waited, request_id: &str, limit: Duration) -> Failure {
    let told =
        |error_type: &str, what: &str| Failure::new(error_type, &format!("RequestId: {request_id} Error: {what}"));
    match waited {
        Waited::Failed(failure) => failure,
        Waited::Late => told(TIMED_OUT, &format!("Task timed out after {:.2} seconds", limit.as_secs_f64())),
        Waited::Exited(source, status) if source == RUNTIME => told("Runtime.ExitError", &runtime_exit(status)),
        Waited::Exited(source, status) => {
            told("Extension.Crash", &format!("extension {source}: {}", exit_words(status)))
        }
        Waited::Closing => told("Sandbox.Failure", "lambda-local is shutting down"),
        Waited::Reached => told("Sandbox.Failure", "no answer"),
    }
}

fn runtime_exit(status: ExitStatus) -> String {
    if status.success() {
        "Runtime exited without providing a reason".to_owned()
    } else {
        format!("Runtime exited with error: {}", exit_words(status))
    }
}

/// In Lambda's words: `exit status 1`, `signal: killed`.
fn exit_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(6)) => "signal: aborted".to_owned(),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(11)) => "signal: segmentation fault".to_owned(),
        (None, Some(15)) => "signal: terminated".to_owned(),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_are_worded_like_lambdas() {
        assert_eq!(runtime_exit(ExitStatus::from_raw(0)), "Runtime exited without providing a reason");
        assert_eq!(runtime_exit(ExitStatus::from_raw(1 << 8)), "Runtime exited with error: exit status 1");
        assert_eq!(runtime_exit(ExitStatus::from_raw(9)), "Runtime exited with error: signal: killed");
    }

    #[test]
    fn a_timeout_names_the_limit() {
        let failure = failure_of(Waited::Late, "r", Duration::from_secs(3));
        assert_eq!(failure.error_type, "Sandbox.Timedout");
        assert!(
            String::from_utf8_lossy(&failure.document)
                .contains("RequestId: r Error: Task timed out after 3.00 seconds")
        );
    }
}
