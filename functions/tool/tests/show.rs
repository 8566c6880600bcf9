//! Values for readers without a layer: text, or a beginning and a handle, and never a reference.

use serde_json::{Value, json};

use crate::site::page;
use crate::world::{TABLE, World};

const LONGEST: usize = 196_608;

async fn world() -> World {
    World::new(|_| page("text/plain", "")).await
}

async fn shown(world: &World, value: &Value) -> Value {
    world.function().service(json!({ "type": "show", "value": value, "longest": LONGEST })).await["value"].clone()
}

#[tokio::test]
async fn what_fits_is_shown_as_it_is() {
    let world = world().await;
    for value in [json!("x".repeat(100_000)), json!({ "a": [1, null, "ü".repeat(40_000)] }), json!(7), json!("")] {
        assert_eq!(shown(&world, &value).await, value);
    }
    assert_eq!(world.table.items().await.expect("items").len(), 0);
}

#[tokio::test]
async fn a_text_that_does_not_fit_is_its_beginning_and_a_handle_that_finds_the_whole() {
    let world = world().await;
    let text = format!("{} needle", "hay ".repeat(1_300_000));
    let value = shown(&world, &json!({ "title": "Hay", "report": text })).await;
    assert_eq!(value["title"], "Hay");
    let report = value["report"].as_str().expect("a text");
    assert!(report.starts_with("hay hay") && report.len() <= 2048, "{} bytes", report.len());
    let (_, handle) = report.rsplit_once("handle: ").expect("a handle");
    let input = json!({ "document": handle.trim_end_matches(']'), "query": "needle" });
    assert!(world.function().text("document_search", input).await.contains("needle"));
}

#[tokio::test]
async fn what_many_values_make_long_is_shown_as_one_text() {
    let world = world().await;
    let value = shown(&world, &json!(vec![1234; 100_000])).await;
    let text = value.as_str().expect("a text");
    assert!(text.starts_with("[1234,1234") && text.contains("bytes in all; handle: 1:dynamodb:s:"), "{text}");
}

#[tokio::test]
async fn what_reads_like_a_reference_is_shown_as_text_that_does_not() {
    let world = world().await;
    let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    let long = format!("{reference} {}", "x".repeat(300_000));
    let value = shown(&world, &json!({ "a": reference, "b": format!("[\"{reference}\"]"), "c": long })).await;
    let spelt = value.to_string();
    assert!(!spelt.contains("@content:") && spelt.contains("@ content:1:dynamodb"), "{}", &spelt[..500]);
}

#[tokio::test]
async fn without_a_content_table_the_beginning_has_no_handle() {
    let world = world().await;
    let function = world.function_with([("AGENT_CONTEXT_TABLE", "")]);
    let event = json!({ "type": "show", "value": "x".repeat(300_000), "longest": LONGEST });
    let value = function.service(event).await["value"].clone();
    assert!(value.as_str().is_some_and(|text| text.ends_with("[… 300000 bytes in all]")), "{value}");
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_that_a_state_machine_tries_again() {
    let world = world().await;
    let unreachable = [
        ("AGENT_CONTEXT_TABLE", TABLE),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ("LRAP_STORE_TIMEOUT", "1"),
    ];
    let function = world.function_with(unreachable);
    let event = json!({ "type": "show", "value": "x".repeat(300_000), "longest": LONGEST });
    let event = functions_shared::LambdaEvent::new(event, lambda_runtime::Context::default());
    let failure = tool::handle(&function.0, event).await.expect_err("nothing can be stored");
    assert_eq!(failure.name(), "LongContent.StoreUnavailable");
}
