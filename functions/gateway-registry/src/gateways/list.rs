//! Does: lists gateways in pages.

use super::row::{GatewayRow, key};
use crate::page::max_results;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::Status;
use functions_shared::Refusal;
use http_api::Request;
use serde_json::json;

impl Registry {
    /// Rows, without asking AgentCore; deleted ones are left out.
    pub(crate) async fn list_gateways(&self, request: &Request) -> Result<Reply, Refusal> {
        let limit = i32::try_from(max_results(request)?).ok();
        let after = request.parameter("next_token").map(key);
        let (rows, last) = self.gateways.scan::<GatewayRow>(limit, after).await?;
        let live = rows.iter().filter(|stored| stored.row.status() != Status::Deleted);
        let shown: Vec<_> = live.map(|stored| stored.row.reply()).collect();
        let next = last.and_then(|last| last.get("gateway_id")?.as_s().ok().cloned());
        Ok(Reply::new(200, json!({ "gateways": shown, "next_token": next })))
    }
}
