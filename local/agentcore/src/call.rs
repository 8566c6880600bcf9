//! What was asked.

use serde_json::Value;

/// One request of the control API.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `CreateGateway`
    pub operation: &'static str,
    /// The body; API keys are left out.
    pub body: Value,
}

impl Call {
    pub(crate) fn new(operation: &'static str, mut body: Value) -> Self {
        if let Some(members) = body.as_object_mut() {
            members.remove("apiKey");
        }
        Self { operation, body }
    }
}
