//! Handles that are signed, by a key that is given or in a secret.

use serde_json::{Value, json};
use test_kit::secrets::{Outage, SECRET_ARN, Secret};

use crate::site::page;
use crate::world::{Function, TABLE, World};

const OLD: &str = "an-old-key-of-enough-bytes";
const NEW: &str = "a-new-key-of-enough-bytes";

async fn world() -> World {
    World::new(|_| page("text/plain", "hello needle ".repeat(1000))).await
}

/// A search in what a function fetched.
async fn search_in_fetched(function: &Function) -> Value {
    let content = function.text("http_get", json!({"url": "https://documents.test/"})).await;
    assert!(content.len() <= 2048, "{} bytes", content.len());
    let (_, handle) = content.rsplit_once("handle: ").expect("a handle");
    json!({"document": handle.trim_end_matches(']'), "query": "needle"})
}

#[tokio::test]
async fn handles_are_read_by_those_who_have_the_key() {
    let world = world().await;
    let both = format!("{NEW} {OLD}");
    let with = |key| world.function_with([("AGENT_CONTEXT_TABLE", TABLE), ("LRAP_SIGNING_KEY", key)]);
    let search = search_in_fetched(&with(OLD)).await;
    assert!(with(OLD).text("document_search", search.clone()).await.contains("needle"));
    assert!(with(&both).text("document_search", search.clone()).await.contains("needle"));

    let before = world.table.meter();
    for stranger in [world.function(), with(NEW)] {
        let error = stranger.error("document_search", search.clone()).await;
        assert!(error.contains("this handle was altered, or is not of this system"), "{error}");
    }
    assert_eq!(world.table.meter(), before, "what is not signed for costs no read");
}

#[tokio::test]
async fn a_secret_is_read_once_and_again_when_its_key_is_rotated() {
    let world = world().await;
    let secret = Secret::start(Some(OLD)).await;
    let by_secret = [
        ("AGENT_CONTEXT_TABLE", TABLE),
        ("LRAP_SIGNING_SECRET_ARN", SECRET_ARN),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secret.endpoint),
    ];
    let sandbox = world.function_with(by_secret);
    let search = search_in_fetched(&sandbox).await;
    sandbox.text("document_search", search).await;
    assert_eq!(secret.asked(), 1);

    secret.rotate(NEW);
    let search = search_in_fetched(&world.function_with(by_secret)).await;
    assert_eq!(secret.asked(), 2);
    sandbox.text("document_search", search).await;
    assert_eq!(secret.asked(), 3, "the key was unknown");

    secret.rotate("yet-another-key-of-enough-bytes");
    let search = search_in_fetched(&world.function_with(by_secret)).await;
    let error = sandbox.error("document_search", search).await;
    assert!(error.contains("try again later"), "{error}");
    assert_eq!(secret.asked(), 4, "not again within a minute");
}

/// A handle by a key that may be in a version that cannot be read is not called altered.
#[tokio::test]
async fn an_outage_of_the_secrets_previous_version_passes() {
    let world = world().await;
    let secret = Secret::start(Some(OLD)).await;
    let by_secret = [
        ("AGENT_CONTEXT_TABLE", TABLE),
        ("LRAP_SIGNING_SECRET_ARN", SECRET_ARN),
        ("LRAP_STORE_TIMEOUT", "3"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secret.endpoint),
    ];
    let search = search_in_fetched(&world.function_with(by_secret)).await;
    secret.rotate(NEW);
    for (outage, expected) in [(Outage::PreviousVersion, "try again later"), (Outage::All, "cannot be used now")] {
        secret.fails(Some(outage));
        let error = world.function_with(by_secret).error("document_search", search.clone()).await;
        assert!(error.contains(expected), "{outage:?}: {error}");
    }
    secret.fails(None);
    world.function_with(by_secret).text("document_search", search).await;
}

#[tokio::test]
async fn without_its_keys_nothing_is_stored() {
    let world = world().await;
    let secret = Secret::start(None).await;
    let by_secret = [
        ("AGENT_CONTEXT_TABLE", TABLE),
        ("LRAP_SIGNING_SECRET_ARN", SECRET_ARN),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secret.endpoint),
    ];
    let error = world.function_with(by_secret).error("http_get", json!({"url": "https://documents.test/"})).await;
    assert!(error.contains("the content table cannot be used now"), "{error}");
    assert_eq!(world.table.items().await.expect("items").len(), 0);
}
