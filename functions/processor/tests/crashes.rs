//! The function dies at each place where it writes: after redelivery the message is completed, and shown once.

use crate::world::{World, event};
use jiff::Timestamp;
use processor::handle;
use records::MessageStatus::Completed;
use records::{
    Change, Changed, Claim, Count, Listed, Message, MessageFilter, MessageStatus, Messages, Page, RecordError,
};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// Where it dies: before a change of the row reaches the table, or after the table has made it.
#[derive(Clone, Copy, Debug)]
enum Death {
    Before(u32),
    After(u32),
}

/// A table whose caller dies.
struct Dying<M> {
    messages: M,
    death: Death,
    changes: AtomicU32,
    died: Arc<Notify>,
}

impl<M> Dying<M> {
    async fn die(&self) {
        self.died.notify_one();
        std::future::pending::<()>().await;
    }
}

impl<M: Messages> Messages for Dying<M> {
    async fn change(&self, id: &str, change: Change, now: Timestamp) -> Result<Changed<Message>, RecordError> {
        let number = self.changes.fetch_add(1, Ordering::Relaxed) + 1;
        if matches!(self.death, Death::Before(death) if death == number) {
            self.die().await;
        }
        let changed = self.messages.change(id, change, now).await;
        if matches!(self.death, Death::After(death) if death == number) {
            self.die().await;
        }
        changed
    }

    async fn create(&self, message: &Message) -> Result<bool, RecordError> {
        self.messages.create(message).await
    }

    async fn create_claimed(&self, message: &Message, claim: &Claim) -> Result<Option<Claim>, RecordError> {
        self.messages.create_claimed(message, claim).await
    }

    async fn get(&self, id: &str) -> Result<Option<Message>, RecordError> {
        self.messages.get(id).await
    }

    async fn claim(&self, request: &str) -> Result<Option<Claim>, RecordError> {
        self.messages.claim(request).await
    }

    async fn list(&self, filter: MessageFilter<'_>, page: Page) -> Result<Listed<Message>, RecordError> {
        self.messages.list(filter, page).await
    }

    async fn count(&self, status: MessageStatus, since: Timestamp) -> Result<Count, RecordError> {
        self.messages.count(status, since).await
    }
}

#[tokio::test]
async fn a_death_at_any_write_loses_nothing_and_shows_nothing_twice() {
    for death in [Death::Before(1), Death::After(1), Death::Before(2), Death::After(2)] {
        let world = World::start().await;
        let body = world.queued("m", &json!({ "message": "hi" })).await;
        let died = Arc::new(Notify::new());
        let messages =
            Dying { messages: world.messages.clone(), death, changes: AtomicU32::new(0), died: Arc::clone(&died) };
        let processor = world.processor(messages);
        tokio::select! {
            _ = handle(&processor, event(&[("r", 1, body.clone())])) => panic!("{death:?} did not happen"),
            () = died.notified() => {}
        }
        assert!(world.receive(&[("r", 2, body)]).await.is_empty(), "{death:?}");
        assert_eq!((world.row("m").await.0, world.shown().len()), (Completed, 1), "{death:?}");
    }
}
