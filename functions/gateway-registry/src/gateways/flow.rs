//! Does: creates, reads and changes gateways, one step after the other, each written before the next.

use super::request::{GatewayChange, NewGateway};
use super::row::{GatewayRow, LastUpdate, key};
use super::step::{self, Next};
use crate::audit::audit;
use crate::control::{ControlError, ErrorKind, Own, WantedGateway, found};
use crate::deadline::Deadline;
use crate::identity;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::{Caller, Common, Status};
use crate::table::{Stored, Written};
use functions_shared::Refusal;

impl Registry {
    /// Writes the row, then asks AgentCore, then waits until the gateway is ready.
    pub(crate) async fn create_gateway(
        &self,
        new: NewGateway,
        who: Option<String>,
        deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let who = who.or(new.created_by).unwrap_or_else(|| "unknown".to_owned());
        let caller = Caller { who, request_id: new.request_id };
        let row = GatewayRow {
            gateway_id: identity::gateway_id(&caller.request_id),
            agentcore_gateway_id: None,
            metadata: new.wanted,
            agentcore: None,
            common: Common::asked(&caller, new.digest, new.team),
            last_update: None,
        };
        let (id, digest) = (row.gateway_id.clone(), row.common.request_digest.clone());
        let stored = match self.gateways.add(row).await? {
            Written::Done(stored) => stored,
            Written::Overtaken => self.same_request(&id, &digest).await?,
        };
        let stored = Box::pin(self.drive_gateway(stored, &caller, deadline)).await?;
        audit("create_gateway", &id, &caller, "none", stored.row.status().as_str());
        Ok(Reply::created(&stored.row.common, stored.row.reply()))
    }

    /// The row that the same request has made before.
    async fn same_request(&self, id: &str, digest: &str) -> Result<Stored<GatewayRow>, Refusal> {
        let stored = self.gateway_row(id).await?;
        if stored.row.common.request_digest == digest {
            return Ok(stored);
        }
        Err(Refusal::Conflict("this request_id was used with another request".to_owned()))
    }

    /// The row with this key, also of a gateway that was deleted.
    pub(crate) async fn gateway_row(&self, id: &str) -> Result<Stored<GatewayRow>, Refusal> {
        let stored = self.gateways.get(key(id)).await?;
        stored.ok_or_else(|| Refusal::NotFound(format!("there is no gateway {id}")))
    }

    /// The row with this key, unless it only stays for an audit.
    pub(crate) async fn live_gateway(&self, id: &str) -> Result<Stored<GatewayRow>, Refusal> {
        let stored = self.gateway_row(id).await?;
        match stored.row.status() {
            Status::Deleted => Err(Refusal::NotFound(format!("gateway {id} was deleted"))),
            _ => Ok(stored),
        }
    }

    /// Both sides as they are now.
    pub(crate) async fn get_gateway(&self, id: &str, is_audit: bool, caller: &Caller) -> Result<Reply, Refusal> {
        let mut row = if is_audit { self.gateway_row(id).await? } else { self.live_gateway(id).await? }.row;
        if let Some(agentcore_id) = &row.agentcore_gateway_id {
            match found(self.control.gateway(agentcore_id).await) {
                Ok(seen) => row.agentcore = seen,
                Err(error) => row.common.last_error = Some(error),
            }
        }
        audit("get_gateway", id, caller, row.status().as_str(), row.status().as_str());
        let mut body = row.reply();
        if is_audit {
            body["history"] = serde_json::json!(row.common.history);
        }
        Ok(Reply::new(200, body))
    }

    /// Asks AgentCore first, then writes the row.
    pub(crate) async fn update_gateway(
        &self,
        id: &str,
        change: GatewayChange,
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let stored = self.live_gateway(id).await?;
        let this = LastUpdate { request_id: change.request_id.clone(), digest: change.digest.clone() };
        match &stored.row.last_update {
            Some(last) if *last == this => return Ok(Reply::new(200, stored.row.reply())),
            Some(last) if last.request_id == this.request_id => {
                return Err(Refusal::Conflict("this request_id was used with another request".to_owned()));
            }
            _ => {}
        }
        let agentcore_id = active_id(&stored.row)?;
        let wanted = change.applied(&stored.row.metadata)?;
        let updated = self.control.update_gateway(&agentcore_id, &wanted, &self.role).await;
        let reply = self.settle_update(stored, wanted, this, updated.map(|_| ()), caller, deadline).await?;
        if reply.status == 200 {
            self.let_agents_in(id).await?;
        }
        audit("update_gateway", id, caller, "ACTIVE", reply.body["status"].as_str().unwrap_or_default());
        Ok(reply)
    }

    /// Agents' rows say how their gateway lets them in now.
    async fn let_agents_in(&self, id: &str) -> Result<(), Refusal> {
        let auth = self.gateway_row(id).await?.row.agents_auth();
        for stored in self.tools_of(id).await?.into_iter().filter(|stored| stored.row.status() == Status::Active) {
            self.rewrite(&stored.row, &auth, None).await?;
        }
        Ok(())
    }

