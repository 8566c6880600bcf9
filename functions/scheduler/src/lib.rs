//! `scheduler`: schedules in EventBridge Scheduler, and the messages that they send.
//!
//! Three sources invoke it, all asynchronously, so that Lambda repeats an event that fails:
//!
//! - The Schedule Creation topic, with a change that a caller wants ([`change`]). The row in the table of schedules says what is
//!   wanted; the message only says which row.
//! - A schedule that is due ([`due`]). EventBridge Scheduler delivers at least once; a message is made once.
//! - A daily schedule ([`daily`]), which does what lost events have left undone.
//!
//! Every step can be repeated: who is invoked again after a crash finds what is done and goes on from there.

mod change;
mod daily;
mod due;
mod error;
mod event;
mod eventbridge;
mod settings;
mod wanted;

use bus::Topics;
use change::Cause;
use event::Event;
use eventbridge::EventBridge;
use functions_aws::SdkConfig;
use functions_content::ContentTable;
use functions_shared::{Clock, Failure, Variables};
use jiff::Timestamp;
use records::{DynamoDb, Message, Schedule, messages, moment, schedules};
use serde_json::Value;
use settings::Settings;
use std::sync::Arc;
use std::time::Instant;

/// What Lambda says of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// The ARN by which the function was invoked: schedules get it as their target.
    pub function: &'a str,
    /// When the invocation ends.
    pub until: Instant,
}

/// The function: its clients, made once.
#[derive(Debug)]
pub struct Scheduler {
    messages: DynamoDb<Message>,
    schedules: DynamoDb<Schedule>,
    topics: Topics,
    eventbridge: EventBridge,
    settings: Settings,
    clock: Clock,
}

impl Scheduler {
    /// As the variables say.
    ///
    /// # Errors
    /// A variable that is missing or malformed, by its name.
    pub fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        let contents = ContentTable::from_variables(variables)?.map(Arc::new);
        Ok(Self {
            messages: messages(variables, dynamodb.clone())?,
            schedules: schedules(variables, dynamodb)?,
            topics: Topics::from_variables(variables, aws_sdk_sns::Client::new(aws), contents)?,
            eventbridge: EventBridge::new(aws_sdk_scheduler::Client::new(aws)),
            settings: Settings::read(variables)?,
            clock: Clock::system(),
        })
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

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

    fn now(&self) -> Timestamp {
        moment::now(&self.clock)
    }
}
