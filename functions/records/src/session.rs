//! A conversation with the function `agent`.

use crate::row::Row;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// How long a session outlives its last turn.
pub const SESSION_LIFE: Duration = Duration::from_hours(24);

/// A conversation, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// `^[A-Za-z0-9_-]{1,128}$`.
    pub session_id: String,
    /// The newest turns, oldest first, with calls of tools and their results.
    pub messages: Vec<Value>,
    /// The handle of the older turns, if the session is too long for one row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<String>,
    /// RFC 3339, UTC, to the second.
    pub created_at: String,
    /// RFC 3339, UTC, to the second.
    pub updated_at: String,
    /// Seconds since 1970, [`SESSION_LIFE`] after the last turn. Then DynamoDB deletes it.
    pub ttl: i64,
    /// One higher with each turn: of two turns at once one is refused.
    #[serde(default)]
    pub revision: u64,
}

impl Row for Session {
    const KEY: &'static str = "session_id";
    const NESTED: &'static [&'static str] = &["messages"];
}
