//! A session's row: what a turn writes, and what it reads.

use crate::error::TurnError;
use crate::sessions::earlier::Earlier;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::Message;
use records::moment;
use std::collections::HashMap;

/// A row as the SDK gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A row as it was read.
#[derive(Debug, Default)]
pub(super) struct Row {
    caller: String,
    ttl: i64,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    /// Each as JSON text.
    pub(super) messages: Vec<String>,
    pub(super) earlier: Vec<Earlier>,
}

impl Row {
    pub(super) fn read(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let list = |name: &str| item.get(name).and_then(|value| value.as_l().ok()).into_iter().flatten();
        Self {
            caller: text("caller"),
            ttl: item.get("ttl").and_then(|ttl| ttl.as_n().ok()?.parse().ok()).unwrap_or_default(),
            created_at: text("created_at"),
            updated_at: text("updated_at"),
            messages: list("messages").filter_map(|message| message.as_s().ok()).cloned().collect(),
            earlier: list("earlier").filter_map(|entry| Earlier::read(entry.as_m().ok()?)).collect(),
        }
    }

    /// Whether its time is over.
    pub(super) fn is_expired(&self, now: i64) -> bool {
        self.ttl <= now
    }

    /// Whether it is this caller's, and is not one that DynamoDB has yet to delete.
    pub(super) fn is_of(&self, caller: &str, now: i64) -> bool {
        self.caller == caller && !self.is_expired(now)
    }
}

/// Messages of their JSON texts.
pub(super) fn messages(texts: &[String]) -> Result<Vec<Message>, TurnError> {
    let read = texts.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>();
    read.map_err(|_| TurnError::Unavailable("a message of a session cannot be read".to_owned()))
}

/// Takes the session if it is the caller's or new, and no turn is running. What has expired counts as not there: DynamoDB
/// deletes it within days, and until then an earlier conversation must not come back. Needs `:turn` and `:busy_until`.
pub(super) fn taking(
    update: UpdateItemFluentBuilder,
    caller: &str,
    now: Timestamp,
    kept: i64,
) -> UpdateItemFluentBuilder {
    update
        .update_expression(
            "SET caller = :caller, turn = :turn, busy_until = :busy_until, #ttl = :ttl, updated_at = :moment, \
             created_at = if_not_exists(created_at, :moment)",
        )
        .condition_expression(
            "attribute_not_exists(session_id) OR (caller = :caller AND #ttl > :now \
             AND (attribute_not_exists(busy_until) OR busy_until < :now))",
        )
        .expression_attribute_names("#ttl", "ttl")
        .expression_attribute_values(":caller", AttributeValue::S(caller.to_owned()))
        .expression_attribute_values(":moment", AttributeValue::S(moment::text(now)))
        .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()))
        .expression_attribute_values(":ttl", AttributeValue::N((now.as_second() + kept).to_string()))
}

/// Writes the conversation of the turn `:turn`, and gives the session back.
pub(super) fn saving(
    update: UpdateItemFluentBuilder,
    earlier: &[Earlier],
    inline: Vec<String>,
    now: Timestamp,
    kept: i64,
) -> UpdateItemFluentBuilder {
    let inline = inline.into_iter().map(AttributeValue::S).collect();
    let earlier = earlier.iter().map(|entry| AttributeValue::M(entry.written())).collect();
    update
        .update_expression(
            "SET messages = :messages, earlier = :earlier, updated_at = :moment, #ttl = :ttl ADD #version :one \
             REMOVE turn, busy_until",
        )
        .condition_expression("turn = :turn")
        .expression_attribute_names("#ttl", "ttl")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":messages", AttributeValue::L(inline))
        .expression_attribute_values(":earlier", AttributeValue::L(earlier))
        .expression_attribute_values(":moment", AttributeValue::S(moment::text(now)))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .expression_attribute_values(":ttl", AttributeValue::N((now.as_second() + kept).to_string()))
}
