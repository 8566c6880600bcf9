//! Does: creates, reads and deletes tools.

use super::auth::Auth;
use super::creation::{Gateway, Material};
use super::hosts::hosts;
use super::request::{Source, ToolRequest, named, operation_names, warnings};
use super::row::{Progress, ToolRow, key};
use super::step::Next;
use crate::audit::audit;
use crate::control::{ApiKey, ApiKeyUse, OAuthUse, TargetKind, WantedTarget, found};
use crate::deadline::Deadline;
use crate::gateways::GatewayRow;
use crate::identity;
use crate::names::provider_of_tool;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::{Caller, Common, Status};
use crate::table::{Stored, Written};
use functions_shared::Refusal;
use openapi::Document;

impl Registry {
    /// Writes the row, stores the document, makes the provider and the target, and offers the operations to agents.
    pub(crate) async fn create_tool(
        &self,
        mut request: ToolRequest,
        who: Option<String>,
        deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let gateway = self.live_gateway(&request.gateway_id).await?;
        let caller = Caller {
            who: who.or(request.created_by.take()).unwrap_or_else(|| "unknown".to_owned()),
            request_id: request.request_id.clone(),
        };
        let id = identity::tool_id(&request.gateway_id, &request.request_id);
        let there = self.tools.get::<ToolRow>(key(&id, &request.gateway_id)).await?;
        let (stored, material) = match there {
            Some(there) => self.same_tool(there, request).await?,
            None => self.new_tool(id.clone(), request, &gateway.row, &caller).await?,
        };
        let stored = Box::pin(self.drive_tool(stored, Some(&material), &caller, deadline)).await?;
        audit("create_tool", &id, &caller, "none", stored.row.status().as_str());
        Ok(Reply::created(&stored.row.common, stored.row.reply()))
    }

    async fn new_tool(
        &self,
        id: String,
        request: ToolRequest,
        gateway: &GatewayRow,
        caller: &Caller,
    ) -> Result<(Stored<ToolRow>, Material), Refusal> {
        if gateway.status() != Status::Active {
            let status = gateway.status().as_str();
            return Err(Refusal::Conflict(format!("the gateway is {status}, and only an ACTIVE one takes tools")));
        }
        let (row, material) = self.described(id, request, caller).await?;
        let digest = row.common.request_digest.clone();
        let (tool_id, gateway_id) = (row.tool_id.clone(), row.gateway_id.clone());
        match self.tools.add(row).await? {
            Written::Done(stored) => Ok((stored, material)),
            Written::Overtaken => Ok((same(self.tool_row(&gateway_id, &tool_id).await?, &digest)?, material)),
        }
    }

    /// What an earlier request has made, if it was this one.
    async fn same_tool(
        &self,
        there: Stored<ToolRow>,
        request: ToolRequest,
    ) -> Result<(Stored<ToolRow>, Material), Refusal> {
        let there = same(there, &request.digest)?;
        if there.row.progress.is_prepared {
            return Ok((there, Material::of_key(key_of(request.auth))));
        }
        let material = self.material(request).await?.1;
        Ok((there, material))
    }

    /// The row that a request asks for, and what the row does not hold.
    async fn described(
        &self,
        id: String,
        request: ToolRequest,
        caller: &Caller,
    ) -> Result<(ToolRow, Material), Refusal> {
        let common = Common::asked(caller, request.digest.clone(), request.team.clone());
        let (gateway_id, name, description) =
            (request.gateway_id.clone(), request.tool_name.clone(), request.description.clone());
        let usage = self.usage(request.auth.as_ref(), &name, &id);
        let (source, material) = self.material(request).await?;
        let hosts = material.document.as_ref().map(hosts).unwrap_or_default();
        let spec_uri = self.specs.uri(&spec_key(&gateway_id, &name, &material.text));
        let (kind, (api_key, oauth), operations) = match &material.document {
            Some(document) => (TargetKind::OpenApi, usage, operation_names(&name, document)?),
            None => (TargetKind::Lambda(self.published_function()?), (None, None), vec![]),
        };
        if let Some(tokens) = &oauth {
            self.token_hosts.check(tokens, &hosts)?;
        }
        let metadata = WantedTarget { name, description, kind, spec_uri, api_key, oauth };
        let row = ToolRow {
            tool_id: id,
            gateway_id,
            agentcore_target_id: None,
            metadata,
            source: source.to_owned(),
            operations,
            hosts,
            warnings: material.document.as_ref().map(warnings).unwrap_or_default(),
            progress: Progress::default(),
            agentcore: None,
            common,
        };
        Ok((row, material))
    }

