//! AWS's crate for extensions judges what ours asks of the Extensions API: the same method, path, headers and body.
//!
//! The crate takes Lambda's address from its process's environment, so it runs in a separate process: this test, started again.

use std::collections::BTreeSet;
use std::process::Stdio;

use lambda_extension::requests::{ErrorRequest, init_error};
use lambda_extension::{Extension, LambdaEvent, service_fn};
use lambda_runtime_api_client::Client;
use serde_json::Value;
use tokio::process::Command;

use test_kit::{EXTENSION_INIT_ERROR, EXTENSION_NEXT, REGISTER};
use test_kit::{Exchange, FakeLambda, World};

/// What may differ: in which request, what, and why.
const TOLERATED: &[(&str, &str, &str)] = &[
    (REGISTER, "user-agent", "the crate names itself; Lambda does not ask who speaks"),
    (EXTENSION_NEXT, "user-agent", "the same"),
    (EXTENSION_INIT_ERROR, "user-agent", "the same"),
    (REGISTER, "lambda-extension-accept-feature", "the crate asks for the account id, which ours has no use for"),
    (
        EXTENSION_INIT_ERROR,
        "content-type",
        "ours says that its document is JSON, as Lambda's reference does; the crate says nothing",
    ),
];

/// Set in the process that is the crate's extension: the `errorMessage` that it reports.
const AS_CRATE: &str = "LRAP_TEST_AS_EXTENSION";
const ERROR_TYPE: &str = "Extension.ConfigInvalid";

#[tokio::test]
async fn our_requests_are_those_of_awss_crate_for_extensions() {
    if let Some(message) = error_message_of_crate() {
        return run_crate(&message).await;
    }
    let ours = our_requests().await;
    let theirs = requests_of_crate(ours[2].json()["errorMessage"].as_str().unwrap()).await;
    let found: BTreeSet<_> = ours.iter().zip(&theirs).flat_map(|(ours, theirs)| differences(ours, theirs)).collect();
    let tolerated = TOLERATED.iter().map(|(request, what, _)| ((*request).to_owned(), (*what).to_owned())).collect();
    similar_asserts::assert_eq!(found, tolerated);
}

fn post(path: &str) -> String {
    format!("POST {path}")
}

/// `register`, the first `event/next` and `init/error`, of the real binary.
async fn our_requests() -> [Exchange; 3] {
    let world = World::start().await;
    let failing = World::start().with("MAX_CONTENT_SIZE", "5kB").spawn().await;
    [
        world.lambda.recorded(&post(REGISTER)).await,
        polled(&world.lambda).await,
        failing.lambda.recorded(&post(EXTENSION_INIT_ERROR)).await,
    ]
}

/// The poll of an extension, which is not answered.
async fn polled(lambda: &FakeLambda) -> Exchange {
    lambda.recorded(&format!("GET {EXTENSION_NEXT}")).await
}

/// The same requests of the crate, in a separate process.
async fn requests_of_crate(message: &str) -> [Exchange; 3] {
    let lambda = FakeLambda::start().await;
    let name = "extensions_api::our_requests_are_those_of_awss_crate_for_extensions";
    let _process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string())
        .env(AS_CRATE, message)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    [lambda.recorded(&post(REGISTER)).await, polled(&lambda).await, lambda.recorded(&post(EXTENSION_INIT_ERROR)).await]
}

#[expect(clippy::disallowed_methods, reason = "which of the two processes this is, is the test run's business")]
fn error_message_of_crate() -> Option<String> {
    std::env::var(AS_CRATE).ok()
}

/// Registers, reports an error, and polls until it is killed.
async fn run_crate(message: &str) {
    let processor = service_fn(|_: LambdaEvent| async { Ok::<_, lambda_extension::Error>(()) });
    let extension = Extension::new().with_extension_name("lrap").with_events(&["SHUTDOWN"]);
    let registered = extension.with_events_processor(processor).register().await.unwrap();
    let error = ErrorRequest { error_message: message, error_type: ERROR_TYPE, stack_trace: Vec::new() };
    let request = init_error(&registered.extension_id, ERROR_TYPE, Some(error)).unwrap();
    Client::builder().build().unwrap().call(request).await.unwrap();
    registered.run().await.unwrap();
}

/// What differs between two requests, with the path of ours.
fn differences(ours: &Exchange, theirs: &Exchange) -> Vec<(String, String)> {
    let names = ours.headers.iter().chain(theirs.headers.iter()).map(|(name, _)| name.to_lowercase());
    let names: BTreeSet<_> = names.filter(|name| name != "host").collect();
    let mut different: Vec<_> =
        names.into_iter().filter(|name| ours.headers.all(name) != theirs.headers.all(name)).collect();
    different.extend((ours.name() != theirs.name()).then(|| theirs.name()));
    different.extend(different_bodies(ours, theirs));
    different.into_iter().map(|what| (ours.target.clone(), what)).collect()
}

fn different_bodies(ours: &Exchange, theirs: &Exchange) -> Vec<String> {
    let fields = |exchange: &Exchange| match serde_json::from_slice(&exchange.body) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    if ours.body == theirs.body {
        return Vec::new();
    }
    let (ours, theirs) = (fields(ours), fields(theirs));
    let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let different: Vec<_> = names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).collect();
    match different.as_slice() {
        [] => vec!["body".to_owned()],
        names => names.iter().map(|name| format!("body: {name}")).collect(),
    }
}
