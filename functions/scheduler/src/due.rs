//! A schedule is due: one message, however often EventBridge Scheduler says so.

use crate::error::SchedulerError;
use crate::event::Due;
use crate::scheduler::{Invocation, Scheduler};
use jiff::Timestamp;
use records::MessageStatus::{Created, Queued};
use records::{
    Change, Message, MessageStatus, Messages, SCHEMA_VERSION, Schedule, ScheduleAction, ScheduleStatus, Schedules, id,
    moment,
};

/// Who messages say they are from.
pub(crate) const AUTHOR: &str = "scheduler";

impl Scheduler {
    /// Sends the message of a scheduled time, unless the schedule is not in force any more.
    pub(crate) async fn due(&self, due: &Due, invocation: Invocation<'_>) -> Result<(), SchedulerError> {
        let scheduled = due.time()?;
        let row = self.schedules.get(&due.schedule_id).await?;
        let row = row.ok_or_else(|| SchedulerError::UnknownSchedule(due.schedule_id.clone()))?;
        if !is_in_force(&row) {
            tracing::info!(schedule = row.id, status = row.status.as_str(), "a schedule that is not in force was due");
            return Ok(());
        }
        self.send(&row, scheduled, invocation).await
    }

    /// Sends the message of a scheduled time, if it has not been sent.
    ///
    /// Its id follows from the schedule and the time, and the table takes an id once. A message whose row is still `created` may not
    /// have been published: then it is published again, and its readers know it by its id.
    pub(crate) async fn send(
        &self,
        row: &Schedule,
        scheduled: Timestamp,
        invocation: Invocation<'_>,
    ) -> Result<(), SchedulerError> {
        let message = message_of(row, scheduled, self.now());
        let is_new = self.messages.create(&message).await?;
        if is_new || self.is_unpublished(&message.id).await? {
            self.publish(&message, invocation).await?;
        }
        self.schedules.ran(&row.id, scheduled).await?;
        Ok(())
    }

    async fn is_unpublished(&self, id: &str) -> Result<bool, SchedulerError> {
        Ok(self.messages.get(id).await?.is_some_and(|message| message.status == Created))
    }

    /// Publishes a message by its type. Its row is `queued` afterwards, if no reader has come further meanwhile.
    pub(crate) async fn publish(&self, message: &Message, invocation: Invocation<'_>) -> Result<(), SchedulerError> {
        self.topics.publish(message, invocation.until).await?;
        self.messages.change(&message.id, Change::to(Queued).from(&[Created]), self.now()).await?;
        tracing::info!(message = message.id, message_type = message.message_type.as_str(), "the message is published");
        Ok(())
    }
}

/// A row whose change is not settled yet is taken at its word: its schedule may have been made already.
fn is_in_force(row: &Schedule) -> bool {
    let is_started = !matches!(row.action, ScheduleAction::Pause | ScheduleAction::Delete);
    match row.status {
        ScheduleStatus::Active => true,
        ScheduleStatus::Pending => is_started,
        ScheduleStatus::Inactive | ScheduleStatus::Error => false,
    }
}

fn message_of(row: &Schedule, scheduled: Timestamp, now: Timestamp) -> Message {
    let date = moment::text(now);
    Message {
        id: id::message_of(scheduled, &format!("{}@{}", row.id, moment::text(scheduled))),
        version: SCHEMA_VERSION.to_owned(),
        created_date: date.clone(),
        created_by: AUTHOR.to_owned(),
        stage: row.stage.clone(),
        message_type: row.message_type,
        status: MessageStatus::Created,
        payload: row.payload.clone(),
        arguments: row.arguments.clone(),
        updated_date: date,
        retry_count: 0,
        error_message: None,
        auth_config: None,
    }
}
