//! A server that speaks OpenAI's Chat Completions as those do that think and call several tools at once: what `llm` and such a server say
//! to each other goes over a wire, and needs no key and no model. What it says is written down here; the shapes are today's, by
//! OpenAI's reference and, for `reasoning_content`, DeepSeek's and vLLM's.

use crate::site;
use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The name that it answers to.
pub(crate) const MODEL: &str = "stand-in-thinker";

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct StandIn {
    url: String,
    server: JoinHandle<()>,
}

impl StandIn {
    /// Serves on a port of the loopback.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on the loopback")?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        Ok(Self { url, server: tokio::spawn(accept(listener)) })
    }

    /// As one gives it to a client: `http://127.0.0.1:port/v1`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(serve)).await);
        });
    }
}

async fn serve(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_asked = request.method() == "POST" && request.uri().path() == "/v1/chat/completions";
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let answer = if is_asked {
        answer(&serde_json::from_slice(&body).unwrap_or_default())
    } else {
        Err("no such path".to_owned())
    };
    let (status, document) = match answer {
        Ok(completion) => (StatusCode::OK, completion),
        Err(message) => (StatusCode::BAD_REQUEST, refusal(&message)),
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::from(document.to_string())).expect("BUG: the header is one"))
}

fn refusal(message: &str) -> Value {
    json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": null } })
}

/// The next completion, or what is wrong with the request.
fn answer(request: &Value) -> Result<Value, String> {
    let messages = request["messages"].as_array().ok_or("messages: expected an array")?;
    if request.get("temperature").is_some_and(|value| *value != json!(1)) {
        return Err("Unsupported value: 'temperature' does not support this with this model.".to_owned());
    }
    check_results(messages)?;
    let may_call = request["tools"].is_array() && request["tool_choice"] != "none";
    let said = messages.iter().filter(|message| message["role"] == "assistant").count();
    let message = match (said, handle(messages)) {
        (0, _) if may_call => {
            calls("The document is on a page. I fetch it.", &[("http_get", json!({ "url": site::URL }))])
        }
        (1, Some(handle)) if may_call => searches(&handle, &question(messages)),
        _ => spoken(&question(messages)),
    };
    Ok(completion(request, &message))
}

/// Each call has its result, and what was thought comes back as it was said, if it comes back.
fn check_results(messages: &[Value]) -> Result<(), String> {
    let results: Vec<_> = messages.iter().filter_map(|message| message["tool_call_id"].as_str()).collect();
    for message in messages.iter().filter(|message| message["tool_calls"].is_array()) {
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let id = call["id"].as_str().unwrap_or_default();
            if !results.contains(&id) {
                return Err(format!(
                    "An assistant message with 'tool_calls' must be followed by a tool message for {id}."
                ));
            }
        }
        if message["reasoning_content"].as_str().is_some_and(|thought| !THOUGHTS.contains(&thought)) {
            return Err("reasoning_content was changed".to_owned());
        }
    }
    Ok(())
}

/// The first thing that the user said.
fn question(messages: &[Value]) -> String {
    let asked = messages.iter().find(|message| message["role"] == "user");
    let content = asked.map(|message| &message["content"]);
    let text = content.and_then(|content| content.as_str().or_else(|| content[0]["text"].as_str()));
    text.unwrap_or_default().to_owned()
}

/// The handle that the newest result of a tool has left.
fn handle(messages: &[Value]) -> Option<String> {
    let result = messages.iter().rev().find(|message| message["role"] == "tool")?;
    let (_, handle) = result["content"].as_str()?.rsplit_once("handle: ")?;
    Some(handle.trim_end_matches(']').to_owned())
}

const THOUGHTS: [&str; 3] = [
    "I know the address, and not what is there.",
    "Too long to read. I look from two sides at once.",
    "Both searches have found passages. That is enough.",
];

fn searches(handle: &str, question: &str) -> Value {
    let search = |passages: u8| json!({ "document": handle, "query": question, "max_passages": passages });
    let mut message = calls("", &[("document_search", search(4)), ("document_search", search(2))]);
    message["reasoning_content"] = json!(THOUGHTS[1]);
    message
}

fn calls(text: &str, calls: &[(&str, Value)]) -> Value {
    let call = |(n, (name, input)): (usize, &(&str, Value))| {
        // Arguments are JSON text, and ids differ between turns.
        json!({ "id": format!("call_{name}_{n}"), "type": "function", "function": { "name": name, "arguments": input.to_string() } })
    };
    let calls: Value = calls.iter().enumerate().map(call).collect();
    json!({ "role": "assistant", "content": text, "reasoning_content": THOUGHTS[0], "refusal": null, "tool_calls": calls })
}

fn spoken(question: &str) -> Value {
    let text = format!("This is a stand-in, and no model: it has read the passages above, to answer \"{question}\".");
    json!({ "role": "assistant", "content": text, "reasoning_content": THOUGHTS[2], "refusal": null })
}

fn completion(request: &Value, message: &Value) -> Value {
    let reason = if message["tool_calls"].is_array() { "tool_calls" } else { "stop" };
    let (read, written) = (request.to_string().len() / 4, message.to_string().len() / 4);
    json!({
        "id": "chatcmpl-stand-in", "object": "chat.completion", "created": 1_795_000_000, "model": request["model"],
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": reason }],
        "usage": {
            "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written,
            "prompt_tokens_details": { "cached_tokens": 0 }, "completion_tokens_details": { "reasoning_tokens": 12 },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Value {
        json!({ "role": "user", "content": "What is queued?" })
    }

    fn asked(messages: &[Value]) -> Result<Value, String> {
        answer(&json!({ "model": MODEL, "messages": messages, "tools": [] }))
    }

    fn message(completion: &Value) -> Value {
        completion["choices"][0]["message"].clone()
    }

    #[test]
    fn it_fetches_searches_twice_at_once_and_answers() {
        let first = message(&asked(&[user()]).unwrap());
        assert_eq!(first["tool_calls"][0]["function"]["name"], "http_get");
        let found = json!({ "role": "tool", "tool_call_id": "call_http_get_0", "content": "A … [… 9 bytes in all; handle: 1:dynamodb:s:1:x:9]" });
        let second = message(&asked(&[user(), first.clone(), found.clone()]).unwrap());
        let arguments: Value =
            serde_json::from_str(second["tool_calls"][1]["function"]["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&arguments["document"], &arguments["query"]),
            (&json!("1:dynamodb:s:1:x:9"), &json!("What is queued?"))
        );
        let results = [0, 1]
            .map(|n| json!({ "role": "tool", "tool_call_id": format!("call_document_search_{n}"), "content": "…" }));
        let last = asked(&[&[user(), first, found, second][..], &results[..]].concat()).unwrap();
        assert_eq!(last["choices"][0]["finish_reason"], "stop");
    }

    #[test]
    fn it_refuses_what_todays_servers_refuse() {
        let first = message(&asked(&[user()]).unwrap());
        assert!(asked(&[user(), first]).unwrap_err().contains("call_http_get_0"));
        let hot = json!({ "messages": [user()], "temperature": 0.3 });
        assert!(answer(&hot).unwrap_err().contains("temperature"));
        assert!(answer(&json!({})).is_err());
    }

    #[test]
    fn without_tools_it_answers_at_once() {
        let last = answer(&json!({ "messages": [user()], "tools": [], "tool_choice": "none" })).unwrap();
        assert_eq!(message(&last).get("tool_calls"), None);
    }
}
