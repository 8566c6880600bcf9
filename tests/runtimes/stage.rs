//! Real runtimes behind the real layer: Lambda on this machine, with the subjects of this folder as its functions.

use lambda_local::{Config, FunctionConfig, Invoked, LambdaLocal, LogLine, Logs, Runtime};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use super::consumers;
use test_kit::{extension, soon};

/// A function of the stage; its name is that of the enum's value, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// `awslambdaric`, through the wrapper.
    Python,
    /// `aws-lambda-ric`, through the wrapper.
    Node,
    /// The same with a handler that streams.
    NodeStream,
    /// `lambda_runtime`, by the entry point for OS-only runtimes.
    Rust,
    /// The demo's function that reads a document, from the stage's folder.
    Reader,
    /// The demo's function that analyses it.
    Analyser,
    /// The function that calls models.
    Llm,
    /// The MCP server, from its zip.
    Mcp,
    /// The function that cuts documents, from its zip.
    Splitter,
    /// The example of a tool in Python, from its zip.
    WordCounter,
    /// The example of a tool in Node.js, from its zip.
    SentenceCounter,
}

impl Subject {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn config(self, documents: &Path) -> FunctionConfig {
        match self {
            Self::Python => python(&source("tests/runtimes/python"), "subject.handler"),
            Self::Node => node(&source("tests/runtimes/node"), "subject.handler"),
            Self::NodeStream => node(&source("tests/runtimes/node"), "subject.stream"),
            Self::Rust => provided("runtime-rust"),
            Self::Reader => {
                let root = documents.to_str().unwrap().to_owned();
                let mut reader = python(&source("functions/document-reader"), "document_reader.handler");
                reader.environment.insert("DOCUMENT_ROOT".to_owned(), root);
                reader
            }
            Self::Analyser => provided("document-analyser"),
            Self::Llm => provided("llm"),
            Self::Mcp => consumers::mcp(documents),
            Self::Splitter => consumers::splitter(documents),
            Self::WordCounter => consumers::word_counter(documents),
            Self::SentenceCounter => consumers::sentence_counter(documents),
        }
    }
}

pub(super) fn python(directory: &Path, handler: &str) -> FunctionConfig {
    let command = vec![variable("LRAP_TEST_PYTHON"), "-m".to_owned(), "awslambdaric".to_owned()];
    managed(Runtime::Python, command, directory, handler)
}

pub(super) fn node(directory: &Path, handler: &str) -> FunctionConfig {
    managed(Runtime::Node, vec!["node".to_owned(), variable("LRAP_TEST_NODE_RIC")], directory, handler)
}

/// A folder of this repository.
pub(super) fn source(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).canonicalize().unwrap()
}

fn managed(runtime: Runtime, command: Vec<String>, directory: &Path, handler: &str) -> FunctionConfig {
    let (directory, handler) = (directory.to_owned(), Some(handler.to_owned()));
    FunctionConfig { runtime, command: Some(command), handler, directory, ..ample() }
}

fn provided(program: &str) -> FunctionConfig {
    let command = Some(vec![built(program).to_str().unwrap().to_owned()]);
    FunctionConfig { command, ..ample() }
}

/// Time and memory enough for a busy machine.
fn ample() -> FunctionConfig {
    FunctionConfig { memory: 1024, timeout: Duration::from_secs(25), ..FunctionConfig::default() }
}

/// A program of this workspace that is none of this package: cargo builds it beside the extension, when asked to.
pub(super) fn built(program: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_BIN_EXE_lrap-extension")).with_file_name(program);
    assert!(file.is_file(), "there is no {}: run cargo build --workspace --lib --bins --tests first", file.display());
    file
}

/// A variable that `make test` sets.
#[expect(clippy::disallowed_methods, reason = "what this machine has is the test run's business, not the extension's")]
pub(super) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by make test, which sets it"))
}

/// The layer as it lies under `/opt`.
pub(super) fn layer() -> TempDir {
    let layer = tempfile::tempdir().unwrap();
    let extensions = layer.path().join("extensions");
    fs::create_dir_all(extensions.join("lrap-wrapper")).unwrap();
    symlink(extension::binary(), extensions.join("lrap")).unwrap();
    symlink(existing("LRAP_TEST_WRAPPER"), extensions.join("lrap-wrapper/wrapper")).unwrap();
    layer
}

fn existing(name: &str) -> PathBuf {
    let path = PathBuf::from(variable(name));
    path.canonicalize().unwrap_or_else(|error| panic!("{name}={}: {error}", path.display()))
}

/// Lambda on this machine with some subjects behind the layer.
pub(super) struct Stage {
    pub(super) lambda: LambdaLocal,
    pub(super) layer: TempDir,
    pub(super) documents: TempDir,
    lines: UnboundedReceiver<LogLine>,
}

impl Stage {
    pub(super) async fn with(subjects: &[Subject]) -> Self {
        Self::with_variables(subjects, &[]).await
    }

    /// The same, with further variables for every function.
    pub(super) async fn with_variables(subjects: &[Subject], variables: &[(&str, &str)]) -> Self {
        Self::on(layer(), subjects, variables).await
    }

    /// The same, behind a layer that holds more than ours. Further variables win over those that attach ours.
    pub(super) async fn on(layer: TempDir, subjects: &[Subject], variables: &[(&str, &str)]) -> Self {
        let documents = tempfile::tempdir().unwrap();
        let functions: Vec<_> = subjects.iter().map(|subject| (*subject, subject.config(documents.path()))).collect();
        Self { documents, ..Self::of(layer, functions, variables).await }
    }

