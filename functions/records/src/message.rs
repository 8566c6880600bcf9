//! A message: what one function asks of another.

use crate::row::Row;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the schema of messages and of their payloads.
pub const SCHEMA_VERSION: &str = "1.0";

/// A message, as the table holds it and as topics carry it.
///
/// ```json
/// {"id": "msg_20240115120000_123456", "version": "1.0", "created_date": "2024-01-15T12:00:00Z", "created_by": "scheduler",
///  "stage": "prod", "message_type": "web_action", "status": "created", "payload": {"version": "1.0", "action": "weather"},
///  "arguments": {}, "updated_date": "2024-01-15T12:00:00Z", "retry_count": 0}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// See [`crate::id`].
    pub id: String,
    /// [`SCHEMA_VERSION`].
    pub version: String,
    /// RFC 3339, UTC, to the second.
    pub created_date: String,
    /// The function or the caller that made it.
    pub created_by: String,
    /// The deployment that it belongs to.
    pub stage: String,
    /// Decides the topic.
    pub message_type: MessageType,
    /// What became of it.
    pub status: MessageStatus,
    /// What it says: an object, or the reference to one that is too long for a topic.
    pub payload: Value,
    /// What the action is called with, such as `operation` of the action `golf`: an object or a reference.
    #[serde(default = "empty")]
    pub arguments: Value,
    /// RFC 3339, UTC, to the second.
    pub updated_date: String,
    /// How often it was received again.
    #[serde(default)]
    pub retry_count: u32,
    /// Why it is `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// How a web action authenticates, if not by its payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_config: Option<Value>,
}

fn empty() -> Value {
    Value::Object(Map::new())
}

impl Row for Message {
    const KEY: &'static str = "id";
    const NESTED: &'static [&'static str] = &["payload", "arguments", "auth_config"];
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// A notification that only shows that everything is connected.
    HelloWorld,
    /// A notification to send by ntfy.
    Notify,
    /// A turn for the function `agent`.
    AgentResponse,
    /// What a schedule sends to people.
    Scheduled,
    /// A request to a web service.
    WebAction,
    /// A change of a schedule.
    ScheduleCreation,
}

impl MessageType {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::HelloWorld, Self::Notify, Self::AgentResponse, Self::Scheduled, Self::WebAction, Self::ScheduleCreation];

    /// As messages spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HelloWorld => "hello_world",
            Self::Notify => "notify",
            Self::AgentResponse => "agent_response",
            Self::Scheduled => "scheduled",
            Self::WebAction => "web_action",
            Self::ScheduleCreation => "schedule_creation",
        }
    }

    /// The type that `text` spells.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// The row is written, the message not yet published.
    Created,
    /// SNS has the message.
    Queued,
    /// A function has received it.
    Processing,
    /// Done.
    Completed,
    /// Given up; `error_message` has the reason.
    Failed,
}

impl MessageStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Created, Self::Queued, Self::Processing, Self::Completed, Self::Failed];

    /// As rows spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The status that `text` spells.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_what_serde_writes() {
        for kind in MessageType::ALL {
            assert_eq!(json!(kind), json!(kind.as_str()));
            assert_eq!(MessageType::named(kind.as_str()), Some(kind));
        }
        for status in MessageStatus::ALL {
            assert_eq!(json!(status), json!(status.as_str()));
            assert_eq!(MessageStatus::named(status.as_str()), Some(status));
        }
    }

    #[test]
    fn the_message_of_the_documentation_is_read_and_written_unchanged() {
        let text = json!({
            "id": "msg_20240115120000_123456", "version": "1.0", "created_date": "2024-01-15T12:00:00Z",
            "created_by": "scheduler", "stage": "prod", "message_type": "web_action", "status": "created",
            "payload": {"version": "1.0", "action": "weather", "url": "https://api.weather.gov/..."},
            "arguments": {}, "updated_date": "2024-01-15T12:00:00Z", "retry_count": 0,
        });
        let message: Message = serde_json::from_value(text.clone()).expect("a message");
        assert_eq!(json!(message), text);
    }
}
