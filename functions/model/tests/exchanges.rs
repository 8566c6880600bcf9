//! Recorded exchanges: one file each, in the provider's own words, with the call that leads to it and the reply that it becomes.
//!
//! `row`: the model's row, `endpoint` being a path of the stand-in. `call`: the event without `provider_config`. `request`:
//! what the provider must be asked (`headers` that must be there, `path`, the whole `body`). `response`: what it answers
//! (`body` is JSON, or a text as it is). `reply` or `error`: what the function makes of it.

use crate::kit::{KEY, Provider, Received, Response, World};
use serde::Deserialize;
use serde_json::{Value, json};
use similar_asserts::assert_eq;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

#[derive(Deserialize)]
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
async fn every_recorded_exchange_gives_its_reply() {
    let exchanges = exchanges();
    for file in &exchanges {
        let name = file.strip_prefix(folder()).expect("a file of the folder").display().to_string();
        let text = fs::read_to_string(file).expect("a file");
        let exchange: Exchange = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&name, exchange).await;
    }
    assert!(exchanges.len() >= 30, "only {} exchanges found", exchanges.len());
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

async fn check(name: &str, exchange: Exchange) {
    let provider = Provider::start(exchange.response.into()).await;
    let mut row = exchange.row;
    let (provider_id, model_id) = (row["provider"].clone(), row["model_id"].clone());
    row["pk"] = json!(format!("{}#{}", provider_id.as_str().expect(name), model_id.as_str().expect(name)));
    row["is_active"] = json!("true");
    row["endpoint"] = json!(format!("{}{}", provider.endpoint, row["endpoint"].as_str().expect(name)));
    let mut call = exchange.call;
    call["provider_config"] = json!({"provider_id": provider_id, "model_id": model_id});

    let outcome = World::with(&[row]).await.ask(call.clone()).await;
    let received = provider.received();
    assert_eq!(received.len(), 1, "{name}: requests");
    check_request(name, &received[0], exchange.request);
    match outcome {
        Ok(reply) => check_reply(name, &call, reply, exchange.reply),
        Err(error) => {
            assert!(!error.to_string().contains(KEY), "{name}: {error}");
            assert_eq!(Some(json!({"name": error.name(), "message": error.to_string()})), exchange.error, "{name}");
        }
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
fn check_reply(name: &str, call: &Value, mut reply: Value, expected: Option<Value>) {
    let mut expected = expected.unwrap_or_else(|| panic!("{name}: a reply instead of an error: {reply}"));
    let mut messages = call["messages"].as_array().expect("messages").clone();
    if let Some(results) = call["tool_results"].as_array().filter(|results| !results.is_empty()) {
        messages.push(json!({"role": "user", "content": results}));
    }
    messages.push(reply["message"].clone());
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
        Self { status, headers: headers.into_iter().collect(), body, hangs: false }
    }
}
