//! Does: the steps by which a tool becomes active, each written before the next.

use super::hosts::hosts;
use super::request::operation_names;
use super::row::{ProviderStep, ToolRow};
use super::step::{self, Next};
use crate::control::{ApiKey, ControlError, ErrorKind, OAuthUse, TargetSeen, found};
use crate::deadline::Deadline;
use crate::identity;
use crate::registry::Registry;
use crate::rows::Caller;
use functions_shared::Refusal;
use openapi::Document;

/// What only the request has: the row does not hold it.
#[derive(Debug)]
pub(crate) struct Material {
    /// The document as it is stored.
    pub(crate) text: String,
    /// None of a function.
    pub(crate) document: Option<Document>,
    pub(crate) key: Option<ApiKey>,
}

impl Material {
    pub(crate) fn of_document(document: Document, key: ApiKey) -> Self {
        Self { text: document.to_json(), document: Some(document), key: Some(key) }
    }

    /// Of a row whose document is stored already.
    pub(crate) fn of_key(key: ApiKey) -> Self {
        Self { text: String::new(), document: None, key: Some(key) }
    }
}

impl Registry {
    /// The next step of a row that is to become active, in the gateway that has this id.
    pub(super) async fn step_to_active_tool(
        &self,
        row: &ToolRow,
        gateway: &Gateway<'_>,
        material: Option<&Material>,
        caller: &Caller,
        deadline: &Deadline,
    ) -> Result<Next, Refusal> {
        if !row.progress.is_prepared {
            return self.prepare(row, gateway, material, caller).await;
        }
        if row.metadata.api_key.is_some() && row.provider_arn().is_none() {
            return Ok(self.step_of_provider(row, material, caller).await);
        }
        if let Some(usage) = row.metadata.oauth.as_ref().filter(|usage| usage.provider_arn.is_none()) {
            return Ok(self.step_of_tokens(row, usage, caller).await);
        }
        let Some(id) = &row.agentcore_target_id else { return Ok(self.make_target(row, gateway, caller).await) };
        match found(self.control.target(gateway.id, id).await) {
            Err(error) => Ok(step::kept(row, error, caller)),
            Ok(seen) => {
                if let Some(next) = step::after_look(row, seen.clone(), caller) {
                    return Ok(next);
                }
                Box::pin(self.follow(row, gateway, deadline)).await?;
                self.offered(row, seen, caller).await
            }
        }
    }

    /// The document is stored, and its names are reserved, before AgentCore hears of it.
    async fn prepare(
        &self,
        row: &ToolRow,
        gateway: &Gateway<'_>,
        material: Option<&Material>,
        caller: &Caller,
    ) -> Result<Next, Refusal> {
        let Some(material) = material else {
            return Ok(step::refused(row, step::lost("the document was stored"), caller));
        };
        if material.document.as_ref().is_some_and(|document| !is_described(row, document)) {
            return Ok(step::refused(row, step::lost("its document, which has changed since, was stored"), caller));
        }
        let key = row.metadata.spec_uri.strip_prefix(&self.specs.uri("")).unwrap_or_default();
        self.specs.put(key, &material.text).await?;
        if let Some(document) = &material.document {
            match self.reserve(row, gateway.url, gateway.auth, document).await {
                Ok(()) => {}
                Err(Refusal::Unavailable(reason)) => return Err(Refusal::Unavailable(reason)),
                Err(refusal) => return Ok(step::refused(row, step::not_reserved(&refusal), caller)),
            }
        }
        let mut row = row.clone();
        row.progress.is_prepared = true;
        Ok(Next::Write(row))
    }

    async fn step_of_provider(&self, row: &ToolRow, material: Option<&Material>, caller: &Caller) -> Next {
        let name = row.metadata.api_key.as_ref().map(|usage| usage.provider_name.as_str()).unwrap_or_default();
        match (found(self.control.provider(name).await), &row.progress.provider) {
            (Err(error), _) => step::kept(row, error, caller),
            (Ok(Some(_)), ProviderStep::None) => step::refused(row, step::taken(name), caller),
            (Ok(None), ProviderStep::None) => step::with_provider(row, ProviderStep::Intended),
            (Ok(Some(arn)), _) => step::with_provider(row, ProviderStep::Made(arn)),
            (Ok(None), _) => self.make_provider(row, name, material, caller).await,
        }
    }

    /// AgentCore says by which ARN it has the provider: it must be there, and is neither made nor deleted here.
    async fn step_of_tokens(&self, row: &ToolRow, usage: &OAuthUse, caller: &Caller) -> Next {
        match self.control.token_provider(&usage.provider_name).await {
            Err(error) if error.is_not_found() => step::refused(row, error, caller),
            Err(error) => step::kept(row, error, caller),
            Ok(arn) => {
                let mut row = row.clone();
                row.metadata.oauth = Some(OAuthUse { provider_arn: Some(arn), ..usage.clone() });
                Next::Write(row)
            }
        }
    }

    async fn make_provider(&self, row: &ToolRow, name: &str, material: Option<&Material>, caller: &Caller) -> Next {
        let Some(key) = material.and_then(|material| material.key.as_ref()) else {
            return step::refused(row, step::lost("AgentCore had the API key"), caller);
        };
        match self.control.create_provider(name, key).await {
            Ok(arn) => step::with_provider(row, ProviderStep::Made(arn)),
            Err(error) => step::refused(row, error, caller),
        }
    }

    async fn make_target(&self, row: &ToolRow, gateway: &Gateway<'_>, caller: &Caller) -> Next {
        let token = identity::client_token(&row.tool_id);
        let made = self.control.create_target(gateway.id, &row.metadata, row.provider_arn(), &token).await;
        let made = match made {
            // The name is taken, perhaps by what an earlier attempt made, whose token AgentCore has forgotten.
            Err(error) if error.kind == ErrorKind::Conflict => {
                let own = self.control.own_target(gateway.id, &row.metadata).await;
                own.and_then(|own| own.ok_or(error))
            }
            made => made,
        };
        after_creation(row, made, caller)
    }

    async fn offered(&self, row: &ToolRow, seen: Option<TargetSeen>, caller: &Caller) -> Result<Next, Refusal> {
        self.offer(row).await?;
        let seen = seen.expect("BUG: a target that is ready was seen");
        Ok(Next::Write(step::active(row, seen, caller)))
    }
}

/// What a tool's steps need of its gateway.
#[derive(Debug)]
pub(crate) struct Gateway<'a> {
    /// AgentCore's id.
    pub(crate) id: &'a str,
    /// Where agents call its tools.
    pub(crate) url: &'a str,
    /// How agents' calls are let in.
    pub(crate) auth: &'a serde_json::Value,
}

/// A document at a URL may be another one the second time: with other names, or with servers that may not have the credentials.
fn is_described(row: &ToolRow, document: &Document) -> bool {
    let has_names = operation_names(&row.metadata.name, document).is_ok_and(|names| names == row.operations);
    has_names && hosts(document) == row.hosts
}

fn after_creation(row: &ToolRow, made: Result<TargetSeen, ControlError>, caller: &Caller) -> Next {
    match made {
        Ok(seen) => {
            let mut row = row.clone();
            row.adopt(seen, caller);
            Next::Write(row)
        }
        Err(error) => step::refused(row, error, caller),
    }
}
