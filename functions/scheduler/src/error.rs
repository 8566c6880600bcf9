//! Why an event was not dealt with. Lambda invokes the function with it again, twice, and then puts it into the dead-letter queue.

use bus::PublishError;
use functions_shared::Failure;
use records::RecordError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SchedulerError {
    /// Nothing that this function takes. No part of the event is quoted.
    #[error("the event cannot be used: {0}")]
    Event(String),
    /// There is no row with the id that the event names.
    #[error("no schedule has the id {0}")]
    UnknownSchedule(String),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// EventBridge Scheduler is throttled, cannot be reached or fails.
    #[error("EventBridge Scheduler: {0}")]
    Unavailable(String),
    /// Callers change the row faster than it can be followed.
    #[error("other requests kept changing the schedule {0}")]
    Overtaken(String),
    /// Some of what the daily event looks at.
    #[error("{0} schedules or messages could not be processed")]
    Incomplete(usize),
}

impl From<SchedulerError> for Failure {
    fn from(error: SchedulerError) -> Self {
        let name = match error {
            SchedulerError::Record(error) => return error.into(),
            SchedulerError::Event(_) => "InvalidEvent",
            SchedulerError::UnknownSchedule(_) => "UnknownSchedule",
            SchedulerError::Publish(_) => "NotPublished",
            SchedulerError::Unavailable(_) => "SchedulerUnavailable",
            SchedulerError::Overtaken(_) => "Overtaken",
            SchedulerError::Incomplete(_) => "Incomplete",
        };
        Self::new(name, error.to_string())
    }
}
