//! Serves the API.

use std::io;

use axum::Router;
use tokio::net::TcpListener;

use crate::account::AgentCore;
use crate::api;

/// The paths of an account's API.
pub fn router(agentcore: &AgentCore) -> Router {
    api::router(agentcore.clone())
}

/// Answers requests to `listener` until the future is dropped.
pub async fn serve(agentcore: AgentCore, listener: TcpListener) -> io::Result<()> {
    axum::serve(listener, router(&agentcore)).await
}
