//! The function: what it is made of.

use crate::eventbridge::EventBridge;
use crate::settings::Settings;
use bus::Topics;
use functions_aws::SdkConfig;
use functions_content::ContentTable;
use functions_shared::{Clock, Failure, Variables};
use jiff::Timestamp;
use records::{DynamoDb, Message, Schedule, messages, moment, schedules};
use std::sync::Arc;
use std::time::Instant;

/// The function: its clients, made once.
#[derive(Debug)]
pub struct Scheduler {
    pub(crate) messages: DynamoDb<Message>,
    pub(crate) schedules: DynamoDb<Schedule>,
    pub(crate) topics: Topics,
    pub(crate) eventbridge: EventBridge,
    pub(crate) settings: Settings,
    clock: Clock,
}

/// What Lambda says of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// The ARN by which the function was invoked: schedules get it as their target.
    pub function: &'a str,
    /// When the invocation ends.
    pub until: Instant,
}

/// Why a schedule is changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'a> {
    /// The same for each delivery of the same event.
    pub(crate) id: &'a str,
    pub(crate) invocation: Invocation<'a>,
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

    pub(crate) fn now(&self) -> Timestamp {
        moment::now(&self.clock)
    }
}
