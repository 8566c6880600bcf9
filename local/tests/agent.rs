//! The agent's state machine, as it is deployed, with stand-ins for its functions: what it makes of their answers and errors.

mod stage;

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
    let expected = json!({
        "status": "completed", "answer": "It is so.", "iterations": 2, "tokens": { "input": 20, "output": 4 },
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
    let again =
        ["RateLimited", "ServiceUnavailable", "Lambda.TooManyRequestsException", "LongContent.StoreUnavailable"];
    scripts.extend(again.map(|name| (name.to_owned(), json!([{ "error": name }, { "text": "Now." }]))));
    let agents = Agents::of(Value::Object(scripts)).await;
    for name in names {
        let described = agents.ask(name).await;
        assert_eq!((described.status(), described.error()), (&ExecutionStatus::Failed, Some(name)));
        assert_eq!(agents.failures(&described).await, 1, "{name} is not tried again");
    }
    for name in again {
        let described = agents.ask(name).await;
        assert_eq!(output(&described)["answer"], "Now.", "{name}");
        assert_eq!(agents.failures(&described).await, 1, "{name} is tried again");
    }
}

#[tokio::test]
async fn limits_of_money_turns_and_time_end_a_run_with_what_there_is() {
    let on = json!({ "calls": [["good", {}]], "text": "So far." });
    let late = json!({ "calls": [["good", {}]], "text": "Late.", "at": 1030 });
    let agents = Agents::of(json!({
        "poor": [on, { "error": "BudgetExceeded" }],
        "endless": [on, on, on, on, on],
        "slow": [on, late, on],
    }))
    .await;
    for (model, status, answer, iterations) in [
        ("poor", "budget_exceeded", "So far.", 1),
        ("endless", "iteration_limit", "So far.", 4),
        ("slow", "timed_out", "Late.", 2),
    ] {
        let output = output(&agents.ask(model).await);
        assert_eq!((&output["status"], &output["answer"]), (&json!(status), &json!(answer)));
        assert_eq!(output["iterations"], iterations, "{model}");
    }
}

#[tokio::test]
async fn a_tool_that_fails_or_is_not_there_is_a_result_that_the_model_reads() {
    let calls = json!([["good", { "fail": "Boom" }], ["gone", {}], ["other", {}], ["invented", {}], ["good", {}]]);
    let agents =
        Agents::of(json!({ "reads": [{ "calls": calls }, { "text": "results" }], "asks": [{ "text": "offered" }] }))
            .await;
    let described = agents.ask("reads").await;
    let none = |name: &str| (name.to_owned(), format!("There is no tool {name} for this agent."), true);
    let failed = ("good".to_owned(), "good failed: Boom".to_owned(), true);
    let done = ("good".to_owned(), "done".to_owned(), false);
    assert_eq!(results(&described), [failed, none("gone"), none("other"), none("invented"), done]);

    assert_eq!(output(&agents.ask("asks").await)["answer"], r#"["good", "risky"]"#, "neither disabled nor gone");
    agents.put_tool("good", json!({ "status": "disabled" })).await;
    let question = json!({ "agent_name": "asks", "question": "Again?" });
    assert_eq!(output(&agents.run(&question).await)["answer"], r#"["risky"]"#);
}

#[tokio::test]
async fn a_tool_that_needs_approval_runs_only_with_it() {
    let turns = json!([{ "calls": [["risky", { "x": 1 }]] }, { "text": "results" }]);
    let agents = Agents::of(json!({ "careful": turns })).await;
    let rejected = "A person has rejected this call of risky. Do not try it again.";
    for (question, answer, expected) in [
        ("Yes?", Some(json!({ "approved": true })), "done"),
        ("No?", Some(json!({ "approved": false })), rejected),
        ("Perhaps?", Some(json!("yes")), rejected),
        ("Failure?", None, rejected),
    ] {
        let execution = agents.begin(&json!({ "agent_name": "careful", "question": question })).await;
        let (token, task) = agents.approval().await;
        assert_eq!(
            (&task["agent"], &task["tool"], &task["input"]),
            (&json!("careful"), &json!("risky"), &json!({ "x": 1 }))
        );
        match answer {
            Some(answer) => drop(
                agents.client.send_task_success().task_token(token).output(answer.to_string()).send().await.unwrap(),
            ),
            None => drop(agents.client.send_task_failure().task_token(token).error("Broken").send().await.unwrap()),
        }
        assert_eq!(results(&agents.end_of(&execution).await)[0].1, expected, "{question}");
    }
}

#[tokio::test]
async fn an_approval_that_nobody_gives_is_a_result_too() {
    let turns = json!([{ "calls": [["risky", {}]] }, { "text": "results" }]);
    for (timeout, has_worker) in [("2", false), ("300", true)] {
        let sooner = |definition: String| {
            let timeout = format!(r#""TimeoutSeconds": {timeout}"#);
            let definition = definition.replace(r#""TimeoutSeconds": 300"#, &timeout);
            definition.replace(r#""HeartbeatSeconds": 30"#, r#""HeartbeatSeconds": 1"#)
        };
        let agents = Agents::changed(json!({ "careful": turns }), sooner).await;
        let execution = agents.begin(&json!({ "agent_name": "careful", "question": "Well?" })).await;
        if has_worker {
            // Takes the task, and is never heard of again.
            agents.approval().await;
        }
        let result = &results(&agents.end_of(&execution).await)[0];
        assert_eq!(result.1, "Nobody has approved this call of risky in time.");
    }
}

#[tokio::test]
async fn print_output_is_the_answer_and_a_conversation_goes_on_where_it_was() {
    let printed = json!([{ "calls": [["print_output", { "total": 7 }]] }]);
    let agents = Agents::of(json!({ "prints": printed, "talks": [{ "text": "conversation" }] })).await;
    assert_eq!(output(&agents.ask("prints").await)["answer"], json!({ "total": 7 }));
    let said = json!([{ "role": "user", "content": "1" }, { "role": "assistant", "content": "2" }, { "role": "user", "content": "3" }]);
    let described = agents.run(&json!({ "agent_name": "talks", "messages": said })).await;
    assert_eq!(output(&described)["answer"], r#"["user", "assistant", "user"]"#);
}

#[tokio::test]
async fn what_cannot_be_run_fails_with_a_name() {
    let agents = Agents::of(json!({ "known": [] })).await;
    agents.put("models", json!({ "pk": "stand-in#retired", "is_active": "false" })).await;
    agents.put_agent("retired", json!({})).await;
    for (input, error) in [
        (json!({ "question": "Who?" }), "InvalidRequest"),
        (json!({ "agent_name": "known" }), "InvalidRequest"),
        (json!({ "agent_name": "nobody", "question": "Who?" }), "UnknownAgent"),
        (json!({ "agent_name": "known", "version": "v9.9", "question": "Who?" }), "UnknownAgent"),
        (json!({ "agent_name": "retired", "question": "Who?" }), "UnknownModel"),
    ] {
        let described = agents.run(&input).await;
        assert_eq!((described.status(), described.error()), (&ExecutionStatus::Failed, Some(error)), "{input}");
    }
}
