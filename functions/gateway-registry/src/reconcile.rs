//! Brings rows and gateways together after crashes, half-done deletions and changes by hand.
//!
//! A row that is on its way is driven on. An active one follows what AgentCore says, and agents' rows what their gateway says. A gateway that carries a deleted row's tag, because
//! its creation outlived the deletion, is deleted. Nothing else is: neither what has no tag of the registry, nor what has one without a
//! row, for then it is the table that lost something.

use crate::audit::audit;
use crate::control::{GatewaySeen, found};
use crate::deadline::Deadline;
use crate::gateways::{GatewayRow, drift, key};
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::{Caller, Status};
use crate::table::{Stored, Written};
use crate::tools::{self, Listing, ToolRow};
use functions_shared::Refusal;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

impl Registry {
    /// Does it, or only says what it would do.
    pub(crate) async fn reconcile(
        &self,
        is_dry_run: bool,
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let (listings, actions, is_cut) = (HashMap::new(), vec![], false);
        let mut reconciliation =
            Reconciliation { registry: self, is_dry_run, caller, deadline, listings, actions, is_cut };
        reconciliation.run().await?;
        let Reconciliation { actions, is_cut, .. } = reconciliation;
        Ok(Reply::new(200, json!({ "dry_run": is_dry_run, "actions": actions, "complete": !is_cut })))
    }
}

/// One run: what it does, or would do.
struct Reconciliation<'a> {
    registry: &'a Registry,
    is_dry_run: bool,
    caller: &'a Caller,
    deadline: Deadline,
    /// What gateways say of their tools; nothing of one that does not.
    listings: HashMap<String, Option<Listing>>,
    actions: Vec<Value>,
    /// Whether there was no time for all of it.
    is_cut: bool,
}

