//! The secrets of a stage, which are there before it is deployed.

use anyhow::Result;
use demo::aws::Service;
use serde_json::json;
use stand_ins::oauth::{CLIENT, CLIENT_SECRET, PASSWORD, USERNAME, WEBSITE};

/// The secrets of those who may ask the agent, of those who may call the MCP server, and of what its client says.
pub(crate) const AGENT_KEYS: &str = "/ai-agent/agent-keys/local";
pub(crate) const MCP_KEY: &str = "/ai-agent/mcp-key/local";
pub(crate) const MCP_TOKEN: &str = "/ai-agent/tools/mcp/local";
const GOLF: &str = "rez-agent/golf/credentials-local";
/// The one who asks here.
pub(crate) const KEY: &str = "key-of-the-platform";
const CALLER: &str = "platform";
/// Of the MCP server.
const SHARED: &str = "key-of-the-mcp-server";
/// Where the stand-ins have the stage's MCP server.
pub(crate) const MCP_HOST: &str = "mcp.example.com";

/// What a stage has before it is deployed.
pub(crate) async fn make(endpoint: &str) -> Result<()> {
    let golf = json!({
        "username": USERNAME, "password": PASSWORD, "client_id": CLIENT, "client_secret": CLIENT_SECRET, "website_id": WEBSITE,
    });
    let service = Service::at(endpoint, "secretsmanager");
    for (name, secret) in [
        (AGENT_KEYS, json!({ CALLER: KEY })),
        (MCP_KEY, json!({ "api_key": SHARED })),
        (MCP_TOKEN, json!({ "token": SHARED, "hosts": MCP_HOST })),
        (GOLF, golf),
    ] {
        let wanted = json!({ "Name": name, "SecretString": secret.to_string(), "ClientRequestToken": name });
        service.call("secretsmanager.CreateSecret", &wanted).await?;
    }
    Ok(())
}
