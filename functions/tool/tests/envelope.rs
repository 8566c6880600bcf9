//! What a state machine sends, and what it gets whatever that was.

use std::process::Command;

use functions_shared::Variables;
use serde_json::{Value, json};
use tool::State;

use crate::site::page;
use crate::world::World;

#[tokio::test]
async fn a_result_is_addressed_to_its_call() {
    let world = World::new(|_| page("text/plain", "hello")).await;
    let event = json!({"name": "http_get", "id": "tu_7", "input": {"url": "https://documents.test/"}});
    let result = serde_json::to_value(world.function().answer(event).await).expect("JSON");
    let expected = json!({"type": "tool_result", "name": "http_get", "tool_use_id": "tu_7", "content": "hello"});
    assert_eq!(result, expected);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_a_result_that_names_the_field() {
    let world = World::new(|_| page("text/plain", "hello")).await;
    let function = world.function();
    let call = |name: &str, input: Value| json!({"name": name, "id": "tu_1", "input": input});
    let cases = [
        (json!({}), "`id`"),
        (json!({"id": "tu_1", "input": {}}), "`name`"),
        (json!({"id": "tu_1", "name": 7, "input": {}}), "`name`"),
        (json!({"id": 7, "name": "http_get", "input": {}}), "`id`"),
        (json!({"id": "tu_1", "name": "http_get", "input": "url"}), "`input`"),
        (json!({"id": "tu_1", "name": "http_get"}), "`url` is missing"),
        (call("http_post", json!({})), "`name`: there is no tool `http_post`"),
        (call("http_get", json!({})), "`url` is missing"),
        (call("http_get", json!({"url": 1})), "`url` is not a text"),
        (call("http_get", json!({"url": "https://documents.test/", "body": ""})), "`body` is not a parameter"),
        (call("document_search", json!({"query": "a"})), "`document` is missing"),
        (call("document_search", json!({"document": "a"})), "`query` is missing"),
        (call("document_search", json!({"document": "a", "query": "?"})), "`query` has no word"),
        (call("document_search", json!({"document": [], "query": "a"})), "`document` is not a text or a handle"),
        (call("document_search", json!({"document": "a", "query": "a", "max_passages": 0})), "`max_passages`"),
        (call("get_weather_forecast", json!({"latitude": 91, "longitude": 0})), "`latitude`"),
        (call("get_weather_forecast", json!({"latitude": 1, "longitude": "0"})), "`longitude`"),
        (call("get_weather_forecast", json!({"latitude": 1, "longitude": 0, "days": 8})), "`days`"),
    ];
    for (event, named) in cases {
        let result = function.answer(event.clone()).await;
        assert!(result.is_error && result.content.contains(named), "{event}: {}", result.content);
    }
    assert_eq!(world.site.connections(), 0);
}

#[tokio::test]
async fn only_chosen_tools_can_be_called() {
    let world = World::new(|_| page("text/plain", "hello")).await;
    let function = world.function_with([("TOOL_NAMES", "document_search")]);
    let error = function.error("http_get", json!({"url": "https://documents.test/"})).await;
    assert!(error.contains("there is no tool `http_get`; the tools are document_search"), "{error}");
}

#[tokio::test]
async fn a_wrong_variable_is_named_before_anything_is_served() {
    let wrong = [
        ("TOOL_NAMES", "http_gte"),
        ("ALLOWED_HOSTS", "https://documents.test"),
        ("TEST_ENDPOINTS", "documents.test"),
        ("LRAP_CONTENT_TTL", "a day"),
        ("LRAP_SIGNING_KEY", "short"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "no address"),
    ];
    for (name, value) in wrong {
        let usual = [("AGENT_CONTEXT_TABLE", "t"), ("AWS_REGION", "eu-central-1")];
        let variables: Variables = usual.into_iter().chain([(name, value)]).collect();
        let failure = State::new(&variables).expect_err("a mistake").to_string();
        assert!(failure.contains(name) && !failure.contains("short"), "{failure}");
    }
}

#[test]
fn the_program_describes_its_tools_without_any_variable() {
    let described = Command::new(env!("CARGO_BIN_EXE_tool")).arg("--describe").env_clear().output().expect("it runs");
    let tools: Vec<Value> = serde_json::from_slice(&described.stdout).expect("JSON");
    let names: Vec<_> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    let offered = actions::TABLE.iter().filter(|action| action.needs == actions::Need::Nothing);
    assert_eq!(names, offered.map(|action| action.name).collect::<Vec<_>>());
    assert!(tools.iter().all(|tool| tool["input_schema"]["type"] == "object" && tool["output_schema"].is_object()));
}
