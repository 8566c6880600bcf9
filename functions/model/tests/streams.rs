//! Answers that come piece by piece: each of the exchanges gives the same reply as it does at once, and what breaks off is paid for.

use crate::kit::{COSTS, Provider, Received, Response, World, question};
use functions_shared::Clock;
use model::budget::Budget;
use model::prices::MicroDollars;
use model::{CallError, Retries};
use serde_json::{Value, json};
use similar_asserts::assert_eq;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// How many characters come at once.
const PIECE: usize = 5;

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(PIECE).map(|piece| piece.iter().collect()).collect()
}

/// The stream of a body, as the API of a transformer would send it.
fn stream_of(transformer: &str, body: &Value) -> String {
    match transformer {
        "anthropic_v1" => anthropic(body),
        "openai_v1" => openai(body),
        "openai_responses_v1" => responses(body),
        "gemini_v1" => gemini(body),
        other => panic!("{other} has no stream"),
    }
}

fn anthropic(body: &Value) -> String {
    let mut message = body.clone();
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["usage"]["output_tokens"] = json!(1);
    let mut events = vec![json!({"type": "message_start", "message": message}), json!({"type": "ping"})];
    for (index, block) in body["content"].as_array().into_iter().flatten().enumerate() {
        events.extend(anthropic_block(index, block));
    }
    let delta = json!({"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"]});
    events.push(json!({"type": "message_delta", "delta": delta, "usage": body["usage"]}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(event).collect()
}

fn anthropic_block(index: usize, block: &Value) -> Vec<Value> {
    let mut begun = block.clone();
    let mut deltas = vec![];
    match block["type"].as_str() {
        Some("text") => {
            begun["text"] = json!("");
            deltas.extend(
                pieces(block["text"].as_str().unwrap()).iter().map(|text| json!({"type": "text_delta", "text": text})),
            );
        }
        Some("tool_use") => {
            begun["input"] = json!({});
            let written = block["input"].as_str().map_or_else(|| block["input"].to_string(), str::to_owned);
            deltas
                .extend(pieces(&written).iter().map(|part| json!({"type": "input_json_delta", "partial_json": part})));
        }
        Some("thinking") => {
            begun["thinking"] = json!("");
            begun["signature"] = json!("");
            let thought = pieces(block["thinking"].as_str().unwrap_or_default());
            deltas.extend(thought.iter().map(|text| json!({"type": "thinking_delta", "thinking": text})));
            deltas.push(json!({"type": "signature_delta", "signature": block["signature"]}));
        }
        _ => {}
    }
    let start = json!({"type": "content_block_start", "index": index, "content_block": begun});
    let deltas = deltas.into_iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta}));
    std::iter::once(start).chain(deltas).chain([json!({"type": "content_block_stop", "index": index})]).collect()
}

