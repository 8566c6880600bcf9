//! AWS's services on this machine, called over plain HTTP: the Invoke API, and the JSON protocol of the others.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use data_encoding::BASE64;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use lambda_local::LambdaLocal;
use serde_json::Value;
use tokio::net::TcpStream;

/// A service on the loopback.
#[derive(Clone, Debug)]
pub struct Service {
    /// `127.0.0.1:port`.
    authority: String,
    /// As signatures spell it: several services may be behind one port, and this is how they are distinguished.
    name: &'static str,
}

/// What an invocation came to.
#[derive(Debug)]
pub struct Invoked {
    /// What the function returned, byte for byte, or its error document.
    pub payload: Bytes,
    /// Whether `payload` is an error document.
    pub failed: bool,
    /// The last lines of the function's log, with Lambda's REPORT.
    pub log: String,
}

impl Service {
    /// The service `name` at `http://authority`.
    pub fn at(endpoint: &str, name: &'static str) -> Self {
        Self { authority: endpoint.trim_start_matches("http://").to_owned(), name }
    }

    /// The Invoke API.
    pub fn lambda(lambda: &LambdaLocal) -> Self {
        Self::at(&lambda.invoke_endpoint(), "lambda")
    }

    /// Calls an action of the JSON protocol, such as `DynamoDB_20120810.PutItem`.
    pub async fn call(&self, action: &str, input: &Value) -> Result<Value> {
        let request = Request::post("/").header("x-amz-target", action);
        let request = request.header(CONTENT_TYPE, "application/x-amz-json-1.0");
        let answer = self.send(request.body(Full::from(input.to_string()))?).await;
        let answer = answer.with_context(|| format!("{action} was not answered"))?;
        ensure!(answer.status().is_success(), "{action}: {}", refusal(&answer));
        match answer.body().as_ref() {
            // Actions that have nothing to say.
            b"" => Ok(Value::Null),
            body => serde_json::from_slice(body).with_context(|| format!("the answer to {action} is not JSON")),
        }
    }

    /// Invokes a function and waits for what it returns.
    pub async fn invoke(&self, function: &str, event: impl Into<Bytes>) -> Result<Invoked> {
        let request = Request::post(format!("/2015-03-31/functions/{function}/invocations"));
        let request = request.header("x-amz-log-type", "Tail").body(Full::new(event.into()))?;
        let answer = self.send(request).await.with_context(|| format!("cannot invoke {function}"))?;
        ensure!(answer.status().is_success(), "cannot invoke {function}: {}", refusal(&answer));
        let failed = answer.headers().contains_key("x-amz-function-error");
        Ok(Invoked { failed, log: log(answer.headers())?, payload: answer.into_body() })
    }

    async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        // Nothing here checks a signature, but its scope names the service, and the table wants one that is complete.
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=none",
            self.name
        );
        request.headers_mut().insert(AUTHORIZATION, scope.parse()?);
        request.headers_mut().insert("x-amz-date", HeaderValue::from_static("20260101T000000Z"));
        request.headers_mut().insert(HOST, self.authority.parse()?);
        let stream = TcpStream::connect(&self.authority).await;
        let stream = stream.with_context(|| format!("cannot connect to {}", self.authority))?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        connection.abort();
        Ok(Response::from_parts(head, body))
    }
}

/// The exception and its message.
fn refusal(answer: &Response<Bytes>) -> String {
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let field = |names: &[&str]| names.iter().find_map(|name| document[*name].as_str()).map(str::to_owned);
    let kind = answer.headers().get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let kind = kind.or_else(|| field(&["__type"])).unwrap_or_else(|| format!("status {}", answer.status()));
    match field(&["message", "Message"]) {
        Some(message) => format!("{kind}: {message}"),
        None => kind,
    }
}

fn log(headers: &HeaderMap) -> Result<String> {
    let encoded = headers.get("x-amz-log-result").context("Lambda sent no log")?;
    match BASE64.decode(encoded.as_bytes()) {
        Ok(log) => Ok(String::from_utf8_lossy(&log).into_owned()),
        Err(error) => bail!("Lambda's log is not base64: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::service::service_fn;
    use serde_json::json;
    use std::convert::Infallible;
    use tokio::net::TcpListener;

    /// A service that answers one request, and what it was asked.
    async fn asked(answer: Response<Full<Bytes>>, call: impl AsyncFnOnce(Service)) -> (http::request::Parts, Bytes) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let service = Service::at(&format!("http://{}", listener.local_addr().expect("an address")), "states");
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let server = async {
            let (stream, _) = listener.accept().await.expect("a connection");
            let answered = service_fn(|request: Request<hyper::body::Incoming>| {
                let (sender, answer) = (sender.clone(), answer.clone());
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.expect("a body").to_bytes();
                    sender.send((head, body)).expect("somebody who looks");
                    Ok::<_, Infallible>(answer)
                }
            });
            // The client hangs up when it has its answer.
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answered).await);
        };
        tokio::join!(server, call(service));
        receiver.recv().await.expect("a request")
    }

    #[tokio::test]
    async fn an_action_is_named_with_its_service_and_its_answer_is_read() {
        let answer = Response::new(Full::from(r#"{"a":1}"#));
        let (head, body) = asked(answer, async |service| {
            assert_eq!(
                service.call("AWSStepFunctions.X", &json!({ "b": 2 })).await.expect("an answer"),
                json!({ "a": 1 })
            );
        })
        .await;
        assert_eq!(
            (&head.headers["x-amz-target"], body.as_ref()),
            (&"AWSStepFunctions.X".parse().unwrap(), &br#"{"b":2}"#[..])
        );
        assert!(head.headers[AUTHORIZATION].to_str().unwrap().contains("/us-east-1/states/aws4_request"));
    }

    #[tokio::test]
    async fn a_refusal_says_which_exception_and_why() {
        let answer = Response::builder().status(400);
        let answer = answer.body(Full::from(r#"{"__type":"ResourceInUse","message":"it exists"}"#)).unwrap();
        asked(answer, async |service| {
            let error = service.call("A.B", &Value::Null).await.expect_err("a refusal");
            assert_eq!(error.to_string(), "A.B: ResourceInUse: it exists");
        })
        .await;
    }

    #[tokio::test]
    async fn an_invocation_gives_the_payload_and_the_log() {
        let answer = Response::builder().header("x-amz-function-error", "Unhandled");
        let answer = answer.header("x-amz-log-result", BASE64.encode(b"REPORT")).body(Full::from("payload")).unwrap();
        let (head, body) = asked(answer, async |service| {
            let invoked = service.invoke("f", "event").await.expect("an outcome");
            assert_eq!(
                (invoked.payload.as_ref(), invoked.failed, invoked.log.as_str()),
                (&b"payload"[..], true, "REPORT")
            );
        })
        .await;
        assert_eq!((head.uri.path(), body.as_ref()), ("/2015-03-31/functions/f/invocations", &b"event"[..]));
    }
}
