//! Conversations that go on: a row for each session, which one caller has.
//!
//! | attribute | |
//! |---|---|
//! | `session_id` | the key |
//! | `caller` | whose session it is; nobody else finds it |
//! | `messages` | the newest messages, each as JSON text |
//! | `earlier` | the messages before them, as contents: `handle`, `messages` (how many), `renewed_at` |
//! | `created_at`, `updated_at` | RFC 3339, UTC |
//! | `version` | turns that were written down |
//! | `turn`, `busy_until` | the turn that is running, and until when at most |
//! | `ttl` | seconds since 1970: 24 hours after the last turn |
//!
//! A turn takes the session by one conditional write, which also reads it; a second turn at the same time is refused before it costs
//! anything. What the turn adds is written by another one, which only the turn that took the session can do.

use crate::error::TurnError;
use crate::sessions::earlier::{Earlier, Shelf};
use crate::sessions::row::Row;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use functions_aws::sdk_errors::reason;
use functions_content::ContentTable;
use functions_shared::{Clock, Refusal};
use jiff::Timestamp;
use model::Message;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

mod earlier;
mod row;

/// How long a session outlives its last turn, in seconds.
const KEPT: i64 = 24 * 60 * 60;

/// The table of sessions, and where long ones continue.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    client: Client,
    table: String,
    shelf: Shelf,
    clock: Clock,
}

/// A session that a turn has taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) id: String,
    /// No other turn is called so.
    pub(crate) turn: String,
    /// The whole conversation so far.
    pub(crate) messages: Vec<Message>,
    earlier: Vec<Earlier>,
}

/// A session as somebody reads it.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) messages: Vec<Message>,
}

impl Sessions {
    pub(crate) fn new(client: Client, table: impl Into<String>, contents: Arc<ContentTable>, clock: Clock) -> Self {
        Self { client, table: table.into(), shelf: Shelf(contents), clock }
    }

    /// Takes a session for one turn, which lasts for no longer than `within`. A session that is not there begins.
    pub(crate) async fn take(&self, caller: &str, id: Option<String>, within: Duration) -> Result<Taken, TurnError> {
        let id = id.unwrap_or_else(|| Uuid::new_v4().simple().to_string());
        let turn = Uuid::new_v4().to_string();
        let row = match self.lock(caller, &id, &turn, within).await {
            Err(NotTaken::Expired) => {
                self.forget(&id).await?;
                self.lock(caller, &id, &turn, within).await?
            }
            taken => taken?,
        };
        match self.messages_of(&row, Instant::now() + within).await {
            Ok(messages) => Ok(Taken { id, turn, messages, earlier: row.earlier }),
            Err(error) => {
                self.release(&id, &turn).await;
                Err(error)
            }
        }
    }

    async fn lock(&self, caller: &str, id: &str, turn: &str, within: Duration) -> Result<Row, NotTaken> {
        let now = self.now();
        let busy_until = now.as_second() + i64::try_from(within.as_secs()).unwrap_or(i64::MAX / 2) + 1;
        let update = row::taking(self.client.update_item().table_name(&self.table), caller, now, KEPT);
        let update = update
            .key("session_id", text(id))
            .expression_attribute_values(":turn", text(turn))
            .expression_attribute_values(":busy_until", number(busy_until))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let taken = update.send().await.map_err(|error| not_taken(&error, caller, now.as_second()))?;
        Ok(Row::read(&taken.attributes.unwrap_or_default()))
    }

    /// Deletes a session that has expired, before DynamoDB does.
    async fn forget(&self, id: &str) -> Result<(), TurnError> {
        let delete = self.client.delete_item().table_name(&self.table).key("session_id", text(id));
        let delete = delete.condition_expression("#ttl <= :now").expression_attribute_names("#ttl", "ttl");
        let deleted = delete.expression_attribute_values(":now", number(self.now().as_second())).send().await;
        match deleted {
            // Somebody else has, and the session has begun anew.
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(unavailable(&error)),
            Ok(_) => Ok(()),
        }
    }

