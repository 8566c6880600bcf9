//! `gateway-registry`: keeps AgentCore gateways and their targets in step with tables. Asked by an HTTP API.

#![recursion_limit = "256"] // The futures of SDK clients, in those of a function.

use functions_aws::clients;
use functions_shared::{Failure, LambdaEvent, Variables, run_with};
use gateway_registry::Registry;
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;

async fn init(variables: Variables) -> Result<Registry, Failure> {
    Registry::new(&variables, &clients::aws().await)
}

async fn handle(registry: Arc<Registry>, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    gateway_registry::handle(&registry, event).await
}

fn main() -> ExitCode {
    run_with(init, handle)
}
