//! What a day's calls of models have cost: `GET /usage?day=2026-11-29`, today unless it is said.

use functions_shared::{Clock, Refusal};
use http_api::{Request, Response};
use records::{moment, usage};

/// The table of costs, and what day it is.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) table: usage::Usage,
    pub(crate) clock: Clock,
}

impl Usage {
    /// What `GET /usage` answers.
    pub(crate) async fn answer(&self, request: &Request) -> Result<Response, Refusal> {
        let day = usage::day(request.parameter("day"), moment::now(&self.clock))?;
        Ok(Response::ok(self.table.of_day(day).await?))
    }
}
