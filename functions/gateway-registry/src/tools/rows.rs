//! Rows of the registry of tools: what agents may call of a gateway. Each is reserved before AgentCore hears of it, active with the
//! target, and disabled when that goes.

use super::row::ToolRow;
use crate::registry::Registry;
use crate::rows::Status;
use functions_shared::Refusal;
use openapi::{Document, Operation};
use registries::rows::Stored;
use registries::tools::{Tool, ToolStatus};
use serde_json::{Value, json};

/// Who registered a row, if the registry of gateways did: behind it, the keys of gateway and tool.
const OWNER: &str = "gateway-registry:";

/// How often another request at the same row may be faster.
pub(super) const MOST_ATTEMPTS: usize = 50;

/// Does it again while somebody else changes the same row: what they did is looked at first. A closure's future would not be `Send`.
macro_rules! again {
    ($attempt:expr) => {{
        let mut left = $crate::tools::rows::MOST_ATTEMPTS;
        loop {
            match $attempt {
                Err(Refusal::Overtaken(_)) if left > 0 => left -= 1,
                done => break done,
            }
        }
    }};
}
pub(super) use again;

impl Registry {
    /// Writes a disabled row for each operation; a name that somebody else has is a conflict.
    pub(super) async fn reserve(
        &self,
        row: &ToolRow,
        endpoint: &str,
        auth: &Value,
        document: &Document,
    ) -> Result<(), Refusal> {
        for (operation, name) in document.operations().iter().zip(&row.operations) {
            let body = json!({
                "tool_name": name.tool_name, "description": operation.description,
                "input_schema": operation.input_schema, "lambda_arn": self.mcp_client.to_string(),
                "transport": "mcp", "endpoint": endpoint, "auth": auth, "remote_name": name.remote_name,
                "language": "mcp", "author": row.common.created_by.chars().take(256).collect::<String>(),
                "status": "disabled", "tags": tags(row, operation),
            });
            let tool = Tool { withheld: Some(ToolStatus::Active), ..Tool::registered(body, &self.mcp_client)? };
            again!(self.register(tool.clone(), &row.owner()).await)?;
        }
        Ok(())
    }

    /// Over its own row, whose status stays, or over one of a tool that is gone.
    async fn register(&self, tool: Tool, owner: &str) -> Result<(), Refusal> {
        let there = self.agents_tools.find(&tool.tool_name).await?;
        let is_left_over = match &there {
            Some(there) => there.owner.as_deref() != Some(owner) && self.is_left_over(there).await?,
            None => false,
        };
        if let Some(there) = there.filter(|_| is_left_over) {
            self.agents_tools.delete(&there).await?;
        }
        self.agents_tools.register(tool, owner, true).await.map(|_| ())
    }

    /// Whether a row is of a tool of a gateway that is no more.
    async fn is_left_over(&self, there: &Stored<Tool>) -> Result<bool, Refusal> {
        let keys = there.owner.as_deref().and_then(|owner| owner.strip_prefix(OWNER)?.split_once(':'));
        let Some((gateway_id, tool_id)) = keys else { return Ok(false) };
        let owner = self.tools.get::<ToolRow>(super::row::key(tool_id, gateway_id)).await?;
        Ok(owner.is_none_or(|owner| matches!(owner.row.status(), Status::Deleted | Status::Failed)))
    }

    /// Agents may have the tools as before they were withdrawn, except those that a person has disabled.
    pub(crate) async fn offer(&self, row: &ToolRow) -> Result<(), Refusal> {
        for name in &row.operations {
            again!(self.agents_tools.release(&name.tool_name, &row.owner()).await)?;
        }
        Ok(())
    }

    /// They may not any more.
    pub(super) async fn withdraw(&self, row: &ToolRow) -> Result<(), Refusal> {
        for name in &row.operations {
            again!(self.agents_tools.withhold(&name.tool_name, &row.owner()).await)?;
        }
        Ok(())
    }
}

fn tags(row: &ToolRow, operation: &Operation) -> Value {
    json!(["gateway", row.metadata.name, operation.method])
}
