//! The callers: AWS's SDKs, pointed at this machine.

use crate::functions::REGION;
use anyhow::{Context, Result};
use aws_smithy_http_client::Builder;
use lambda_local::LambdaLocal;

/// One client for each service that is asked from outside.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) tables: aws_sdk_dynamodb::Client,
    pub(crate) state_machines: aws_sdk_sfn::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
}

/// The same for every service: each SDK has types of its own.
macro_rules! client {
    ($sdk:ident, $endpoint:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new(REGION))
                .credentials_provider($sdk::config::Credentials::new("local", "local", None, None, "local"))
                .endpoint_url($endpoint)
                .http_client(Builder::new().build_http())
                .build(),
        )
    };
}

impl Clients {
    pub(crate) fn of(lambda: &LambdaLocal) -> Result<Self> {
        let others = lambda.step_functions_endpoint().context("there is no interpreter of state machines")?;
        Ok(Self {
            lambda: client!(aws_sdk_lambda, lambda.invoke_endpoint()),
            tables: client!(aws_sdk_dynamodb, lambda.table().endpoint()),
            state_machines: client!(aws_sdk_sfn, others),
            // The interpreter's process serves what else there is of AWS here.
            secrets: client!(aws_sdk_secretsmanager, others),
        })
    }
}
