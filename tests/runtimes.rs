//! The official runtime clients behind the real layer: Python and Node through the wrapper, Rust by its entry point for OS-only runtimes.
//!
//! They are the judges of what no scripted runtime can tell: that real clients take what the proxy gives them. What needs the
//! Node client has `node_client` in its name, because that client cannot be built everywhere.

mod agent;
mod consumers;
mod demo;
mod image;
mod llm;
mod managed_instances;
mod neighbours;
mod readme;
mod stage;

use serde_json::{Value, json};
use stage::{Stage, Subject, sha256, text};
use std::time::{Duration, Instant};
use tokio::join;

use test_kit::json::noise;

/// What references begin with.
const REFERENCE: &str = "@content:";
/// A state of a workflow holds no more.
const STATE_LIMIT: usize = 262_144;

/// The same promises for each client.
macro_rules! every_client {
    ($($client:ident is $subject:ident;)+) => {$(
        mod $client {
            use super::Subject;

            #[tokio::test]
            async fn an_event_without_work_is_echoed_and_costs_no_request() {
                super::echoes(Subject::$subject).await;
            }

            #[tokio::test]
            async fn a_long_response_leaves_as_a_reference_and_comes_back_whole() {
                super::offloads_and_hydrates(Subject::$subject).await;
            }

            #[tokio::test]
            async fn a_function_error_keeps_its_type_and_its_sandbox() {
                super::fails_by_name(Subject::$subject).await;
            }

            #[tokio::test]
            async fn after_a_process_that_exits_the_next_invocation_works() {
                super::survives_an_exit(Subject::$subject).await;
            }

            #[tokio::test]
            async fn lost_content_fails_that_invocation_alone() {
                super::names_lost_content(Subject::$subject).await;
            }

            #[tokio::test]
            async fn four_at_once_have_a_sandbox_each() {
                super::runs_four_at_once(Subject::$subject).await;
            }

            #[tokio::test]
            async fn shutdown_ends_every_process() {
                super::ends_with_shutdown(Subject::$subject).await;
            }
        }
    )+};
}

every_client! {
    python is Python;
    node_client is Node;
    rust is Rust;
}

async fn echoes(subject: Subject) {
    let lambda = Stage::with(&[subject]).await;
    let event = json!({ "text": "short", "list": [1, 2.5, null, true, "é😀\"\\"], "nested": { "empty": {} } });
    let cold = lambda.invoke(subject, &event).await;
    let warm = lambda.invoke(subject, &event).await;
    for invoked in [&cold, &warm] {
        assert_eq!(invoked.function_error, None, "{}", text(&invoked.payload));
        assert_eq!(serde_json::from_slice::<Value>(&invoked.payload).unwrap(), event);
    }
    assert!(cold.report.init_duration.is_some() && warm.report.init_duration.is_none(), "one sandbox for both");
    assert_eq!(lambda.table_requests(), 0);
    lambda.assert_proxied(1);
}

async fn offloads_and_hydrates(subject: Subject) {
    let mut lambda = Stage::with(&[subject]).await;
    for bytes in [5_001, 300_000, 7_000_000] {
        let state = lambda.answer(subject, json!({ "do": "grow", "bytes": bytes })).await;
        assert_is_reference(&state["text"]);
        lambda.assert_arrives(subject, &state["text"], &"x".repeat(bytes)).await;
    }
}

async fn fails_by_name(subject: Subject) {
    let lambda = Stage::with(&[subject]).await;
    let failure = lambda.failure(subject, json!({ "do": "fail" })).await;
    assert_eq!(failure, ("AskedToFail".to_owned(), "the event asked for it".to_owned()));
    assert_works_warm(&lambda, subject).await;
}

async fn survives_an_exit(subject: Subject) {
    let mut lambda = Stage::with(&[subject]).await;
    let (error_type, message) = lambda.failure(subject, json!({ "do": "exit", "code": 3 })).await;
    assert_eq!(error_type, "Runtime.ExitError");
    assert!(message.contains("exit status 3"), "{message}");
    assert_eq!(lambda.answer(subject, json!({ "still": "there" })).await, json!({ "still": "there" }));
    lambda.assert_proxied(1);
}

async fn names_lost_content(subject: Subject) {
    // The sandbox that stored a content would have it in memory.
    let mut lambda = Stage::with_variables(&[subject], &[("LRAP_CACHE_SIZE", "0")]).await;
    let state = lambda.answer(subject, json!({ "do": "grow", "bytes": 1_000_000 })).await;
    lambda.lose_contents().await;
    let (error_type, message) = lambda.failure(subject, &state).await;
    assert_eq!(error_type, "LongContent.NotFound");
    assert!(message.contains(state["text"].as_str().unwrap()), "the message names the reference: {message}");
    assert_works_warm(&lambda, subject).await;
}

async fn runs_four_at_once(subject: Subject) {
    let lambda = Stage::with(&[subject]).await;
    let grow = |bytes: usize| lambda.invoke(subject, json!({ "do": "grow", "bytes": bytes }));
    let (a, b, c, d) = join!(grow(10_000), grow(20_000), grow(30_000), grow(40_000));
    for (invoked, bytes) in [(a, 10_000), (b, 20_000), (c, 30_000), (d, 40_000)] {
        let state: Value = serde_json::from_slice(&invoked.payload).unwrap();
        assert_is_reference(&state["text"]);
        assert!(state["text"].as_str().unwrap().ends_with(&format!(":{bytes}")), "each its own answer: {state}");
        assert!(invoked.report.init_duration.is_some(), "each its own sandbox");
    }
}

