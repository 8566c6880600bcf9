//! One record of an SQS event, out of whatever it came in.

use records::Message;
use serde::Deserialize;
use serde_json::Value;

/// One record of an SQS event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// SQS's id of the message, the same for each time that it is received.
    pub id: String,
    /// How often it has been received, this time included. 1 or more.
    pub receive_count: u32,
    /// What was published: the body of the record, or `Message` of the SNS envelope in it.
    pub body: String,
    /// The topic, if the body came in an SNS envelope.
    pub topic: Option<String>,
}

/// The body is no message. Receiving it again will not change that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a message: line {line}, column {column}")]
pub struct NotAMessage {
    line: usize,
    column: usize,
}

/// What SNS puts around a message without raw message delivery.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    #[serde(rename = "Type")]
    _kind: Notification,
    topic_arn: String,
    message: String,
}

#[derive(Deserialize)]
enum Notification {
    Notification,
}

impl Delivery {
    pub(crate) fn new(id: String, receive_count: u32, body: String) -> Self {
        match serde_json::from_str::<Envelope>(&body) {
            Ok(Envelope { topic_arn, message, .. }) => {
                Self { id, receive_count, body: message, topic: Some(topic_arn) }
            }
            Err(_) => Self { id, receive_count, body, topic: None },
        }
    }

    /// The message that the body is.
    pub fn message(&self) -> Result<Message, NotAMessage> {
        serde_json::from_str(&self.body).map_err(|error| NotAMessage { line: error.line(), column: error.column() })
    }

    /// How often the message was received before: what a row's `retry_count` says.
    pub fn retries(&self) -> u32 {
        self.receive_count.saturating_sub(1)
    }

    /// The `id` of the message that the body is, if it has one. Of two deliveries of one message, one is handled after the other.
    pub(crate) fn message_id(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        body.get("id")?.as_str().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_is_found_in_an_envelope_and_without() {
        let message = json!({"id": "msg_20240115120000_123456"}).to_string();
        let envelope = json!({"Type": "Notification", "TopicArn": "arn:t", "Message": message, "MessageId": "1"});
        let enveloped = Delivery::new("a".to_owned(), 1, envelope.to_string());
        assert_eq!((&enveloped.body, enveloped.topic.as_deref()), (&message, Some("arn:t")));
        let raw = Delivery::new("a".to_owned(), 2, message.clone());
        assert_eq!((&raw.body, raw.topic.as_deref(), raw.retries()), (&message, None, 1));
        assert_eq!(raw.message_id().as_deref(), Some("msg_20240115120000_123456"));
    }

    #[test]
    fn what_is_no_message_is_described_and_not_quoted() {
        let error = Delivery::new("a".to_owned(), 1, "secret".to_owned()).message().expect_err("no message");
        assert_eq!(error.to_string(), "the body is not a message: line 1, column 1");
    }
}