    /// Writes down what a turn has added to its session, and gives the session back.
    pub(crate) async fn save(&self, taken: Taken, messages: &[Message], until: Instant) -> Result<(), TurnError> {
        let now = self.now();
        let Taken { id, turn, earlier, .. } = taken;
        let (earlier, inline) = self.shelf.fitted(earlier, messages, now.as_second(), until).await?;
        let update = row::saving(self.client.update_item().table_name(&self.table), &earlier, inline, now, KEPT);
        let update = update.key("session_id", text(&id)).expression_attribute_values(":turn", text(&turn));
        let saved = update.send().await;
        saved.map(drop).map_err(|error| match error.as_service_error() {
            Some(lost) if lost.is_conditional_check_failed_exception() => TurnError::Busy,
            _ => unavailable(&error),
        })
    }

    /// Gives back a session to which nothing is added. Without this it would be busy until its turn's time is over.
    pub(crate) async fn release(&self, id: &str, turn: &str) {
        let update = self.client.update_item().table_name(&self.table).key("session_id", text(id));
        let update = update.update_expression("REMOVE turn, busy_until").condition_expression("turn = :turn");
        let released = update.expression_attribute_values(":turn", text(turn)).send().await;
        if let Err(error) = released {
            tracing::warn!(reason = reason(&error), "a session was not given back");
        }
    }

    /// A session, if it is this caller's.
    pub(crate) async fn read(&self, caller: &str, id: &str, until: Instant) -> Result<Conversation, TurnError> {
        let request = self.client.get_item().table_name(&self.table).key("session_id", text(id));
        let found = request.consistent_read(true).send().await.map_err(|error| unavailable(&error))?;
        let row = found.item.as_ref().map(Row::read).filter(|row| row.is_of(caller, self.now().as_second()));
        let row = row.ok_or_else(no_such_session)?;
        let messages = self.messages_of(&row, until).await?;
        Ok(Conversation { id: id.to_owned(), created_at: row.created_at, updated_at: row.updated_at, messages })
    }

    /// Deletes a session, if it is this caller's.
    pub(crate) async fn delete(&self, caller: &str, id: &str) -> Result<(), TurnError> {
        let delete = self.client.delete_item().table_name(&self.table).key("session_id", text(id));
        let delete = delete.condition_expression("caller = :caller");
        let deleted = delete.expression_attribute_values(":caller", text(caller)).send().await;
        deleted.map(drop).map_err(|error| match error.as_service_error() {
            Some(refused) if refused.is_conditional_check_failed_exception() => no_such_session(),
            _ => unavailable(&error),
        })
    }

    async fn messages_of(&self, row: &Row, until: Instant) -> Result<Vec<Message>, TurnError> {
        let mut messages = self.shelf.messages(&row.earlier, until).await?;
        messages.extend(row::messages(&row.messages)?);
        Ok(messages)
    }

    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or(Timestamp::MAX)
    }
}

fn no_such_session() -> TurnError {
    Refusal::NotFound("there is no such session".to_owned()).into()
}

/// Why a session was not taken.
enum NotTaken {
    /// Its time is over, and it is still in the table.
    Expired,
    /// Anything else.
    Failed(TurnError),
}

impl From<NotTaken> for TurnError {
    fn from(not_taken: NotTaken) -> Self {
        match not_taken {
            NotTaken::Expired => Self::Busy,
            NotTaken::Failed(error) => error,
        }
    }
}

/// Another caller's session is not there for this one.
fn not_taken(error: &SdkError<UpdateItemError>, caller: &str, now: i64) -> NotTaken {
    let Some(UpdateItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() else {
        return NotTaken::Failed(unavailable(error));
    };
    let row = refused.item().map(Row::read).unwrap_or_default();
    match row.is_of(caller, now) {
        true => NotTaken::Failed(TurnError::Busy),
        false if row.is_expired(now) => NotTaken::Expired,
        false => NotTaken::Failed(no_such_session()),
    }
}

fn unavailable<E>(error: &SdkError<E>) -> TurnError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    TurnError::Unavailable(format!("the table of sessions: {}", reason(error)))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
