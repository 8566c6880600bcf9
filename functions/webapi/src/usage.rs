//! What the models of a day have cost: `GET /api/usage?day=2026-11-29`, today unless it is said.

use crate::api::WebApi;
use functions_shared::Refusal;
use http_api::{Request, Response};
use records::usage::day;

impl WebApi {
    pub(crate) async fn get_usage(&self, request: &Request) -> Result<Response, Refusal> {
        let day = day(request.parameter("day"), self.now())?;
        match &self.usage {
            Some(usage) => Ok(Response::ok(usage.of_day(day).await?)),
            None => Ok(Response::no_such_path()),
        }
    }
}
