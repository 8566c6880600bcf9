//! A function: its sandboxes, kept warm for the next invocation. One for each invocation under way, or several invocations in each
//! as on managed instances.

use crate::definition::Definition;
use crate::journal;
use crate::lifecycle::{Failure, Invocation};
use crate::log::SandboxLog;
use crate::platform_log::PlatformEvent;
use crate::report::{Report, TIMEOUT};
use crate::sandbox::{Outcome, Reason, Sandbox, TIMED_OUT, deadline_ms};
use crate::shared_sandboxes::{SharedSandbox, SharedSandboxes};
use bytes::Bytes;
use data_encoding::BASE64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

/// An invocation as a caller wants it.
#[derive(Clone, Debug, Default)]
pub struct InvokeRequest {
    /// The event.
    pub payload: Bytes,
    /// The client context, decoded: JSON.
    pub client_context: Option<Vec<u8>>,
    /// `X-Amzn-Trace-Id`; made up without.
    pub trace_id: Option<String>,
    /// The version or alias by which the caller names the function: the end of the ARN that the function is told.
    pub qualifier: Option<String>,
}

/// What came of an invocation.
#[derive(Clone, Debug)]
pub struct Invoked {
    /// Its id.
    pub request_id: String,
    /// The response, or the error document.
    pub payload: Bytes,
    /// `Unhandled` if the payload is an error document.
    pub function_error: Option<&'static str>,
    /// What it took.
    pub report: Report,
    /// The last 4 KB of the sandbox's log during this invocation.
    pub log_tail: Vec<u8>,
}

impl Invoked {
    /// What the page shows of it, when it has just ended.
    fn noted(&self) -> journal::Invocation {
        let report = &self.report;
        let failed = || report.error_type.clone().or_else(|| report.failure.clone()).unwrap_or_default();
        journal::Invocation {
            request_id: self.request_id.clone(),
            at: journal::now(),
            milliseconds: report.duration.as_secs_f64() * 1000.0,
            init: report.init_duration.map(|took| took.as_secs_f64() * 1000.0),
            memory: report.max_memory_used,
            error: self.function_error.map(|_| failed()),
            log: String::from_utf8_lossy(&self.log_tail).into_owned(),
        }
    }
}

/// Why an invocation was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function's concurrency is used up.
    #[error("Rate Exceeded.")]
    Throttled,
    /// No such function.
    #[error("Function not found")]
    NotFound,
    /// lambda-local shuts down.
    #[error("lambda-local is shutting down")]
    Closing,
}

/// A function and its sandboxes.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) definition: Arc<Definition>,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    /// Written and read while `idle` is locked.
    retired: AtomicBool,
    /// On managed instances, instead of `idle`.
    shared: Option<SharedSandboxes>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
struct Idle {
    since: Instant,
    sandbox: Sandbox,
}

impl Function {
    pub(crate) fn new(definition: Definition) -> Arc<Self> {
        let config = &definition.config;
        let places = config.max_concurrency().unwrap_or(1);
        let permits = config.concurrency.map_or(Semaphore::MAX_PERMITS, |sandboxes| sandboxes.saturating_mul(places));
        let permits = Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        let shared = config.max_concurrency().map(SharedSandboxes::new);
        let (idle, retired, tasks) = (Mutex::default(), AtomicBool::default(), Mutex::default());
        let definition = Arc::new(definition);
        let function = Arc::new(Self { definition, permits, idle, retired, shared, tasks });
        function.spawn(end_unused_sandboxes(Arc::clone(&function)));
        function
    }

    /// Invokes and waits for the result. The invocation goes on even if the caller does not wait.
    pub(crate) async fn invoke(self: &Arc<Self>, request: InvokeRequest) -> Result<Invoked, InvokeError> {
        if self.definition.host.is_closing() {
            return Err(InvokeError::Closing);
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| InvokeError::Throttled)?;
        let (sender, result) = oneshot::channel();
        let function = Arc::clone(self);
        self.spawn(async move {
            let invoked = function.attempt(&request, &Uuid::new_v4().to_string(), permit).await;
            // The caller may have gone.
            drop(sender.send(invoked));
        });
        result.await.map_err(|_| InvokeError::Closing)
    }

