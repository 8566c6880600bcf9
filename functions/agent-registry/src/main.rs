//! `agent-registry`: which agents there are, in which versions. Asked by an HTTP API, and by stacks that register an agent.

mod api;
#[cfg(test)]
#[path = "../../registries/tests/entrances.rs"]
mod entrances;
mod registry;
mod stack;
#[cfg(test)]
#[path = "../../registries/tests/tables.rs"]
mod tables;
#[cfg(test)]
mod tests;
mod usage;

use functions_aws::clients;
use functions_shared::{Failure, LambdaEvent, Variables, run_with};
use registries::custom_resource::Stacks;
use registries::entrances::answer;
use registry::Agents;
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;

async fn init(variables: Variables) -> Result<(Agents, Stacks), Failure> {
    Ok((Agents::new(&variables, &clients::aws().await)?, Stacks::default()))
}

async fn handle(made: Arc<(Agents, Stacks)>, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let (agents, stacks) = &*made;
    answer(agents, stacks, event).await
}

fn main() -> ExitCode {
    run_with(init, handle)
}
