//! What a registry is made of, once, before the first event.

use crate::control::Control;
use crate::specs::Bucket;
use crate::table::Table;
use crate::tools::TokenHosts;
use aws_sdk_bedrockagentcorecontrol::Client as ControlClient;
use aws_sdk_bedrockagentcorecontrol::config::Builder as ControlConfig;
use aws_sdk_bedrockagentcorecontrol::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client as TableClient;
use aws_sdk_lambda::Client as FunctionClient;
use aws_sdk_lambda::config::Builder as FunctionConfig;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_types::service_config::ServiceConfigKey;
use functions_aws::SdkConfig;
use functions_shared::{Failure, Variables};
use http_guard::{AllowedHosts, Guard, Limits, Network};
use openapi::MAX_BYTES;
use registries::tools::{FunctionArn, ToolRegistry};
use std::time::Duration;

/// Tables, AgentCore, documents, and what gateways are made with.
#[derive(Debug)]
pub struct Registry {
    pub(crate) gateways: Table,
    pub(crate) tools: Table,
    /// What agents may call.
    pub(crate) agents_tools: ToolRegistry,
    pub(crate) control: Control,
    pub(crate) specs: Bucket,
    /// Fetches documents.
    pub(crate) guard: Guard,
    /// What gateways act as.
    pub(crate) role: String,
    /// The function that calls gateways for agents.
    pub(crate) mcp_client: FunctionArn,
    /// Invokes it.
    pub(crate) functions: FunctionClient,
    /// The function that answers gateways' calls of this product's own tools.
    pub(crate) gateway_tools: Option<String>,
    /// Where tokens of `OAuth2` providers may go.
    pub(crate) token_hosts: TokenHosts,
    pub(crate) region: String,
    pub(crate) stage: String,
    /// A row that was written since may belong to a request on its way.
    pub(crate) grace: Duration,
}

/// What the registry asks.
#[derive(Debug)]
pub struct Clients {
    /// Of the tables.
    pub tables: TableClient,
    /// Of AgentCore.
    pub control: ControlClient,
    /// Of the function that calls gateways.
    pub functions: FunctionClient,
    /// Of documents.
    pub bucket: Bucket,
    /// Of documents elsewhere.
    pub network: Network,
}

/// A document is longer than this nowhere, and a server that takes longer is given up.
const FETCH: Limits = Limits { bytes: MAX_BYTES, time: Duration::from_secs(10), redirects: 3 };
/// Longer than an invocation.
const GRACE: Duration = Duration::from_mins(2);

impl Registry {
    /// Reads the variables:
    /// - `GATEWAYS_TABLE_NAME`, `TOOLS_TABLE_NAME`, `TOOL_REGISTRY_TABLE_NAME`: the tables.
    /// - `OPENAPI_SPECS_BUCKET`: the bucket of documents.
    /// - `GATEWAY_ROLE_ARN`: the role that gateways act as.
    /// - `MCP_CLIENT_FUNCTION_ARN`: the function that calls gateways for agents.
    /// - `GATEWAY_TOOLS_FUNCTION_ARN`: the function that answers gateways, if there is one.
    /// - `ALLOWED_HOSTS`: the hosts that documents may be fetched from; every public one if it is not set.
    /// - `OAUTH_PROVIDER_HOSTS`: the hosts that get tokens of each `OAuth2` provider (`corporate=api.example.com,*.corp.example`); none if
    ///   it is not set.
    ///
    /// # Errors
    /// A variable that is not set or not what it should be, by name.
    pub fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        let text = |name| variables.optional(name).ok().flatten().map(str::to_owned);
        let network =
            Network::from_variables(text).map_err(|error| Failure::new("InvalidVariable", error.to_string()))?;
        let bucket = bucket(variables.required("OPENAPI_SPECS_BUCKET")?, aws)?;
        let (tables, control, functions) = (TableClient::new(aws), control_client(aws), function_client(aws));
        let clients = Clients { tables, control, functions, bucket, network };
        Self::of(variables, clients, aws.region().map(AsRef::as_ref).unwrap_or_default())
    }

    /// The same with clients of one's own.
    ///
    /// # Errors
    /// A variable that is not set or not what it should be, by name.
    pub fn of(variables: &Variables, clients: Clients, region: &str) -> Result<Self, Failure> {
        let Clients { tables, control, functions, bucket, network } = clients;
        let hosts = variables.parsed("ALLOWED_HOSTS")?.unwrap_or(AllowedHosts::AnyPublic);
        let mcp_client = variables.required("MCP_CLIENT_FUNCTION_ARN")?;
        Ok(Self {
            gateways: Table::new(tables.clone(), variables.required("GATEWAYS_TABLE_NAME")?),
            tools: Table::new(tables.clone(), variables.required("TOOLS_TABLE_NAME")?),
            agents_tools: ToolRegistry::new(tables, variables.required("TOOL_REGISTRY_TABLE_NAME")?),
            control: Control::new(control),
            specs: bucket,
            guard: Guard::new(network, hosts, FETCH),
            role: variables.required("GATEWAY_ROLE_ARN")?.to_owned(),
            mcp_client: FunctionArn::read("MCP_CLIENT_FUNCTION_ARN", mcp_client)?,
            functions,
            gateway_tools: variables.optional("GATEWAY_TOOLS_FUNCTION_ARN")?.map(str::to_owned),
            token_hosts: variables.parsed("OAUTH_PROVIDER_HOSTS")?.unwrap_or_default(),
            region: region.to_owned(),
            stage: variables.required("STAGE")?.to_owned(),
            grace: GRACE,
        })
    }

    /// For where no request is on its way: a reconciliation looks at every row.
    #[must_use]
    pub fn without_grace(self) -> Self {
        Self { grace: Duration::ZERO, ..self }
    }
}

/// The bucket where AWS or a stand-in has it: `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL` count, as for SDK clients.
fn bucket(name: &str, aws: &SdkConfig) -> Result<Bucket, Failure> {
    let missing = |what: &str| Failure::new("InvalidVariable", format!("there is no {what} to store documents with"));
    let region = aws.region().map(ToString::to_string).ok_or_else(|| missing("region"))?;
    let key = ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = aws.service_config().zip(key.ok()).and_then(|(config, key)| config.load_config(key));
    let url = match own.as_deref().or(aws.endpoint_url()) {
        Some(endpoint) => format!("{}/{name}", endpoint.trim_end_matches('/')),
        None => format!("https://{name}.s3.{region}.amazonaws.com"),
    };
    let connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
    let connector = SharedHttpConnector::new(connector);
    let credentials = aws.credentials_provider().ok_or_else(|| missing("provider of credentials"))?;
    Ok(Bucket { name: name.to_owned(), url, region, credentials, connector })
}

/// A request that AgentCore does not answer is given up while there is time to write that down.
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(12);

fn control_client(aws: &SdkConfig) -> ControlClient {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION).build();
    ControlClient::from_conf(ControlConfig::from(aws).timeout_config(timeouts).build())
}

/// A gateway whose tools are not listed in this time is asked by the next reconciliation.
const LISTING: Duration = Duration::from_secs(10);

fn function_client(aws: &SdkConfig) -> FunctionClient {
    let timeouts = TimeoutConfig::builder().operation_timeout(LISTING).build();
    FunctionClient::from_conf(FunctionConfig::from(aws).timeout_config(timeouts).build())
}
