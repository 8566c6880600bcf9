//! Why a turn gives no answer, and what HTTP calls that.

use crate::reply::Reply;
use functions_content::ContentError;
use functions_shared::Refusal;
use model::budget::BudgetError;
use model::prices::MicroDollars;
use model::{CallError, Today};
use serde_json::{Value, json};

/// Why a turn gives no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TurnError {
    /// What is asked, or what it names, cannot be used.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Nobody says who asks.
    #[error("the request has no valid key")]
    Unauthenticated,
    /// The session's last turn has not ended.
    #[error("a turn of this session is running; ask again when it has ended")]
    Busy,
    /// The model gave no answer.
    #[error("{0}")]
    Model(#[from] CallError),
    /// The day's budget has no room for the question.
    #[error("{0}")]
    OverBudget(BudgetError),
    /// A service that the agent needs does not answer.
    #[error("{0}")]
    Unavailable(String),
}

impl From<ContentError> for TurnError {
    fn from(error: ContentError) -> Self {
        Self::Unavailable(format!("the content table: {error}"))
    }
}

/// What a caller reads where the reason is none of theirs.
const UNAVAILABLE: &str = "a service that the agent needs does not answer, try again";
const MISCONFIGURED: &str = "the agent cannot ask its model; its operators find the reason in the log";
const SLOW: &str = "the model did not answer in time";
const DOWN: &str = "the model's provider does not answer as it should, try again";

impl TurnError {
    /// The reply. Reasons that are the operators' go to the log.
    pub(crate) fn reply(&self) -> Reply {
        match self {
            Self::Refused(refusal) => refused(refusal),
            Self::Unauthenticated => Reply::error(401, self.to_string()).with("www-authenticate", "Bearer"),
            Self::Busy => Reply::error(409, self.to_string()).with("retry-after", "1"),
            Self::Model(error) => failed(error),
            Self::OverBudget(error) => over_budget(error),
            Self::Unavailable(reason) => {
                tracing::error!(reason, "a service does not answer");
                unavailable()
            }
        }
    }
}

fn unavailable() -> Reply {
    Reply::error(503, UNAVAILABLE).with("retry-after", "1")
}

fn refused(refusal: &Refusal) -> Reply {
    let status = match refusal {
        Refusal::Invalid { .. } => 400,
        Refusal::NotFound(_) => 404,
        Refusal::Conflict(_) | Refusal::Overtaken(_) => 409,
        Refusal::TooLarge(_) => 413,
        Refusal::Unprocessable { .. } => 422,
        Refusal::Unavailable(_) => return unavailable(),
    };
    let mut body = json!({ "error": refusal.to_string() });
    if let Some(field) = refusal.field() {
        body["field"] = json!(field);
    }
    Reply::json_of(status, body)
}

fn failed(error: &CallError) -> Reply {
    tracing::warn!(error.name = error.name(), %error, "the model did not answer");
    match error {
        CallError::BudgetExceeded(error) => over_budget(error),
        CallError::RateLimited { retry_after, .. } => {
            let seconds = retry_after.map_or(1, |time| time.as_millis().div_ceil(1000).max(1));
            Reply::error(429, "the model's provider takes no more requests now")
                .with("retry-after", seconds.to_string())
        }
        CallError::ServiceUnavailable(_) => unavailable(),
        CallError::Timeout { .. } => Reply::error(504, SLOW),
        CallError::ProviderUnavailable { .. } | CallError::ProviderError { .. } | CallError::BadResponse { .. } => {
            Reply::error(502, DOWN)
        }
        _ => Reply::error(500, MISCONFIGURED),
    }
}

fn over_budget(error: &BudgetError) -> Reply {
    let BudgetError::Exceeded { spent, estimate, cap, reset_in_seconds, resets_at } = error else {
        return unavailable();
    };
    let cost_info = json!({
        "current_cost": dollars(*spent),
        "estimated_cost": dollars(*estimate),
        "daily_cap": dollars(*cap),
        "remaining_budget": dollars(MicroDollars(cap.0.saturating_sub(spent.0))),
        "reset_time": resets_at.to_string(),
    });
    let message = format!("The agent may spend {cap} USD a day. The budget is reset at {resets_at}.");
    let body = json!({ "error": "Daily spending limit reached", "message": message, "cost_info": cost_info });
    Reply::json_of(429, body).with("retry-after", reset_in_seconds.to_string())
}

/// The day's numbers, for somebody who asks.
pub(crate) fn cost_info(today: &Today) -> Value {
    json!({
        "current_cost": dollars(today.spent),
        "daily_cap": dollars(today.cap),
        "remaining_budget": dollars(today.left()),
        "requests": today.requests,
        "input_tokens": today.input_tokens,
        "output_tokens": today.output_tokens,
        "reset_time": today.resets_at.to_string(),
    })
}

/// Dollars as a JSON number with at most six decimal places: a double holds more than any day's budget to the micro-dollar.
pub(crate) fn dollars(amount: MicroDollars) -> Value {
    json!(amount.0 as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_question_says_what_is_left_and_when_to_ask_again() {
        let error = BudgetError::Exceeded {
            spent: MicroDollars(9_950_000),
            estimate: MicroDollars(150_000),
            cap: MicroDollars(10_000_000),
            reset_in_seconds: 60,
            resets_at: "2026-11-22T00:00:00Z".parse().expect("a time"),
        };
        let reply = TurnError::OverBudget(error).reply();
        assert_eq!((reply.status, reply.headers.last()), (429, Some(&("retry-after", "60".to_owned()))));
        let body = reply.json();
        assert_eq!(body["error"], "Daily spending limit reached");
        let expected = r#"{"current_cost":9.95,"estimated_cost":0.15,"daily_cap":10.0,"remaining_budget":0.05,"reset_time":"2026-11-22T00:00:00Z"}"#;
        assert_eq!(body["cost_info"].to_string(), expected);
    }

    #[test]
    fn what_providers_do_has_a_status_each() {
        let provider_id = || "p".to_owned();
        let reason = || "answers 500".to_owned();
        for (error, status) in [
            (CallError::RateLimited { provider_id: provider_id(), retry_after: None }, 429),
            (CallError::ServiceUnavailable("the table".to_owned()), 503),
            (CallError::Timeout { provider_id: provider_id(), within: std::time::Duration::from_secs(1) }, 504),
            (CallError::ProviderUnavailable { provider_id: provider_id(), reason: reason() }, 502),
            (CallError::BadResponse { provider_id: provider_id(), reason: reason() }, 502),
            (CallError::UnknownModel("no model".to_owned()), 500),
        ] {
            assert_eq!(TurnError::Model(error.clone()).reply().status, status, "{error}");
        }
    }
}
