//! The agent's state machine, as it is deployed, with stand-ins for its functions: what it makes of their answers and errors.

mod asking;
mod events;
mod input;
mod scenarios;
pub(crate) mod stage;
mod tools;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use stage::{Agents, output};

/// The content of each result, by the name of its tool, as the model was given them.
fn results(
    described: &aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput,
) -> Vec<(String, String, bool)> {
    let results: Vec<Value> = serde_json::from_str(output(described)["answer"].as_str().unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    results.iter().map(|result| (text(&result["name"]), text(&result["content"]), result["is_error"] == true)).collect()
}

#[tokio::test]
async fn a_run_ends_with_the_answer_and_what_it_took() {
    let turns = json!([{ "calls": [["good", {}], ["good", {}]], "text": "I look." }, { "text": "It is so." }]);
    let described = Agents::of(json!({ "answers": turns })).await.ask("answers").await;
    let tokens = json!({ "input": 20, "output": 4, "cache_read": 0, "cache_write": 0, "reasoning": 0 });
    let expected = json!({
        "status": "completed", "stop_reason": "end_turn", "answer": "It is so.", "iterations": 2, "tokens": tokens,
        "cost_micro_usd": 120, "references": [],
        "agent": { "name": "answers", "version": "latest", "resolved_version": "v1.0" },
    });
    assert_eq!(output(&described), expected);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_cannot_is_not() {
    let names = ["Timeout", "ProviderError", "BadResponse", "InvalidRequest", "UnknownModel", "SecretMissing"];
    let mut scripts: serde_json::Map<_, _> =
        names.map(|name| (name.to_owned(), json!([{ "error": name }]))).into_iter().collect();
    let again = [
        ("RateLimited", "RateLimited"),
        ("ProviderUnavailable", "ProviderUnavailable"),
        ("ServiceUnavailable", "ServiceUnavailable"),
        ("TooMany", "Lambda.TooManyRequestsException"),
        ("Store", "LongContent.StoreUnavailable"),
    ];
    scripts.extend(again.map(|(agent, name)| (agent.to_owned(), json!([{ "error": name }, { "text": "Now." }]))));
    let agents = Agents::of(Value::Object(scripts)).await;
    for name in names {
        let described = agents.ask(name).await;
        assert_eq!((described.status(), described.error()), (&ExecutionStatus::Failed, Some(name)));
        assert_eq!(agents.failures(&described).await, 1, "{name} is not tried again");
    }
    for (agent, name) in again {
        let described = agents.ask(agent).await;
        assert_eq!(output(&described)["answer"], "Now.", "{name}");
        assert_eq!(agents.failures(&described).await, 1, "{name} is tried again");
    }
}

/// The first call, which every provider may refuse to go on with.
fn on() -> Value {
    json!({ "calls": [["good", {}]], "text": "So far." })
}

#[tokio::test]
async fn print_output_is_offered_without_a_function() {
    let on = on();
    let last = json!([on, on, on, on, { "text": "event" }]);
    let agents = Agents::of(json!({ "offers": [{ "text": "offered" }], "last": last })).await;
    let schema = json!({ "type": "object", "properties": { "total": { "type": "integer" } } });
    let tools =
        json!([{ "tool_name": "print_output", "enabled": true, "input_schema": schema }, { "tool_name": "good" }]);
    for agent in ["offers", "last"] {
        let limits = json!({ "max_iterations": 4, "timeout_seconds": 30 });
        agents.put_version(agent, limits, json!({ "tools": tools.to_string() })).await;
    }
    assert_eq!(output(&agents.ask("offers").await)["answer"], r#"["good", "print_output"]"#);
    // In the last call it may still be called.
    let last = output(&agents.ask("last").await);
    assert!(last["answer"].as_str().unwrap().contains(r#""tool_choice": null"#), "{last}");
    assert_eq!(last["status"], "iteration_limit");
}

#[tokio::test]
async fn a_conversation_goes_on_where_it_was() {
    let agents = Agents::of(json!({ "talks": [{ "text": "conversation" }] })).await;
    let said = json!([{ "role": "user", "content": "1" }, { "role": "assistant", "content": "2" }, { "role": "user", "content": "3" }]);
    let described = agents.run("talks", &json!({ "messages": said })).await;
    assert_eq!(output(&described)["answer"], r#"["user", "assistant", "user"]"#);
}

#[tokio::test]
async fn an_answer_is_never_a_reference() {
    let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    let agents = Agents::of(json!({
        "short": [{ "text": reference }],
        "long": [{ "text": "", "long_text": reference }],
        "prints": [{ "calls": [["print_output", { "a": [reference] }]] }],
    }))
    .await;
    let shown = reference.replace('@', "@ ");
    for (agent, answer) in [("short", json!(shown)), ("long", json!(shown)), ("prints", json!({ "a": [shown] }))] {
        assert_eq!(output(&agents.ask(agent).await)["answer"], answer, "{agent}");
    }
}
