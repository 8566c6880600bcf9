//! A tool that a stack registers. Its physical id is its name.

use crate::registry::Site;
use functions_shared::Refusal;
use http_api::{Request, Response};
use registries::custom_resource::{Provisioned, Provisioner, RequestType, ResourceEvent};
use registries::entrances::Registry;
use registries::fields::states;
use serde_json::json;

impl Registry for Site {
    async fn respond(&self, request: &Request) -> Result<Response, Refusal> {
        self.routed(request).await
    }
}

impl Provisioner for Site {
    async fn provision(&self, event: &ResourceEvent) -> Result<Provisioned, Refusal> {
        match event.request_type {
            RequestType::Create | RequestType::Update => {
                let body = event.body();
                // A template without a status leaves a tool disabled that a person has disabled.
                let keeps_status = !states(&body, "status");
                let tool = self.tools.registry.register(self.described(body)?, &event.owner(), keeps_status).await?;
                let data = json!({ "tool_name": tool.tool_name, "lambda_arn": tool.lambda_arn });
                Ok(Provisioned { physical_id: tool.tool_name, data })
            }
            RequestType::Delete => self.unregister(event).await,
        }
    }
}

impl Site {
    /// Deletes what the stack has registered. What is not there, or is somebody else's, is not the stack's to delete.
    async fn unregister(&self, event: &ResourceEvent) -> Result<Provisioned, Refusal> {
        let physical_id = event.physical_id();
        if let Some(there) = self.tools.registry.find(&physical_id).await?
            && there.owner.as_deref() == Some(&event.owner())
        {
            self.tools.delete(&there).await?;
        }
        Ok(Provisioned { physical_id, data: json!({}) })
    }
}
