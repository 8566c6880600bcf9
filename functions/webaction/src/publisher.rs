//! Where notifications go.

use bus::{PublishError, Topics};
use records::Message;
use std::time::Instant;

/// Publishes messages.
pub trait Publisher: Send + Sync {
    /// Publishes one to the topic of its type, before the deadline `until`.
    fn publish(&self, message: &Message, until: Instant) -> impl Future<Output = Result<(), PublishError>> + Send;
}

impl Publisher for Topics {
    async fn publish(&self, message: &Message, until: Instant) -> Result<(), PublishError> {
        Topics::publish(self, message, until).await
    }
}
