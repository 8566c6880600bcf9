//! `tool-registry`: which tools there are, and what they take. Asked by an HTTP API, and by stacks that register a tool.

mod api;
#[cfg(test)]
#[path = "../../registries/tests/entrances.rs"]
mod entrances;
mod registry;
mod schema;
mod stack;
#[cfg(test)]
#[path = "../../registries/tests/tables.rs"]
mod tables;
#[cfg(test)]
mod tests;

use functions_aws::clients;
use functions_shared::{Failure, LambdaEvent, Variables, run_with};
use registries::custom_resource::Stacks;
use registries::entrances::answer;
use registry::{Site, Tools};
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;

async fn init(variables: Variables) -> Result<(Arc<Tools>, Stacks), Failure> {
    Ok((Arc::new(Tools::new(&variables, &clients::aws().await)?), Stacks::default()))
}

async fn handle(made: Arc<(Arc<Tools>, Stacks)>, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let (tools, stacks) = &*made;
    let site = Site::of(tools, &event.context)?;
    answer(&site, stacks, event).await
}

fn main() -> ExitCode {
    run_with(init, handle)
}