    /// By what the API knows the gateway: a key, or tokens.
    fn usage(&self, auth: Option<&Auth>, tool_name: &str, id: &str) -> (Option<ApiKeyUse>, Option<OAuthUse>) {
        let mut key = match auth {
            Some(Auth::OAuth { usage }) => return (None, Some(usage.clone())),
            Some(Auth::ApiKey { usage, .. }) => usage.clone(),
            None => Auth::placeholder(tool_name),
        };
        key.provider_name = provider_of_tool(&self.stage, &key.provider_name, id);
        (Some(key), None)
    }

    async fn material(&self, request: ToolRequest) -> Result<(&'static str, Material), Refusal> {
        let key = key_of(request.auth);
        match request.source {
            Source::Registry(names) => {
                let text = self.published_tools(&names).await?;
                Ok(("registry", Material { text, document: None, key: None }))
            }
            Source::Document(source, document) => Ok((source, Material::of_document(*document, key))),
            Source::Url(url) => Ok(("url", Material::of_document(self.fetched(&url).await?, key))),
        }
    }

    async fn fetched(&self, url: &str) -> Result<Document, Refusal> {
        let refused = |reason: String| Refusal::invalid("openapi_spec_url", reason);
        let page = self.guard.get(url, &[]).await.map_err(|error| refused(error.to_string()))?;
        if !page.status.is_success() {
            return Err(refused(format!("answers {}", page.status.as_u16())));
        }
        Document::read(&page.body).map_err(|mistake| named("openapi_spec_url", &mistake))
    }

    /// The row with these keys, also of a tool that was deleted.
    pub(crate) async fn tool_row(&self, gateway_id: &str, id: &str) -> Result<Stored<ToolRow>, Refusal> {
        let stored = self.tools.get(key(id, gateway_id)).await?;
        stored.ok_or_else(|| Refusal::NotFound(format!("gateway {gateway_id} has no tool {id}")))
    }

    /// The row with these keys, unless it only stays for an audit.
    pub(crate) async fn live_tool(&self, gateway_id: &str, id: &str) -> Result<Stored<ToolRow>, Refusal> {
        let stored = self.tool_row(gateway_id, id).await?;
        match stored.row.status() {
            Status::Deleted => Err(Refusal::NotFound(format!("tool {id} was deleted"))),
            _ => Ok(stored),
        }
    }

    /// Both sides as they are now.
    pub(crate) async fn get_tool(
        &self,
        gateway_id: &str,
        id: &str,
        is_audit: bool,
        caller: &Caller,
    ) -> Result<Reply, Refusal> {
        let stored =
            if is_audit { self.tool_row(gateway_id, id).await? } else { self.live_tool(gateway_id, id).await? };
        let mut row = stored.row;
        let gateway = self.gateway_row(gateway_id).await?.row;
        if let (Some(gateway), Some(target)) = (&gateway.agentcore_gateway_id, &row.agentcore_target_id) {
            match found(self.control.target(gateway, target).await) {
                Ok(seen) => row.agentcore = seen,
                Err(error) => row.common.last_error = Some(error),
            }
        }
        audit("get_tool", id, caller, row.status().as_str(), row.status().as_str());
        let mut body = row.reply();
        if is_audit {
            body["history"] = serde_json::json!(row.common.history);
        }
        Ok(Reply::new(200, body))
    }

    /// Marks the row, then deletes what AgentCore has.
    pub(crate) async fn delete_tool(
        &self,
        gateway_id: &str,
        id: &str,
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let stored = self.live_tool(gateway_id, id).await?;
        let before = stored.row.status().as_str();
        let stored = Box::pin(self.remove_tool(stored, caller, deadline)).await?;
        audit("delete_tool", id, caller, before, stored.row.status().as_str());
        Ok(Reply::deleted(&stored.row.common, stored.row.reply()))
    }