fn openai(body: &Value) -> String {
    if body["choices"].is_null() {
        return event(body);
    }
    let choice = &body["choices"][0];
    let chunk = |delta: Value, reason: &Value| json!({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": null});
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": null}), &Value::Null)];
    for (name, value) in choice["message"].as_object().unwrap() {
        match value {
            Value::String(text) if name != "role" => {
                chunks.extend(pieces(text).iter().map(|text| chunk(json!({name.as_str(): text}), &Value::Null)));
            }
            Value::Array(calls) if name == "tool_calls" => {
                chunks.extend(
                    calls
                        .iter()
                        .enumerate()
                        .flat_map(|(n, call)| openai_call(n, call))
                        .map(|call| chunk(call, &Value::Null)),
                );
            }
            Value::Null => {}
            other => chunks.push(chunk(json!({name.as_str(): other}), &Value::Null)),
        }
    }
    chunks.push(chunk(json!({}), &choice["finish_reason"]));
    chunks.push(json!({"choices": [], "usage": body["usage"]}));
    chunks.iter().map(event).collect::<String>() + "data: [DONE]\n\n"
}

fn openai_call(index: usize, call: &Value) -> Vec<Value> {
    let mut begun = call.clone();
    begun["index"] = json!(index);
    let written = call["function"]["arguments"].as_str().map(str::to_owned);
    if written.is_some() {
        begun["function"]["arguments"] = json!("");
    }
    let rest = pieces(&written.unwrap_or_default());
    let rest = rest.iter().map(|part| json!({"index": index, "function": {"arguments": part}}));
    std::iter::once(begun).chain(rest).map(|call| json!({"tool_calls": [call]})).collect()
}

fn responses(body: &Value) -> String {
    let parts = body["output"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|item| item["content"].as_array().into_iter().flatten());
    let kind =
        |part: &Value| if part["type"] == "refusal" { "response.refusal.delta" } else { "response.output_text.delta" };
    let texts = parts.filter_map(|part| Some((kind(part), part["text"].as_str().or(part["refusal"].as_str())?)));
    let deltas =
        texts.flat_map(|(kind, text)| pieces(text).into_iter().map(move |delta| json!({"type": kind, "delta": delta})));
    let last =
        json!({"type": format!("response.{}", body["status"].as_str().unwrap_or("completed")), "response": body});
    deltas.chain([last]).map(|data| event(&data)).collect()
}

fn gemini(body: &Value) -> String {
    let mut last = body.clone();
    let parts = last.pointer_mut("/candidates/0/content/parts").map(Value::take);
    if parts.is_some() {
        last["candidates"][0]["content"]["parts"] = json!([]);
    }
    let chunk = |part: &Value| json!({"candidates": [{"content": {"role": "model", "parts": [part]}}]});
    let parts = parts.iter().flat_map(|parts| parts.as_array().into_iter().flatten());
    parts.map(chunk).chain([last]).map(|data| event(&data)).collect()
}

/// The exchanges of an API that streams: name, and what is in the file.
fn exchanges() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchanges");
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let files = entries(&folder).into_iter().flat_map(|provider| entries(&provider));
    let read = |file: std::path::PathBuf| {
        (file.display().to_string(), serde_json::from_slice(&fs::read(&file).unwrap()).unwrap())
    };
    let streams = |(_, exchange): &(String, Value)| {
        exchange["row"]["request_transformer"] != "bedrock_v1"
            && exchange["response"]["status"] == 200
            && exchange["response"]["body"].is_object()
            && exchange["reply"].is_object()
    };
    files.map(read).filter(streams).collect()
}

/// The reply of an exchange, and what was heard of it: at once, or piece by piece.
async fn reply(exchange: &Value, is_stream: bool) -> (Value, String, Vec<Received>) {
    let body = &exchange["response"]["body"];
    let transformer = exchange["row"]["request_transformer"].as_str().unwrap();
    let body = if is_stream { stream_of(transformer, body) } else { body.to_string() };
    let provider = Provider::start(Response { status: 200, body, ..Response::default() }).await;
    let mut row = exchange["row"].clone();
    row["pk"] = json!(format!("{}#{}", row["provider"].as_str().unwrap(), row["model_id"].as_str().unwrap()));
    row["is_active"] = json!("true");
    row["endpoint"] = json!(format!("{}{}", provider.endpoint, row["endpoint"].as_str().unwrap()));
    let mut call = exchange["call"].clone();
    call["provider_config"] = json!({"provider_id": row["provider"], "model_id": row["model_id"]});
    let world = World::with(&[row]).await;
    let call = serde_json::from_value(call).unwrap();
    let heard = Mutex::new(String::new());
    let hear = |text: &str| heard.lock().unwrap().push_str(text);
    let time = Some(Duration::from_secs(10));
    let reply = if is_stream { world.llm.stream(call, time, &hear).await } else { world.llm.answer(call, time).await };
    let mut reply = serde_json::to_value(reply.unwrap()).unwrap();
    for time in ["latency_ms", "completed_at"] {
        reply["metadata"][time] = Value::Null;
    }
    let heard = heard.lock().unwrap().clone();
    (reply, heard, provider.received())
}

#[tokio::test]
async fn every_exchange_gives_the_same_reply_piece_by_piece() {
    let exchanges = exchanges();
    assert!(exchanges.len() >= 20, "only {} exchanges", exchanges.len());
    for (name, exchange) in exchanges {
        let (whole, ..) = reply(&exchange, false).await;
        let (streamed, heard, received) = reply(&exchange, true).await;
        assert_eq!(streamed, whole, "{name}");
        assert_eq!(json!(heard), whole["text"], "{name}");
        let asks = received[0].json()["stream"] == true || received[0].path.contains(":streamGenerateContent?alt=sse");
        assert!(asks, "{name}: {}", received[0].path);
    }
}

fn row(endpoint: &str) -> Value {
    json!({
        "pk": "provider#model", "provider": "provider", "model_id": "model", "is_active": "true", "endpoint": endpoint,
        "request_transformer": "anthropic_v1", "secret_key_name": "ANTHROPIC_API_KEY", "max_input_tokens": 1000,
        "input_price_per_million": 1, "output_price_per_million": 8,
    })
}

/// What a stream of this beginning comes to, what was heard of it, how often it was asked for, and what was charged.
async fn broken(stream: &str) -> (CallError, String, usize, i64) {
    let provider = Provider::start(Response { status: 200, body: stream.to_owned(), ..Response::default() }).await;
    let mut world = World::with(&[row(&provider.endpoint)]).await;
    let clock = Clock::from_fn(|| "2026-11-21T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into());
    world.llm.budget = Some(Budget::new(world.tables.client.clone(), COSTS, "test", MicroDollars(10_000_000), clock));
    world.llm.retries = Retries { most: 2, first_pause: Duration::ZERO, longest_pause: Duration::ZERO };
    let heard = Mutex::new(String::new());
    let hear = |text: &str| heard.lock().unwrap().push_str(text);
    let mut call = question("provider", "model");
    call["max_tokens"] = json!(100);
    let call = serde_json::from_value(call).unwrap();
    let error = world.llm.stream(call, Some(Duration::from_secs(10)), &hear).await.unwrap_err();
    let heard = heard.lock().unwrap().clone();
    (error, heard, provider.received().len(), world.tables.costs("2026-11-21").await["spent"])
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error_and_costs_the_most_that_it_can_have() {
    let whole = anthropic(&json!({
        "content": [{"type": "text", "text": "Hello, this is long."}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 7},
    }));
    let cut = &whole[..whole.find("message_delta").unwrap()];
    let (error, heard, asked, spent) = broken(cut).await;
    assert_eq!((error.name(), heard.as_str(), asked, spent), ("BadResponse", "Hello, this is long.", 1, 1000 + 800));
}

#[tokio::test]
async fn what_was_heard_is_not_asked_for_again() {
    let overloaded = event(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}));
    let message =
        json!({"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let text = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}});
    let begun = [message, block, text].iter().map(event).collect::<String>();
    let (error, heard, asked, _) = broken(&(begun + &overloaded)).await;
    assert_eq!((error.name(), heard.as_str(), asked), ("ProviderUnavailable", "Hi", 1));
    let (error, heard, asked, _) = broken(&overloaded).await;
    assert_eq!(
        (error.name(), heard.as_str(), asked),
        ("ProviderUnavailable", "", 3),
        "nothing was heard: it is tried again"
    );
}

#[tokio::test]
async fn a_stream_of_garbage_is_an_error() {
    for stream in [
        "data: []\n\ndata: 7\n\ndata: {\"type\":\"content_block_delta\",\"index\":9,\"delta\":{}}\n\n",
        "data: {\"type\":\"message_start\",\"message\":\"x\"}\n\ndata: {\"type\":\"message_delta\",\"usage\":{\"a\":1}}\n\n",
        "<html>",
        "",
    ] {
        assert_eq!(broken(stream).await.0.name(), "BadResponse", "{stream}");
    }
}