impl Reconciliation<'_> {
    async fn run(&mut self) -> Result<(), Refusal> {
        let rows = self.registry.gateways.all::<GatewayRow>().await?;
        // What a deleted row had is gone, or else its deletion is to be finished.
        let live = rows.iter().map(|stored| &stored.row).filter(|row| row.status() != Status::Deleted);
        let known: HashSet<_> = live.filter_map(|row| row.agentcore_gateway_id.clone()).collect();
        for stored in rows {
            if !self.deadline.has_time() {
                self.is_cut = true;
                return Ok(());
            }
            self.gateway(stored).await?;
        }
        self.strays(&known).await?;
        for stored in self.registry.tools.all::<ToolRow>().await? {
            if !self.deadline.has_time() {
                self.is_cut = true;
                return Ok(());
            }
            Box::pin(self.tool(stored)).await?;
        }
        Ok(())
    }

    async fn tool(&mut self, stored: Stored<ToolRow>) -> Result<(), Refusal> {
        let action = match stored.row.status() {
            Status::Pending if stored.row.common.is_younger_than(self.registry.grace) => return Ok(()),
            Status::Pending => "finish the creation",
            Status::Deleting => "finish the deletion",
            Status::Failed if stored.row.is_anything_left() => "remove what a failed tool left",
            Status::Active => return self.active_tool(stored).await,
            Status::Failed | Status::Deleted => return Ok(()),
        };
        let id = stored.row.tool_id.clone();
        let status = self.driven_tool(stored).await?;
        self.did(&id, action, status);
        Ok(())
    }

    async fn driven_tool(&self, stored: Stored<ToolRow>) -> Result<Status, Refusal> {
        if self.is_dry_run {
            return Ok(stored.row.status());
        }
        let driven = Box::pin(self.registry.drive_tool(stored, None, self.caller, self.deadline.clone()));
        Ok(driven.await?.row.status())
    }

    async fn active_tool(&mut self, stored: Stored<ToolRow>) -> Result<(), Refusal> {
        let id = stored.row.tool_id.clone();
        let gateway = self.registry.gateway_row(&stored.row.gateway_id).await?.row;
        let keys = (gateway.agentcore_gateway_id.as_deref(), stored.row.agentcore_target_id.as_deref());
        let (gateway_id, target) = (keys.0.unwrap_or_default(), keys.1.unwrap_or_default());
        let Ok(seen) = found(self.registry.control.target(gateway_id, target).await) else {
            self.did(&id, "none: AgentCore does not answer", stored.row.status());
            return Ok(());
        };
        let Some((action, row)) = tools::drift(&stored.row, seen, self.caller) else {
            return Box::pin(self.rows_of_agents(&stored.row, &gateway)).await;
        };
        if !self.is_dry_run && row.is_to_be_offered() {
            self.registry.offer(&row).await?;
        }
        let mut status = row.status();
        if !self.is_dry_run
            && let Written::Done(written) = self.registry.tools.replace(&stored, row).await?
        {
            status = self.driven_tool(written).await?;
        }
        self.did(&id, action, status);
        Ok(())
    }

    /// Agents' rows say what the gateway says of the tool, and how it lets agents in.
    async fn rows_of_agents(&mut self, row: &ToolRow, gateway: &GatewayRow) -> Result<(), Refusal> {
        if row.operations.is_empty() {
            return Ok(());
        }
        let auth = gateway.agents_auth();
        if !self.listings.contains_key(&gateway.gateway_id) {
            let url = gateway.agentcore.as_ref().and_then(|seen| seen.gateway_url.as_deref()).unwrap_or_default();
            let listing = self.registry.listing(url, &auth, &self.deadline).await;
            self.listings.insert(gateway.gateway_id.clone(), listing);
        }
        let listing = self.listings[&gateway.gateway_id].as_ref();
        let is_listed = listing.is_some();
        if self.registry.is_outdated(row, &auth, listing).await? {
            if !self.is_dry_run {
                self.registry.rewrite(row, &auth, listing).await?;
            }
            self.did(&row.tool_id, "the gateway describes it differently: update the agents' rows", row.status());
        }
        if !is_listed {
            self.did(&row.tool_id, "none: the gateway does not list its tools", row.status());
        }
        Ok(())
    }

    async fn gateway(&mut self, stored: Stored<GatewayRow>) -> Result<(), Refusal> {
        let action = match stored.row.status() {
            Status::Pending => "finish the creation",
            Status::Deleting => "finish the deletion",
            Status::Active => return self.active(stored).await,
            Status::Failed | Status::Deleted => return Ok(()),
        };
        let id = stored.row.gateway_id.clone();
        let status = self.driven(stored).await?;
        self.did(&id, action, status);
        Ok(())
    }

    /// How far a row is once it was driven on.
    async fn driven(&self, stored: Stored<GatewayRow>) -> Result<Status, Refusal> {
        if self.is_dry_run {
            return Ok(stored.row.status());
        }
        let driven = Box::pin(self.registry.drive_gateway(stored, self.caller, self.deadline.clone()));
        Ok(driven.await?.row.status())
    }

    async fn active(&mut self, stored: Stored<GatewayRow>) -> Result<(), Refusal> {
        let id = stored.row.gateway_id.clone();
        let agentcore_id = stored.row.agentcore_gateway_id.clone().unwrap_or_default();
        let Ok(seen) = found(self.registry.control.gateway(&agentcore_id).await) else {
            self.did(&id, "none: AgentCore does not answer", stored.row.status());
            return Ok(());
        };
        let Some((action, row)) = drift(&stored.row, seen, self.caller) else { return Ok(()) };
        let status = row.status();
        if !self.is_dry_run {
            // Overtaken by somebody who knows more: the next reconciliation sees what is left.
            self.registry.gateways.replace(&stored, row).await?;
        }
        self.did(&id, action, status);
        Ok(())
    }

    /// Gateways that no row knows by their id, but for deleted ones.
    async fn strays(&mut self, known: &HashSet<String>) -> Result<(), Refusal> {
        let Ok(gateways) = self.registry.control.gateways().await else {
            self.is_cut = true;
            return Ok(());
        };
        for (_, id) in gateways.into_iter().filter(|(_, id)| !known.contains(id)) {
            let Ok(Some(seen)) = found(self.registry.control.gateway(&id).await) else { continue };
            let Ok(Some(owner)) = self.registry.control.owner_of(&seen.gateway_arn).await else { continue };
            self.stray(&owner, seen).await?;
        }
        Ok(())
    }

    /// A gateway that was made for the row with the key `owner`.
    async fn stray(&mut self, owner: &str, seen: GatewaySeen) -> Result<(), Refusal> {
        let Some(stored) = self.registry.gateways.get::<GatewayRow>(key(owner)).await? else {
            self.report(owner, "none: AgentCore has a gateway for this row, but the table has no such row", "none");
            return Ok(());
        };
        let action = match (stored.row.status(), &stored.row.agentcore_gateway_id) {
            (Status::Deleted, Some(id)) if *id == seen.gateway_id => "finish the deletion",
            (_, None) => "take over a gateway that was made for this row",
            _ => return Ok(()),
        };
        let status = self.adopted(stored, seen).await?;
        self.did(owner, action, status);
        Ok(())
    }

    async fn adopted(&self, stored: Stored<GatewayRow>, seen: GatewaySeen) -> Result<Status, Refusal> {
        let mut row = stored.row.clone();
        row.adopt(seen, self.caller);
        if self.is_dry_run {
            return Ok(row.status());
        }
        match self.registry.gateways.replace(&stored, row).await? {
            Written::Done(written) => self.driven(written).await,
            Written::Overtaken => Ok(stored.row.status()),
        }
    }

    fn did(&mut self, id: &str, action: &str, status: Status) {
        if !self.is_dry_run {
            audit("reconcile", id, self.caller, action, status.as_str());
        }
        self.report(id, action, status.as_str());
    }

    fn report(&mut self, id: &str, action: &str, status: &str) {
        self.actions.push(json!({ "id": id, "action": action, "status": status }));
    }
}
