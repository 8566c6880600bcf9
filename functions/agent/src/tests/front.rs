//! A function URL on this machine.

use super::world::{Function, event};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use http_api::streaming::{Answer, Streamed};
use model::Llm;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;

/// The key of Alice.
pub(super) const KEY: &str = "a-key-of-alice";

/// A function URL in front of the function: HTTP in, events through, pieces out.
pub(super) async fn served(function: Function<Llm>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(forward).with_state(Arc::new(function));
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    address
}

async fn forward(
    State(function): State<Arc<Function<Llm>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let mut event = event(
        "alice",
        "abc.lambda-url.eu-central-1.on.aws",
        method.as_str(),
        uri.path_and_query().unwrap().as_str(),
        &body,
    );
    event["headers"] = json!({ "accept": text("accept") });
    if text("x-api-key") != KEY {
        event["requestContext"]["authorizer"] = Value::Null;
    }
    for value in event["queryStringParameters"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        *value = json!(value.as_str().unwrap().replace("%3A", ":"));
    }
    let Answer::Streamed(Streamed { status, headers, pieces }) = function.answer(event).await else {
        panic!("a function URL that streams gets no envelope")
    };
    let mut response = Response::builder().status(status);
    for (name, value) in &headers {
        response = response.header(name, value);
    }
    response.body(Body::from_stream(pieces)).unwrap()
}
