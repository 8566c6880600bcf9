//! Invoking functions over HTTP, as Step Functions does, and timing them.

use crate::figures::Step;
use anyhow::{Context, Result};
use demo::aws::Service;
use lambda_local::LambdaLocal;
use serde::Deserialize;
use std::time::Instant;

/// A caller of the Invoke API.
#[derive(Debug)]
pub(crate) struct Invoker(Service);

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
        Self(Service::lambda(lambda))
    }

    /// Invokes and waits for the answer.
    pub(crate) async fn invoke(&self, function: &str, payload: Vec<u8>) -> Result<Reply> {
        let started = Instant::now();
        let invoked = self.0.invoke(function, payload).await?;
        let step = Step::from_log(function, &invoked.log, started.elapsed())?;
        let outcome =
            if invoked.failed { Err(failure(function, &invoked.payload)?) } else { Ok(invoked.payload.into()) };
        Ok(Reply { outcome, step })
    }
}

fn failure(function: &str, document: &[u8]) -> Result<FunctionError> {
    serde_json::from_slice(document).with_context(|| format!("{function} failed without saying how"))
}
