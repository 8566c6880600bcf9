//! A table whose changes fail, or end the function.

use jiff::Timestamp;
use records::{
    Change, Changed, Claim, Count, Listed, Message, MessageFilter, MessageStatus, Messages, Page, RecordError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// What happens at which change of a row; the first is 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The function ends before the change reaches the table.
    EndsBefore(u32),
    /// The function ends after the table has made it.
    EndsAfter(u32),
    /// The table is throttled.
    Throttled(u32),
}

/// A table of messages that meets a fault.
pub(crate) struct Failing<M> {
    messages: M,
    fault: Fault,
    changes: AtomicU32,
    ended: Arc<Notify>,
}

impl<M> Failing<M> {
    /// The table, and what is notified when the function has ended.
    pub(crate) fn of(messages: M, fault: Fault) -> (Self, Arc<Notify>) {
        let ended = Arc::new(Notify::new());
        (Self { messages, fault, changes: AtomicU32::new(0), ended: Arc::clone(&ended) }, ended)
    }

    async fn end(&self) {
        self.ended.notify_one();
        std::future::pending::<()>().await;
    }
}

impl<M: Messages> Messages for Failing<M> {
    async fn change(&self, id: &str, change: Change, now: Timestamp) -> Result<Changed<Message>, RecordError> {
        let number = self.changes.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fault {
            Fault::EndsBefore(fault) if fault == number => self.end().await,
            Fault::Throttled(fault) if fault == number => return Err(throttled()),
            _ => {}
        }
        let changed = self.messages.change(id, change, now).await;
        if matches!(self.fault, Fault::EndsAfter(fault) if fault == number) {
            self.end().await;
        }
        changed
    }

    async fn create(&self, message: &Message) -> Result<bool, RecordError> {
        self.messages.create(message).await
    }

    async fn create_claimed(
        &self,
        message: &Message,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Option<Claim>, RecordError> {
        self.messages.create_claimed(message, claim, now).await
    }

    async fn get(&self, id: &str) -> Result<Option<Message>, RecordError> {
        self.messages.get(id).await
    }

    async fn claim(&self, request: &str, now: Timestamp) -> Result<Option<Claim>, RecordError> {
        self.messages.claim(request, now).await
    }

    async fn list(&self, filter: MessageFilter<'_>, page: Page) -> Result<Listed<Message>, RecordError> {
        self.messages.list(filter, page).await
    }

    async fn count(&self, status: MessageStatus, since: Timestamp) -> Result<Count, RecordError> {
        self.messages.count(status, since).await
    }
}

fn throttled() -> RecordError {
    let reason = "ProvisionedThroughputExceededException".to_owned();
    RecordError::Unavailable { table: "messages".to_owned(), reason }
}