    /// Invokes in the background, again if it fails. The invocation's id, the same for every try.
    pub(crate) fn enqueue(self: &Arc<Self>, request: InvokeRequest) -> Result<String, InvokeError> {
        if self.definition.host.is_closing() {
            return Err(InvokeError::Closing);
        }
        let request_id = Uuid::new_v4().to_string();
        let (function, id) = (Arc::clone(self), request_id.clone());
        self.spawn(async move {
            if !function.succeeds_with_retries(&request, &id).await {
                tracing::warn!(
                    function = function.definition.name,
                    request_id = id,
                    "an asynchronous invocation failed, as did all its retries"
                );
            }
        });
        Ok(request_id)
    }

    async fn succeeds_with_retries(self: &Arc<Self>, request: &InvokeRequest, request_id: &str) -> bool {
        let mut delay = self.definition.config.retry_delay;
        for tries_left in (0..=self.definition.config.retries).rev() {
            let Some(Ok(permit)) = self.unless_closing(Arc::clone(&self.permits).acquire_owned()).await else {
                return false;
            };
            if self.attempt(request, request_id, permit).await.function_error.is_none() {
                return true;
            }
            if tries_left > 0 && self.unless_closing(tokio::time::sleep(delay)).await.is_none() {
                return false;
            }
            delay *= 2;
        }
        false
    }

