//! Invoking functions over HTTP with AWS's SDK, as Step Functions does, and timing them.

use crate::figures::Step;
use anyhow::{Context, Result, anyhow};
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use aws_sdk_lambda::{Client, Config};
use data_encoding::BASE64;
use lambda_local::LambdaLocal;
use serde::Deserialize;
use std::time::Instant;

/// A caller of the Invoke API.
#[derive(Debug)]
pub(crate) struct Invoker(Client);

/// What came of an invocation.
#[derive(Debug)]
pub(crate) struct Reply {
    /// What the function answered, byte for byte, or how it failed.
    pub(crate) outcome: Result<Vec<u8>, FunctionError>,
    /// How long it took.
    pub(crate) step: Step,
}

/// How a function failed, as its caller learns it.
#[derive(Debug, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{error_type}: {error_message}")]
pub(crate) struct FunctionError {
    pub(crate) error_type: String,
    pub(crate) error_message: String,
}

impl Invoker {
    pub(crate) fn of(lambda: &LambdaLocal) -> Self {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(lambda.region().to_owned()))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(lambda.invoke_endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            // A failure is to be seen, not to be tried again.
            .retry_config(RetryConfig::disabled());
        Self(Client::from_conf(config.build()))
    }

    /// Invokes and waits for the answer.
    pub(crate) async fn invoke(&self, function: &str, payload: Vec<u8>) -> Result<Reply> {
        let request = self.0.invoke().function_name(function).log_type(LogType::Tail).payload(Blob::new(payload));
        let started = Instant::now();
        let sent = request.send().await;
        let seen_by_caller = started.elapsed();
        let output = sent.map_err(aws_sdk_lambda::Error::from).with_context(|| format!("cannot invoke {function}"))?;
        let step = Step::from_log(function, &log(output.log_result())?, seen_by_caller)?;
        let failed = output.function_error().is_some();
        let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
        let outcome = if failed { Err(failure(function, &payload)?) } else { Ok(payload) };
        Ok(Reply { outcome, step })
    }
}

fn log(encoded: Option<&str>) -> Result<String> {
    let log = encoded.context("Lambda sent no log")?;
    let log = BASE64.decode(log.as_bytes()).map_err(|error| anyhow!("the log is no base64: {error}"))?;
    Ok(String::from_utf8_lossy(&log).into_owned())
}

fn failure(function: &str, document: &[u8]) -> Result<FunctionError> {
    serde_json::from_slice(document).with_context(|| format!("{function} failed without saying how"))
}