async fn ends_with_shutdown(subject: Subject) {
    let lambda = Stage::with(&[subject]).await;
    lambda.invoke(subject, json!({})).await;
    assert!(lambda.processes().len() >= 2, "the extension and the runtime: {:?}", lambda.processes());
    lambda.assert_proxied(1);
    let Stage { lambda: ending, layer, .. } = lambda;
    let started = Instant::now();
    ending.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(2), "nothing had to be killed: {:?}", started.elapsed());
    assert_eq!(stage::processes_told(layer.path()), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn the_rust_client_echoes_to_the_byte() {
    let lambda = Stage::with(&[Subject::Rust]).await;
    let event = " {\"a\" : 1e400, \"a\":-0, \"n\":12345678901234567890123,\n\"u\":\"\\ud800\\u00e9\\/\" } ";
    let invoked = lambda.invoke(Subject::Rust, event).await;
    assert_eq!(text(&invoked.payload), event.trim(), "white space around a JSON value is not the value's");
    lambda.assert_proxied(1);
}

#[tokio::test]
async fn content_travels_from_python_to_rust_and_back() {
    travels(&[Subject::Python, Subject::Rust, Subject::Python]).await;
}

#[tokio::test]
async fn node_client_takes_and_gives_content_between_languages() {
    travels(&[Subject::Python, Subject::Rust, Subject::Node, Subject::Python]).await;
}

/// Each hands the document on to the next, as a workflow would; the last tells what arrived.
async fn travels(path: &[Subject]) {
    let mut lambda = Stage::with(path).await;
    let long = odd_text(2_000_000);
    let mut state = json!({ "document": { "text": long, "note": "short" }, "list": [[odd_text(10_000)]] });
    let (last, path) = path.split_last().unwrap();
    for subject in path {
        state = lambda.answer(*subject, &state).await;
        assert_is_reference(&state["document"]["text"]);
        assert_is_reference(&state["list"][0][0]);
        assert_eq!(state["document"]["note"], "short");
    }
    lambda.assert_arrives(*last, &state["document"]["text"], &long).await;
    lambda.assert_arrives(*last, &state["list"][0][0], &odd_text(10_000)).await;
}

#[tokio::test]
async fn node_client_streams_through_the_proxy() {
    let lambda = Stage::with(&[Subject::NodeStream]).await;
    let invoked = lambda.invoke(Subject::NodeStream, json!({ "chunks": 40, "bytes": 10_000 })).await;
    let chunks = (0..40).map(|index| format!("{:x<9999}\n", format!("{index}:")));
    assert!(text(&invoked.payload) == chunks.collect::<String>(), "{} bytes", invoked.payload.len());
    assert_eq!(lambda.table_requests(), 0, "a stream is never offloaded");
    lambda.assert_proxied(1);
}

#[tokio::test]
async fn a_document_of_1_kib_travels_inside_the_state() {
    let (state, requests) = analysed("note.txt", odd_text(1024).as_bytes()).await;
    assert!(!state["text"].as_str().unwrap().starts_with(REFERENCE), "{state}");
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn a_document_of_300_kib_travels_as_a_reference() {
    let (state, _) = analysed("report.md", odd_text(300 << 10).as_bytes()).await;
    assert_is_reference(&state["text"]);
}

#[tokio::test]
async fn a_document_of_5_mib_travels_as_a_reference() {
    let (state, _) = analysed("book.txt", odd_text(5 << 20).as_bytes()).await;
    assert_is_reference(&state["text"]);
}

#[tokio::test]
async fn a_document_that_is_no_text_travels_as_a_reference() {
    let mut bytes = vec![0; 1 << 20];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    let (state, _) = analysed("image.bin", &bytes).await;
    assert_is_reference(&state["text"]);
    assert_eq!(state["document"]["encoding"], "base64");
}

/// Reads a document with one function, analyses it with the other, and checks that the same bytes arrived. The state between
/// them, and the requests to the content table.
async fn analysed(name: &str, content: &[u8]) -> (Value, u64) {
    let mut lambda = Stage::with(&[Subject::Reader, Subject::Analyser]).await;
    std::fs::write(lambda.documents.path().join(name), content).unwrap();
    let state = lambda.answer(Subject::Reader, json!({ "path": name })).await;
    assert!(state.to_string().len() <= STATE_LIMIT, "{} bytes", state.to_string().len());
    let answer = lambda.answer(Subject::Analyser, &state).await;
    assert_eq!(answer["analysis"]["sha256"], sha256(content), "what arrived is what was read");
    assert_eq!(answer["analysis"]["bytes"], content.len());
    lambda.assert_proxied(2);
    (state, lambda.table_requests())
}

fn assert_is_reference(value: &Value) {
    let text = value.as_str().unwrap();
    assert!(text.starts_with(REFERENCE) && text.len() < 160, "a reference, not {} bytes", text.len());
}

async fn assert_works_warm(lambda: &Stage, subject: Subject) {
    let next = lambda.invoke(subject, json!({ "next": 1 })).await;
    assert_eq!(serde_json::from_slice::<Value>(&next.payload).unwrap(), json!({ "next": 1 }));
    assert_eq!(next.report.init_duration, None, "the same sandbox");
    lambda.assert_proxied(1);
}

/// Text of exactly `bytes` bytes of UTF-8, with everything in it that JSON spells in more than one way.
fn odd_text(bytes: usize) -> String {
    const ODD: &str = "é世😀\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}\u{2028}\u{2029}\u{feff}@content:1\\u0041 ";
    let mut text = String::with_capacity(bytes);
    while text.len() + ODD.len() + 50 <= bytes {
        text.push_str(ODD);
        text.push_str(&noise(50, text.len() as u64));
    }
    let rest = bytes - text.len();
    text + &noise(rest, bytes as u64)
}
