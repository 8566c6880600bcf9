//! Functions that run tools, by Lambda's Invoke.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use functions_aws::sdk_errors::reason;
use serde_json::Value;
use std::time::Duration;

/// Invokes functions.
pub trait Invoking: Send + Sync + 'static {
    /// What a function returns to `payload`.
    ///
    /// # Errors
    /// The name of the function's error, or of Lambda's.
    fn invoke(
        &self,
        function: &str,
        payload: Value,
        within: Duration,
    ) -> impl Future<Output = Result<Value, String>> + Send;
}

/// What is said of a function that has not returned.
const LATE: &str = "Timeout";

impl Invoking for Client {
    async fn invoke(&self, function: &str, payload: Value, within: Duration) -> Result<Value, String> {
        let payload = Blob::new(payload.to_string());
        let sent = Client::invoke(self).function_name(function).payload(payload).send();
        let sent = tokio::time::timeout(within, sent).await.map_err(|_| LATE.to_owned())?;
        let output = sent.map_err(|error| reason(&error).to_owned())?;
        let returned = output.payload.map(Blob::into_inner).unwrap_or_default();
        let returned: Value = serde_json::from_slice(&returned).unwrap_or_default();
        match output.function_error {
            // Only the error's name: its text can be of any length, with any content.
            Some(kind) => Err(returned["errorType"].as_str().map_or(kind, str::to_owned)),
            None => Ok(returned),
        }
    }
}