    async fn settle_update(
        &self,
        stored: Stored<GatewayRow>,
        wanted: WantedGateway,
        this: LastUpdate,
        updated: Result<(), ControlError>,
        caller: &Caller,
        mut deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let mut row = stored.row.clone();
        let status = match updated {
            Err(error) => {
                let status = error.kind.status();
                row.common.fail(error, caller);
                status
            }
            Ok(()) => match self.updated_gateway(&row, &mut deadline).await {
                Ok(Some(seen)) if seen.is_ready() => {
                    (row.metadata, row.last_update) = (wanted, Some(this));
                    row.see(seen);
                    row.common.become_status(Status::Active, caller);
                    200
                }
                Ok(Some(seen)) if seen.status == "UPDATING" => {
                    row.see(seen);
                    202
                }
                Ok(seen) => {
                    row.common.status_reasons = seen.map(|seen| seen.status_reasons).unwrap_or_default();
                    row.common.fail(unsuccessful("UpdateGateway"), caller);
                    502
                }
                Err(error) => {
                    let status = error.kind.status();
                    row.common.fail(error, caller);
                    status
                }
            },
        };
        match self.gateways.replace(&stored, row).await? {
            Written::Done(stored) => Ok(Reply::new(status, stored.row.reply())),
            Written::Overtaken => Err(Refusal::Overtaken("the gateway".to_owned())),
        }
    }

    /// What AgentCore says once a change has ended, or when there is no time left.
    async fn updated_gateway(
        &self,
        row: &GatewayRow,
        deadline: &mut Deadline,
    ) -> Result<Option<crate::control::GatewaySeen>, ControlError> {
        let id = row.agentcore_gateway_id.as_deref().unwrap_or_default();
        loop {
            let seen = found(self.control.gateway(id).await)?;
            let is_on_its_way = seen.as_ref().is_some_and(|seen| seen.status == "UPDATING");
            if !is_on_its_way || !deadline.pause().await {
                return Ok(seen);
            }
        }
    }

    /// Takes the steps that a row's status asks for, until there are none or no time is left.
    pub(crate) async fn drive_gateway(
        &self,
        mut stored: Stored<GatewayRow>,
        caller: &Caller,
        mut deadline: Deadline,
    ) -> Result<Stored<GatewayRow>, Refusal> {
        loop {
            let next = match stored.row.status() {
                Status::Pending => self.step_to_active(&stored.row, caller).await,
                Status::Deleting => self.step_to_deleted(&stored.row, caller, &deadline).await?,
                Status::Active | Status::Failed | Status::Deleted => return Ok(stored),
            };
            let (row, is_end) = match next {
                Next::Write(row) => (row, false),
                Next::Stop(row) => (row, true),
                Next::Delete => match self.begin_deletion(&stored.row, caller).await {
                    None => continue,
                    Some(row) => (row, true),
                },
                Next::Wait if deadline.pause().await => continue,
                Next::Wait => return Ok(stored),
            };
            let adopted = row.agentcore.clone();
            match self.gateways.replace(&stored, row).await? {
                Written::Done(written) if is_end => return Ok(written),
                Written::Done(written) => stored = written,
                Written::Overtaken if deadline.has_time() => {
                    stored = self.overtaken(&stored.row.gateway_id, adopted, caller).await?;
                }
                Written::Overtaken => return Err(Refusal::Overtaken("the gateway".to_owned())),
            }
        }
    }

    async fn step_to_active(&self, row: &GatewayRow, caller: &Caller) -> Next {
        if let Some(id) = &row.agentcore_gateway_id {
            return step::after_look(row, found(self.control.gateway(id).await), caller);
        }
        let token = identity::client_token(&row.gateway_id);
        let own = Own { gateway_id: &row.gateway_id, token: &token };
        let made = match self.control.create_gateway(&row.metadata, &self.role, &own).await {
            // The name is taken, perhaps by what an earlier attempt made, whose token AgentCore has forgotten.
            Err(error) if error.kind == ErrorKind::Conflict => {
                let own = self.control.own_gateway(&row.metadata.name, &row.gateway_id).await;
                own.and_then(|own| own.ok_or(error))
            }
            made => made,
        };
        step::after_creation(row, made, caller)
    }

    /// Somebody else wrote the row. What was made for it meanwhile must not be forgotten, whatever its status is now.
    async fn overtaken(
        &self,
        id: &str,
        made: Option<crate::control::GatewaySeen>,
        caller: &Caller,
    ) -> Result<Stored<GatewayRow>, Refusal> {
        loop {
            let stored = self.gateway_row(id).await?;
            let (Some(made), None) = (&made, &stored.row.agentcore_gateway_id) else { return Ok(stored) };
            let mut row = stored.row.clone();
            row.adopt(made.clone(), caller);
            if let Written::Done(written) = self.gateways.replace(&stored, row).await? {
                return Ok(written);
            }
        }
    }
}

/// The id of a gateway that can be changed.
fn active_id(row: &GatewayRow) -> Result<String, Refusal> {
    match (row.status(), &row.agentcore_gateway_id) {
        (Status::Active, Some(id)) => Ok(id.clone()),
        (status, _) => {
            Err(Refusal::Conflict(format!("the gateway is {}, and only an ACTIVE one can be changed", status.as_str())))
        }
    }
}

/// AgentCore took a change and could not make it.
pub(crate) fn unsuccessful(operation: &str) -> ControlError {
    ControlError {
        operation: operation.to_owned(),
        error: "UPDATE_UNSUCCESSFUL".to_owned(),
        message: String::new(),
        kind: ErrorKind::Broken,
    }
}
