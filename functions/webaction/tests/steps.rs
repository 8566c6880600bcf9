//! Tables and a topic that count what is written, and end the invocation or refuse when a test says so.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bus::PublishError;
use jiff::Timestamp;
use records::{
    ActionResult, Change, Changed, Claim, Count, DynamoDb, Listed, Message, MessageFilter, MessageStatus, Messages,
    Page, RecordError, Results,
};
use webaction::Publisher;

/// When an invocation ends: at which write, and whether that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    Before(usize),
    After(usize),
}

/// All writes of all invocations, in their order.
#[derive(Default)]
pub struct Steps {
    count: AtomicUsize,
    death: Mutex<Option<Death>>,
    /// The table of messages is throttled.
    pub messages_fail: AtomicBool,
    /// The table of results is throttled.
    pub results_fail: AtomicBool,
    /// The topic refuses.
    pub topic_fails: AtomicBool,
    published: Mutex<Vec<Message>>,
}

impl Steps {
    pub fn die(&self, death: Death) {
        *self.death.lock().expect("not poisoned") = Some(death);
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// What was published.
    pub fn published(&self) -> Vec<Message> {
        self.published.lock().expect("not poisoned").clone()
    }

    async fn write<T>(&self, write: impl Future<Output = T>) -> T {
        let step = self.count.fetch_add(1, Ordering::SeqCst);
        let death = *self.death.lock().expect("not poisoned");
        assert_ne!(death, Some(Death::Before(step)), "killed before the write {step}");
        let outcome = write.await;
        assert_ne!(death, Some(Death::After(step)), "killed after the write {step}");
        outcome
    }
}

fn throttled(fails: &AtomicBool) -> Result<(), RecordError> {
    let reason = "ProvisionedThroughputExceededException".to_owned();
    let error = RecordError::Unavailable { table: "throttled".to_owned(), reason };
    if fails.load(Ordering::SeqCst) { Err(error) } else { Ok(()) }
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
        self.1.write(self.0.change(id, change, now)).await
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
        self.1.write(self.0.create(result)).await
    }

    async fn finish(&self, result: &ActionResult) -> Result<bool, RecordError> {
        throttled(&self.1.results_fail)?;
        self.1.write(self.0.finish(result)).await
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
        if self.0.topic_fails.load(Ordering::SeqCst) {
            return Err(PublishError::Refused("InternalError".to_owned()));
        }
        let message = message.clone();
        self.0.write(async { self.0.published.lock().expect("not poisoned").push(message) }).await;
        Ok(())
    }
}
