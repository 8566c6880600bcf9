//! Other people's extensions and wrappers in the same sandbox: stand-ins (`neighbours/`) that do what those are known to do
//! with the Runtime API, beside the real extension, through the real wrapper, with the real Python runtime client.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

use lambda_local::ReservedPort;
use serde_json::json;
use tempfile::TempDir;

use super::stage::{Stage, Subject, layer, python, source, told};
use super::{assert_is_reference, assert_works_warm};

/// Our layer, and beside it these files of `neighbours/`.
fn layer_with(files: &[(&str, &str)]) -> TempDir {
    let layer = layer();
    for (name, file) in files {
        let path = layer.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let neighbours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/runtimes/neighbours");
        symlink(neighbours.join(file).canonicalize().unwrap(), path).unwrap();
    }
    layer
}

/// The layer of another proxy, with its wrapper.
fn proxy_layer() -> TempDir {
    layer_with(&[("extensions/neighbour", "proxy.py"), ("neighbour/wrapper", "proxy-wrapper.sh")])
}

/// Sends a long text through the function of a sandbox that has both proxies: what the other one told of the four payloads.
async fn told_by_neighbour(mut sandbox: Stage) -> Vec<String> {
    let state = sandbox.answer(Subject::Python, json!({ "do": "grow", "bytes": 300_000 })).await;
    assert_is_reference(&state["text"]);
    sandbox.assert_arrives(Subject::Python, &state["text"], &"x".repeat(300_000)).await;
    sandbox.said("neighbour", 4).await
}

/// What it tells where only references pass.
const REFERENCES: [&str; 4] =
    ["event without", "response with a reference", "event with a reference", "response without"];
/// What it tells where contents pass.
const CONTENTS: [&str; 4] = ["event without", "response without", "event without", "response without"];

/// The ports of two proxies, reserved for them, and the variables that put one in front of the other.
struct Chain {
    ours: ReservedPort,
    theirs: ReservedPort,
}

impl Chain {
    fn new() -> Self {
        Self { ours: ReservedPort::new().unwrap(), theirs: ReservedPort::new().unwrap() }
    }

    /// Ours in front of another proxy.
    fn ours_in_front(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LRAP_LISTENER_PORT", self.theirs.port().to_string()),
            ("LONG_CONTENT_LISTENER_PORT", self.ours.port().to_string()),
            ("LONG_CONTENT_RUNTIME_API_ENDPOINT", self.theirs.address().to_string()),
        ]
    }

    /// Another proxy in front of ours.
    fn theirs_in_front(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LRAP_LISTENER_PORT", self.theirs.port().to_string()),
            ("LRAP_RUNTIME_API_ENDPOINT", self.ours.address().to_string()),
            ("LONG_CONTENT_LISTENER_PORT", self.ours.port().to_string()),
        ]
    }
}

/// The Python function behind both proxies.
async fn sandbox(variables: &[(&str, String)]) -> Stage {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Stage::on(proxy_layer(), &[Subject::Python], &variables).await
}

#[tokio::test]
async fn ours_in_front_of_another_proxy() {
    let chain = Chain::new();
    assert_eq!(told_by_neighbour(sandbox(&chain.ours_in_front()).await).await, REFERENCES);
}

#[tokio::test]
async fn another_proxy_in_front_of_ours() {
    let chain = Chain::new();
    let mut variables = chain.theirs_in_front();
    variables.push(("AWS_LAMBDA_EXEC_WRAPPER", "/opt/neighbour/wrapper".to_owned()));
    assert_eq!(told_by_neighbour(sandbox(&variables).await).await, CONTENTS);
}

#[tokio::test]
async fn of_two_wrappers_the_last_decides_whom_the_runtime_talks_to() {
    let chain = Chain::new();
    let mut variables = chain.theirs_in_front();
    variables.push(("LRAP_NEXT_WRAPPER", "/opt/neighbour/wrapper".to_owned()));
    assert_eq!(told_by_neighbour(sandbox(&variables).await).await, CONTENTS);
}

#[tokio::test]
async fn anothers_wrapper_around_ours_leaves_ours_nearest_to_the_runtime() {
    let layer = proxy_layer();
    let wrappers = ["neighbour/wrapper", "extensions/lrap-wrapper/wrapper"];
    let wrappers = wrappers.map(|wrapper| layer.path().join(wrapper).to_str().unwrap().to_owned());
    let mut function = python(&source("tests/runtimes/python"), "subject.handler");
    function.command = function.command.map(|command| [&wrappers, &command[..]].concat());
    function.managed = Some(false);
    let chain = Chain::new();
    let variables = chain.ours_in_front();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sandbox = Stage::of(layer, [(Subject::Python, function)], &variables).await;
    assert_eq!(told_by_neighbour(sandbox).await, REFERENCES);
}

#[tokio::test]
async fn a_next_wrapper_that_instruments_leaves_ours_in_place() {
    let layer = layer_with(&[("neighbour/instrument", "instrument.sh")]);
    let next = [("LRAP_NEXT_WRAPPER", "/opt/neighbour/instrument")];
    let sandbox = Stage::on(layer, &[Subject::Python], &next).await;
    sandbox.invoke(Subject::Python, json!({})).await;
    sandbox.assert_proxied(1);
    let traced = sandbox.processes().into_iter().filter(|process| told(process, "TRACED_BY").is_some());
    assert_eq!(traced.count(), 1, "the runtime alone went through both");
}

#[tokio::test]
async fn an_adapter_that_polls_in_the_runtimes_place() {
    let layer = layer_with(&[("extensions/lambda-adapter", "adapter.py"), ("bootstrap", "application.sh")]);
    let (ours, application) = (ReservedPort::new().unwrap(), ReservedPort::new().unwrap());
    let variables = [
        ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/bootstrap"),
        ("AWS_LWA_LAMBDA_RUNTIME_API_PROXY", &ours.address().to_string()),
        ("AWS_LWA_PORT", &application.port().to_string()),
        ("LRAP_LISTENER_PORT", &ours.port().to_string()),
    ];
    let mut sandbox = Stage::on(layer, &[Subject::Python], &variables).await;
    let first = sandbox.answer(Subject::Python, json!({ "text": "x".repeat(4_000) })).await;
    assert_is_reference(&first["text"]);
    let second = sandbox.answer(Subject::Python, json!({ "text": first["text"] })).await;
    assert_eq!((&second["seen"], second["text"].as_str().unwrap().starts_with("@content:")), (&json!(8_000), true));
}

#[tokio::test]
async fn a_taken_port_fails_init_and_another_one_works() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sandbox = Stage::with_variables(&[Subject::Python], &[("LRAP_LISTENER_PORT", &port)]).await;
    let (error_type, message) = sandbox.failure(Subject::Python, json!({})).await;
    assert_eq!(error_type, "Extension.PortTaken");
    assert!(message.contains(&port) && message.contains("LRAP_LISTENER_PORT"), "{message}");

    let free = ReservedPort::new().unwrap();
    let port = free.port().to_string();
    let sandbox = Stage::with_variables(&[Subject::Python], &[("LRAP_LISTENER_PORT", &port)]).await;
    sandbox.invoke(Subject::Python, json!({})).await;
    assert_works_warm(&sandbox, Subject::Python).await;
}
