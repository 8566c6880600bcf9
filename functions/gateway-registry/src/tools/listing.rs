//! Does: asks a gateway for its tools, through the function that calls them for agents, and lets the rows of agents follow.
//!
//! AgentCore may word an operation otherwise than its document does. The model sees what the row says, and a call of a tool that the
//! gateway describes otherwise is refused: so the row says what the gateway says.

use super::creation::Gateway;
use super::row::{OperationName, ToolRow};
use super::rows::again;
use crate::deadline::Deadline;
use crate::registry::Registry;
use aws_sdk_lambda::primitives::Blob;
use functions_aws::sdk_errors::reason;
use functions_shared::Refusal;
use registries::tools::{Auth, Described};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a gateway says of its tools, by their names there.
pub(crate) type Listing = BTreeMap<String, Described>;

#[derive(Deserialize)]
struct Listed {
    tools: Vec<ListedTool>,
}

#[derive(Deserialize)]
struct ListedTool {
    remote_name: String,
    #[serde(flatten)]
    described: Described,
}

impl Registry {
    /// What the gateway says of its tools. `None` if it does not say so in time: why is in the log.
    pub(crate) async fn listing(&self, url: &str, auth: &Value, deadline: &Deadline) -> Option<Listing> {
        let asked = deadline.within(Box::pin(self.asked(url, auth))).await.unwrap_or_else(|| Err("Timeout".to_owned()));
        asked.inspect_err(|reason| tracing::warn!(url, reason, "a gateway does not list its tools")).ok()
    }

    async fn asked(&self, url: &str, auth: &Value) -> Result<Listing, String> {
        let payload = Blob::new(json!({ "type": "list", "endpoint": url, "auth": auth }).to_string());
        let invoke = self.functions.invoke().function_name(self.mcp_client.to_string()).payload(payload);
        let returned = invoke.send().await.map_err(|error| reason(&error).to_owned())?;
        if let Some(kind) = returned.function_error {
            return Err(kind);
        }
        let returned = returned.payload.map(Blob::into_inner).unwrap_or_default();
        let listed: Listed =
            serde_json::from_slice(&returned).map_err(|_| "its list of tools is invalid".to_owned())?;
        Ok(listed.tools.into_iter().map(|tool| (tool.remote_name, tool.described)).collect())
    }

    /// Brings the rows of agents to what the gateway says.
    pub(super) async fn follow(
        &self,
        row: &ToolRow,
        gateway: &Gateway<'_>,
        deadline: &Deadline,
    ) -> Result<(), Refusal> {
        if row.operations.is_empty() {
            return Ok(());
        }
        let listing = self.listing(gateway.url, gateway.auth, deadline).await;
        self.rewrite(row, gateway.auth, listing.as_ref()).await
    }

    /// Whether a row of agents is not as the gateway has the tool: how it is called, and, if the gateway was asked, what it says.
    pub(crate) async fn is_outdated(
        &self,
        row: &ToolRow,
        auth: &Value,
        listing: Option<&Listing>,
    ) -> Result<bool, Refusal> {
        for name in &row.operations {
            let there = self.agents_tools.find(&name.tool_name).await?;
            let Some(own) = there.filter(|there| there.owner == Some(row.owner())) else { continue };
            if own.row.followed(&read(auth), said(listing, &name.remote_name)).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Brings the rows of agents there. What no row can hold stays as it is, so that its calls are refused.
    pub(crate) async fn rewrite(&self, row: &ToolRow, auth: &Value, listing: Option<&Listing>) -> Result<(), Refusal> {
        let (owner, auth) = (row.owner(), read(auth));
        for OperationName { tool_name, remote_name } in &row.operations {
            let said = said(listing, remote_name);
            match again!(self.agents_tools.follow(tool_name, &owner, &auth, said).await) {
                Err(Refusal::TooLarge(reason)) => {
                    tracing::warn!(tool_name, reason, "an agent tool's row was not updated");
                }
                followed => drop(followed?),
            }
        }
        Ok(())
    }
}

fn said<'a>(listing: Option<&'a Listing>, remote_name: &str) -> Option<&'a Described> {
    listing.and_then(|listing| listing.get(remote_name))
}

fn read(auth: &Value) -> Auth {
    serde_json::from_value(auth.clone()).expect("BUG: what a gateway's row says is one")
}
