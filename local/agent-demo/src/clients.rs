//! The services that are called from outside.

use anyhow::{Context, Result};
use demo::aws::Service;
use lambda_local::LambdaLocal;

/// One caller for each service.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) lambda: Service,
    pub(crate) tables: Service,
    pub(crate) state_machines: Service,
    pub(crate) secrets: Service,
}

impl Clients {
    pub(crate) fn of(lambda: &LambdaLocal) -> Result<Self> {
        let others = lambda.step_functions_endpoint().context("there is no interpreter of state machines")?;
        Ok(Self {
            lambda: Service::lambda(lambda),
            tables: Service::at(&lambda.table().endpoint(), "dynamodb"),
            state_machines: Service::at(others, "states"),
            // The interpreter's process serves what else there is of AWS here.
            secrets: Service::at(others, "secretsmanager"),
        })
    }
}
