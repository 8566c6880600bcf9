//! The server over plain HTTP on this machine, for clients that are not written in Rust: `cargo run -p mcp --example serve -- 8080`.
//! With `fixtures` after the port, what the conformance suite of MCP calls, behind the same checks and by the same transport.
//!
//! Each request is an event of a Function URL whose caller AWS has authenticated, as a deployed function gets it. `MCP_SERVER_URL` must be
//! the server's address, because no such event names this machine.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

mod fixtures;

use std::convert::Infallible;
use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use functions_shared::{Context, LambdaEvent, Variables};
use futures_util::TryStreamExt;
use http::{Request, Response};
use http_api::streaming::{Answer, Pieces, Streamed};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mcp::{State, handle};
use rmcp::ServerHandler;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("http://{}/mcp", listener.local_addr()?);
    let variables = Variables::from_environment();
    match arguments.next().as_deref() {
        Some("fixtures") => {
            let aws = functions_aws::clients::aws().await;
            serve(listener, State::serving(fixtures::Fixtures::new()?, &variables, &aws)?).await
        }
        _ => serve(listener, State::from_variables(variables).await?).await,
    }
}

async fn serve<S: ServerHandler + Clone>(listener: TcpListener, state: State<S>) -> Result<(), Box<dyn Error>> {
    let state = Arc::new(state);
    loop {
        let (stream, _) = listener.accept().await?;
        let state = Arc::clone(&state);
        let service = service_fn(move |request| respond(Arc::clone(&state), request));
        tokio::spawn(async move {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await; // A client may leave.
        });
    }
}

type Sent = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

async fn respond<S: ServerHandler + Clone>(
    state: Arc<State<S>>,
    request: Request<Incoming>,
) -> Result<Response<Sent>, Box<dyn Error + Send + Sync>> {
    let event = serde_json::from_value(event(request).await?)?;
    match handle(state, LambdaEvent::new(event, Context::default())).await? {
        Answer::Streamed(streamed) => Ok(response(streamed)?),
        Answer::Whole(_) => Err("a Function URL that streams gets no envelope".into()),
    }
}

fn response(Streamed { status, headers, pieces }: Streamed) -> Result<Response<Sent>, http::Error> {
    let mut response = Response::builder().status(status).body(body(pieces))?;
    *response.headers_mut() = headers;
    Ok(response)
}

fn body(pieces: Pieces) -> Sent {
    StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync()
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
            "accountId": "123456789012", "apiId": "url-id", "domainName": "url-id.lambda-url.eu-central-1.on.aws", "domainPrefix": "url-id",
            "authorizer": { "iam": { "accessKey": "AKIDEXAMPLE", "accountId": "123456789012", "userId": "local" } },
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "local" },
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
        },
        "body": if body.is_empty() { Value::Null } else { json!(body) }, "isBase64Encoded": false,
    }))
}
