//! The row of a gateway.

use crate::control::{GatewaySeen, WantedGateway};
use crate::rows::{Caller, Common, Status};
use crate::table::{Item, Row, text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A gateway as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GatewayRow {
    pub(crate) gateway_id: String,
    /// As soon as AgentCore has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agentcore_gateway_id: Option<String>,
    /// What was asked for.
    pub(crate) metadata: WantedGateway,
    /// What AgentCore said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agentcore: Option<GatewaySeen>,
    #[serde(flatten)]
    pub(crate) common: Common,
    /// The last change that was asked for, so that the same one again is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_update: Option<LastUpdate>,
}

/// A request that changed a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastUpdate {
    pub(crate) request_id: String,
    pub(crate) digest: String,
}

impl Row for GatewayRow {
    const KEY: &'static str = "gateway_id";
}

pub(crate) fn key(gateway_id: &str) -> Item {
    Item::from([("gateway_id".to_owned(), text(gateway_id))])
}

impl GatewayRow {
    pub(crate) fn status(&self) -> Status {
        self.common.status
    }

    /// What AgentCore has made for this row. Where it is to be gone already, a request was on its way when it was deleted.
    pub(crate) fn adopt(&mut self, seen: GatewaySeen, caller: &Caller) {
        self.agentcore_gateway_id = Some(seen.gateway_id.clone());
        self.see(seen);
        if self.status() == Status::Deleted {
            self.common.become_status(Status::Deleting, caller);
        }
    }

    /// What AgentCore says now.
    pub(crate) fn see(&mut self, seen: GatewaySeen) {
        self.agentcore = Some(seen);
        self.common.synced();
    }

    /// How agents' calls are let in, as rows of the registry of tools say it: by a token in a secret, unless everybody is.
    pub(crate) fn agents_auth(&self) -> Value {
        if self.metadata.authorizer_type == "NONE" {
            return json!({ "type": "none" });
        }
        let secret = format!("/ai-agent/gateways/{}", self.metadata.name);
        json!({ "type": "bearer", "secret_name": secret, "secret_key": "token" })
    }

    /// Both sides, as every reply has them.
    pub(crate) fn reply(&self) -> Value {
        let mut reply = json!({
            "gateway_id": self.gateway_id, "status": self.status(), "name": self.metadata.name,
            "description": self.metadata.description, "authorizer_type": self.metadata.authorizer_type,
            "agentcore": self.agentcore,
        });
        crate::reply::add_common(&mut reply, &self.common);
        reply
    }
}
