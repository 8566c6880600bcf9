//! The agent's state machine, as it is deployed, with stand-ins for its functions: what it makes of their answers and errors.

mod asking;
mod events;
mod input;
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
async fn at_the_limit_of_turns_one_last_call_without_tools_gives_the_answer() {
    let on = on();
    let agents = Agents::of(json!({
        "endless": [on, on, on, on, { "text": "event" }],
        "stubborn": [on, on, on, on, on],
        "done": [on, on, on, { "text": "In time." }],
    }))
    .await;
    let last = output(&agents.ask("endless").await);
    assert_eq!((&last["status"], &last["iterations"]), (&json!("iteration_limit"), &json!(5)));
    let asked: Value = serde_json::from_str(last["answer"].as_str().unwrap()).unwrap();
    let expected = json!({ "tool_choice": "none", "max_tokens": 4096, "temperature": null, "agent_name": "endless", "reasoning_effort": null });
    assert_eq!(asked, expected);
    // A call in the last answer is not run.
    let stubborn = output(&agents.ask("stubborn").await);
    assert_eq!((&stubborn["status"], &stubborn["answer"]), (&json!("iteration_limit"), &json!("So far.")));
    assert_eq!(output(&agents.ask("done").await)["status"], "completed");
}

#[tokio::test]
async fn at_the_end_of_the_days_money_one_short_call_without_tools_is_tried() {
    let (on, spent) = (on(), json!({ "error": "BudgetExceeded" }));
    let agents = Agents::of(json!({
        "poor": [on, spent, { "text": "event" }],
        "broke": [on, spent, spent],
        "penniless": [spent, spent],
    }))
    .await;
    let poor = output(&agents.ask("poor").await);
    let asked: Value = serde_json::from_str(poor["answer"].as_str().unwrap()).unwrap();
    assert_eq!((&poor["status"], &asked["tool_choice"]), (&json!("budget_exceeded"), &json!("none")));
    assert_eq!(asked["max_tokens"], 1024);
    for (agent, answer, iterations) in [("broke", "So far.", 1), ("penniless", "", 0)] {
        let output = output(&agents.ask(agent).await);
        assert_eq!((&output["status"], &output["answer"]), (&json!("budget_exceeded"), &json!(answer)));
        assert_eq!(output["iterations"], iterations, "{agent}");
    }
}

#[tokio::test]
async fn the_end_of_the_time_ends_a_run_between_two_turns() {
    let late = json!({ "calls": [["good", {}]], "text": "Late.", "at": 1030 });
    let agents = Agents::of(json!({ "slow": [on(), late, on()] })).await;
    let output = output(&agents.ask("slow").await);
    assert_eq!((&output["status"], &output["answer"]), (&json!("timed_out"), &json!("Late.")));
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_not_completed_and_its_calls_are_not_run() {
    let stops =
        ["max_tokens", "refusal", "content_filtered", "context_overflow", "malformed_tool_use", "pause_turn", "new"];
    let cut = |stop| json!([{ "text": "Half.", "calls": [["good", { "fail": "Run" }]], "stop": stop }]);
    let mut scripts: serde_json::Map<_, _> = stops.map(|stop| (stop.to_owned(), cut(stop))).into_iter().collect();
    scripts.insert("overflow".to_owned(), json!([on(), { "error": "ContextOverflow" }]));
    let agents = Agents::of(Value::Object(scripts)).await;
    for stop in stops {
        let described = agents.ask(stop).await;
        let output = output(&described);
        let (status, reason) = (output["status"].as_str(), output["stop_reason"].as_str());
        assert_eq!((status, reason, &output["answer"]), (Some("stopped"), Some(stop), &json!("Half.")));
        assert_eq!(agents.failures(&described).await, 0, "{stop}: the tool was not run");
    }
    let overflow = output(&agents.ask("overflow").await);
    assert_eq!((&overflow["status"], &overflow["stop_reason"]), (&json!("stopped"), &json!("context_overflow")));
    assert_eq!(overflow["answer"], "So far.");
}

#[tokio::test]
async fn a_turn_whose_calls_were_all_malformed_goes_on() {
    let malformed = json!({ "text": "Oops.", "stop": "tool_use" });
    let agents = Agents::of(json!({ "corrects": [malformed, { "text": "Better." }] })).await;
    let output = output(&agents.ask("corrects").await);
    assert_eq!((&output["status"], &output["answer"]), (&json!("completed"), &json!("Better.")));
}

#[tokio::test]
async fn print_output_is_the_answer_wherever_it_stands() {
    let print = json!(["print_output", { "total": 7 }]);
    let on = on();
    let agents = Agents::of(json!({
        "prints": [{ "calls": [print] }],
        "prints-last": [{ "calls": [["good", { "fail": "Run" }], print, ["good", {}]] }],
        "prints-late": [on, on, on, on, { "calls": [print] }],
        "cut": [{ "calls": [print], "stop": "max_tokens" }],
    }))
    .await;
    for name in ["prints", "prints-last", "prints-late"] {
        let described = agents.ask(name).await;
        let output = output(&described);
        assert_eq!((&output["status"], &output["answer"]), (&json!("completed"), &json!({ "total": 7 })), "{name}");
        assert_eq!(agents.failures(&described).await, 0);
    }
    let cut = output(&agents.ask("cut").await);
    assert_eq!((&cut["status"], &cut["answer"]), (&json!("stopped"), &json!("")));
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
