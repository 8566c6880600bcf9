//! The four topics, and which message goes to which.

use crate::publish_error::PublishError;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use functions_aws::sdk_errors::reason;
use functions_content::{Asking, ContentTable, Life};
use functions_shared::{VariableError, Variables};
use records::{Message, MessageType};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// SNS takes 262,144 bytes, attributes included (SNS quotas: message size). The two attributes take fewer than 100.
const LONGEST: usize = 262_144 - 1024;
/// A reference is shorter than this, with its quotes.
const REFERENCE: usize = 256;

const NOT_TAKEN: [(char, &str); 2] = [('\u{fffe}', "\\ufffe"), ('\u{ffff}', "\\uffff")];

/// Publishes messages. Clones share one client.
#[derive(Clone)]
pub struct Topics {
    client: Client,
    contents: Option<Arc<ContentTable>>,
    web_actions: String,
    notifications: String,
    agent_response: String,
    schedule_creation: String,
}

impl Topics {
    /// The topics that the variables name: `WEB_ACTIONS_TOPIC_ARN`, `NOTIFICATIONS_TOPIC_ARN`, `AGENT_RESPONSE_TOPIC_ARN` and
    /// `SCHEDULE_CREATION_TOPIC_ARN`. A function that publishes only some types needs only their topics; publishing another type is
    /// then refused. Long payloads are stored in `contents`.
    pub fn from_variables(
        variables: &Variables,
        client: Client,
        contents: Option<Arc<ContentTable>>,
    ) -> Result<Self, VariableError> {
        let topic = |name| variables.optional(name).map(|arn| arn.unwrap_or_default().to_owned());
        Ok(Self {
            client,
            contents,
            web_actions: topic("WEB_ACTIONS_TOPIC_ARN")?,
            notifications: topic("NOTIFICATIONS_TOPIC_ARN")?,
            agent_response: topic("AGENT_RESPONSE_TOPIC_ARN")?,
            schedule_creation: topic("SCHEDULE_CREATION_TOPIC_ARN")?,
        })
    }

    /// The ARN of the topic for messages of this type, which is empty if this function has no such topic.
    pub fn topic(&self, kind: MessageType) -> &str {
        match kind {
            MessageType::WebAction => &self.web_actions,
            MessageType::AgentResponse => &self.agent_response,
            MessageType::ScheduleCreation => &self.schedule_creation,
            MessageType::Notify | MessageType::Scheduled | MessageType::HelloWorld => &self.notifications,
        }
    }

    /// The message as it fits into SNS and into a row: unchanged, or with references in place of a long payload and long arguments.
    /// The contents are kept for ever, as the row is.
    pub async fn fitted(&self, mut message: Message, until: Instant) -> Result<Message, PublishError> {
        let bytes = length(&message);
        if bytes <= LONGEST {
            return Ok(message);
        }
        let contents = self.contents.as_ref().ok_or(PublishError::TooLong(bytes))?;
        let asking = Asking { tenant: None, until };
        let Message { payload, arguments, auth_config, .. } = &mut message;
        for value in [Some(payload), Some(arguments), auth_config.as_mut()].into_iter().flatten() {
            if value.is_object() && value.to_string().len() > REFERENCE {
                let reference = contents.put_value(Life::Forever, value, asking).await;
                *value = Value::String(reference.map_err(PublishError::NotStored)?);
            }
        }
        Ok(message)
    }

    /// Publishes a message to the topic of its type, with the attributes `stage` and `message_type`. Too long a message is
    /// [fitted](Self::fitted) before.
    pub async fn publish(&self, message: &Message, until: Instant) -> Result<(), PublishError> {
        if length(message) > LONGEST {
            let fitted = self.fitted(message.clone(), until).await?;
            return self.send(&fitted).await;
        }
        self.send(message).await
    }

    async fn send(&self, message: &Message) -> Result<(), PublishError> {
        let kind = message.message_type;
        let topic = self.topic(kind);
        if topic.is_empty() {
            return Err(PublishError::Refused(format!("this function has no topic for {}", kind.as_str())));
        }
        let publish = self.client.publish().topic_arn(topic).message(text_of(message));
        let publish = publish.message_attributes("stage", attribute(&message.stage));
        let publish = publish.message_attributes("message_type", attribute(kind.as_str()));
        match publish.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let reason = reason(&error).to_owned();
                tracing::warn!(message_id = message.id, topic, reason, "SNS did not accept a message");
                Err(PublishError::Refused(reason))
            }
        }
    }
}

/// SQS does not take the two noncharacters (`SendMessage`: the characters that are allowed); in JSON they may be escaped.
fn text_of(message: &Message) -> String {
    let text = serde_json::to_string(message).expect("BUG: a message is JSON");
    NOT_TAKEN.into_iter().fold(
        text,
        |text, (character, escaped)| {
            if text.contains(character) { text.replace(character, escaped) } else { text }
        },
    )
}

fn length(message: &Message) -> usize {
    text_of(message).len()
}

fn attribute(text: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type("String").string_value(text);
    value.build().expect("BUG: the data type is set")
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").field("notifications", &self.notifications).finish_non_exhaustive()
    }
}
