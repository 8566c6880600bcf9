//! Does: deletes gateways, their targets first.

use super::row::GatewayRow;
use super::step::{self, Next};
use crate::audit::audit;
use crate::control::found;
use crate::deadline::Deadline;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::{Caller, Status};
use crate::table::{Stored, Written};
use functions_shared::Refusal;

impl Registry {
    /// Marks the row, then deletes what AgentCore has.
    pub(crate) async fn delete_gateway(&self, id: &str, caller: &Caller, deadline: Deadline) -> Result<Reply, Refusal> {
        let stored = self.live_gateway(id).await?;
        let before = stored.row.status().as_str();
        let stored = self.marked(stored, caller).await?;
        let stored = Box::pin(self.drive_gateway(stored, caller, deadline)).await?;
        audit("delete_gateway", id, caller, before, stored.row.status().as_str());
        Ok(Reply::deleted(&stored.row.common, stored.row.reply()))
    }

    /// The row as one that is to go.
    async fn marked(&self, mut stored: Stored<GatewayRow>, caller: &Caller) -> Result<Stored<GatewayRow>, Refusal> {
        loop {
            if matches!(stored.row.status(), Status::Deleting | Status::Deleted) {
                return Ok(stored);
            }
            let mut row = stored.row.clone();
            row.common.last_error = None;
            row.common.become_status(Status::Deleting, caller);
            match self.gateways.replace(&stored, row).await? {
                Written::Done(written) => return Ok(written),
                Written::Overtaken => stored = self.gateway_row(&stored.row.gateway_id).await?,
            }
        }
    }

    /// The next step of a row that is to go.
    pub(super) async fn step_to_deleted(
        &self,
        row: &GatewayRow,
        caller: &Caller,
        deadline: &Deadline,
    ) -> Result<Next, Refusal> {
        if let Some(row) = self.kept_by_tools(row, caller, deadline).await? {
            return Ok(Next::Stop(row));
        }
        let seen = match &row.agentcore_gateway_id {
            Some(id) => found(self.control.gateway(id).await),
            None => self.control.own_gateway(&row.metadata.name, &row.gateway_id).await,
        };
        Ok(match seen {
            // A creation was on its way, and had not written its id yet.
            Ok(Some(seen)) if row.agentcore_gateway_id.is_none() => {
                let mut row = row.clone();
                row.adopt(seen, caller);
                Next::Write(row)
            }
            seen => step::after_look_at_deletion(row, seen, caller),
        })
    }

    /// Deletes the gateway's tools. The row to be written if one of them stays.
    async fn kept_by_tools(
        &self,
        row: &GatewayRow,
        caller: &Caller,
        deadline: &Deadline,
    ) -> Result<Option<GatewayRow>, Refusal> {
        for stored in self.tools_of(&row.gateway_id).await? {
            if stored.row.status() == Status::Deleted {
                continue;
            }
            let removed = Box::pin(self.remove_tool(stored, caller, deadline.clone())).await?.row;
            if let Some(error) = removed.common.last_error {
                return Ok(Some(step::stopped(row.clone(), error, caller)));
            }
        }
        Ok(None)
    }

    /// The row to be written if AgentCore does not start to delete the gateway.
    pub(super) async fn begin_deletion(&self, row: &GatewayRow, caller: &Caller) -> Option<GatewayRow> {
        let id = row.agentcore_gateway_id.as_deref().unwrap_or_default();
        match self.control.delete_gateway(id).await {
            Ok(()) => None,
            Err(error) if error.is_not_found() => None,
            Err(error) => Some(step::stopped(row.clone(), error, caller)),
        }
    }
}
