//! What invokes the function.

use crate::error::SchedulerError;
use jiff::Timestamp;
use records::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event of one of the three sources.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Event {
    /// Of the Schedule Creation topic.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>
    Topic {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    /// Of a schedule that is due.
    Due(Due),
    /// Of the daily schedule.
    Daily {
        #[serde(rename = "evaluate")]
        _schedules: Evaluate,
    },
}

#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    #[serde(rename = "Sns")]
    sns: Notification,
}

#[derive(Debug, Deserialize)]
struct Notification {
    #[serde(rename = "Message")]
    message: String,
}

/// The input of every schedule that this function creates.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Due {
    pub(crate) schedule_id: String,
    /// `<aws.scheduler.scheduled-time>`, which EventBridge Scheduler replaces by the time, in UTC.
    /// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>
    pub(crate) scheduled_time: String,
}

/// What the daily event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Evaluate {
    Schedules,
}

/// The payload of a message of the type `schedule_creation`: which change of which row.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    pub(crate) schedule_id: String,
    pub(crate) revision: u64,
}

impl Event {
    pub(crate) fn read(event: Value) -> Result<Self, SchedulerError> {
        serde_json::from_value(event)
            .map_err(|_| SchedulerError::Event("it comes neither from a topic nor from a schedule".to_owned()))
    }
}

impl Record {
    pub(crate) fn message(&self) -> Result<Message, SchedulerError> {
        let unreadable = |_| SchedulerError::Event("the record of the topic holds no message".to_owned());
        serde_json::from_str(&self.sns.message).map_err(unreadable)
    }
}

impl Due {
    pub(crate) fn of(schedule_id: &str) -> Self {
        Self { schedule_id: schedule_id.to_owned(), scheduled_time: "<aws.scheduler.scheduled-time>".to_owned() }
    }

    pub(crate) fn time(&self) -> Result<Timestamp, SchedulerError> {
        self.scheduled_time.parse().map_err(|_| SchedulerError::Event("scheduled_time is not a time".to_owned()))
    }
}
