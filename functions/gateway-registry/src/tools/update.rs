//! Does: changes a tool. AgentCore is asked first, then the row is written.

use super::auth::Auth;
use super::creation::Gateway;
use super::flow::spec_key;
use super::hosts::{foreign, hosts};
use super::request::{description, inline, operation_names, warnings};
use super::row::ToolRow;
use crate::audit::audit;
use crate::control::{ApiKeyUse, ControlError, ErrorKind, OAuthUse, TargetSeen, WantedTarget, found};
use crate::deadline::Deadline;
use crate::identity;
use crate::names::provider_of_tool;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::{Caller, Status};
use crate::table::{Stored, Written};
use functions_shared::Refusal;
use http_api::fields::Fields;
use openapi::Document;
use serde_json::Value;

/// A change of a tool. What is left out stays: its document, its key.
#[derive(Debug)]
pub(crate) struct ToolChange {
    description: Option<String>,
    document: Option<Document>,
    auth: Option<Auth>,
    pub(crate) request_id: String,
}

impl ToolChange {
    /// `{description, openapi_spec, auth, request_id}`; `target_name` may be there, if it is the name.
    pub(crate) fn read(body: Value, name: &str) -> Result<Self, Refusal> {
        let mut fields = Fields::of_body(body)?;
        match fields.text("target_name")? {
            Some(other) if other != name => {
                return Err(fields.refuse("target_name", "cannot be changed: agents' tools are named after it"));
            }
            _ => {}
        }
        let description = description(&mut fields)?;
        let document = fields.take("openapi_spec").map(|spec| inline("openapi_spec", spec)).transpose()?;
        let auth = Auth::read(&mut fields)?;
        let request_id = identity::request_id(fields.text("request_id")?)?;
        fields.finish()?;
        Ok(Self { description, document, auth, request_id })
    }
}

impl Registry {
    /// Stores a new document, replaces a key, then changes the target.
    pub(crate) async fn update_tool(
        &self,
        stored: Stored<ToolRow>,
        change: ToolChange,
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let gateway = self.live_gateway(&stored.row.gateway_id).await?.row;
        let (Status::Active, Some(target), Some(gateway_id), Some(seen)) = (
            stored.row.status(),
            stored.row.agentcore_target_id.clone(),
            &gateway.agentcore_gateway_id,
            &gateway.agentcore,
        ) else {
            let status = stored.row.status().as_str();
            return Err(Refusal::Conflict(format!("the tool is {status}, and only an ACTIVE one can be changed")));
        };
        self.check_hosts(&stored.row, &change)?;
        let mut row = stored.row.clone();
        let url = seen.gateway_url.as_deref().unwrap_or_default();
        let place = Gateway { id: gateway_id, url, auth: &gateway.agents_auth() };
        let has_document = change.document.is_some();
        if let Err(error) = self.applied(&mut row, change, &place).await? {
            return self.not_updated(&stored, error, caller).await;
        }
        let updated = self.updated_target(gateway_id, &target, &row, deadline.clone()).await;
        match &updated {
            Ok(Some(seen)) if seen.is_ready() => Box::pin(self.follow(&row, &place, &deadline)).await?,
            Ok(Some(seen)) if seen.status == "UPDATING" => {}
            // The target is as it was, and so are its tools.
            _ if has_document => {
                Box::pin(self.follow(&stored.row, &place, &deadline)).await?;
                self.offer(&stored.row).await?;
            }
            _ => {}
        }
        let reply = self.settled_update(stored, row, updated, caller).await?;
        audit("update_tool", &target, caller, "ACTIVE", reply.body["status"].as_str().unwrap_or_default());
        Ok(reply)
    }

    /// Refuses a change after which credentials would go to hosts that they are not for.
    fn check_hosts(&self, row: &ToolRow, change: &ToolChange) -> Result<(), Refusal> {
        let new = change.document.as_ref().map(hosts);
        let (tokens, is_new) = match &change.auth {
            // It brings the key that goes to new hosts.
            Some(Auth::ApiKey { .. }) => return Ok(()),
            Some(Auth::OAuth { usage }) => (Some(usage), true),
            None => (row.metadata.oauth.as_ref(), false),
        };
        if let Some(tokens) = tokens.filter(|_| is_new || new.is_some()) {
            return self.token_hosts.check(tokens, new.as_ref().unwrap_or(&row.hosts));
        }
        let has_key = row.metadata.api_key.as_ref().is_some_and(|key| !key.is_placeholder);
        match foreign(row, new.as_deref().unwrap_or_default()).filter(|_| has_key) {
            Some(host) => Err(Refusal::invalid(
                "openapi_spec",
                format!("sends the tool's key to {host}, where its document did not: give the key too, as `auth`"),
            )),
            None => Ok(()),
        }
    }

    /// The row as it is to be, with document and key where they belong.
    async fn applied(
        &self,
        row: &mut ToolRow,
        change: ToolChange,
        gateway: &Gateway<'_>,
    ) -> Result<Result<(), ControlError>, Refusal> {
        if let Some(description) = change.description {
            row.metadata.description = Some(description);
        }
        if let Some(auth) = change.auth
            && let Err(error) = self.authorized(row, auth).await?
        {
            return Ok(Err(error));
        }
        if let Some(document) = change.document {
            self.replace_document(row, &document, gateway).await?;
        }
        Ok(Ok(()))
    }

