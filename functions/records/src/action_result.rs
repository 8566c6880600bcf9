//! What came of a web action.

use crate::row::Row;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a result is kept.
pub const RESULT_LIFE: Duration = Duration::from_hours(3 * 24);

/// What came of a web action, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionResult {
    /// [`crate::id::result_of`] the message: one result per message.
    pub id: String,
    /// The message that asked for it.
    pub message_id: String,
    /// Which handler.
    pub action: String,
    /// What was requested. Without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether it is done.
    pub status: ResultStatus,
    /// The status code of HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_code: Option<u16>,
    /// The first 50 KB of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    /// The handle of the whole body, if it is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body_ref: Option<String>,
    /// Why it failed. Without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Milliseconds.
    #[serde(default)]
    pub execution_time_ms: u64,
    /// RFC 3339, UTC, to the second.
    pub created_date: String,
    /// Seconds since 1970, [`RESULT_LIFE`] after the result was made. Then DynamoDB deletes it.
    pub ttl: i64,
}

impl Row for ActionResult {
    const KEY: &'static str = "id";
    const NESTED: &'static [&'static str] = &[];
}

/// Whether a web action is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultStatus {
    /// The intent is recorded, the outcome is not known. Written before a request that must not be sent twice.
    Started,
    /// The answer is here.
    Completed,
    /// `error_message` has the reason.
    Failed,
}

impl ResultStatus {
    /// As rows spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}
