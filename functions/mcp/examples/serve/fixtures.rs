//! What the conformance suite of MCP calls, as the descriptions of its scenarios ask for it. `fixtures.json` has what does not depend on the
//! request.

#![expect(
    deprecated,
    reason = "the suite checks logging, which the newest version of the protocol has without a replacement"
)]

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult, ErrorCode,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, LoggingLevel, LoggingMessageNotificationParam, PaginatedRequestParams,
    ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities,
    ServerConfig, SetLevelRequestParams, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;

/// The suite wants to see that notifications come one after another.
const BETWEEN: Duration = Duration::from_millis(50);
const LOGGED: [&str; 3] = ["Tool execution started", "Tool processing data", "Tool execution completed"];

/// The server of the suite's scenarios.
#[derive(Clone)]
pub(crate) struct Fixtures(Arc<Value>);

impl Fixtures {
    /// As the file has them.
    pub(crate) fn new() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("fixtures.json")).map(|fixtures| Self(Arc::new(fixtures)))
    }

    fn listed<T: DeserializeOwned>(&self, kind: &str) -> Result<T, ErrorData> {
        read(&json!({ kind: self.0[kind] }))
    }

    /// One of a group, with the arguments in place of their names in braces.
    fn filled<T: DeserializeOwned>(&self, group: &str, name: &str, arguments: &[(&str, &str)]) -> Result<T, ErrorData> {
        let unknown = || ErrorData::new(ErrorCode::INVALID_PARAMS, format!("there is no {name}"), None);
        let mut text = self.0[group].get(name).ok_or_else(unknown)?.to_string();
        for (name, value) in arguments {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        read(&serde_json::from_str(&text).unwrap_or_default())
    }
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts();
        ServerConfig::new(capabilities.enable_logging().enable_completions().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.listed("tools")
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tools = self.0["tools"].as_array()?;
        read(tools.iter().find(|tool| tool["name"] == name)?).ok()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match &*request.name {
            "test_tool_with_logging" => log(&context).await,
            "test_tool_with_progress" => progress(&context).await,
            _ => {}
        }
        self.filled::<CallToolResult>("results", &request.name, &[]).map(CallToolResponse::from)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.listed("resources")
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.listed("resourceTemplates")
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let id = request.uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
        let read: ReadResourceResult = match id {
            Some(id) => self.filled("contents", "test://template/{id}/data", &[("id", id)])?,
            None => self.filled("contents", &request.uri, &[])?,
        };
        Ok(read.into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.listed("prompts")
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let given = request.arguments.unwrap_or_default();
        let arguments: Vec<_> =
            given.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect();
        self.filled::<GetPromptResult>("messages", &request.name, &arguments).map(GetPromptResponse::from)
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        read(&self.0["completion"])
    }

    /// Without sessions no level can be kept: every message is sent.
    async fn set_level(&self, _: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<T, ErrorData> {
    serde_json::from_value(value.clone()).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

async fn log(context: &RequestContext<RoleServer>) {
    for text in LOGGED {
        let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(text));
        let _ = context.peer.notify_logging_message(message).await; // The client may have left.
        sleep(BETWEEN).await;
    }
}

async fn progress(context: &RequestContext<RoleServer>) {
    let Some(token) = context.meta.get_progress_token() else { return };
    for done in [0.0, 50.0, 100.0] {
        let progress = ProgressNotificationParam::new(token.clone(), done).with_total(100.0);
        let _ = context.peer.notify_progress(progress).await; // The client may have left.
        sleep(BETWEEN).await;
    }
}
