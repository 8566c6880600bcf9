//! What lives as long as the sandbox.

use std::sync::Arc;
use std::time::Duration;

use actions::golf::Golf;
use actions::{Need, Services};
use functions_aws::SdkConfig;
use functions_content::ContentTable;
use functions_shared::{Clock, Failure, VariableError, Variables};
use http_guard::{AllowedHosts, Limits, Network};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use secrets::Secrets;
use url::Url;

use crate::access::Access;
use crate::calls::Toolbox;
use crate::envelope::LONGEST_BODY;
use crate::outbox::{Notifications, Outbox};
use crate::server::{Identity, Server};

const SERVER_URL: &str = "MCP_SERVER_URL";
const SERVER_NAME: &str = "MCP_SERVER_NAME";
const SERVER_VERSION: &str = "MCP_SERVER_VERSION";
const ALLOWED_ORIGINS: &str = "MCP_ALLOWED_ORIGINS";

const ALLOWED_HOSTS: &str = "ALLOWED_HOSTS";
const GOLF_SECRET_NAME: &str = "GOLF_SECRET_NAME";

/// What one answer of the web may cost: a call has 29 seconds, and a booking takes several answers.
const LIMITS: Limits = Limits { bytes: 8 << 20, time: Duration::from_secs(10), redirects: 3 };

/// An MCP server in one sandbox. It has no sessions, so that the next request may reach another sandbox.
pub struct State<S = Server> {
    pub(crate) access: Access,
    service: Service<S>,
}

type Service<S> = StreamableHttpService<S, NeverSessionManager>;

impl State {
    /// Reads the variables:
    /// - `MCP_API_KEY_SECRET`: the secret with the key; without it callers are authenticated by AWS.
    /// - `MCP_JWT_ISSUER`, `MCP_JWT_JWKS_URL`, `MCP_JWT_AUDIENCE`: whose access tokens are accepted; none if they are not set.
    /// - `MCP_ALLOWED_ORIGINS`: pages that may call from a browser, as `https://app.example.com:443`; none if it is not set.
    /// - `MCP_SERVER_URL`: where clients find the server, if not at the domain of the event; `MCP_SERVER_NAME` and
    ///   `MCP_SERVER_VERSION`: what it says of itself.
    /// - `TOOL_NAMES`: the tools that may be called, separated by commas; all of them if it is not set.
    /// - `ALLOWED_HOSTS`: the hosts that tools may ask (`api.weather.gov, *.example.org`); none if it is not set.
    /// - `GOLF_SECRET_NAME`: the secret of the golf provider; without it there is no golf.
    /// - `WEB_ACTIONS_TOPIC_ARN`: where calls with `async: true` go; with it, `NOTIFICATIONS_TOPIC_ARN`, `DYNAMODB_TABLE_NAME`,
    ///   `WEB_ACTION_RESULTS_TABLE_NAME` and `STAGE`.
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
        let secrets = secrets(aws);
        let toolbox = toolbox(variables, aws, &secrets, &network(variables)?)?;
        State::with(Server::new(Arc::new(toolbox), identity(variables)?), variables, secrets)
    }
}

impl<S: ServerHandler + Clone> State<S> {
    /// Another server behind the same checks, by the same transport.
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub fn serving(server: S, variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        Self::with(server, variables, secrets(aws))
    }

    fn with(server: S, variables: &Variables, secrets: Arc<Secrets>) -> Result<Self, Failure> {
        let service = Service::new(move || Ok(server.clone()), Arc::default(), config(variables)?);
        Ok(Self { access: Access::new(variables, secrets, &network(variables)?)?, service })
    }

    /// The server for a request that AWS routed by `domain`.
    pub(crate) fn service(&self, domain: Option<&str>) -> Service<S> {
        let mut service = self.service.clone();
        service.config.allowed_hosts.extend(domain.map(str::to_owned));
        service
    }
}

impl<S> std::fmt::Debug for State<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("access", &self.access).finish_non_exhaustive()
    }
}

fn secrets(aws: &SdkConfig) -> Arc<Secrets> {
    Arc::new(Secrets::new(aws_sdk_secretsmanager::Client::new(aws), Clock::system()))
}

/// The tools that this function can serve: one that needs what is not configured is not listed.
fn toolbox(
    variables: &Variables,
    aws: &SdkConfig,
    secrets: &Arc<Secrets>,
    network: &Network,
) -> Result<Toolbox, Failure> {
    let outbox = Outbox::from_variables(variables, aws)?.map(Arc::new);
    let services = services(variables, secrets, network, outbox.as_ref())?;
    let mut tools = actions::chosen(variables.optional(actions::TOOL_NAMES)?)?;
    tools.retain(|action| match action.needs {
        Need::Nothing => true,
        Need::Golf => services.golf.is_some(),
        Need::Notifier => services.notifier.is_some(),
        // Requests with credentials are for agents whose stack names the hosts and the secrets.
        Need::Requests => false,
    });
    Ok(Toolbox { tools, services, contents: ContentTable::from_variables(variables)?, outbox })
}

fn services(
    variables: &Variables,
    secrets: &Arc<Secrets>,
    network: &Network,
    outbox: Option<&Arc<Outbox>>,
) -> Result<Services, Failure> {
    let allowed = allowed_hosts(variables)?;
    let mut services = Services::restricted(network, allowed.clone(), LIMITS.time);
    if let Some(secret) = variables.optional(GOLF_SECRET_NAME)? {
        let golf = Golf::new(network, &allowed, LIMITS, Arc::clone(secrets), secret, Clock::system());
        services = services.with_golf(golf);
    }
    Ok(match outbox {
        Some(outbox) => services.with_notifier(Notifications(Arc::clone(outbox))),
        None => services,
    })
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

fn identity(variables: &Variables) -> Result<Identity, VariableError> {
    let text = |name, usual: &str| Ok(variables.optional(name)?.unwrap_or(usual).to_owned());
    Ok(Identity { name: text(SERVER_NAME, "lrap")?, version: text(SERVER_VERSION, env!("CARGO_PKG_VERSION"))? })
}

/// An empty list of hosts would allow every host, so loopback stays in it: no request from outside names that.
fn config(variables: &Variables) -> Result<StreamableHttpServerConfig, VariableError> {
    let hosts = server_host(variables)?.into_iter().chain(["localhost".to_owned()]);
    let origins = variables.optional(ALLOWED_ORIGINS)?.unwrap_or_default().split([',', ' ']);
    let origins: Vec<_> = origins.filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
    Ok(StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(hosts)
        .with_allowed_origins(origins)
        .enforce_origin_validation()
        .with_max_request_body_bytes(LONGEST_BODY)
        .with_sse_keep_alive(None))
}

fn server_host(variables: &Variables) -> Result<Option<String>, VariableError> {
    let Some(text) = variables.optional(SERVER_URL)? else { return Ok(None) };
    let url = Url::parse(text).map_err(|error| VariableError::malformed(SERVER_URL, error))?;
    let host = url.host_str().ok_or_else(|| VariableError::malformed(SERVER_URL, "it has no host"))?;
    Ok(Some(host.to_owned()))
}
