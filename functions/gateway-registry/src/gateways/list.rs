//! Does: lists gateways in pages.

use super::row::{GatewayRow, key};
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::Status;
use functions_shared::Refusal;
use http_api::Request;
use serde_json::json;

/// As `max_results` may be.
const MOST: i32 = 1000;

impl Registry {
    /// Rows, without asking AgentCore; deleted ones are left out.
    pub(crate) async fn list_gateways(&self, request: &Request) -> Result<Reply, Refusal> {
        let limit = max_results(request)?;
        let after = request.parameter("next_token").map(key);
        let (rows, last) = self.gateways.scan::<GatewayRow>(Some(limit), after).await?;
        let live = rows.iter().filter(|stored| stored.row.status() != Status::Deleted);
        let shown: Vec<_> = live.map(|stored| stored.row.reply()).collect();
        let next = last.and_then(|last| last.get("gateway_id")?.as_s().ok().cloned());
        Ok(Reply::new(200, json!({ "gateways": shown, "next_token": next })))
    }
}

/// 1 to 1000, 100 without.
fn max_results(request: &Request) -> Result<i32, Refusal> {
    let Some(text) = request.parameter("max_results") else { return Ok(100) };
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| Refusal::invalid("max_results", "must be a whole number from 1 to 1000"))
}
