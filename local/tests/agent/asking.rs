//! Calls that a person must approve.

use super::on;
use super::results;
use super::stage::{Agents, output};
use serde_json::{Value, json};

const LIMITS: [(&str, u64); 2] = [("max_iterations", 4), ("timeout_seconds", 30)];

/// The agents' limits with another time for people.
fn limits(approval: u64) -> Value {
    let mut limits: serde_json::Map<_, _> =
        LIMITS.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect();
    limits.insert("approval_timeout_seconds".to_owned(), json!(approval));
    Value::Object(limits)
}

#[tokio::test]
async fn a_tool_that_needs_approval_runs_only_with_it() {
    let turns = json!([{ "calls": [["risky", { "x": 1 }]] }, { "text": "results" }]);
    let agents = Agents::of(json!({ "careful": turns })).await;
    let approvals = agents.approvals().await;
    let rejected = "A person has rejected this call of risky. Do not try it again.";
    for (question, answer, expected) in [
        ("Yes?", Some(json!({ "approved": true })), "done"),
        ("No?", Some(json!({ "approved": false })), rejected),
        ("Perhaps?", Some(json!("yes")), rejected),
        ("Text?", Some(json!({ "approved": "true" })), rejected),
        ("Failure?", None, rejected),
    ] {
        let execution = agents.begin("careful", &json!({ "question": question })).await;
        let asked = approvals.next().await;
        assert_eq!(
            (&asked["agent"], &asked["tool"], &asked["input"]),
            (&json!("careful"), &json!("risky"), &json!({ "x": 1 }))
        );
        assert_eq!(asked["execution"], json!(execution));
        let token = asked["task_token"].as_str().unwrap();
        match answer {
            Some(answer) => drop(
                agents.client.send_task_success().task_token(token).output(answer.to_string()).send().await.unwrap(),
            ),
            None => drop(agents.client.send_task_failure().task_token(token).error("Broken").send().await.unwrap()),
        }
        assert_eq!(results(&agents.end_of(&execution).await)[0].1, expected, "{question}");
    }
}

/// The table of scenarios has the requests that need no approval.
#[tokio::test]
async fn a_person_is_asked_about_requests_that_change_something_or_whose_row_says_so() {
    let calls = json!([["http_request", { "method": "POST" }], ["http_request", { "method": null }]]);
    let agents = Agents::of(json!({
        "writes": [{ "calls": calls }, { "text": "results" }],
        "reads": [{ "calls": [["http_request", {}]] }, { "text": "results" }],
    }))
    .await;
    agents.put_agent("writes", limits(1)).await;
    agents.put_agent("reads", limits(1)).await;
    let nobody = "Nobody has approved this call of http_request in time.";
    let asked: Vec<_> = results(&agents.ask("writes").await).into_iter().map(|(_, content, _)| content).collect();
    assert_eq!(asked, [nobody, nobody]);
    agents.put_tool("http_request", json!({ "human_approval_required": true, "reads_need_approval": true })).await;
    assert_eq!(results(&agents.ask("reads").await)[0].1, nobody);
}

#[tokio::test]
async fn what_a_person_is_asked_is_text_and_no_reference() {
    let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    let turns = json!([{ "calls": [["risky", { "body": reference }]] }, { "text": "results" }]);
    let agents = Agents::of(json!({ "careful": turns })).await;
    let approvals = agents.approvals().await;
    agents.begin("careful", &json!({ "question": "Well?" })).await;
    assert_eq!(approvals.next().await["input"]["body"], reference.replace('@', "@ "));
}

#[tokio::test]
async fn an_approval_that_nobody_gives_is_a_result_too() {
    let agents = Agents::of(json!({ "careful": [{ "calls": [["risky", {}]] }, { "text": "results" }] })).await;
    agents.put_agent("careful", limits(1)).await;
    let result = &results(&agents.ask("careful").await)[0];
    assert_eq!((result.1.as_str(), result.2), ("Nobody has approved this call of risky in time.", true));
}

#[tokio::test]
async fn the_time_that_a_person_takes_does_not_count() {
    let ask = json!({ "calls": [["risky", {}]], "text": "I ask." });
    let agents = Agents::of(json!({
        "waits": [ask, { "calls": [["good", {}]], "at": 5000 }, { "text": "Done.", "at": 5020 }],
        "dawdles": [ask, { "calls": [["good", {}]], "at": 5000 }, { "calls": [["good", {}]], "text": "Late.", "at": 5030 }, on()],
    }))
    .await;
    let approvals = agents.approvals().await;
    for (agent, status) in [("waits", "completed"), ("dawdles", "timed_out")] {
        let execution = agents.begin(agent, &json!({ "question": format!("To {agent}?") })).await;
        let asked = approvals.next().await;
        let token = asked["task_token"].as_str().unwrap();
        agents.client.send_task_success().task_token(token).output(r#"{"approved":true}"#).send().await.unwrap();
        assert_eq!(output(&agents.end_of(&execution).await)["status"], status, "{agent}");
    }
}
