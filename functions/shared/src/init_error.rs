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
    use test_kit::{Exchange, Peer, Reply};

    /// A Runtime API with one answer to everything, and a client of it.
    async fn runtime_api(status: u16, answer: &'static str) -> (Client, Peer) {
        let runtime_api = Peer::start(move |_: &Exchange| Some(Reply::new(status, answer))).await;
        let endpoint = runtime_api.url().parse().expect("an address");
        (Client::builder().with_endpoint(endpoint).build().expect("a client"), runtime_api)
    }

    fn missing() -> Failure {
        let error: VariableError = Variables::default().required("TABLE").expect_err("not set");
        error.into()
    }

    #[tokio::test]
    async fn the_missing_variable_stands_in_the_report() {
        let (client, runtime_api) = runtime_api(202, "").await;
        report(&client, missing()).await.expect("a report");
        let request = runtime_api.recorded(&format!("POST {PATH}")).await;
        let header = request.headers.get("lambda-runtime-function-error-type");
        assert_eq!(header, Some("Runtime.InvalidVariable"));
        let body = r#"{"errorType":"InvalidVariable","errorMessage":"the variable TABLE is not set"}"#;
        assert_eq!(request.text(), body);
    }

    #[tokio::test]
    async fn a_report_that_is_not_taken_is_an_error_with_the_reason() {
        let (client, _runtime_api) = runtime_api(403, "{\"errorType\":\"InvalidStateChange\"}\n").await;
        let error = report(&client, missing()).await.expect_err("not taken").to_string();
        let said = format!("{PATH} answers 403 Forbidden: {{\"errorType\":\"InvalidStateChange\"}}");
        assert_eq!(error, said);
    }
}
