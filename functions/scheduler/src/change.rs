//! A change of a schedule: EventBridge Scheduler is brought to what the row says, and the row says what came of it.

use crate::error::SchedulerError;
use crate::event::{Change, Record};
use crate::eventbridge::Refused;
use crate::scheduler::{Cause, Invocation, Scheduler};
use crate::wanted::{Wanted, is_of};
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types::ScheduleState;
use records::MessageStatus::{Completed, Failed};
use records::{Changed, Message, Messages, Outcome, Schedule, ScheduleAction, ScheduleStatus, Schedules};
use schedule_expression::ScheduleExpression;

/// How often a row is followed that callers change meanwhile.
const MOST_FOLLOWED: usize = 5;
const TAKEN: &str = "409: EventBridge Scheduler has another schedule with this name";

/// What came of a change, in the words of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    status: ScheduleStatus,
    schedule_arn: Option<String>,
    reason: Option<String>,
}

impl Scheduler {
    /// Makes the change that a message of the topic asks for.
    pub(crate) async fn change(&self, record: &Record, invocation: Invocation<'_>) -> Result<(), SchedulerError> {
        let message = record.message()?;
        if message.stage != self.settings.stage {
            return Err(SchedulerError::Event("it is of another stage".to_owned()));
        }
        let unreadable = |_| SchedulerError::Event("its message names no change of a schedule".to_owned());
        let change: Change = serde_json::from_value(message.payload.clone()).map_err(unreadable)?;
        let row = self.schedules.get(&change.schedule_id).await?;
        let row = row.ok_or_else(|| SchedulerError::UnknownSchedule(change.schedule_id.clone()))?;
        let cause = Cause { id: &message.id, invocation };
        let row = if is_open(&row, change.revision) { self.follow(row, cause).await? } else { row };
        self.answer(&message, &row, change.revision).await
    }

    /// Brings EventBridge Scheduler to what the row says, and again if the row has been changed meanwhile.
    pub(crate) async fn follow(&self, mut row: Schedule, cause: Cause<'_>) -> Result<Schedule, SchedulerError> {
        for _ in 0..MOST_FOLLOWED {
            let done = self.apply(&row, cause).await?;
            let outcome = Outcome {
                status: done.status,
                schedule_arn: done.schedule_arn.as_deref(),
                reason: done.reason.as_deref(),
            };
            tracing::info!(
                schedule = row.id,
                revision = row.revision,
                status = done.status.as_str(),
                reason = done.reason,
                "the schedule is settled"
            );
            match self.schedules.settle(&row.id, row.revision, outcome, self.now()).await? {
                Changed::Made(settled) => return Ok(settled),
                Changed::Refused(newer) => row = newer,
                Changed::Absent => return Err(SchedulerError::UnknownSchedule(row.id)),
            }
        }
        Err(SchedulerError::Overtaken(row.id))
    }

    /// Brings the schedule of an active row to what the row says, if it is otherwise. One whose times are over is left alone.
    pub(crate) async fn restore(&self, row: &Schedule, cause: Cause<'_>) -> Result<(), SchedulerError> {
        let expression = ScheduleExpression::parse(&row.schedule_expression, &row.timezone);
        if expression.is_ok_and(|expression| expression.check_runs_after(self.now()).is_err()) {
            return Ok(());
        }
        let done = self.apply(row, cause).await?;
        if done.status == row.status && done.schedule_arn == row.schedule_arn {
            return Ok(());
        }
        self.follow(row.clone(), cause).await.map(|_| ())
    }

    async fn apply(&self, row: &Schedule, cause: Cause<'_>) -> Result<Done, SchedulerError> {
        let applied = match row.action {
            ScheduleAction::Delete => self.delete(row, cause).await,
            ScheduleAction::Create if row.status == ScheduleStatus::Pending => self.create(row, cause).await,
            ScheduleAction::Pause => self.put(row, ScheduleState::Disabled, cause).await,
            ScheduleAction::Create | ScheduleAction::Update | ScheduleAction::Resume => {
                self.put(row, ScheduleState::Enabled, cause).await
            }
        };
        match applied {
            Ok(schedule_arn) => Ok(Done { status: in_force(row.action), schedule_arn, reason: None }),
            Err(Refused::Unavailable(reason)) => Err(SchedulerError::Unavailable(reason)),
            Err(Refused::Conflict) => Ok(failed(row, TAKEN.to_owned())),
            Err(Refused::Definitely(reason)) => Ok(failed(row, reason)),
        }
    }

