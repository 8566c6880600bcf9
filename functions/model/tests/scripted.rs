//! The scripted provider: a conversation that is known beforehand.

use crate::kit::{World, question};
use serde_json::{Value, json};

async fn scripted(script: Value) -> World {
    World::with(&[json!({
        "pk": "scripted#demo", "provider": "scripted", "model_id": "demo", "is_active": "true",
        "request_transformer": "scripted_v1", "response_transformer": "scripted_v1", "script": script.to_string(),
    })])
    .await
}

/// The call that follows a reply, with what the tools returned.
fn next(reply: &Value, results: Value) -> Value {
    let mut call = question("scripted", "demo");
    call["messages"] = reply["messages"].clone();
    call["tool_results"] = results;
    call
}

fn tokens(input: u64, output: u64) -> Value {
    json!({
        "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
        "cache_read_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0,
    })
}

#[tokio::test]
async fn a_script_is_played_turn_by_turn() {
    let world = scripted(json!([
        {"text": "I fetch it.", "tool_calls": [{"name": "http_get", "input": {"url": "https://documents.test/{{question}}"}}]},
        {"tool_calls": [{"name": "document_search", "input": {"document": "{{handle}}", "query": "x"}}], "repeat": 2},
        {"text": "Done.", "usage": {"input_tokens": 812, "output_tokens": 96}},
    ]))
    .await;
    let first = world.ask(question("scripted", "demo")).await.expect("a reply");
    assert_eq!(first["metadata"]["stop_reason"], "tool_use");
    assert_eq!(
        first["function_calls"],
        json!([{"id": "scripted-0-0", "name": "http_get", "input": {"url": "https://documents.test/What is the weather?"}}])
    );

    let preview = "It is long … [… 5242880 bytes in all; handle: dynamodb:table:record-1]";
    let result = |id: &str, content: &str| json!([{"type": "tool_result", "name": "tool", "tool_use_id": id, "content": content}]);
    let second = world.ask(next(&first, result("scripted-0-0", preview))).await.expect("a reply");
    assert_eq!((&first["text"], &second["references"]), (&json!("I fetch it."), &json!(["dynamodb:table:record-1"])));
    assert_eq!(second["function_calls"][0]["input"]["document"], "dynamodb:table:record-1");

    let third = world.ask(next(&second, result("scripted-1-0", "handle: dynamodb:table:record-2\nhandle: none"))).await;
    let third = third.expect("a reply");
    assert_eq!(third["function_calls"][0]["id"], "scripted-2-0", "the second time of two");

    let fourth = world.ask(next(&third, result("scripted-2-0", "found"))).await.expect("a reply");
    assert_eq!(fourth["message"]["content"], json!([{"type": "text", "text": "Done."}]));
    assert_eq!(fourth["metadata"]["tokens_used"], tokens(812, 96));
    assert_eq!(
        (&fourth["metadata"]["stop_reason"], &fourth["metadata"]["cost_usd"]),
        (&json!("end_turn"), &json!("0.000000"))
    );

    let fifth = world.ask(next(&fourth, json!([]))).await.expect("a reply");
    assert_eq!((&fifth["metadata"]["stop_reason"], &fifth["function_calls"]), (&json!("end_turn"), &json!([])));
}

#[tokio::test]
async fn the_conversation_grows_by_results_and_answer() {
    let world = scripted(json!([{"tool_calls": [{"name": "tool", "input": {}}]}, {"text": "Done."}])).await;
    let first = world.ask(question("scripted", "demo")).await.expect("a reply");
    let result = json!({"type": "tool_result", "name": "tool", "tool_use_id": "scripted-0-0", "content": "found", "is_error": true});
    let second = world.ask(next(&first, json!([result]))).await.expect("a reply");
    let origin = json!({"provider": "scripted", "model": "demo", "api": "scripted_v1"});
    let expected = json!([
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "origin": origin, "content": [{"type": "tool_use", "id": "scripted-0-0", "name": "tool", "input": {}}]},
        {"role": "user", "content": [result]},
        {"role": "assistant", "origin": origin, "content": [{"type": "text", "text": "Done."}]},
    ]);
    assert_eq!(second["messages"], expected);
}

#[tokio::test]
async fn tokens_are_guessed_from_bytes_when_the_script_counts_none() {
    let world = scripted(json!([{"text": "12345678"}])).await;
    let reply = world.ask(question("scripted", "demo")).await.expect("a reply");
    assert_eq!(reply["metadata"]["tokens_used"], tokens(5, 2));
}

#[tokio::test]
async fn a_script_that_cannot_be_played_is_a_bad_response() {
    for (script, reason) in
        [(json!({}), "not a JSON list of steps"), (json!([{"text": "{{handle}}"}]), "asks for a handle")]
    {
        let error = scripted(script).await.ask(question("scripted", "demo")).await.expect_err(reason);
        assert_eq!(error.name(), "BadResponse");
        assert!(error.to_string().contains(reason), "{error}");
    }
}
