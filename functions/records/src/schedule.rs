//! A schedule: a message that is sent again and again, or once, at a time.

use crate::message::MessageType;
use crate::row::Row;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name of a schedule in EventBridge Scheduler, and the id of its row: `{stage}-{name}`.
pub fn schedule_id(stage: &str, name: &str) -> String {
    format!("{stage}-{name}")
}

/// A schedule, as the table holds it.
///
/// The function `webapi` writes what is wanted: the fields, `action`, the status `pending` and a `revision` one higher. Then it sends a
/// message of the type `schedule_creation` with `{"schedule_id", "action", "revision"}`. The function `scheduler` does it and writes the
/// outcome, on the condition that the revision is still the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// [`schedule_id`].
    pub id: String,
    /// As the caller named it.
    pub name: String,
    /// The deployment that it belongs to.
    pub stage: String,
    /// The schedule in EventBridge Scheduler. None before it is created and after it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_arn: Option<String>,
    /// `cron(…)`, `rate(…)` or `at(…)`.
    pub schedule_expression: String,
    /// IANA name.
    pub timezone: String,
    /// What the message is for: `web_action`, `notify` and so on; usually the same as `message_type`.
    pub target_type: String,
    /// Of the messages that it sends.
    pub message_type: MessageType,
    /// Of the messages that it sends.
    pub payload: Value,
    /// Of the messages that it sends.
    pub arguments: Value,
    /// RFC 3339, UTC, to the second.
    pub created_date: String,
    /// RFC 3339, UTC, to the second.
    pub updated_date: String,
    /// The caller.
    pub created_by: String,
    /// Whether it is in force.
    pub status: ScheduleStatus,
    /// What is to be done, or was done last.
    pub action: ScheduleAction,
    /// One higher with each change that a caller asks for.
    pub revision: u64,
    /// The scheduled time of the last message, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<String>,
    /// Why it is `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

impl Row for Schedule {
    const KEY: &'static str = "id";
    const NESTED: &'static [&'static str] = &["payload", "arguments"];
}

/// Whether a schedule is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleStatus {
    /// A change is wanted and not made yet.
    Pending,
    /// It sends messages.
    Active,
    /// It is paused; without a `schedule_arn` it is deleted.
    Inactive,
    /// The last change failed; `error_message` has the reason.
    Error,
}

impl ScheduleStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::Inactive, Self::Error];

    /// As rows spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Error => "error",
        }
    }

    /// The status that `text` spells.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What a caller wants with a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ScheduleAction {
    Create,
    Update,
    Pause,
    Resume,
    Delete,
}

impl ScheduleAction {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Create, Self::Update, Self::Pause, Self::Resume, Self::Delete];

    /// As requests spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Delete => "delete",
        }
    }

    /// The action that `text` spells.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}
