//! Whether the API works, and how many messages there are of each status.

use crate::api::WebApi;
use functions_shared::Refusal;
use http_api::Response;
use jiff::ToSpan;
use records::{MessageStatus, Messages, moment};
use serde_json::{Map, Value, json};

impl WebApi {
    /// `GET /api/health`: 200 if the table of messages answers, else 503.
    pub(crate) async fn get_health(&self) -> Result<Response, Refusal> {
        self.messages.get("health").await?;
        let version = env!("CARGO_PKG_VERSION");
        Ok(Response::ok(json!({ "status": "ok", "stage": self.settings.stage, "version": version })))
    }

    /// `GET /api/metrics`: messages of the last 24 hours by status. A number that is only a lower bound is named in `at_least`.
    pub(crate) async fn get_metrics(&self) -> Result<Response, Refusal> {
        let since = self.now().checked_sub(24.hours()).unwrap_or(jiff::Timestamp::MIN);
        let (mut counts, mut at_least) = (Map::new(), Vec::new());
        for status in MessageStatus::ALL {
            let count = self.messages.count(status, since).await?;
            counts.insert(status.as_str().to_owned(), json!(count.number));
            if !count.is_complete {
                at_least.push(status.as_str());
            }
        }
        let counts = Value::Object(counts);
        let since = moment::text(since);
        Ok(Response::ok(json!({
            "stage": self.settings.stage, "since": since, "messages": counts, "at_least": at_least,
        })))
    }
}
