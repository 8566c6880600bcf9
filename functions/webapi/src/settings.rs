//! What the variables say.

use functions_shared::{VariableError, Variables};
use http_api::Cors;
use http_guard::AllowedHosts;

/// What the variables say.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Messages of other stages are refused.
    pub(crate) stage: String,
    /// Hosts that web actions may name. None unless the variable lists some.
    pub(crate) hosts: AllowedHosts,
    /// Web pages that may use the API.
    pub(crate) cors: Cors,
}

impl Settings {
    pub(crate) fn read(variables: &Variables) -> Result<Self, VariableError> {
        Ok(Self {
            stage: variables.required("STAGE")?.to_owned(),
            hosts: variables.parsed("ALLOWED_HOSTS")?.unwrap_or(AllowedHosts::Listed(Vec::new())),
            cors: variables.parsed("CORS_ORIGINS")?.unwrap_or_default(),
        })
    }
}