    /// The row as one that is to go, as far as it goes.
    pub(crate) async fn remove_tool(
        &self,
        mut stored: Stored<ToolRow>,
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<Stored<ToolRow>, Refusal> {
        while !matches!(stored.row.status(), Status::Deleting | Status::Deleted) {
            let mut row = stored.row.clone();
            row.common.last_error = None;
            row.common.become_status(Status::Deleting, caller);
            stored = match self.tools.replace(&stored, row).await? {
                Written::Done(written) => written,
                Written::Overtaken => self.tool_row(&stored.row.gateway_id, &stored.row.tool_id).await?,
            };
        }
        Box::pin(self.drive_tool(stored, None, caller, deadline)).await
    }

    /// Takes the steps that a row's status asks for, until there are none or no time is left.
    pub(crate) async fn drive_tool(
        &self,
        mut stored: Stored<ToolRow>,
        material: Option<&Material>,
        caller: &Caller,
        mut deadline: Deadline,
    ) -> Result<Stored<ToolRow>, Refusal> {
        let gateway = self.gateway_row(&stored.row.gateway_id).await?.row;
        loop {
            let (row, is_end) = match self.next_step(&stored.row, &gateway, material, caller, &deadline).await? {
                Next::Write(row) => (row, false),
                Next::Stop(row) => (row, true),
                Next::Wait if deadline.pause().await => continue,
                Next::Wait | Next::Settled => return Ok(stored),
            };
            let made = row.agentcore.clone();
            match self.tools.replace(&stored, row).await? {
                Written::Done(written) if is_end => return Ok(written),
                Written::Done(written) => stored = written,
                Written::Overtaken if deadline.has_time() => {
                    stored = self.overtaken_tool(&stored.row, made, caller).await?;
                    if !matches!(stored.row.status(), Status::Pending | Status::Active) {
                        self.withdraw(&stored.row).await?;
                    }
                }
                Written::Overtaken => return Err(Refusal::Overtaken("the tool".to_owned())),
            }
        }
    }

    async fn next_step(
        &self,
        row: &ToolRow,
        gateway: &GatewayRow,
        material: Option<&Material>,
        caller: &Caller,
        deadline: &Deadline,
    ) -> Result<Next, Refusal> {
        let id = gateway.agentcore_gateway_id.as_deref();
        match (row.status(), id, &gateway.agentcore) {
            (Status::Pending, Some(id), Some(seen)) => {
                let url = seen.gateway_url.as_deref().unwrap_or_default();
                let gateway = Gateway { id, url, auth: &gateway.agents_auth() };
                self.step_to_active_tool(row, &gateway, material, caller, deadline).await
            }
            (Status::Deleting | Status::Failed, id, _) => self.step_to_cleared(row, id, caller).await,
            (Status::Active | Status::Deleted, ..) => Ok(Next::Settled),
            (Status::Pending, ..) => Ok(Next::Write(super::step::gone(row.clone(), caller))),
        }
    }

    /// Somebody else wrote the row. What was made for it meanwhile must not be forgotten, whatever its status is now.
    async fn overtaken_tool(
        &self,
        row: &ToolRow,
        made: Option<crate::control::TargetSeen>,
        caller: &Caller,
    ) -> Result<Stored<ToolRow>, Refusal> {
        loop {
            let stored = self.tool_row(&row.gateway_id, &row.tool_id).await?;
            let is_known = stored.row.agentcore_target_id.is_some() || row.agentcore_target_id.is_some();
            let Some(made) = made.as_ref().filter(|_| !is_known) else { return Ok(stored) };
            let mut row = stored.row.clone();
            row.adopt(made.clone(), caller);
            if let Written::Done(written) = self.tools.replace(&stored, row).await? {
                return Ok(written);
            }
        }
    }
}

/// For an API that takes none, the placeholder.
fn key_of(auth: Option<Auth>) -> ApiKey {
    match auth {
        Some(Auth::ApiKey { key, .. }) => key,
        Some(Auth::OAuth { .. }) | None => ApiKey::placeholder(),
    }
}

fn same(there: Stored<ToolRow>, digest: &str) -> Result<Stored<ToolRow>, Refusal> {
    if there.row.common.request_digest == digest {
        return Ok(there);
    }
    Err(Refusal::Conflict("this request_id was used with another request".to_owned()))
}

/// `gateways/{gateway_id}/tools/{tool_name}/{epoch}-{hex}.json`
pub(super) fn spec_key(gateway_id: &str, tool_name: &str, text: &str) -> String {
    let epoch = jiff::Timestamp::now().as_second();
    let hex: String = identity::digest(&text.into()).chars().take(16).collect();
    format!("gateways/{gateway_id}/tools/{tool_name}/{epoch}-{hex}.json")
}
