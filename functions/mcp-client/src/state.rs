//! What lives as long as the sandbox.

use std::time::Duration;

use functions_aws::SdkConfig;
use functions_content::ContentTable;
use functions_shared::{Clock, Failure, VariableError, Variables};
use http_guard::{AllowedHosts, Guard, Limits, Network};
use secrets::Secrets;

const ALLOWED_HOSTS: &str = "ALLOWED_HOSTS";

/// What one request to a server may cost. A result of some megabytes becomes a handle; a longer one is an error. No redirect is followed.
pub(crate) const LIMITS: Limits = Limits { bytes: 8 << 20, time: Duration::from_mins(5), redirects: 0 };

/// The MCP client of one sandbox.
#[derive(Debug)]
pub struct State {
    pub(crate) guard: Guard,
    pub(crate) allowed: AllowedHosts,
    pub(crate) secrets: Secrets,
    pub(crate) contents: Option<ContentTable>,
}

impl State {
    /// Reads the variables:
    /// - `ALLOWED_HOSTS`: the hosts of servers (`mcp.example.com, *.example.org`); none if it is not set.
    /// - `AGENT_CONTEXT_TABLE` and the others of the layer: where long results are kept.
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub async fn from_variables(variables: Variables) -> Result<Self, Failure> {
        Self::new(&variables, &functions_aws::clients::aws().await)
    }

    /// The same, by an AWS of one's own.
    ///
    /// # Errors
    /// The same.
    pub fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        let allowed = allowed_hosts(variables)?;
        let guard = Guard::new(network(variables)?, allowed.clone(), LIMITS);
        let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(aws), Clock::system());
        Ok(Self { guard, allowed, secrets, contents: ContentTable::from_variables(variables)? })
    }
}

/// Without a list no host is allowed.
fn allowed_hosts(variables: &Variables) -> Result<AllowedHosts, VariableError> {
    let listed = variables.optional(ALLOWED_HOSTS)?.unwrap_or_default();
    AllowedHosts::listed(listed).map_err(|error| VariableError::malformed(ALLOWED_HOSTS, error))
}

/// Only a build for tests asks for variables here.
fn network(variables: &Variables) -> Result<Network, Failure> {
    let text = |name| variables.optional(name).ok().flatten().map(str::to_owned);
    Network::from_variables(text).map_err(|error| Failure::new("InvalidVariable", error.to_string()))
}
