//! Each API of models through the state machine: what it says in three turns comes back to it, and each of its answers and errors ends a
//! run as `docs/agents.md` says.

use super::super::stage::source;
use super::talk::Talk;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use test_kit::families::{Family, families};
use test_kit::peer::Habits;
use test_kit::{Exchange, Peer, Reply};

/// Plays these one after another: `status`, `headers` and `body`, which is JSON or text as it is.
struct Script(Vec<Value>);

impl Habits for Script {
    fn reply(&self, _: &Exchange, index: usize) -> Option<Reply> {
        Some(reply(self.0.get(index)?))
    }
}

fn reply(response: &Value) -> Reply {
    let status = response["status"].as_u64().unwrap().try_into().unwrap();
    let body = response["body"].as_str().map_or_else(|| response["body"].to_string(), str::to_owned);
    let headers = response["headers"].as_object().into_iter().flatten();
    headers.fold(Reply::new(status, body), |reply, (name, value)| reply.header(name, value.as_str().unwrap()))
}

fn ok(body: &Value) -> Value {
    json!({ "status": 200, "headers": { "content-type": "application/json" }, "body": body })
}

fn row(family: &Family, endpoint: &str) -> Value {
    let Family { provider, transformer, .. } = family;
    json!({ "provider": provider, "request_transformer": transformer, "response_transformer": transformer, "endpoint": endpoint })
}

/// One provider for each family, which has one agent.
async fn thinkers() -> Vec<(String, Family, Peer)> {
    let mut thinkers = Vec::new();
    for family in families() {
        let script = Script(family.answers.iter().map(ok).collect());
        let agent = format!("{}-{}", family.provider, family.transformer);
        thinkers.push((agent, family, Peer::start(script).await));
    }
    thinkers
}

#[tokio::test]
async fn what_a_model_of_each_family_thought_comes_back_to_it_through_the_state_machine() {
    let thinkers = thinkers().await;
    let rows = thinkers.iter().map(|(agent, family, peer)| (agent.clone(), row(family, &peer.url())));
    let talk = Talk::of_agents(&rows.collect()).await;
    let mut executions = Vec::new();
    for (agent, ..) in &thinkers {
        executions.push(talk.begin_as(agent, &json!({ "question": "What is the weather?" })).await);
    }
    for ((agent, family, peer), execution) in thinkers.iter().zip(executions) {
        let output = talk.outcome_of(&execution).await.unwrap_or_else(|error| panic!("{agent}: {error}"));
        assert_eq!((&output["status"], &output["answer"]), (&json!("completed"), &json!("Rain.")), "{agent}");
        let requests: Vec<Value> = peer.with_log(|log| log.exchanges.iter().map(Exchange::json).collect());
        assert_eq!(requests.len(), 3, "{agent}");
        family.assert_echoed(&requests);
        let results: Vec<_> = requests.iter().map(family.results).collect();
        assert_eq!(results.iter().map(Vec::len).collect::<Vec<_>>(), [0, 2, 3], "{agent}: {results:?}");
        assert!(results[2].starts_with(&results[1]), "{agent}: {results:?}");
    }
}

/// A file of `functions/model/tests/exchanges`: what a provider answers to one question, and what `llm` makes of it.
struct Answer {
    name: String,
    file: Value,
    peer: Peer,
}

impl Answer {
    async fn read(path: &Path) -> Self {
        let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let family = families().into_iter().find(|family| file["row"]["request_transformer"] == family.transformer);
        let script = Script(vec![file["response"].clone(), ok(&family.unwrap().answers[2])]);
        let name = format!("{}-{}", folder_of(path), path.file_stem().unwrap().to_str().unwrap());
        Self { name, file, peer: Peer::start(script).await }
    }

    /// The model's row. Keys go to no provider of this machine.
    fn row(&self) -> Value {
        let mut row = self.file["row"].clone();
        row["endpoint"] = json!(format!("{}{}", self.peer.url(), row["endpoint"].as_str().unwrap()));
        row.as_object_mut().unwrap().retain(|name, _| name != "secret_key_name");
        row
    }

    /// Neither a conversation with calls nor a row with settings of its own: both have their tests.
    fn is_one_answer(&self) -> bool {
        let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
        let metadata = &self.file["reply"]["metadata"];
        let messages = self.file["call"]["messages"].as_array().unwrap().len();
        messages == 1
            && metadata["stop_reason"] != "tool_use"
            && self.file["row"].as_object().unwrap().values().all(is_scalar)
    }

    /// How a run ends: `status` and `stop_reason`, or the error that it fails with.
    fn expected(&self) -> Result<(&str, &str), String> {
        if let Some(stop_reason) = self.file["reply"]["metadata"]["stop_reason"].as_str() {
            let is_whole = ["end_turn", "stop_sequence"].contains(&stop_reason);
            return Ok((if is_whole { "completed" } else { "stopped" }, stop_reason));
        }
        match self.file["error"]["name"].as_str().unwrap() {
            "ContextOverflow" => Ok(("stopped", "context_overflow")),
            "RateLimited" | "ProviderUnavailable" | "Timeout" => Ok(("completed", "end_turn")),
            error => Err(error.to_owned()),
        }
    }
}

fn folder_of(path: &Path) -> &str {
    path.parent().unwrap().file_name().unwrap().to_str().unwrap()
}

async fn answers() -> Vec<Answer> {
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut answers = Vec::new();
    for file in entries(&source("functions/model/tests/exchanges")).iter().flat_map(|provider| entries(provider)) {
        answers.push(Answer::read(&file).await);
    }
    answers.retain(Answer::is_one_answer);
    answers
}

#[tokio::test]
async fn each_answer_and_each_error_of_a_provider_ends_a_run_as_documented() {
    let answers = answers().await;
    assert!(answers.len() >= 30, "only {} exchanges found", answers.len());
    let rows: BTreeMap<_, _> = answers.iter().map(|answer| (answer.name.clone(), answer.row())).collect();
    let talk = Talk::of_agents(&rows).await;
    let mut executions = Vec::new();
    for answer in &answers {
        executions.push(talk.begin_as(&answer.name, &json!({ "question": "Hello" })).await);
    }
    for (answer, execution) in answers.iter().zip(executions) {
        let outcome = talk.outcome_of(&execution).await;
        let ended = outcome
            .as_ref()
            .map(|output| (output["status"].as_str().unwrap(), output["stop_reason"].as_str().unwrap()));
        assert_eq!(ended.map_err(String::clone), answer.expected(), "{}", answer.name);
    }
}
