//! The server over plain HTTP on this machine, for clients that are not written in Rust: `cargo run -p mcp --example serve -- 8080`.
//!
//! Each request is an event of a Function URL whose caller AWS has authenticated, as a deployed function gets it.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

use std::convert::Infallible;
use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use functions_shared::{Context, LambdaEvent, Variables};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mcp::{State, handle};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let state = Arc::new(State::from_variables(Variables::from_environment()).await?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("http://{}/mcp", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let state = Arc::clone(&state);
        let service = service_fn(move |request| respond(Arc::clone(&state), request));
        tokio::spawn(async move {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await; // A client may leave.
        });
    }
}

async fn respond(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let answered = answered(state, request).await;
    Ok(answered.unwrap_or_else(|error| {
        let mut response = Response::new(Full::new(Bytes::from(error.to_string())));
        *response.status_mut() = http::StatusCode::BAD_GATEWAY;
        response
    }))
}

async fn answered(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Box<dyn Error>> {
    let event = serde_json::from_value(event(request).await?)?;
    let reply = handle(state, LambdaEvent::new(event, Context::default())).await?;
    let reply = serde_json::to_value(reply)?;
    let mut response = Response::builder().status(u16::try_from(reply["statusCode"].as_u64().unwrap_or(500))?);
    for (name, value) in reply["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().unwrap_or_default());
    }
    let body = reply["body"].as_str().unwrap_or_default().to_owned();
    Ok(response.body(Full::new(Bytes::from(body)))?)
}

async fn event(request: Request<Incoming>) -> Result<Value, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
    let headers = head.headers.iter().filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?))));
    let (method, path) = (head.method.as_str(), head.uri.path());
    Ok(json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": headers.collect::<Map<_, _>>(),
        "requestContext": {
            "accountId": "123456789012", "apiId": "url-id", "domainName": "127.0.0.1", "domainPrefix": "url-id",
            "authorizer": { "iam": { "accessKey": "AKIDEXAMPLE", "accountId": "123456789012", "userId": "local" } },
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "local" },
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
        },
        "body": if body.is_empty() { Value::Null } else { json!(body) }, "isBase64Encoded": false,
    }))
}
