//! The methods of the protocol that this server has.

use std::sync::Arc;

use functions_content::Handle;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, Implementation, ListResourceTemplatesResult,
    ListToolsResult, MetaObject, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, ResourceContents, ResourceTemplate, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;

use crate::calls::{Found, Toolbox};
use crate::invocation::Invocation;
use crate::listing;
use crate::misfits;
use crate::pages::Page;
use crate::replies::readable;
use crate::resources::{Kind, Range, TEMPLATES};
use crate::still_running::Waiting;

const INSTRUCTIONS: &str = "A long result comes as its beginning and an id. Give the id to get_result to read on, or to a parameter that takes \
    a document.";

/// What the server says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The server of one request. Clones share all there is.
#[derive(Debug, Clone)]
pub struct Server {
    toolbox: Arc<Toolbox>,
    identity: Arc<Identity>,
    tools: Arc<Vec<Tool>>,
}

impl Server {
    /// A server with these tools.
    pub(crate) fn new(toolbox: Arc<Toolbox>, identity: Identity) -> Self {
        let of_table = toolbox.tools.iter().map(|action| listing::tool(action, toolbox.queues(action.name)));
        let tools = of_table.chain([listing::get_result()]).collect();
        Self { toolbox, identity: Arc::new(identity), tools: Arc::new(tools) }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        let identity = Implementation::new(self.identity.name.clone(), self.identity.version.clone());
        ServerConfig::new(capabilities).with_server_info(identity).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let name = self.toolbox.find(name).map_or(name, |action| action.name);
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let invocation = invocation(&context);
        let arguments = request.arguments.unwrap_or_default();
        let work = Box::pin(self.toolbox.call(&request.name, arguments, invocation.asking()));
        let result = match waiting(&context, &invocation) {
            Some(waiting) => waiting.told(&request.name, work).await,
            None => work.await,
        };
        result.map(CallToolResponse::from)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = TEMPLATES.iter().map(|(_, template, name, description)| {
            ResourceTemplate::new(*template, *name).with_description(*description).with_mime_type("text/plain")
        });
        Ok(ListResourceTemplatesResult::with_all_items(templates.collect()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let range = Range::of(&request.uri).map_err(|error| ErrorData::invalid_params(error, None))?;
        let contents = self.range(&range, &invocation(&context)).await?;
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    /// What `rmcp` cannot read as one of its requests: a method that nobody has, or one with parameters that do not fit.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(misfits::error(&request.method, request.params))
    }
}

impl Server {
    /// A part of a result. What went wrong with it is an error of the protocol: a resource has no other.
    async fn range(&self, range: &Range, invocation: &Invocation) -> Result<ResourceContents, ErrorData> {
        let text = self.text(range, invocation).await?;
        let page = Page::of(&text, range.offset, range.length);
        let mut meta = MetaObject::new();
        meta.insert("bytes".to_owned(), page.bytes.into());
        if let Some(next) = page.next() {
            meta.insert("next".to_owned(), range.from(next).into());
        }
        Ok(ResourceContents::text(readable(page.text), range.from(page.offset)).with_meta(meta))
    }

    /// The whole text of which a range is a part. Of a queued call that is not done there is none yet, and the error has its status.
    async fn text(&self, range: &Range, invocation: &Invocation) -> Result<String, ErrorData> {
        let absent = |error: &str| ErrorData::resource_not_found(format!("`uri`: {error}"), None);
        let asking = invocation.asking();
        let found = match range.kind {
            Kind::Result => self.toolbox.found(&range.name, asking).await,
            Kind::Content => {
                let handle = Handle::of(&range.name).ok_or_else(|| absent("there is no such content"))?;
                self.toolbox.text_of(handle, asking).await.map(Found::Text)
            }
        };
        match found.map_err(|error| absent(&error.to_string()))? {
            Found::Text(text) => Ok(text),
            Found::Waiting(status) => {
                let message = format!("`uri`: the call is {status}; read again later");
                Err(ErrorData::resource_not_found(message, Some(json!({ "status": status }))))
            }
        }
    }
}

/// A client that asks for progress, and gets what is written before the response is complete.
fn waiting(context: &RequestContext<RoleServer>, invocation: &Invocation) -> Option<Waiting> {
    let token = context.meta.get_progress_token().filter(|_| invocation.streams)?;
    Some(Waiting { client: context.peer.clone(), token })
}

/// On whose behalf a request is answered: the endpoint put it there.
fn invocation(context: &RequestContext<RoleServer>) -> Invocation {
    let parts = context.extensions.get::<http::request::Parts>();
    let invocation = parts.and_then(|parts| parts.extensions.get::<Invocation>());
    invocation.cloned().expect("BUG: every request is passed on with its invocation")
}
