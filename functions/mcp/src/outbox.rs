//! Messages to other functions, as `webapi` sends them: a row first, then the topic, then the row's new status.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actions::{Notice, Notified, Notifier, ToolError};
use aws_sdk_dynamodb::Client;
use bus::{PublishError, Topics};
use functions_aws::SdkConfig;
use functions_shared::{Clock, Failure, Variables};
use records::MessageStatus::{Created, Failed, Queued};
use records::{ActionResult, Change, DynamoDb, Message, MessageStatus, MessageType, Messages, Results, id, moment};
use serde_json::{Value, json};

/// The variable without which there is no queue: the topic of web actions.
const WEB_ACTIONS_TOPIC: &str = "WEB_ACTIONS_TOPIC_ARN";
const CREATED_BY: &str = "mcp";

/// The tables of messages and of results, and the topics.
#[derive(Debug)]
pub(crate) struct Outbox {
    messages: DynamoDb<Message>,
    results: DynamoDb<ActionResult>,
    topics: Topics,
    stage: String,
    clock: Clock,
}

/// Notifications by way of the outbox: the function `processor` sends them.
#[derive(Debug)]
pub(crate) struct Notifications(pub(crate) Arc<Outbox>);

/// A notification that cannot be queued by then is not sent.
const TO_QUEUE: Duration = Duration::from_secs(10);

impl Notifier for Notifications {
    fn notify(&self, notice: Notice) -> Notified<'_> {
        Box::pin(async move {
            let Notice { title, message, priority } = notice;
            let mut payload = json!({ "message": message });
            if let Some(title) = title {
                payload["title"] = json!(title);
            }
            if let Some(priority) = priority {
                payload["priority"] = json!(priority);
            }
            self.0.post(MessageType::Notify, payload, json!({}), Instant::now() + TO_QUEUE).await
        })
    }
}

/// What is known of a queued action.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Progress {
    /// It is not done yet.
    Under(MessageStatus),
    /// It has this result.
    Done(Box<ActionResult>),
    /// It was given up.
    Failed(String),
}

impl Outbox {
    /// Reads the variables, if there is a topic of web actions: `WEB_ACTIONS_TOPIC_ARN`, `NOTIFICATIONS_TOPIC_ARN`, `DYNAMODB_TABLE_NAME`
    /// (messages), `WEB_ACTION_RESULTS_TABLE_NAME` and `STAGE`.
    pub(crate) fn from_variables(variables: &Variables, aws: &SdkConfig) -> Result<Option<Self>, Failure> {
        if variables.optional(WEB_ACTIONS_TOPIC)?.is_none() {
            return Ok(None);
        }
        let database = Client::new(aws);
        Ok(Some(Self {
            messages: records::messages(variables, database.clone())?,
            results: records::results(variables, database)?,
            // What a client sends has at most 4 MiB, and arguments of tools are short: nothing is stored on the way to a topic.
            topics: Topics::from_variables(variables, aws_sdk_sns::Client::new(aws), None)?,
            stage: variables.required("STAGE")?.to_owned(),
            clock: Clock::system(),
        }))
    }

    /// Sends a message on its way, and gives its id.
    pub(crate) async fn post(
        &self,
        kind: MessageType,
        payload: Value,
        arguments: Value,
        until: Instant,
    ) -> Result<String, ToolError> {
        let message = self.message(kind, payload, arguments);
        let unavailable = |_| ToolError::new("the table of messages does not answer; nothing was queued");
        self.messages.create(&message).await.map_err(unavailable)?;
        if let Err(error) = self.topics.publish(&message, until).await {
            self.change(&message.id, Change::to(Failed).from(&[Created]).because(&error.to_string())).await;
            return Err(not_published(&message.id, &error));
        }
        self.change(&message.id, Change::to(Queued).from(&[Created])).await;
        Ok(message.id)
    }

    /// A row that keeps its old status says less than it could, and does no harm: the receiver of the message changes it again.
    async fn change(&self, message_id: &str, change: Change) {
        let changed = self.messages.change(message_id, change, moment::now(&self.clock)).await;
        if let Err(error) = changed {
            tracing::warn!(message_id, %error, "the status of a message was not written");
        }
    }

    fn message(&self, kind: MessageType, payload: Value, arguments: Value) -> Message {
        let now = moment::now(&self.clock);
        let date = moment::text(now);
        Message {
            id: id::message(now),
            version: records::SCHEMA_VERSION.to_owned(),
            created_date: date.clone(),
            created_by: CREATED_BY.to_owned(),
            stage: self.stage.clone(),
            message_type: kind,
            status: Created,
            payload,
            arguments,
            updated_date: date,
            retry_count: 0,
            error_message: None,
            auth_config: None,
        }
    }

    /// What became of a queued action. An id that is none of a web action's is no id.
    pub(crate) async fn progress(&self, message_id: &str) -> Result<Progress, ToolError> {
        let unavailable = |_| ToolError::new("the table of messages does not answer; try again later");
        let message = self.messages.get(message_id).await.map_err(unavailable)?;
        let message = message.filter(is_ours);
        let message = message.ok_or_else(|| ToolError::new("`id` is not the id of a result"))?;
        match message.status {
            MessageStatus::Completed => {
                let result = self.results.get(&id::result_of(message_id)).await.map_err(unavailable)?;
                let gone = || ToolError::new("the result is no longer kept; call the tool again");
                Ok(Progress::Done(Box::new(result.ok_or_else(gone)?)))
            }
            MessageStatus::Failed => {
                let reason = message.error_message.unwrap_or_else(|| "no reason is known".to_owned());
                Ok(Progress::Failed(reason))
            }
            other => Ok(Progress::Under(other)),
        }
    }
}

/// Only a message that was too long, or could not be made short, is certainly not on its way.
fn not_published(id: &str, error: &PublishError) -> ToolError {
    match error {
        PublishError::TooLong(_) | PublishError::NotStored(_) => ToolError::new(format!("nothing was queued: {error}")),
        PublishError::Refused(_) => ToolError::unknown(format!(
            "it is not known whether the call was queued: {error}. Ask get_result for `{id}` before you call again"
        )),
    }
}

/// Ids can be guessed, so they open nothing that others have queued.
fn is_ours(message: &Message) -> bool {
    message.message_type == MessageType::WebAction && message.created_by == CREATED_BY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(created_by: &str, kind: MessageType) -> Message {
        let message = json!({
            "id": "msg_20240115120000_123456", "version": "1.0", "created_date": "2024-01-15T12:00:00Z", "created_by": created_by,
            "stage": "dev", "message_type": kind, "status": "completed", "payload": {}, "updated_date": "2024-01-15T12:00:00Z",
        });
        serde_json::from_value(message).expect("a message")
    }

    #[test]
    fn only_calls_that_were_queued_here_have_results_here() {
        assert!(is_ours(&message(CREATED_BY, MessageType::WebAction)));
        assert!(!is_ours(&message("scheduler", MessageType::WebAction)));
        assert!(!is_ours(&message("alice", MessageType::WebAction)));
        assert!(!is_ours(&message(CREATED_BY, MessageType::Notify)));
    }

    #[test]
    fn a_call_that_sns_may_have_is_not_said_to_be_lost() {
        let unknown = not_published("msg_1", &PublishError::Refused("no answer".to_owned()));
        assert!(unknown.is_unknown() && unknown.to_string().contains("Ask get_result for `msg_1`"), "{unknown}");
        let lost = not_published("msg_1", &PublishError::TooLong(300_000));
        assert!(!lost.is_unknown() && lost.to_string().starts_with("nothing was queued"), "{lost}");
    }
}
