//! Tables and a topic that count what is written, and end the invocation or refuse when a test says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bus::PublishError;
use jiff::Timestamp;
use records::{
    ActionResult, Change, Changed, Claim, Count, DynamoDb, Listed, Message, MessageFilter, MessageStatus, Messages,
    Page, RecordError, ResultStatus, Results,
};
use webaction::Publisher;

/// What happens at which write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The invocation ends before it.
    EndsBefore(usize),
    /// The invocation ends after it.
    EndsAfter(usize),
    /// The table is throttled, or the topic refuses.
    Refused(usize),
}

/// All writes of all invocations, in their order.
#[derive(Default)]
pub struct Steps {
    made: Mutex<Vec<&'static str>>,
    trouble: Mutex<Option<Trouble>>,
    /// The table of messages is throttled.
    pub messages_fail: AtomicBool,
    /// The table of results is throttled.
    pub results_fail: AtomicBool,
    /// The topic refuses.
    pub topic_fails: AtomicBool,
    published: Mutex<Vec<Message>>,
}

impl Steps {
    pub fn plan(&self, trouble: Trouble) {
        *self.trouble.lock().expect("not poisoned") = Some(trouble);
    }

    /// What was written, in a word each.
    pub fn made(&self) -> Vec<&'static str> {
        self.made.lock().expect("not poisoned").clone()
    }

    /// What was published.
    pub fn published(&self) -> Vec<Message> {
        self.published.lock().expect("not poisoned").clone()
    }

    /// Makes a write, unless it is refused.
    async fn write<T>(&self, what: &'static str, write: impl Future<Output = T>) -> Option<T> {
        let step = {
            let mut made = self.made.lock().expect("not poisoned");
            made.push(what);
            made.len() - 1
        };
        let trouble = *self.trouble.lock().expect("not poisoned");
        assert_ne!(trouble, Some(Trouble::EndsBefore(step)), "killed before the write {step}");
        if trouble == Some(Trouble::Refused(step)) {
            return None;
        }
        let outcome = write.await;
        assert_ne!(trouble, Some(Trouble::EndsAfter(step)), "killed after the write {step}");
        Some(outcome)
    }
}

fn throttled(fails: &AtomicBool) -> Result<(), RecordError> {
    if fails.load(Ordering::SeqCst) { Err(throttling()) } else { Ok(()) }
}

fn throttling() -> RecordError {
    let reason = "ProvisionedThroughputExceededException".to_owned();
    RecordError::Unavailable { table: "throttled".to_owned(), reason }
}

/// A table of messages.
pub struct SteppedMessages(pub DynamoDb<Message>, pub Arc<Steps>);

impl Messages for SteppedMessages {
    async fn create(&self, message: &Message) -> Result<bool, RecordError> {
        self.0.create(message).await
    }

    async fn create_claimed(
        &self,
        message: &Message,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Option<Claim>, RecordError> {
        self.0.create_claimed(message, claim, now).await
    }

    async fn get(&self, id: &str) -> Result<Option<Message>, RecordError> {
        Messages::get(&self.0, id).await
    }

    async fn claim(&self, request: &str, now: Timestamp) -> Result<Option<Claim>, RecordError> {
        self.0.claim(request, now).await
    }

    async fn change(&self, id: &str, change: Change, now: Timestamp) -> Result<Changed<Message>, RecordError> {
        throttled(&self.1.messages_fail)?;
        let what = if change.status() == MessageStatus::Processing {
            "row of the message: `processing`"
        } else {
            "row of the message: final status"
        };
        self.1.write(what, self.0.change(id, change, now)).await.unwrap_or_else(|| Err(throttling()))
    }

    async fn count(&self, status: MessageStatus, since: Timestamp) -> Result<Count, RecordError> {
        self.0.count(status, since).await
    }

    async fn list(&self, filter: MessageFilter<'_>, page: Page) -> Result<Listed<Message>, RecordError> {
        self.0.list(filter, page).await
    }
}

/// A table of results.
pub struct SteppedResults(pub DynamoDb<ActionResult>, pub Arc<Steps>);

impl Results for SteppedResults {
    async fn create(&self, result: &ActionResult) -> Result<bool, RecordError> {
        throttled(&self.1.results_fail)?;
        let what = if result.status == ResultStatus::Started { "result, as `started`" } else { "result" };
        self.1.write(what, self.0.create(result)).await.unwrap_or_else(|| Err(throttling()))
    }

    async fn finish(&self, result: &ActionResult) -> Result<bool, RecordError> {
        throttled(&self.1.results_fail)?;
        self.1.write("result", self.0.finish(result)).await.unwrap_or_else(|| Err(throttling()))
    }

    async fn get(&self, id: &str) -> Result<Option<ActionResult>, RecordError> {
        throttled(&self.1.results_fail)?;
        Results::get(&self.0, id).await
    }

    async fn of_message(&self, message_id: &str) -> Result<Vec<ActionResult>, RecordError> {
        self.0.of_message(message_id).await
    }
}

/// A topic of notifications.
pub struct Topic(pub Arc<Steps>);

impl Publisher for Topic {
    async fn publish(&self, message: &Message, _: Instant) -> Result<(), PublishError> {
        let refused = || PublishError::Refused("InternalError".to_owned());
        if self.0.topic_fails.load(Ordering::SeqCst) {
            return Err(refused());
        }
        let message = message.clone();
        let publish = async { self.0.published.lock().expect("not poisoned").push(message) };
        self.0.write("notification", publish).await.ok_or_else(refused)
    }
}
