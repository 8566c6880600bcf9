//! The real extension on managed instances: one sandbox, several workers of one runtime, all through one proxy.
//!
//! The runtime is that of `lambda-local`'s own tests, started at the proxy's address. It says by which invocations of one sandbox it
//! was in at the same time: `meet`, `grow` and `length` return only when as many of them are there as there are workers.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use lambda_local::table::{Fault, Faults, Gate};
use lambda_local::{Config, FunctionConfig, InvokeRequest, Invoked, LambdaLocal, LogLine, Logs, ManagedInstances};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::stage::source;
use test_kit::{extension, soon};

/// Function `f` behind the extension.
struct Sandboxes {
    lambda: Arc<LambdaLocal>,
    lines: UnboundedReceiver<LogLine>,
    _layer: TempDir,
}

/// A function with that many workers in a sandbox.
fn managed(workers: usize) -> FunctionConfig {
    let managed_instances = Some(ManagedInstances { max_concurrency: workers });
    FunctionConfig { managed_instances, ..function() }
}

fn function() -> FunctionConfig {
    let runtime = source("local/tests/handlers").join("managed.py");
    let behind = format!("AWS_LAMBDA_RUNTIME_API=127.0.0.1:$LRAP_LISTENER_PORT exec python3 {}", runtime.display());
    FunctionConfig {
        command: Some(["sh", "-c", &behind].map(str::to_owned).into()),
        memory: 1024,
        timeout: Duration::from_secs(25),
        ..FunctionConfig::default()
    }
}

impl Sandboxes {
    async fn of(mut function: FunctionConfig) -> Self {
        let layer = tempfile::tempdir().unwrap();
        std::fs::create_dir(layer.path().join("extensions")).unwrap();
        symlink(extension::binary(), layer.path().join("extensions/lrap")).unwrap();
        let mut config = Config::default();
        function.environment.insert("AGENT_CONTEXT_TABLE".to_owned(), config.table.name.clone());
        function.layer = Some(layer.path().to_owned());
        config.functions = BTreeMap::from([("f".to_owned(), function)]);
        let (logs, lines) = Logs::channel();
        let lambda = LambdaLocal::start_with_logs(config, logs).await.unwrap();
        Self { lambda: lambda.into(), lines, _layer: layer }
    }

