//! Both entrances of a registry as its callers see them: events of an HTTP API, events of stacks, and the place where stacks
//! wait for their answers.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use functions_shared::Context;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Of an invocation with half a minute left, of a registry in this account and region.
pub(crate) fn context() -> Context {
    let mut context = Context::default();
    context.invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:registry-dev".to_owned();
    let deadline = SystemTime::now() + Duration::from_secs(30);
    context.deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap();
    context
}

/// An event of an HTTP API; what stands behind the question mark is in `path`.
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

/// Where stacks wait for their answers; each entry is what came, and its headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) answers: Arc<Mutex<Vec<(Value, HeaderMap)>>>,
    refusals: Arc<Mutex<u32>>,
}

impl Bucket {
    /// Takes the answers at the URL that it gives back; the first `refusals` of them it does not take.
    pub(crate) async fn start(refusals: u32) -> (Self, String) {
        let bucket = Self { refusals: Arc::new(Mutex::new(refusals)), ..Self::default() };
        let take = axum::routing::put(take).with_state(bucket.clone());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/answer?sig=a%2Fb", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/answer", take)).await.unwrap() });
        (bucket, url)
    }

    /// The last answer that was taken.
    pub(crate) fn last(&self) -> Value {
        self.answers.lock().unwrap().last().unwrap().0.clone()
    }
}

async fn take(State(bucket): State<Bucket>, headers: HeaderMap, body: String) -> StatusCode {
    let mut refusals = bucket.refusals.lock().unwrap();
    if *refusals > 0 {
        *refusals -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    bucket.answers.lock().unwrap().push((serde_json::from_str(&body).unwrap(), headers));
    StatusCode::OK
}

/// What a stack asks for; `physical_id` stands in all events but the first.
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
