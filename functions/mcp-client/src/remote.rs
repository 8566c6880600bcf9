//! A server while one event is served: its tools, and calls of them.

use http_guard::Target;
use registries::tools::digest;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, CallToolResult, PaginatedRequestParams, ProtocolVersion, Tool};
use rmcp::service::{ClientLifecycleMode, RunningService, ServiceError};
use serde_json::{Map, Value};

use crate::connection::Connection;
use crate::credentials::credential;
use crate::error::CallError;
use crate::event::Server;
use crate::guarded::Guarded;
use crate::state::{LIMITS, State};

/// A server with more pages of tools, or with more tools, is up to something.
const MOST_PAGES: usize = 50;
const MOST_TOOLS: usize = 1000;
/// All pages together stay in memory at the same time.
const MOST_BYTES: usize = 8 << 20;

/// A server that has answered.
pub(crate) struct Remote {
    running: RunningService<RoleClient, ()>,
    connection: Connection<Guarded>,
}

impl Remote {
    /// Agrees on a version of the protocol with a server: by `initialize`, which all servers but the newest have, or else by
    /// `server/discover`.
    pub(crate) async fn connect(state: &State, server: &Server) -> Result<Self, CallError> {
        let target = Target::parse(&server.endpoint, &state.allowed).map_err(http_guard::FetchError::from)?;
        let credential = credential(&server.auth, target.host(), &state.secrets).await?;
        let guarded = Guarded { guard: state.guard.clone(), host: target.host().to_owned(), credential };
        let connection = Connection::new(guarded);
        match Self::opened(&connection, target.as_str(), ClientLifecycleMode::Initialize).await {
            Err(CallError::Status(_) | CallError::Protocol(_)) => {
                let preferred_versions = vec![ProtocolVersion::LATEST];
                Self::opened(&connection, target.as_str(), ClientLifecycleMode::Discover { preferred_versions }).await
            }
            outcome => outcome,
        }
    }

    async fn opened(connection: &Connection<Guarded>, url: &str, mode: ClientLifecycleMode) -> Result<Self, CallError> {
        let running = connection.served(url, (), mode, LIMITS.bytes).await?;
        Ok(Self { running, connection: connection.clone() })
    }

    /// All tools of the server.
    pub(crate) async fn tools(&self) -> Result<Vec<Tool>, CallError> {
        let (mut tools, mut bytes) = (vec![], 0);
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let page = self.running.list_tools(Some(page)).await.map_err(|error| self.failure(error))?;
            bytes += size_of_all(&page.tools);
            if bytes > MOST_BYTES {
                return Err(CallError::TooLong(MOST_BYTES));
            }
            tools.extend(page.tools);
            if tools.len() > MOST_TOOLS {
                return Err(CallError::TooMany);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(tools);
            }
        }
        Err(CallError::TooMany)
    }

    /// Refuses a tool that the server describes otherwise than when its row was written.
    pub(crate) async fn check(&self, name: &str, remote_digest: &str) -> Result<(), CallError> {
        let tools = self.tools().await?;
        let tool = tools.iter().find(|tool| tool.name == name).ok_or(CallError::Gone)?;
        if digest_of(tool) == remote_digest { Ok(()) } else { Err(CallError::Changed) }
    }

    /// Calls a tool, once.
    pub(crate) async fn call(&self, name: &str, input: Map<String, Value>) -> Result<CallToolResult, CallError> {
        let call = CallToolRequestParams::new(name.to_owned()).with_arguments(input);
        self.running.call_tool(call).await.map_err(|error| self.failure(error))
    }

    fn failure(&self, error: ServiceError) -> CallError {
        match error {
            ServiceError::McpError(refused) => CallError::Refused(refused.message.into_owned()),
            other => self.connection.failure().unwrap_or_else(|| CallError::Protocol(other.to_string())),
        }
    }
}

/// Bytes of tools as JSON.
fn size_of_all(tools: &[Tool]) -> usize {
    serde_json::to_vec(tools).map_or(usize::MAX, |json| json.len())
}

/// Of what a server says of a tool now.
pub(crate) fn digest_of(tool: &Tool) -> String {
    digest(description_of(tool), &schema_of(tool))
}

pub(crate) fn description_of(tool: &Tool) -> &str {
    tool.description.as_deref().unwrap_or_default()
}

pub(crate) fn schema_of(tool: &Tool) -> Value {
    Value::Object(tool.input_schema.as_ref().clone())
}
