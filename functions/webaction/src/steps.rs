//! The steps of one delivery, in the order that the crate's documentation gives.

use std::time::Instant;

use actions::ToolError;
use bus::Delivery;
use bus::batch::MAX_RECEIVES;
use functions_shared::Failure;
use records::MessageStatus::{Completed, Created, Failed, Processing, Queued};
use records::{ActionResult, Change, Changed, Message, MessageType, Messages, ResultStatus, Results, id, moment};

use crate::notification;
use crate::outcome::{Begun, Outcome};
use crate::publisher::Publisher;
use crate::task::{self, Task};
use crate::web_actions::WebActions;

impl<M: Messages, R: Results, P: Publisher> WebActions<M, R, P> {
    /// Does what is left to do for a message. A failure is delivered again, until the last receive.
    pub(crate) async fn deliver(&self, delivery: &Delivery, until: Instant) -> Result<(), Failure> {
        let message = self.message(delivery)?;
        let received = Change::to(Processing).from(&[Created, Queued, Processing, Failed]);
        match self.change(&message.id, received.retry_count(delivery.retries())).await? {
            Changed::Refused(_) => return Ok(()), // It is done.
            Changed::Absent => return Err(Failure::new("NoSuchMessage", "the message has no row")),
            Changed::Made(_) => {}
        }
        let is_last = delivery.receive_count >= MAX_RECEIVES;
        match self.result(&message, is_last, until).await {
            Ok(result) => self.settle(&message, &result, until).await,
            Err(failure) if is_last => {
                self.change(&message.id, Change::to(Failed).from(&[Processing]).because(&failure.to_string())).await?;
                Err(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    fn message(&self, delivery: &Delivery) -> Result<Message, Failure> {
        let message = delivery.message().map_err(|error| Failure::new("NotAMessage", error.to_string()))?;
        if message.stage != self.stage {
            return Err(Failure::new("OtherStage", format!("the message is not of the stage {}", self.stage)));
        }
        if message.message_type != MessageType::WebAction {
            return Err(Failure::new("OtherType", "the message is not a web_action"));
        }
        Ok(message)
    }

    /// The result that is there, or what comes of the action.
    async fn result(&self, message: &Message, is_last: bool, until: Instant) -> Result<ActionResult, Failure> {
        match self.results.get(&id::result_of(&message.id)).await? {
            Some(result) if result.status != ResultStatus::Started => Ok(result),
            Some(started) if !is_last && self.is_under_way(&started, until) => Err(in_progress()),
            Some(started) => self.resolved(&started, message, is_last, until).await,
            None => self.performed(message, is_last, until).await,
        }
    }

    async fn performed(&self, message: &Message, is_last: bool, until: Instant) -> Result<ActionResult, Failure> {
        let payload = task::payload(message);
        let task = payload.as_ref().map_err(Clone::clone).and_then(|payload| Task::of(payload, message));
        let action = payload.as_ref().map_or("web action", |payload| payload.action.as_str());
        let begun = Begun { message, action, at: Instant::now(), now: self.now() };
        match task {
            Err(error) => self.stored(Outcome::failure(error.to_string()), begun, until).await,
            Ok(task) if task.acts_once() => self.acted_once(&task, begun, is_last, until).await,
            Ok(task) => match self.services.asked(&task).await {
                Err(error) if error.may_pass() => Err(later(&error)),
                Err(error) => self.stored(Outcome::failure(error.to_string()), begun, until).await,
                Ok(outcome) => self.stored(outcome, begun, until).await,
            },
        }
    }

    /// Stores the result, unless another delivery was faster: then that one's counts.
    pub(crate) async fn stored(
        &self,
        outcome: Outcome,
        begun: Begun<'_>,
        until: Instant,
    ) -> Result<ActionResult, Failure> {
        let row = outcome.row(begun, &self.contents, until).await;
        let row = row.map_err(|error| Failure::new("BodyNotStored", error.to_string()))?;
        if self.results.create(&row).await? { Ok(row) } else { self.found(&row.id).await }
    }

    /// A result that another delivery has written.
    pub(crate) async fn found(&self, id: &str) -> Result<ActionResult, Failure> {
        let found = self.results.get(id).await?.filter(|result| result.status != ResultStatus::Started);
        found.ok_or_else(in_progress)
    }

    /// Whether another delivery may still be at it: SNS and SQS may deliver a message twice at once. An invocation takes no longer than this
    /// one may, and SQS delivers a failed message only after that.
    fn is_under_way(&self, started: &ActionResult, until: Instant) -> bool {
        let begun = started.created_date.parse::<jiff::Timestamp>();
        let longest = until.saturating_duration_since(Instant::now());
        begun.is_ok_and(|begun| self.now() < begun + longest)
    }

    /// Notifies a person and ends the message.
    async fn settle(&self, message: &Message, result: &ActionResult, until: Instant) -> Result<(), Failure> {
        if wants_notification(message) || result.error_message.as_deref().is_some_and(is_unknown) {
            let notification = notification::of(result, message, self.now());
            self.publisher.publish(&notification, until).await?;
        }
        self.change(&message.id, ending(result)).await?;
        Ok(())
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        moment::now(&self.clock)
    }

    async fn change(&self, id: &str, change: Change) -> Result<Changed<Message>, Failure> {
        Ok(self.messages.change(id, change, self.now()).await?)
    }
}

/// What an outcome begins with that nobody knows.
pub(crate) const UNKNOWN: &str = "outcome unknown";

fn is_unknown(reason: &str) -> bool {
    reason.starts_with(UNKNOWN)
}

/// Also of a payload that cannot be read.
fn wants_notification(message: &Message) -> bool {
    message.payload.get("notify").and_then(serde_json::Value::as_bool) != Some(false)
}

fn ending(result: &ActionResult) -> Change {
    match &result.error_message {
        None => Change::to(Completed).from(&[Processing]),
        Some(reason) => Change::to(Failed).from(&[Processing]).because(reason),
    }
}

fn in_progress() -> Failure {
    Failure::new("InProgress", "another delivery of this message is being processed")
}

/// A failure that another delivery may not meet.
pub(crate) fn later(error: &ToolError) -> Failure {
    Failure::new("TryLater", error.to_string())
}
