//! Messages of the Agent Queue: each is a question, and its answer is published as a notification.
//!
//! SQS delivers at least once. The notification's id follows from the message's, and its row is written before it is published: a message
//! that is delivered again after that is answered from the row, without another turn.

use crate::agent::Agent;
use crate::error::TurnError;
use crate::events::Watchers;
use crate::invocation::Invoking;
use crate::model_call::Answering;
use crate::question::Question;
use crate::reply::Reply;
use bus::{BatchResponse, Delivery, SqsEvent, Topics, batch};
use functions_content::{Asking, ContentTable};
use functions_shared::{Clock, Failure};
use jiff::Timestamp;
use records::{Change, Changed, DynamoDb, Message, MessageStatus, MessageType, Messages, SCHEMA_VERSION, id, moment};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// Where messages are, and where answers go.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) messages: DynamoDb<Message>,
    pub(crate) topics: Topics,
    pub(crate) contents: Arc<ContentTable>,
    pub(crate) stage: String,
    pub(crate) clock: Clock,
}

/// Who makes notifications of answers.
const CREATED_BY: &str = "agent";
/// Statuses of a message that has not been answered.
const OPEN: [MessageStatus; 3] = [MessageStatus::Created, MessageStatus::Queued, MessageStatus::Processing];

impl Queue {
    /// Answers the messages of a batch. Those that may be answered later are received again.
    pub(crate) async fn serve<M, F>(&self, agent: &Agent<M, F>, event: SqsEvent, until: Instant) -> BatchResponse
    where
        M: Answering,
        F: Invoking,
    {
        batch::run(event, |delivery| self.answer(agent, delivery, until)).await
    }

    async fn answer<M, F>(&self, agent: &Agent<M, F>, delivery: Delivery, until: Instant) -> Result<(), Failure>
    where
        M: Answering,
        F: Invoking,
    {
        let message = self.message(&delivery)?;
        let received = Change::to(MessageStatus::Processing).from(&OPEN).retry_count(delivery.retries());
        if let Changed::Refused(_) = self.change(&message.id, received).await? {
            return Ok(());
        }
        match self.notice(agent, &message, until).await? {
            Ok(notice) => {
                self.topics.publish(&notice, until).await?;
                self.change(&message.id, Change::to(MessageStatus::Completed)).await?;
            }
            Err(reason) => {
                tracing::warn!(message_id = message.id, reason, "a question cannot be answered");
                self.change(&message.id, Change::to(MessageStatus::Failed).because(&reason)).await?;
            }
        }
        Ok(())
    }

    fn message(&self, delivery: &Delivery) -> Result<Message, Failure> {
        let message = delivery.message().map_err(|error| Failure::new("NotAMessage", error.to_string()))?;
        if message.stage != self.stage {
            return Err(Failure::new("OtherStage", format!("the message is not of the stage {}", self.stage)));
        }
        if message.message_type != MessageType::AgentResponse {
            return Err(Failure::new("OtherType", "the message is not an agent_response"));
        }
        Ok(message)
    }

    /// The notification of the answer, or why there never will be one.
    async fn notice<M, F>(
        &self,
        agent: &Agent<M, F>,
        message: &Message,
        until: Instant,
    ) -> Result<Result<Message, String>, Failure>
    where
        M: Answering,
        F: Invoking,
    {
        let made = message.created_date.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let id = id::message_of(made, &message.id);
        if let Some(notice) = self.messages.get(&id).await? {
            return Ok(Ok(notice));
        }
        let payload = self.payload(message, until).await?;
        let question = match Question::of_payload(payload) {
            Ok(question) => question,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        match agent.ask(&message.created_by, question, &Watchers::default(), until).await {
            Ok(reply) => {
                let notice = self.topics.fitted(self.notification(id, &reply), until).await;
                let notice = notice?;
                self.messages.create(&notice).await?;
                Ok(Ok(notice))
            }
            Err(error) if error.may_pass() => Err(Failure::new("NotAnswered", error.to_string())),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// What a message says. The layer leaves the events of this function alone, so that a payload that is too long for a topic comes as the
    /// reference that its publisher has made.
    async fn payload(&self, message: &Message, until: Instant) -> Result<Value, Failure> {
        match &message.payload {
            Value::String(reference) => {
                let value = self.contents.value(reference, Asking { tenant: None, until }).await;
                value.map_err(|error| Failure::new("LongContent.NotRead", error.to_string()))
            }
            payload => Ok(payload.clone()),
        }
    }

    fn notification(&self, id: String, reply: &Reply) -> Message {
        let now = moment::text(moment::now(&self.clock));
        let body = reply.json();
        let payload = json!({
            "version": SCHEMA_VERSION, "title": "Answer of the agent", "message": body["message"],
            "session_id": body["session_id"],
        });
        Message {
            id,
            version: SCHEMA_VERSION.to_owned(),
            created_date: now.clone(),
            created_by: CREATED_BY.to_owned(),
            stage: self.stage.clone(),
            message_type: MessageType::Notify,
            status: MessageStatus::Created,
            payload,
            arguments: json!({}),
            updated_date: now,
            retry_count: 0,
            error_message: None,
            auth_config: None,
        }
    }

    async fn change(&self, id: &str, change: Change) -> Result<Changed<Message>, Failure> {
        Ok(self.messages.change(id, change, moment::now(&self.clock)).await?)
    }
}

impl TurnError {
    /// Whether the same question may be answered later.
    fn may_pass(&self) -> bool {
        let status = self.reply().status;
        status == 409 || status == 429 || status >= 500
    }
}
