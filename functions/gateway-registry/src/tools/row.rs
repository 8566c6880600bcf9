//! The row of a tool.

use crate::control::{TargetSeen, WantedTarget};
use crate::rows::{Caller, Common, Status};
use crate::table::{Item, Row, text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A tool as the table holds it: a target of AgentCore, with one operation or many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolRow {
    pub(crate) tool_id: String,
    pub(crate) gateway_id: String,
    /// As soon as AgentCore has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agentcore_target_id: Option<String>,
    /// What was asked for.
    pub(crate) metadata: WantedTarget,
    /// `file`, `url`, `api-info`, `spec` or `registry`.
    pub(crate) source: String,
    /// What agents call its operations; none of a tool that agents have anyway.
    #[serde(default)]
    pub(crate) operations: Vec<OperationName>,
    /// Where its document sends calls, and so the tool's credentials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hosts: Vec<String>,
    /// What AgentCore may not understand of its document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    pub(crate) progress: Progress,
    /// What AgentCore said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agentcore: Option<TargetSeen>,
    #[serde(flatten)]
    pub(crate) common: Common,
}

/// One operation, by both its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OperationName {
    /// Of the row in the registry of tools.
    pub(crate) tool_name: String,
    /// `target___operationId`, as the gateway calls it.
    pub(crate) remote_name: String,
}

/// Which steps were done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The document is stored, and rows of agents' tools are reserved.
    #[serde(default)]
    pub(crate) is_prepared: bool,
    #[serde(default)]
    pub(crate) provider: ProviderStep,
    /// Agents may have the tools.
    #[serde(default)]
    pub(crate) is_offered: bool,
}

/// How far the provider of the API key is. It is the registry's to delete once it is intended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProviderStep {
    #[default]
    None,
    /// There was none with its name, so one that is there now was made for this row.
    Intended,
    /// It has this ARN.
    Made(String),
}

impl Row for ToolRow {
    const KEY: &'static str = "tool_id";
}

pub(crate) fn key(tool_id: &str, gateway_id: &str) -> Item {
    Item::from([("tool_id".to_owned(), text(tool_id)), ("gateway_id".to_owned(), text(gateway_id))])
}

impl ToolRow {
    pub(crate) fn status(&self) -> Status {
        self.common.status
    }

    /// Who owns its rows in the registry of tools.
    pub(crate) fn owner(&self) -> String {
        format!("gateway-registry:{}:{}", self.gateway_id, self.tool_id)
    }

    /// Whether AgentCore or the registry of tools may still have something of it.
    pub(crate) fn is_anything_left(&self) -> bool {
        let is_made = self.agentcore_target_id.is_some() || self.progress.provider != ProviderStep::None;
        is_made || self.progress.is_offered
    }

    /// Whether a change has ended whose new operations agents do not have yet.
    pub(crate) fn is_to_be_offered(&self) -> bool {
        self.status() == Status::Active && self.progress.is_offered && !self.operations.is_empty()
    }

    pub(crate) fn provider_arn(&self) -> Option<&str> {
        match &self.progress.provider {
            ProviderStep::Made(arn) => Some(arn),
            _ => None,
        }
    }

    /// What AgentCore has made for this row. Where it is to be gone already, a request was on its way when it was deleted.
    pub(crate) fn adopt(&mut self, seen: TargetSeen, caller: &Caller) {
        self.agentcore_target_id = Some(seen.target_id.clone());
        self.see(seen);
        if self.status() == Status::Deleted {
            self.common.become_status(Status::Deleting, caller);
        }
    }

    /// What AgentCore says now.
    pub(crate) fn see(&mut self, seen: TargetSeen) {
        self.agentcore = Some(seen);
        self.common.synced();
    }

    /// Both sides, as every reply has them.
    pub(crate) fn reply(&self) -> Value {
        let mut reply = json!({
            "tool_id": self.tool_id, "gateway_id": self.gateway_id, "status": self.status(),
            "tool_name": self.metadata.name, "description": self.metadata.description, "source": self.source,
            "openapi_spec_path": self.metadata.spec_uri, "api_key": self.metadata.api_key,
            "oauth": self.metadata.oauth, "hosts": self.hosts,
            "operations": self.operations, "warnings": self.warnings, "agentcore": self.agentcore,
        });
        crate::reply::add_common(&mut reply, &self.common);
        reply
    }
}
