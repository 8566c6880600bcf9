//! Both entrances of a registry as its callers see them: events of an HTTP API, events of stacks, and the place where stacks
//! wait for their answers.

use functions_shared::Context;
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime};
use test_kit::{Exchange, Peer, Reply};

/// Of an invocation with half a minute left, of a registry in this account and region.
pub(crate) fn context() -> Context {
    let mut context = Context::default();
    context.invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:registry-dev".to_owned();
    let deadline = SystemTime::now() + Duration::from_secs(30);
    context.deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap();
    context
}

/// An event of an HTTP API; the query string is part of `path`.
pub(crate) fn request(method: &str, path: &str, body: &Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: Map<String, Value> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.into(), json!(value)))
        .collect();
    json!({
        "version": "2.0", "rawPath": path, "queryStringParameters": query, "isBase64Encoded": false,
        "requestContext": {"stage": "$default", "http": {"method": method, "path": path}},
        "body": if body.is_null() { Value::Null } else { json!(body.to_string()) },
    })
}

/// Where stacks wait for their answers.
#[derive(Debug)]
pub(crate) struct Bucket(Peer);

impl Bucket {
    /// Takes the answers at the URL that it gives back; the first `refusals` of them it does not take.
    pub(crate) async fn start(refusals: usize) -> (Self, String) {
        let bucket = Peer::start(|request: &Exchange| Some(taken(request))).await;
        for _ in 0..refusals {
            bucket.reply(&format!("PUT {ANSWER}"), Reply::new(503, ""));
        }
        let url = format!("{}{ANSWER}", bucket.url());
        (Self(bucket), url)
    }

    /// What came, whether it was taken or not.
    pub(crate) fn came(&self) -> Vec<Exchange> {
        self.0.with_log(|log| log.exchanges.iter().cloned().collect())
    }

    /// The last answer.
    pub(crate) fn last(&self) -> Value {
        self.came().last().unwrap().json()
    }
}

const ANSWER: &str = "/answer?sig=a%2Fb";

fn taken(request: &Exchange) -> Reply {
    Reply::new(if request.name() == format!("PUT {ANSWER}") { 200 } else { 404 }, "")
}

/// What a stack asks for; `physical_id` is in all events but the first.
pub(crate) fn stack_event(
    url: &str,
    kind: &str,
    stack: &str,
    physical_id: Option<&str>,
    mut properties: Value,
) -> Value {
    properties["ServiceToken"] = json!("arn:aws:lambda:eu-central-1:123456789012:function:agent-registry-dev");
    let mut event = json!({
        "RequestType": kind, "ResponseURL": url, "StackId": format!("arn:aws:cloudformation:::stack/{stack}/1"),
        "RequestId": "request-1", "ResourceType": "Custom::Agent", "LogicalResourceId": "Agent",
        "ResourceProperties": properties,
    });
    if let Some(physical_id) = physical_id {
        event["PhysicalResourceId"] = json!(physical_id);
    }
    event
}
