//! Exchanges in the provider's own words: one file each, with the call that leads to it and the reply that it becomes. They are made by
//! hand from the providers' documentation, not recorded.
//!
//! `row`: the model's row, `endpoint` being a path of the stand-in. `call`: the event without `provider_config`. `request`:
//! what the provider must be asked (`headers` that must be there, `path`, the whole `body`). `response`: what it answers
//! (`body` is JSON, or a text as it is). `reply` or `error`: what the function makes of it; counts that are 0 are left out. With
//! `UPDATE_EXCHANGES=1` what is asked and what becomes of the answer is written into the files: read the diff.

use crate::kit::{KEY, Provider, Received, Response, World};
use model::CallError;
use serde::Deserialize;
use serde_json::{Value, json};
use similar_asserts::assert_eq;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Counts that most providers leave out.
const DETAILS: [&str; 3] = ["cache_read_tokens", "cache_write_tokens", "reasoning_tokens"];
/// What the model reads where its provider says no more than that its call cannot be read.
const UNREADABLE_CALL: &str =
    "Your last answer was a call of a tool that could not be read, so nothing was run. Call the tool again, or answer.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    row: Value,
    call: Value,
    request: Request,
    response: Answer,
    #[serde(default)]
    reply: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Request {
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

#[tokio::test]
async fn every_exchange_gives_its_reply() {
    let exchanges = exchanges();
    for file in &exchanges {
        let name = file.strip_prefix(folder()).expect("a file of the folder").display().to_string();
        let text = fs::read_to_string(file).expect("a file");
        let exchange: Exchange = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        if is_update() {
            update(file, &text, exchange).await;
        } else {
            check(&name, exchange).await;
        }
    }
    assert!(exchanges.len() >= 30, "only {} exchanges found", exchanges.len());
}

#[expect(clippy::disallowed_methods, reason = "a test has no config")]
fn is_update() -> bool {
    env::var_os("UPDATE_EXCHANGES").is_some()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchanges")
}

fn exchanges() -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let mut files: Vec<PathBuf> = entries(&folder()).iter().flat_map(|provider| entries(provider)).collect();
    files.sort();
    files
}

/// What the provider was asked, the call, and what became of it.
type Outcome = (Vec<Received>, Value, Result<Value, CallError>);

async fn outcome(exchange: Exchange) -> Outcome {
    let provider = Provider::start(exchange.response.into()).await;
    let mut row = exchange.row;
    let (provider_id, model_id) = (row["provider"].clone(), row["model_id"].clone());
    row["pk"] = json!(format!("{}#{}", provider_id.as_str().expect("text"), model_id.as_str().expect("text")));
    row["is_active"] = json!("true");
    row["endpoint"] = json!(format!("{}{}", provider.endpoint, row["endpoint"].as_str().expect("text")));
    let mut call = exchange.call;
    call["provider_config"] = json!({"provider_id": provider_id, "model_id": model_id});
    let outcome = World::with(&[row]).await.ask(call.clone()).await;
    (provider.received(), call, outcome)
}

async fn check(name: &str, exchange: Exchange) {
    let (request, reply, error) = (exchange.request.clone(), exchange.reply.clone(), exchange.error.clone());
    let origin = origin(&exchange.row);
    let (received, call, outcome) = outcome(exchange).await;
    assert_eq!(received.len(), 1, "{name}: requests");
    check_request(name, &received[0], request);
    match outcome {
        Ok(given) => check_reply(name, &call, given, reply, &origin),
        Err(given) => {
            assert!(!given.to_string().contains(KEY), "{name}: {given}");
            assert_eq!(Some(json!({"name": given.name(), "message": given.to_string()})), error, "{name}");
        }
    }
}

fn origin(row: &Value) -> Value {
    json!({"provider": row["provider"], "model": row["model_id"], "api": row["request_transformer"]})
}

/// Writes into the file what it should say.
async fn update(file: &Path, text: &str, exchange: Exchange) {
    let mut said: Value = serde_json::from_str(text).expect("JSON");
    let (received, _, outcome) = outcome(exchange).await;
    if said["request"].get("body").is_some() {
        said["request"]["body"] = received[0].json();
    }
    match outcome {
        Ok(mut reply) => {
            for field in ["messages", "text", "references"] {
                reply.as_object_mut().expect("a reply").remove(field);
            }
            reply["message"].as_object_mut().expect("a message").remove("origin");
            let metadata = reply["metadata"].as_object_mut().expect("metadata");
            for field in ["latency_ms", "completed_at", "attempts", "cost_micro_usd"] {
                metadata.remove(field);
            }
            let tokens = metadata["tokens_used"].as_object_mut().expect("tokens");
            tokens.retain(|name, count| !DETAILS.contains(&name.as_str()) || count != 0);
            said["reply"] = reply;
        }
        Err(error) => {
            said["error"] = json!({"name": error.name(), "message": error.to_string()});
            said.as_object_mut().expect("an exchange").remove("reply");
        }
    }
    let before: Value = serde_json::from_str(text).expect("JSON");
    if said != before {
        fs::write(file, serde_json::to_string_pretty(&said).expect("JSON") + "\n").expect("a file");
    }
}

fn check_request(name: &str, received: &Received, expected: Request) {
    assert_eq!((received.method.as_str(), &received.path), ("POST", &expected.path), "{name}");
    for (header, value) in expected.headers {
        assert_eq!(received.header(&header), Some(value.replace("{key}", KEY).as_str()), "{name}: {header}");
    }
    if let Some(body) = expected.body {
        assert_eq!(received.json(), body, "{name}: the request");
    }
}

/// The messages are checked by their sum: what was given, the results, the answer.
fn check_reply(name: &str, call: &Value, mut reply: Value, expected: Option<Value>, origin: &Value) {
    let mut expected = expected.unwrap_or_else(|| panic!("{name}: a reply instead of an error: {reply}"));
    let mut messages = call["messages"].as_array().expect("messages").clone();
    if let Some(results) = call["tool_results"].as_array().filter(|results| !results.is_empty()) {
        messages.push(json!({"role": "user", "content": results}));
    }
    messages.push(reply["message"].clone());
    if reply["messages"].as_array().is_some_and(|given| given.len() > messages.len()) {
        messages.push(json!({"role": "user", "content": UNREADABLE_CALL}));
    }
    expected["message"]["origin"] = origin.clone();
    expected["metadata"]["attempts"] = json!(1);
    for detail in DETAILS {
        let tokens = expected["metadata"]["tokens_used"].as_object_mut().expect("tokens");
        tokens.entry(detail).or_insert(json!(0));
    }
    expected["messages"] = json!(messages);
    expected["text"] = json!(texts(&reply["message"]));
    expected["references"] = json!([]);
    let cost = expected["metadata"]["cost_usd"].as_str().expect("a cost").replace('.', "");
    expected["metadata"]["cost_micro_usd"] = json!(cost.parse::<u64>().expect("digits"));
    for time in ["latency_ms", "completed_at"] {
        let time = reply["metadata"].as_object_mut().and_then(|metadata| metadata.remove(time));
        assert!(time.is_some_and(|time| time.is_u64()), "{name}: times");
    }
    assert_eq!(reply, expected, "{name}: the reply");
}

fn texts(message: &Value) -> String {
    let blocks = message["content"].as_array().into_iter().flatten();
    blocks.filter_map(|block| block["text"].as_str()).collect()
}

impl From<Answer> for Response {
    fn from(Answer { status, headers, body }: Answer) -> Self {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        Self { status, headers: headers.into_iter().collect(), body, ..Self::default() }
    }
}
