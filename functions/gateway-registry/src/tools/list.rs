//! Does: lists the tools of a gateway.

use super::row::ToolRow;
use crate::page::max_results;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::Status;
use crate::table::Stored;
use functions_shared::Refusal;
use http_api::Request;
use serde_json::json;

impl Registry {
    /// Rows, without asking AgentCore; deleted ones are left out.
    pub(crate) async fn list_tools(&self, gateway_id: &str, request: &Request) -> Result<Reply, Refusal> {
        self.live_gateway(gateway_id).await?;
        let limit = max_results(request)?;
        let after = request.parameter("next_token").unwrap_or_default();
        let mut rows = self.tools_of(gateway_id).await?;
        rows.retain(|stored| stored.row.status() != Status::Deleted && stored.row.tool_id.as_str() > after);
        rows.sort_by(|one, other| one.row.tool_id.cmp(&other.row.tool_id));
        let next = rows.get(limit..).filter(|rest| !rest.is_empty()).map(|_| rows[limit - 1].row.tool_id.clone());
        let shown: Vec<_> = rows.iter().take(limit).map(|stored| stored.row.reply()).collect();
        Ok(Reply::new(200, json!({ "tools": shown, "next_token": next })))
    }

    /// Every row of a gateway's tools. AgentCore allows 100 of them by default.
    pub(crate) async fn tools_of(&self, gateway_id: &str) -> Result<Vec<Stored<ToolRow>>, Refusal> {
        self.tools.query("ToolsByGateway", "gateway_id", gateway_id).await
    }
}
