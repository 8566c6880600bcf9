//! What both entrances ask for: the table of tools, and of the agents that may use them.

use crate::schema;
use aws_sdk_dynamodb::Client;
use functions_aws::SdkConfig;
use functions_shared::{Context, Failure, Refusal, VariableError, Variables};
use registries::agents::AgentRegistry;
use registries::rows::Stored;
use registries::tools::{FunctionArn, Tool, ToolRegistry};
use serde_json::Value;
use std::sync::Arc;

/// Both tables.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) registry: ToolRegistry,
    agents: AgentRegistry,
}

/// The registry where it runs: only functions of that account and region are tools.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) tools: Arc<Tools>,
    here: FunctionArn,
}

impl Tools {
    /// As the variables say.
    pub(crate) fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, VariableError> {
        Self::with(variables, &Client::new(aws))
    }

    /// The same with a client of one's own.
    pub(crate) fn with(variables: &Variables, client: &Client) -> Result<Self, VariableError> {
        Ok(Self {
            registry: ToolRegistry::new(client.clone(), variables.required("TOOL_REGISTRY_TABLE_NAME")?),
            agents: AgentRegistry::new(client.clone(), variables.required("AGENT_REGISTRY_TABLE_NAME")?),
        })
    }

    /// Deletes a tool that no active agent calls.
    pub(crate) async fn delete(&self, there: &Stored<Tool>) -> Result<(), Refusal> {
        let name = &there.row.tool_name;
        let users = self.agents.users_of(name).await?;
        if users.is_empty() {
            return self.registry.delete(there).await;
        }
        Err(Refusal::Conflict(format!("tool {name} is used by active agents: {}", users.join(", "))))
    }
}

impl Site {
    /// The place is the invoked function's own.
    pub(crate) fn of(tools: &Arc<Tools>, context: &Context) -> Result<Self, Failure> {
        let here = FunctionArn::read("the invoked function", &context.invoked_function_arn)?;
        Ok(Self { tools: Arc::clone(tools), here })
    }

    /// The tool that `body` describes, with schemas that are ones.
    pub(crate) fn described(&self, body: Value) -> Result<Tool, Refusal> {
        let tool = Tool::registered(body, &self.here)?;
        schema::check_input("input_schema", &tool.input_schema)?;
        schema::check("output_schema", &tool.output_schema)?;
        Ok(tool)
    }
}
