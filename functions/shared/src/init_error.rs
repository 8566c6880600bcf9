//! A function that cannot start says why, in the words of the Runtime API.

use crate::Failure;
use http::{Method, Request};
use http_body_util::{BodyExt, Collected, Limited};
use lambda_runtime::{Diagnostic, Error};
use lambda_runtime_api_client::{Client, body::Body, build_request};

const PATH: &str = "/2018-06-01/runtime/init/error";

/// Bytes of an answer that says why the report was not taken.
const LONGEST_REASON: usize = 4 << 10;

/// Reports `failure` as the reason why this process serves nothing.
pub(crate) async fn report(runtime_api: &Client, failure: Failure) -> Result<(), Error> {
    let response = runtime_api.call(request(failure)?).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let reason = Limited::new(response.into_body(), LONGEST_REASON).collect().await;
    let reason = reason.map(Collected::to_bytes).unwrap_or_default();
    let reason: String = String::from_utf8_lossy(&reason).chars().filter(|character| !character.is_control()).collect();
    Err(format!("{PATH} answers {status}: {reason}").into())
}

fn request(failure: Failure) -> Result<Request<Body>, Error> {
    let error_type = format!("Runtime.{}", failure.name());
    let body = serde_json::to_vec(&Diagnostic::from(failure))?;
    let request = build_request().method(Method::POST).uri(PATH);
    Ok(request.header("Lambda-Runtime-Function-Error-Type", error_type).body(Body::from(body))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{VariableError, Variables};
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread::{self, JoinHandle};

    /// A Runtime API that gives one answer, and the request that it had.
    fn runtime_api(answer: &'static str) -> (Client, JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let client = Client::builder().with_endpoint(address.parse().expect("an address")).build().expect("a client");
        let request = thread::spawn(move || {
            let (mut connection, _) = listener.accept().expect("a connection");
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut part = [0; 1024];
                let length = connection.read(&mut part).expect("a request");
                request.extend_from_slice(&part[..length]);
            }
            connection.write_all(answer.as_bytes()).expect("an answer");
            String::from_utf8(request).expect("text")
        });
        (client, request)
    }

    fn missing() -> Failure {
        let error: VariableError = Variables::default().required("TABLE").expect_err("not set");
        error.into()
    }

    #[tokio::test]
    async fn the_missing_variable_stands_in_the_report() {
        let (client, request) = runtime_api("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        report(&client, missing()).await.expect("a report");
        let request = request.join().expect("a request");
        assert!(request.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("lambda-runtime-function-error-type: Runtime.InvalidVariable\r\n"), "{request}");
        let body = r#"{"errorType":"InvalidVariable","errorMessage":"the variable TABLE is not set"}"#;
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
    }

    #[tokio::test]
    async fn a_report_that_is_not_taken_is_an_error_with_the_reason() {
        let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 35\r\n\r\n{\"errorType\":\"InvalidStateChange\"}\n";
        let (client, _) = runtime_api(answer);
        let error = report(&client, missing()).await.expect_err("not taken").to_string();
        let said = format!("{PATH} answers 403 Forbidden: {{\"errorType\":\"InvalidStateChange\"}}");
        assert_eq!(error, said);
    }
}