    /// Creates the schedule. One that is there already and is the same was created by an earlier delivery.
    async fn create(&self, row: &Schedule, cause: Cause<'_>) -> Result<Option<String>, Refused> {
        let wanted = self.wanted(row, ScheduleState::Enabled, cause)?;
        match self.eventbridge.create(&wanted, &token(row, cause)).await {
            Err(Refused::Conflict) => match self.eventbridge.find(&row.id).await? {
                Some(found) if wanted.is(&found) => Ok(found.arn),
                Some(_) => Err(Refused::Conflict),
                None => Err(Refused::Unavailable("the schedule is being deleted".to_owned())),
            },
            created => created.map(Some),
        }
    }

    /// Brings the schedule to what the row says, whether it is there or not.
    async fn put(&self, row: &Schedule, state: ScheduleState, cause: Cause<'_>) -> Result<Option<String>, Refused> {
        let wanted = self.wanted(row, state, cause)?;
        let token = token(row, cause);
        match self.eventbridge.find(&row.id).await? {
            None => later(self.eventbridge.create(&wanted, &token).await).map(Some),
            Some(found) if wanted.is(&found) => Ok(found.arn),
            Some(found) if is_of(&found, &row.id, cause.invocation.function) => {
                later(self.eventbridge.update(found, &wanted, &token).await).map(Some)
            }
            Some(_) => Err(Refused::Conflict),
        }
    }

    /// Deletes the schedule, unless it is another's.
    async fn delete(&self, row: &Schedule, cause: Cause<'_>) -> Result<Option<String>, Refused> {
        let found: Option<GetScheduleOutput> = self.eventbridge.find(&row.id).await?;
        if found.is_some_and(|found| is_of(&found, &row.id, cause.invocation.function)) {
            later(self.eventbridge.delete(&row.id, &token(row, cause)).await)?;
        }
        Ok(None)
    }

    /// What the row wants, if AWS would take it.
    fn wanted(&self, row: &Schedule, state: ScheduleState, cause: Cause<'_>) -> Result<Wanted, Refused> {
        let invalid = |error: &dyn std::fmt::Display| Refused::Definitely(error.to_string());
        let expression =
            ScheduleExpression::parse(&row.schedule_expression, &row.timezone).map_err(|error| invalid(&error))?;
        if state == ScheduleState::Enabled && row.status == ScheduleStatus::Pending {
            expression.check_runs_after(self.now()).map_err(|error| invalid(&error))?;
        }
        Wanted::of(row, state, &self.settings, cause.invocation.function).map_err(Refused::Definitely)
    }

    /// The status of the message that asked for the change. A later change answers for this one too.
    async fn answer(&self, message: &Message, row: &Schedule, revision: u64) -> Result<(), SchedulerError> {
        let change = match &row.error_message {
            Some(reason) if row.revision == revision => records::Change::to(Failed).because(reason),
            _ => records::Change::to(Completed),
        };
        self.messages.change(&message.id, change, self.now()).await?;
        Ok(())
    }
}

/// Whether the change with this revision is still to be made.
fn is_open(row: &Schedule, revision: u64) -> bool {
    row.revision == revision && row.status == ScheduleStatus::Pending
}

fn in_force(action: ScheduleAction) -> ScheduleStatus {
    match action {
        ScheduleAction::Pause | ScheduleAction::Delete => ScheduleStatus::Inactive,
        ScheduleAction::Create | ScheduleAction::Update | ScheduleAction::Resume => ScheduleStatus::Active,
    }
}

fn failed(row: &Schedule, reason: String) -> Done {
    Done { status: ScheduleStatus::Error, schedule_arn: row.schedule_arn.clone(), reason: Some(reason) }
}

/// A conflict of a schedule of ours is with another change under way.
fn later<T>(changed: Result<T, Refused>) -> Result<T, Refused> {
    changed.map_err(|refused| match refused {
        Refused::Conflict => Refused::Unavailable("another change of the schedule is under way".to_owned()),
        other => other,
    })
}

/// The token that makes one change of several deliveries: 64 hexadecimal digits, which is as many as AWS takes.
fn token(row: &Schedule, cause: Cause<'_>) -> String {
    blake3::hash(format!("{}\n{}\n{}", row.id, row.revision, cause.id).as_bytes()).to_hex().to_string()
}
