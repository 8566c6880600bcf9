//! An agent that a stack registers. Its physical id is `golf-agent/v1.0`: both keys, so that a deletion needs no more.

use crate::registry::Agents;
use functions_shared::Refusal;
use http_api::{Request, Response};
use registries::agents::{Agent, Version};
use registries::custom_resource::{Provisioned, Provisioner, RequestType, ResourceEvent};
use registries::entrances::Registry;
use registries::fields::states;
use serde_json::json;

impl Registry for Agents {
    async fn respond(&self, request: &Request) -> Result<Response, Refusal> {
        self.routed(request).await
    }
}

impl Provisioner for Agents {
    async fn provision(&self, event: &ResourceEvent) -> Result<Provisioned, Refusal> {
        match event.request_type {
            RequestType::Create | RequestType::Update => {
                let body = event.body();
                // A template without a status leaves a version deprecated that a person has deprecated.
                let keeps_status = !states(&body, "status");
                let agent = self.described(body).await?;
                Ok(provisioned(&self.registry.register(agent, &event.owner(), keeps_status).await?))
            }
            RequestType::Delete => self.unregister(event).await,
        }
    }
}

impl Agents {
    /// Deletes what the stack has registered. What is not there, or is somebody else's, is not the stack's to delete.
    async fn unregister(&self, event: &ResourceEvent) -> Result<Provisioned, Refusal> {
        let physical_id = event.physical_id();
        if let Some((name, version)) = keys(&physical_id) {
            match self.registry.version(name, &version).await {
                Ok(there) if there.owner.as_deref() == Some(&event.owner()) => {
                    self.delete_there(name, &version).await?;
                }
                Ok(_) | Err(Refusal::NotFound(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(Provisioned { physical_id, data: json!({}) })
    }

    async fn delete_there(&self, name: &str, version: &Version) -> Result<(), Refusal> {
        match self.registry.delete(name, version).await {
            Err(Refusal::NotFound(_)) => Ok(()),
            done => done,
        }
    }
}

fn provisioned(agent: &Agent) -> Provisioned {
    let Agent { agent_name, version, .. } = agent;
    let data = json!({ "agent_name": agent_name, "version": version });
    Provisioned { physical_id: format!("{agent_name}/{version}"), data }
}

fn keys(physical_id: &str) -> Option<(&str, Version)> {
    let (name, version) = physical_id.split_once('/')?;
    Some((name, Version::read("version", version).ok()?))
}