    /// A tool that has a key gets another one, and one that has tokens other tokens.
    async fn authorized(&self, row: &mut ToolRow, auth: Auth) -> Result<Result<(), ControlError>, Refusal> {
        let wanted = &mut row.metadata;
        match (auth, &wanted.api_key) {
            (Auth::ApiKey { usage, key }, Some(own)) if self.is_own(&usage, own, &row.tool_id) => {
                let replaced = self.control.replace_key(&own.provider_name, &key).await;
                wanted.api_key = Some(ApiKeyUse { provider_name: own.provider_name.clone(), ..usage });
                Ok(replaced)
            }
            (Auth::ApiKey { .. }, _) => {
                Err(Refusal::invalid("auth.provider_name", "must be the tool's own, whose key is replaced"))
            }
            (Auth::OAuth { usage }, _) if wanted.oauth.is_some() => {
                let arn = match self.control.token_provider(&usage.provider_name).await {
                    Ok(arn) => arn,
                    Err(error) => return Ok(Err(error)),
                };
                wanted.oauth = Some(OAuthUse { provider_arn: Some(arn), ..usage });
                Ok(Ok(()))
            }
            (Auth::OAuth { .. }, _) => Err(Refusal::invalid("auth.type", "must be that of the tool")),
        }
    }

    /// Whether a request names the tool's provider: as the request that made the tool did, or as AgentCore does.
    fn is_own(&self, asked: &ApiKeyUse, own: &ApiKeyUse, tool_id: &str) -> bool {
        let name = &asked.provider_name;
        *name == own.provider_name || provider_of_tool(&self.stage, name, tool_id) == own.provider_name
    }

    async fn replace_document(
        &self,
        row: &mut ToolRow,
        document: &Document,
        gateway: &Gateway<'_>,
    ) -> Result<(), Refusal> {
        let operations = operation_names(&row.metadata.name, document)?;
        let text = document.to_json();
        let key = spec_key(&row.gateway_id, &row.metadata.name, &text);
        self.specs.put(&key, &text).await?;
        let gone = row.operations.iter().filter(|name| !operations.contains(name)).cloned().collect();
        self.withdraw(&ToolRow { operations: gone, ..row.clone() }).await?;
        row.metadata.spec_uri = self.specs.uri(&key);
        row.operations = operations;
        row.hosts = hosts(document);
        row.warnings = warnings(document);
        self.reserve(row, gateway.url, gateway.auth, document).await
    }

    /// What AgentCore says once the change has ended, or when there is no time left.
    async fn updated_target(
        &self,
        gateway: &str,
        target: &str,
        row: &ToolRow,
        mut deadline: Deadline,
    ) -> Result<Option<TargetSeen>, ControlError> {
        let wanted: &WantedTarget = &row.metadata;
        self.control.update_target(gateway, target, wanted, row.provider_arn()).await?;
        loop {
            let seen = found(self.control.target(gateway, target).await)?;
            let is_on_its_way = seen.as_ref().is_some_and(|seen| seen.status == "UPDATING");
            if !is_on_its_way || !deadline.pause().await {
                return Ok(seen);
            }
        }
    }

    async fn settled_update(
        &self,
        stored: Stored<ToolRow>,
        mut row: ToolRow,
        updated: Result<Option<TargetSeen>, ControlError>,
        caller: &Caller,
    ) -> Result<Reply, Refusal> {
        let status = match updated {
            Ok(Some(seen)) if seen.is_ready() => {
                self.offer(&row).await?;
                row = super::step::active(&row, seen, caller);
                200
            }
            Ok(Some(seen)) if seen.status == "UPDATING" => {
                row.progress.is_offered = false;
                row.see(seen);
                202
            }
            Ok(seen) => {
                row = stored.row.clone();
                row.common.status_reasons = seen.map(|seen| seen.status_reasons).unwrap_or_default();
                row.common.fail(unsuccessful(), caller);
                502
            }
            Err(error) => return self.not_updated(&stored, error, caller).await,
        };
        match self.tools.replace(&stored, row).await? {
            Written::Done(stored) => Ok(Reply::new(status, stored.row.reply())),
            Written::Overtaken => Err(Refusal::Overtaken("the tool".to_owned())),
        }
    }

    async fn not_updated(
        &self,
        stored: &Stored<ToolRow>,
        error: ControlError,
        caller: &Caller,
    ) -> Result<Reply, Refusal> {
        let status = error.kind.status();
        let mut row = stored.row.clone();
        row.common.fail(error, caller);
        match self.tools.replace(stored, row).await? {
            Written::Done(stored) => Ok(Reply::new(status, stored.row.reply())),
            Written::Overtaken => Err(Refusal::Overtaken("the tool".to_owned())),
        }
    }
}

/// AgentCore took a change and could not make it.
fn unsuccessful() -> ControlError {
    ControlError {
        operation: "UpdateGatewayTarget".to_owned(),
        error: "UPDATE_UNSUCCESSFUL".to_owned(),
        message: String::new(),
        kind: ErrorKind::Broken,
    }
}