    /// The same, with functions that are not as their subjects are by themselves.
    pub(super) async fn of(
        layer: TempDir,
        functions: impl IntoIterator<Item = (Subject, FunctionConfig)>,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut config = Config::default();
        let table = config.table.name.clone();
        let functions = functions.into_iter().map(|(subject, function)| {
            let mut function = behind(&layer, &table, function);
            let further = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            function.environment.extend(further);
            (subject.name(), function)
        });
        config.functions = functions.collect();
        let (logs, lines) = Logs::channel();
        let lambda = LambdaLocal::start_with_logs(config, logs).await.unwrap();
        Self { lambda, layer, documents: tempfile::tempdir().unwrap(), lines }
    }

    /// Invokes and waits for the outcome, success or not.
    pub(super) async fn invoke(&self, subject: Subject, event: impl ToString) -> Invoked {
        let name = subject.name();
        soon(&name, self.lambda.invoke(&name, event.to_string())).await.unwrap()
    }

    /// Invokes, and fails the test when the function fails.
    pub(super) async fn answer(&mut self, subject: Subject, event: impl ToString) -> Value {
        let invoked = self.invoke(subject, event).await;
        assert_eq!(invoked.function_error, None, "{subject:?}: {}\n{}", text(&invoked.payload), self.log());
        serde_json::from_slice(&invoked.payload).unwrap()
    }

    /// Invokes, and fails the test when the function succeeds; the `errorType` and the `errorMessage`.
    pub(super) async fn failure(&self, subject: Subject, event: impl ToString) -> (String, String) {
        let invoked = self.invoke(subject, event).await;
        assert_eq!(invoked.function_error, Some("Unhandled"), "{}", text(&invoked.payload));
        let error: BTreeMap<String, Value> = serde_json::from_slice(&invoked.payload).unwrap();
        let field = |name: &str| error[name].as_str().unwrap().to_owned();
        (field("errorType"), field("errorMessage"))
    }

    /// Checks that what `subject` gets in place of `content` (the text or its reference) is `expected` to the byte.
    pub(super) async fn assert_arrives(&mut self, subject: Subject, content: &Value, expected: &str) {
        let answer = self.answer(subject, json!({ "do": "length", "text": content })).await;
        assert_eq!(answer, json!({ "bytes": expected.len(), "sha256": sha256(expected.as_bytes()) }), "{subject:?}");
    }

    /// Requests to the content table.
    pub(super) fn table_requests(&self) -> u64 {
        self.lambda.table().meter().total_requests()
    }

    /// Deletes everything that was stored.
    pub(super) async fn lose_contents(&self) {
        let items = self.lambda.table().items().await.unwrap();
        assert!(!items.is_empty(), "there is nothing to lose");
        for item in items {
            self.lambda.table().delete(item["id"]["S"].as_str().unwrap()).await.unwrap();
        }
    }

    /// The processes of the sandboxes that run, by their environment: every one of them is told where the layer lies.
    pub(super) fn processes(&self) -> Vec<PathBuf> {
        processes_told(self.layer.path())
    }

    /// The first `count` lines that a process of the sandbox said, by the name of its file.
    pub(super) async fn said(&mut self, source: &str, count: usize) -> Vec<String> {
        let mut said = Vec::new();
        while said.len() < count {
            let line = soon(source, self.lines.recv()).await.expect("a line before the end");
            said.extend((line.source == source).then_some(line.text));
        }
        said
    }

    /// Checks that the runtimes of so many sandboxes speak to the proxy of theirs: what passes unchanged would pass without one.
    pub(super) fn assert_proxied(&self, sandboxes: usize) {
        let proxied = self.processes().iter().filter(|process| speaks_to_proxy(process)).count();
        assert_eq!(proxied, sandboxes, "runtimes that were started through the wrapper");
    }

    fn log(&mut self) -> String {
        let lines: Vec<_> = std::iter::from_fn(|| self.lines.try_recv().ok()).map(|line| line.to_string()).collect();
        lines.join("\n")
    }
}

fn behind(layer: &TempDir, table: &str, mut function: FunctionConfig) -> FunctionConfig {
    let wrapper = "/opt/extensions/lrap-wrapper/wrapper";
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", wrapper), ("AGENT_CONTEXT_TABLE", table)];
    function.environment.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    function.layer = Some(layer.path().to_owned());
    function
}

fn speaks_to_proxy(process: &Path) -> bool {
    let proxy = told(process, "LRAP_LISTENER_PORT").map(|port| format!("127.0.0.1:{port}"));
    proxy.is_some() && told(process, "AWS_LAMBDA_RUNTIME_API") == proxy
}

/// A variable of a process.
pub(super) fn told(process: &Path, name: &str) -> Option<String> {
    let environment = fs::read_to_string(process.join("environ")).unwrap_or_default();
    environment.split('\0').find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=')).map(ToOwned::to_owned)
}

/// `/proc/N` of every process that has `path` in its environment. One that ended has none, even before it is reaped.
pub(super) fn processes_told(path: &Path) -> Vec<PathBuf> {
    let wanted = path.to_str().unwrap();
    let is_told = |process: &PathBuf| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(wanted)
    };
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    processes.filter(is_told).collect()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
