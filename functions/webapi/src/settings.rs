//! What the variables say.

use functions_shared::{VariableError, Variables};
use http_api::Cors;
use http_guard::AllowedHosts;

const HOSTS: &str = "ALLOWED_HOSTS";

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
        let hosts = AllowedHosts::listed(variables.optional(HOSTS)?.unwrap_or_default());
        Ok(Self {
            stage: variables.required("STAGE")?.to_owned(),
            hosts: hosts.map_err(|error| VariableError::malformed(HOSTS, error))?,
            cors: variables.parsed("CORS_ORIGINS")?.unwrap_or_default(),
        })
    }
}