    /// Invokes with all of these events at once; the responses in their order.
    async fn at_once(&self, events: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let mut invocations = JoinSet::new();
        for (index, event) in events.into_iter().enumerate() {
            let lambda = Arc::clone(&self.lambda);
            invocations.spawn(async move { (index, lambda.invoke("f", event.to_string()).await.unwrap()) });
        }
        let mut done = soon("all invocations", invocations.join_all()).await;
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, invoked)| document(&invoked)).collect()
    }

    /// The next line of the log that contains `text`.
    async fn line(&mut self, text: &str) -> String {
        loop {
            let line = soon(text, self.lines.recv()).await.expect("the line before the end of the log");
            if line.text.contains(text) {
                return line.text;
            }
        }
    }

    async fn report(&mut self) -> Value {
        let line: Value = serde_json::from_str(&self.line(r#""type":"platform.report""#).await).unwrap();
        line["record"].clone()
    }
}

fn document(invoked: &Invoked) -> Value {
    serde_json::from_slice(&invoked.payload).unwrap()
}

const LONG: usize = 20_000;

fn grow(letter: char) -> Value {
    json!({ "do": "grow", "letter": letter, "bytes": LONG })
}

#[tokio::test]
async fn invocations_overlap_in_one_sandbox_behind_the_extension() {
    let sandboxes = Sandboxes::of(managed(8)).await;
    let processes = sandboxes.at_once(vec![json!({ "do": "meet" }); 8]).await;
    assert!(processes[0].is_u64() && processes.iter().all(|process| *process == processes[0]), "{processes:?}");
    assert_eq!(sandboxes.lambda.table().meter().total_requests(), 0);
}

#[tokio::test]
async fn content_of_overlapping_invocations_is_not_mixed_up() {
    let sandboxes = Sandboxes::of(managed(8)).await;
    let letters = 'a'..='h';
    let states = sandboxes.at_once(letters.clone().map(grow)).await;
    for state in &states {
        super::assert_is_reference(&state["text"]);
    }
    let read = states.iter().map(|state| json!({ "do": "length", "text": state["text"] }));
    let expected: Vec<_> = letters.map(|letter| json!({ "first": letter, "length": LONG })).collect();
    assert_eq!(sandboxes.at_once(read).await, expected);
}

#[tokio::test]
async fn a_late_answer_is_refused_behind_the_extension_and_the_retry_succeeds() {
    // Short, long enough to be offloaded, and an error.
    for (kind, bytes) in [("response", 1), ("response", LONG), ("error", 1)] {
        let function = FunctionConfig { retries: 1, retry_delay: Duration::from_millis(1), ..managed(2) };
        let mut sandboxes = Sandboxes::of(FunctionConfig { timeout: Duration::from_secs(3), ..function }).await;
        let event = json!({ "do": "late", "kind": kind, "bytes": bytes }).to_string();
        sandboxes.lambda.invoke_event("f", event).unwrap();
        let first = sandboxes.report().await;
        assert_eq!(first["status"], "timeout", "{first}");
        sandboxes.line("late answer: 410").await;
        let second = sandboxes.report().await;
        assert_eq!((&second["status"], &second["requestId"]), (&json!("success"), &first["requestId"]));
    }
}

#[tokio::test]
async fn empty_headers_are_those_of_an_event_without_them() {
    for function in [managed(1), one_at_a_time()] {
        let sandboxes = Sandboxes::of(FunctionConfig { empty_headers: true, ..function }).await;
        let headers = &sandboxes.at_once([json!({ "do": "headers" })]).await[0];
        for name in ["Lambda-Runtime-Client-Context", "Lambda-Runtime-Cognito-Identity"] {
            assert_eq!(headers[name], "", "{name} passes as it is");
        }
        let state = &sandboxes.at_once([grow('a')]).await[0];
        super::assert_is_reference(&state["text"]);
        let read = sandboxes.at_once([json!({ "do": "length", "text": state["text"] })]).await;
        assert_eq!(read, [json!({ "first": "a", "length": LONG })]);
    }
}

#[tokio::test]
async fn a_late_response_that_cannot_be_stored_does_not_fail_the_retry() {
    // The retry must outlast the attempts to store the first attempt's response.
    let store_timeout = [("LRAP_STORE_TIMEOUT".to_owned(), "1".to_owned())].into();
    let once = FunctionConfig { retries: 1, retry_delay: Duration::from_millis(1), ..managed(2) };
    let function = FunctionConfig { timeout: Duration::from_secs(4), environment: store_timeout, ..once };
    let mut sandboxes = Sandboxes::of(function).await;
    sandboxes.lambda.table().faults().set(Faults::always(Fault::InternalError));
    // Too long to go as it is: the proxy makes an error of it, which is of the first attempt.
    let event = json!({ "do": "late", "bytes": 300_000 }).to_string();
    sandboxes.lambda.invoke_event("f", event).unwrap();
    let first = sandboxes.report().await;
    assert_eq!(first["status"], "timeout", "{first}");
    sandboxes.line("late answer: 410").await;
    let second = sandboxes.report().await;
    assert_eq!((&second["status"], &second["requestId"]), (&json!("success"), &first["requestId"]));
}

#[tokio::test]
async fn a_response_that_breaks_off_is_a_truncated_response_behind_the_extension() {
    for function in [managed(1), one_at_a_time()] {
        let sandboxes = Sandboxes::of(function).await;
        let failed = &sandboxes.at_once([json!({ "do": "break off" })]).await[0];
        assert_eq!(failed["errorType"], "Runtime.TruncatedResponse");
        assert!(sandboxes.at_once([json!({})]).await[0].is_u64(), "the next invocation");
    }
}

#[tokio::test]
async fn an_agent_core_gateway_is_known_by_a_client_context_in_base64() {
    let context = r#"{"custom":{"bedrockAgentCoreGatewayId":"g-1","bedrockAgentCoreToolName":"hotels___list"}}"#;
    for function in [managed(1), one_at_a_time()] {
        let sandboxes = Sandboxes::of(function).await;
        let (payload, client_context) = (grow('a').to_string().into(), Some(context.into()));
        let request = InvokeRequest { payload, client_context, ..InvokeRequest::default() };
        let invoked = soon("the response", sandboxes.lambda.invoke_with("f", request)).await.unwrap();
        assert!(document(&invoked)["text"] == "a".repeat(LONG), "a gateway cannot hydrate");
    }
}

#[tokio::test]
async fn our_functions_answer_the_next_event_while_a_response_is_being_stored() {
    let analyser = super::stage::built("document-analyser");
    let behind = format!("AWS_LAMBDA_RUNTIME_API=127.0.0.1:$LRAP_LISTENER_PORT exec {}", analyser.display());
    let sandboxes =
        Sandboxes::of(FunctionConfig { command: Some(["sh", "-c", &behind].map(str::to_owned).into()), ..managed(2) })
            .await;
    // The name comes back with the analysis, so that a long one has to be stored.
    let analyse = |name: &str| json!({ "document": { "name": name, "encoding": "utf-8" }, "text": "a document" });
    sandboxes.at_once([analyse("first")]).await;
    let gate = Gate::shut();
    let table = sandboxes.lambda.table();
    table.faults().set(Faults::always(Fault::Wait(gate.clone())).only(&["PutItem", "BatchWriteItem"]));
    let before = table.meter();
    let long = "n".repeat(LONG);
    let stored = sandboxes.at_once([analyse(&long)]);
    let beside = async {
        soon("a write", table.metered(|meter| meter.since(&before).total_requests() > 0)).await;
        let answers = sandboxes.at_once([analyse("second")]).await;
        gate.open();
        answers
    };
    let (stored, beside) = tokio::join!(stored, beside);
    assert_eq!(beside[0]["name"], "second");
    super::assert_is_reference(&stored[0]["name"]);
}

/// The same runtime on demand, with one worker.
fn one_at_a_time() -> FunctionConfig {
    let one = [("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), "1".to_owned())];
    FunctionConfig { environment: one.into(), ..function() }
}
