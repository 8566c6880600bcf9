//! What a registry is made of, once, before the first event.

use crate::control::Control;
use crate::table::Table;
use aws_sdk_bedrockagentcorecontrol::Client as ControlClient;
use aws_sdk_bedrockagentcorecontrol::config::Builder as ControlConfig;
use aws_sdk_bedrockagentcorecontrol::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client as TableClient;
use functions_aws::SdkConfig;
use functions_shared::{Failure, Variables};
use std::time::Duration;

/// Tables, AgentCore, and what gateways are made with.
#[derive(Debug)]
pub struct Registry {
    pub(crate) gateways: Table,
    pub(crate) control: Control,
    /// What gateways act as.
    pub(crate) role: String,
    pub(crate) region: String,
}

impl Registry {
    /// Reads the variables:
    /// - `GATEWAYS_TABLE_NAME`: the table of gateways.
    /// - `GATEWAY_ROLE_ARN`: the role that gateways act as.
    ///
    /// # Errors
    /// A variable that is not set, by name.
    pub fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        let region = aws.region().map(ToString::to_string).unwrap_or_default();
        Self::of(variables, TableClient::new(aws), control_client(aws), &region)
    }

    /// The same with clients of one's own.
    ///
    /// # Errors
    /// A variable that is not set, by name.
    pub fn of(
        variables: &Variables,
        tables: TableClient,
        control: ControlClient,
        region: &str,
    ) -> Result<Self, Failure> {
        Ok(Self {
            gateways: Table::new(tables, variables.required("GATEWAYS_TABLE_NAME")?),
            control: Control::new(control),
            role: variables.required("GATEWAY_ROLE_ARN")?.to_owned(),
            region: region.to_owned(),
        })
    }
}

/// A request that AgentCore does not answer is given up while there is time to write that down.
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(12);

fn control_client(aws: &SdkConfig) -> ControlClient {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION).build();
    ControlClient::from_conf(ControlConfig::from(aws).timeout_config(timeouts).build())
}
