//! The daily event: what an event that was lost has left undone is done now.
//!
//! - Rows that are still `pending`: the change is made.
//! - Rows that are `active`: the schedule in EventBridge Scheduler is brought to what the row says, and the last time that was due
//!   and of which there is no message gets its message. Times before it are not made up for.
//! - Messages of this function that are still `created`: they are published.

use crate::due::AUTHOR;
use crate::error::SchedulerError;
use crate::scheduler::{Cause, Scheduler};
use jiff::{SignedDuration, Timestamp};
use records::{Message, MessageFilter, MessageStatus, Messages, Page, Schedule, ScheduleStatus, Schedules};
use schedule_expression::ScheduleExpression;

const PAGE: usize = 100;
/// What is younger may still be under way: the longest run of this function, three times, and the pauses between.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(15);

impl Scheduler {
    /// Looks at every pending and active schedule and at every unpublished message. One that fails does not keep it from the others.
    pub(crate) async fn daily(&self, cause: Cause<'_>) -> Result<(), SchedulerError> {
        let mut failed = self.each_row(ScheduleStatus::Pending, cause).await?;
        failed += self.each_row(ScheduleStatus::Active, cause).await?;
        failed += self.each_unpublished(cause).await?;
        if failed == 0 { Ok(()) } else { Err(SchedulerError::Incomplete(failed)) }
    }

    /// How many rows with a status were not dealt with.
    async fn each_row(&self, status: ScheduleStatus, cause: Cause<'_>) -> Result<usize, SchedulerError> {
        let (mut failed, mut token) = (0, None);
        loop {
            let listed = self.schedules.list(Some(status), Page { limit: PAGE, token }).await?;
            for row in &listed.records {
                failed += counted(&row.id, self.look_at(row, cause).await);
            }
            token = listed.next_token;
            if token.is_none() {
                return Ok(failed);
            }
        }
    }

    async fn look_at(&self, row: &Schedule, cause: Cause<'_>) -> Result<(), SchedulerError> {
        match row.status {
            ScheduleStatus::Active => self.evaluate(row, cause).await,
            _ => self.overdue(row, cause).await,
        }
    }

    async fn overdue(&self, row: &Schedule, cause: Cause<'_>) -> Result<(), SchedulerError> {
        if self.is_under_way(&row.updated_date) {
            return Ok(());
        }
        self.follow(row.clone(), cause).await.map(|_| ())
    }

    async fn evaluate(&self, row: &Schedule, cause: Cause<'_>) -> Result<(), SchedulerError> {
        if let Some(scheduled) = last_due(row, self.now()) {
            self.send(row, scheduled, cause.invocation).await?;
        }
        self.restore(row, cause).await
    }

    /// Publishes the messages of schedules that were written and not published; how many could not be.
    async fn each_unpublished(&self, cause: Cause<'_>) -> Result<usize, SchedulerError> {
        let (mut failed, mut token) = (0, None);
        loop {
            let filter = MessageFilter::Status(MessageStatus::Created);
            let listed = self.messages.list(filter, Page { limit: PAGE, token }).await?;
            for message in listed.records.iter().filter(|message| self.is_left_over(message)) {
                failed += counted(&message.id, self.publish(message, cause.invocation).await);
            }
            token = listed.next_token;
            if token.is_none() {
                return Ok(failed);
            }
        }
    }

    fn is_left_over(&self, message: &Message) -> bool {
        message.created_by == AUTHOR && !self.is_under_way(&message.updated_date)
    }

    fn is_under_way(&self, updated: &str) -> bool {
        updated.parse::<Timestamp>().is_ok_and(|updated| self.now() < updated + UNDER_WAY)
    }
}

/// The last time at which the schedule was due since it last ran or was changed. A rate goes by EventBridge Scheduler's own count,
/// which is not known here: its next time comes by itself.
fn last_due(row: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let expression = ScheduleExpression::parse(&row.schedule_expression, &row.timezone).ok()?;
    if expression.is_rate() {
        return None;
    }
    let updated: Timestamp = row.updated_date.parse().ok()?;
    let ran = row.last_run.as_ref().and_then(|ran| ran.parse().ok()).unwrap_or(updated);
    expression.times(ran.max(updated), updated).take_while(|time| *time <= now).last()
}

fn counted(id: &str, result: Result<(), SchedulerError>) -> usize {
    match result {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(id, %error, "a row was not processed");
            1
        }
    }
}
