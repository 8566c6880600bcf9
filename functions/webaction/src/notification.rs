//! What a person is told of a result: a message for the topic of notifications, whose id follows from the message that asked.

use functions_content::{beginning, unmarked};
use jiff::Timestamp;
use records::{ActionResult, Message, MessageStatus, MessageType, ResultStatus, SCHEMA_VERSION, id, moment};
use serde_json::{Map, Value, json};

/// Bytes of a body that a notification shows: ntfy takes 4,096 of text.
const LONGEST: usize = 3000;

/// The notification of a result. The same for each attempt, so that a repeat counts as one.
pub(crate) fn of(result: &ActionResult, asked: &Message, now: Timestamp) -> Message {
    let made: Timestamp = asked.created_date.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let (title, text, priority) = match result.status {
        ResultStatus::Completed => (format!("{}: done", result.action), done(result), 3),
        ResultStatus::Failed | ResultStatus::Started => (format!("{}: failed", result.action), failed(result), 4),
    };
    Message {
        id: id::message_of(made, &format!("{}/notification", asked.id)),
        version: SCHEMA_VERSION.to_owned(),
        created_date: moment::text(now),
        created_by: "webaction".to_owned(),
        stage: asked.stage.clone(),
        message_type: MessageType::Notify,
        status: MessageStatus::Queued,
        payload: unmarked(&json!({ "message": text, "title": title, "priority": priority, "result_id": result.id })),
        arguments: Value::Object(Map::new()),
        updated_date: moment::text(now),
        retry_count: 0,
        error_message: None,
        auth_config: None,
    }
}

fn done(result: &ActionResult) -> String {
    match result.response_body.as_deref() {
        Some(body) => beginning(body, LONGEST).to_owned(),
        None => "The answer is empty.".to_owned(),
    }
}

fn failed(result: &ActionResult) -> String {
    let reason = result.error_message.as_deref().unwrap_or("no reason is known");
    format!("{} (message {})", beginning(reason, LONGEST), result.message_id)
}
