//! One event.

use crate::event::Event;
use crate::scheduler::{Cause, Invocation, Scheduler};
use functions_shared::Failure;
use records::moment;
use serde_json::Value;

impl Scheduler {
    /// Deals with an event.
    ///
    /// # Errors
    /// When the event is to be delivered again; its effects so far stay, and are not repeated.
    pub async fn handle(&self, event: Value, invocation: Invocation<'_>) -> Result<(), Failure> {
        match Event::read(event)? {
            Event::Topic { records } => {
                for record in &records {
                    self.change(record, invocation).await?;
                }
            }
            Event::Due(due) => self.due(&due, invocation).await?,
            Event::Daily { .. } => {
                let id = moment::text(self.now());
                self.daily(Cause { id: &id, invocation }).await?;
            }
        }
        Ok(())
    }
}