    /// Waits, but not for longer than lambda-local runs.
    async fn unless_closing<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.definition.host.closed() => None,
            waited = wait => Some(waited),
        }
    }

    /// One try, in a warm sandbox or a new one. What ends slowly afterwards ends in the background, without a permit.
    async fn attempt(
        self: &Arc<Self>,
        request: &InvokeRequest,
        request_id: &str,
        permit: OwnedSemaphorePermit,
    ) -> Invoked {
        if let Some(sandboxes) = &self.shared {
            return self.attempt_beside_others(sandboxes, request, request_id).await;
        }
        let (sandbox, init) = match self.acquire().await {
            Some(sandbox) => (sandbox, None),
            None => match Sandbox::start(Arc::clone(&self.definition), request_id).await {
                Ok((sandbox, took)) => (sandbox, Some(took)),
                Err((failure, took)) => return self.failed_init(request_id, failure, took),
            },
        };
        let deadline = Instant::now() + self.definition.config.timeout;
        let (invoked, end) = self.run(&sandbox, init, request, request_id).await;
        self.release(sandbox, end, deadline, permit);
        invoked
    }

    /// One try in a sandbox that other invocations may share.
    async fn attempt_beside_others(
        self: &Arc<Self>,
        sandboxes: &SharedSandboxes,
        request: &InvokeRequest,
        request_id: &str,
    ) -> Invoked {
        let (shared, dead) = sandboxes.take_place();
        for dead in dead {
            self.spawn(dead.end(Reason::Failure));
        }
        let (started, init) = self.started(&shared, request_id).await;
        let sandbox = match started {
            Ok(sandbox) => sandbox,
            Err((failure, took)) => {
                sandboxes.remove(&shared);
                return self.failed_init(request_id, failure.clone(), *took);
            }
        };
        let (invoked, end) = self.run(sandbox, init, request, request_id).await;
        match end {
            None => sandboxes.give_back(&shared),
            // Every invocation in it comes here; the first ends it.
            Some(reason) if sandboxes.remove(&shared) => self.spawn(shared.end(reason)),
            Some(_) => {}
        }
        invoked
    }

    /// The sandbox, once it has started, and how long that took if it was this invocation that started it.
    async fn started<'a>(
        self: &Arc<Self>,
        shared: &'a SharedSandbox,
        request_id: &str,
    ) -> (&'a Result<Sandbox, (Failure, Duration)>, Option<Duration>) {
        let mut init = None;
        let start = async {
            let (sandbox, took) = Sandbox::start(Arc::clone(&self.definition), request_id).await?;
            init = Some(took);
            Ok(sandbox)
        };
        let started = shared.started.get_or_init(|| start).await;
        (started, init)
    }

    /// One try in a sandbox that has started. What came of it, and why the sandbox cannot be used again, if it cannot.
    async fn run(
        &self,
        sandbox: &Sandbox,
        init: Option<Duration>,
        request: &InvokeRequest,
        request_id: &str,
    ) -> (Invoked, Option<Reason>) {
        let log = sandbox.log();
        log.platform(&PlatformEvent::Start { request_id });
        let started = Instant::now();
        let outcome = sandbox.invoke(self.invocation(request, request_id), self.definition.config.timeout).await;
        let report = self.report(request_id, started.elapsed(), init, &outcome, sandbox.peak_memory());
        write_end(log, &outcome, &report);
        let log_tail = log.take_tail();
        let (payload, function_error) = match outcome.result {
            Ok(payload) => (payload, None),
            Err(failure) => (failure.document, Some("Unhandled")),
        };
        let request_id = request_id.to_owned();
        (self.noted(Invoked { request_id, payload, function_error, report, log_tail }), outcome.end)
    }

    fn invocation(&self, request: &InvokeRequest, request_id: &str) -> Invocation {
        let managed = self.shared.is_some();
        // A managed instance hands the client context over as the caller encoded it.
        let encode = |context: &Vec<u8>| if managed { BASE64.encode(context).into_bytes() } else { context.clone() };
        Invocation {
            request_id: request_id.to_owned(),
            attempt_id: managed.then(|| Uuid::new_v4().to_string()),
            payload: request.payload.clone(),
            deadline_ms: deadline_ms(self.definition.config.timeout),
            arn: self.definition.invoked_arn(request.qualifier.as_deref()),
            trace_id: request.trace_id.clone().unwrap_or_else(trace_id),
            client_context: request.client_context.as_ref().map(encode),
            cognito_identity: None,
        }
    }

    fn report(
        &self,
        request_id: &str,
        duration: Duration,
        init: Option<Duration>,
        outcome: &Outcome,
        memory: u64,
    ) -> Report {
        let failure = match (outcome.end, &outcome.result) {
            (Some(Reason::Timeout), _) => Some(TIMEOUT.to_owned()),
            (None, Err(failure)) if failure.error_type == TIMED_OUT => Some(TIMEOUT.to_owned()),
            (Some(_), Err(failure)) => Some(failure.error_type.clone()),
            _ => None,
        };
        Report {
            request_id: request_id.to_owned(),
            duration,
            init_duration: init,
            memory_size: self.definition.config.memory,
            max_memory_used: memory,
            failure,
            error_type: outcome.result.as_ref().err().map(|failure| failure.error_type.clone()),
        }
    }

    fn failed_init(&self, request_id: &str, failure: Failure, took: Duration) -> Invoked {
        let outcome = Outcome { result: Err(failure.clone()), end: Some(Reason::Failure) };
        let report = self.report(request_id, Duration::ZERO, Some(took), &outcome, 0);
        let log = self.definition.new_log();
        log.platform(&PlatformEvent::Start { request_id });
        write_end(&log, &outcome, &report);
        let request_id = request_id.to_owned();
        self.noted(Invoked {
            request_id,
            payload: failure.document,
            function_error: Some("Unhandled"),
            report,
            log_tail: log.take_tail(),
        })
    }

    fn noted(&self, invoked: Invoked) -> Invoked {
        self.definition.host.logs.journal.invoked(&self.definition.arn, invoked.noted());
        invoked
    }

    /// The sandbox used last, so that those not needed grow old. One that died in the meantime is ended.
    async fn acquire(self: &Arc<Self>) -> Option<Sandbox> {
        loop {
            let sandbox = self.idle().pop()?.sandbox;
            if sandbox.is_idle() {
                return Some(sandbox);
            }
            self.spawn(sandbox.shut_down(Reason::Failure));
            tokio::task::yield_now().await;
        }
    }

    /// Back to the pool, at once if it can be; the permit ends with it.
    fn release(
        self: &Arc<Self>,
        sandbox: Sandbox,
        end: Option<Reason>,
        deadline: Instant,
        permit: OwnedSemaphorePermit,
    ) {
        match end {
            Some(reason) => {
                drop(permit);
                self.spawn(sandbox.shut_down(reason));
            }
            None if sandbox.is_idle() => self.keep(sandbox),
            None => {
                let function = Arc::clone(self);
                self.spawn(async move {
                    match sandbox.settle(deadline).await {
                        None => function.keep(sandbox),
                        Some(reason) => sandbox.shut_down(reason).await,
                    }
                    drop(permit);
                });
            }
        }
    }

    fn keep(&self, sandbox: Sandbox) {
        let mut idle = self.idle();
        if self.is_retired() {
            self.spawn(sandbox.shut_down(Reason::Spindown));
        } else {
            idle.push(Idle { since: Instant::now(), sandbox });
        }
    }

    /// Lets invocations under way finish, and keeps no sandbox: another version takes this one's place.
    pub(crate) fn retire(&self) {
        let mut idle = self.idle();
        self.retired.store(true, Ordering::Relaxed);
        idle.drain(..).for_each(|idle| self.spawn(idle.sandbox.shut_down(Reason::Spindown)));
        let unused = self.shared.iter().flat_map(|shared| shared.take_unused(Duration::ZERO));
        unused.for_each(|unused| self.spawn(unused.end(Reason::Spindown)));
    }

    fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    fn take_unused(&self) -> Vec<Sandbox> {
        let mut idle = self.idle();
        let (unused, kept) =
            idle.drain(..).partition(|idle| idle.since.elapsed() >= self.definition.config.idle_timeout);
        *idle = kept;
        let unused: Vec<Idle> = unused;
        unused.into_iter().map(|idle| idle.sandbox).collect()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Waits for what is under way, which ends by itself once the host closes, and ends all sandboxes.
    pub(crate) async fn close(&self) {
        loop {
            let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            if tasks.is_empty() {
                break;
            }
            while tasks.join_next().await.is_some() {}
        }
        let sandboxes: Vec<Idle> = self.idle().drain(..).collect();
        let mut ending: JoinSet<()> =
            sandboxes.into_iter().map(|idle| idle.sandbox.shut_down(Reason::Spindown)).collect();
        let shared = self.shared.iter().flat_map(SharedSandboxes::take_all);
        shared.for_each(|shared| drop(ending.spawn(shared.end(Reason::Spindown))));
        while ending.join_next().await.is_some() {}
    }

    /// Kills what is still there.
    pub(crate) fn kill(&self) {
        drop(std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner)));
        self.idle().clear();
        self.shared.iter().for_each(|shared| drop(shared.take_all()));
    }
}

/// Looks often enough that no sandbox outlives its time by much.
async fn end_unused_sandboxes(function: Arc<Function>) {
    let pause = (function.definition.config.idle_timeout / 4).max(Duration::from_millis(10));
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = function.definition.host.closed() => return,
        }
        for sandbox in function.take_unused() {
            function.spawn(sandbox.shut_down(Reason::Spindown));
        }
        let unused =
            function.shared.iter().flat_map(|shared| shared.take_unused(function.definition.config.idle_timeout));
        unused.for_each(|unused| function.spawn(unused.end(Reason::Spindown)));
        if function.is_retired() {
            return;
        }
    }
}

fn write_end(log: &SandboxLog, outcome: &Outcome, report: &Report) {
    if let (Some(_), Err(failure)) = (outcome.end, &outcome.result) {
        log.platform(&PlatformEvent::Fault { document: &failure.document });
    }
    log.platform(&PlatformEvent::End(report));
}

fn trace_id() -> String {
    let (root, parent) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string());
    let seconds = deadline_ms(Duration::ZERO) / 1000;
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &root[..24], &parent[..16])
}
