//! The function itself, as a process, at a Runtime API that gives it events one after another.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub(crate) type Variables<'a> = &'a [(&'a str, &'a str)];

/// The kind of a report (`response`, `error`, `init`), and its body.
type Report = (&'static str, Value);

/// A running function.
pub(crate) struct Process {
    child: Child,
    events: UnboundedSender<String>,
    reports: UnboundedReceiver<Report>,
}

impl Process {
    /// Starts the function with these variables and no others.
    pub(crate) async fn start(variables: Variables<'_>) -> Self {
        let (events, given) = unbounded_channel();
        let (said, reports) = unbounded_channel();
        let address = serve(given, said).await;
        let child = Command::new(env!("CARGO_BIN_EXE_llm"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .envs([
                ("AWS_LAMBDA_FUNCTION_NAME", "llm"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ])
            .envs([("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a process");
        Self { child, events, reports }
    }

    /// What becomes of an event.
    pub(crate) async fn invoke(&mut self, event: &str) -> Report {
        self.events.send(event.to_owned()).expect("a Runtime API");
        self.report().await
    }

    /// What the function reports next.
    pub(crate) async fn report(&mut self) -> Report {
        self.reports.recv().await.expect("a Runtime API")
    }

    /// Ends the function: all that it wrote.
    pub(crate) async fn output(mut self) -> String {
        self.child.start_kill().expect("a process");
        let output = self.child.wait_with_output().await.expect("output");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
    }
}

#[derive(Clone)]
struct RuntimeApi {
    events: Arc<Mutex<UnboundedReceiver<String>>>,
    reports: UnboundedSender<Report>,
}

async fn serve(events: UnboundedReceiver<String>, reports: UnboundedSender<Report>) -> String {
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(outcome))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .with_state(RuntimeApi { events: Arc::new(Mutex::new(events)), reports });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

async fn next(State(api): State<RuntimeApi>) -> Response {
    let Some(event) = api.events.lock().await.recv().await else { return std::future::pending().await };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis() + 60_000;
    Response::builder()
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:llm")
        .body(Body::from(event))
        .expect("an event")
}

async fn outcome(State(api): State<RuntimeApi>, Path((_, kind)): Path<(String, String)>, body: Bytes) -> &'static str {
    let kind = if kind == "response" { "response" } else { "error" };
    report(&api, kind, &body)
}

async fn init_error(State(api): State<RuntimeApi>, body: Bytes) -> &'static str {
    report(&api, "init", &body)
}

fn report(api: &RuntimeApi, kind: &'static str, body: &[u8]) -> &'static str {
    let body = serde_json::from_slice(body).expect("JSON");
    let _ = api.reports.send((kind, body)); // The test may be over.
    "{}"
}
