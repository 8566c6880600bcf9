//! The table of schedules.

use crate::change::Changed;
use crate::dynamodb::{DynamoDb, Index, Update};
use crate::error::RecordError;
use crate::moment;
use crate::page::{Listed, Page, Place, token_of};
use crate::row::{number, text};
use crate::schedule::{Schedule, ScheduleStatus};
use aws_sdk_dynamodb::Client;
use functions_shared::{VariableError, Variables};
use jiff::Timestamp;

const TABLE: &str = "SCHEDULES_TABLE_NAME";
const BY_STATUS: &str = "status-created_date-index";

/// The table that the variable `SCHEDULES_TABLE_NAME` names.
pub fn schedules(variables: &Variables, client: Client) -> Result<DynamoDb<Schedule>, VariableError> {
    Ok(DynamoDb::new(client, variables.required(TABLE)?))
}

/// The table of schedules.
pub trait Schedules: Send + Sync {
    /// Writes a schedule: a new one if `seen` is none, else over the one with this revision. False if another change came first.
    fn save(&self, schedule: &Schedule, seen: Option<u64>) -> impl Future<Output = Result<bool, RecordError>> + Send;

    /// One schedule, after every write that was acknowledged before.
    fn get(&self, id: &str) -> impl Future<Output = Result<Option<Schedule>, RecordError>> + Send;

    /// Writes what came of the change with this revision: the status, the schedule in EventBridge Scheduler if there is one now, and
    /// the reason of a failure. Refused if a caller has asked for another change since.
    fn settle(
        &self,
        id: &str,
        revision: u64,
        outcome: Outcome<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Changed<Schedule>, RecordError>> + Send;

    /// Writes down that the message of a scheduled time was sent. An earlier time than the last one changes nothing.
    fn ran(&self, id: &str, scheduled: Timestamp) -> impl Future<Output = Result<(), RecordError>> + Send;

    /// A page of schedules, newest first; of all statuses, one after the other, if none is given.
    fn list(
        &self,
        status: Option<ScheduleStatus>,
        page: Page,
    ) -> impl Future<Output = Result<Listed<Schedule>, RecordError>> + Send;
}

/// What came of a change of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// Now.
    pub status: ScheduleStatus,
    /// The schedule in EventBridge Scheduler, or none if it has been deleted or was never made.
    pub schedule_arn: Option<&'a str>,
    /// Of the status `error`.
    pub reason: Option<&'a str>,
}

impl Schedules for DynamoDb<Schedule> {
    async fn save(&self, schedule: &Schedule, seen: Option<u64>) -> Result<bool, RecordError> {
        let Some(revision) = seen else { return self.put_new(schedule).await };
        self.put_over(schedule, "revision", number(revision)).await
    }

    async fn get(&self, id: &str) -> Result<Option<Schedule>, RecordError> {
        self.find(id).await
    }

    async fn settle(
        &self,
        id: &str,
        revision: u64,
        outcome: Outcome<'_>,
        now: Timestamp,
    ) -> Result<Changed<Schedule>, RecordError> {
        let mut set = vec![("status", text(outcome.status.as_str())), ("updated_date", text(moment::text(now)))];
        let mut remove = vec![];
        for (name, value) in [("schedule_arn", outcome.schedule_arn), ("error_message", outcome.reason)] {
            match value {
                Some(value) => set.push((name, text(value))),
                None => remove.push(name),
            }
        }
        let values = vec![(":seen".to_owned(), number(revision))];
        let condition = "#revision = :seen".to_owned();
        self.update(id, Update { set, remove, condition, names: vec!["revision"], values }).await
    }

    async fn ran(&self, id: &str, scheduled: Timestamp) -> Result<(), RecordError> {
        let scheduled = text(moment::text(scheduled));
        let condition = "attribute_exists(#id) AND (attribute_not_exists(#last_run) OR #last_run < :last_run)";
        let update = Update {
            set: vec![("last_run", scheduled)],
            remove: vec![],
            condition: condition.to_owned(),
            names: vec!["id"],
            values: vec![],
        };
        self.update(id, update).await.map(|_| ())
    }

    async fn list(&self, status: Option<ScheduleStatus>, page: Page) -> Result<Listed<Schedule>, RecordError> {
        let place = page.place()?;
        let Some(status) = status else { return self.list_all(page.limit, place).await };
        self.query(index(status), page.limit, place).await
    }
}

impl DynamoDb<Schedule> {
    /// The index has one partition per status, so they are read in turn; the place of a page names the status that it is in.
    async fn list_all(&self, limit: usize, mut place: Option<Place>) -> Result<Listed<Schedule>, RecordError> {
        let first = place.as_ref().map_or(Some(0), status_of).ok_or(RecordError::ForeignToken)?;
        let mut records = Vec::new();
        for status in &ScheduleStatus::ALL[first..] {
            let part = self.query(index(*status), limit - records.len(), place.take()).await?;
            records.extend(part.records);
            if part.next_token.is_some() {
                return Ok(Listed { records, next_token: part.next_token });
            }
            if records.len() >= limit {
                break;
            }
        }
        let next_token = records.last().filter(|_| records.len() >= limit).map(token_after);
        Ok(Listed { records, next_token })
    }
}

/// The token of the page after this schedule.
fn token_after(schedule: &Schedule) -> String {
    token_of(&Place::from([
        ("id".to_owned(), schedule.id.clone()),
        ("status".to_owned(), schedule.status.as_str().to_owned()),
        ("created_date".to_owned(), schedule.created_date.clone()),
    ]))
}

fn index(status: ScheduleStatus) -> Index<'static> {
    Index { name: BY_STATUS, key: "status", value: status.as_str() }
}

fn status_of(place: &Place) -> Option<usize> {
    let status = ScheduleStatus::named(place.get("status")?)?;
    ScheduleStatus::ALL.iter().position(|other| *other == status)
}
