//! What is asked: a call of a tool, or for the tools of a server.

use registries::tools::Auth;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::CallError;

/// A server, and how it knows its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) endpoint: String,
    pub(crate) auth: Auth,
}

/// A model's call, and what the row says of the tool.
#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    /// The tool's name in the registry.
    pub(crate) name: String,
    /// The call's id.
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) input: Option<Map<String, Value>>,
    endpoint: String,
    /// As the row holds it: JSON text.
    auth: String,
    pub(crate) remote_name: String,
    pub(crate) remote_digest: String,
}

/// `{"type": "list"}`.
#[derive(Debug, Deserialize)]
struct Listing {
    endpoint: String,
    auth: Auth,
}

impl Call {
    /// Where the tool is.
    pub(crate) fn server(&self) -> Result<Server, CallError> {
        let auth = serde_json::from_str(&self.auth).map_err(|_| CallError::Row("auth"))?;
        Ok(Server { endpoint: self.endpoint.clone(), auth })
    }
}

impl Server {
    /// The server whose tools are listed.
    pub(crate) fn listed(event: Value) -> Result<Self, serde_json::Error> {
        let Listing { endpoint, auth } = serde_json::from_value(event)?;
        Ok(Self { endpoint, auth })
    }
}
