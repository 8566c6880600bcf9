//! The table of conversations.

use crate::dynamodb::DynamoDb;
use crate::error::RecordError;
use crate::row::number;
use crate::session::Session;
use aws_sdk_dynamodb::Client;
use functions_shared::{VariableError, Variables};

const TABLE: &str = "AGENT_SESSION_TABLE_NAME";

/// The table that the variable `AGENT_SESSION_TABLE_NAME` names.
pub fn sessions(variables: &Variables, client: Client) -> Result<DynamoDb<Session>, VariableError> {
    Ok(DynamoDb::new(client, variables.required(TABLE)?))
}

/// The table of conversations.
pub trait Sessions: Send + Sync {
    /// Writes a session: a new one if `seen` is none, else over the one with this revision. False if another turn came first.
    fn save(&self, session: &Session, seen: Option<u64>) -> impl Future<Output = Result<bool, RecordError>> + Send;

    /// One session, after every write that was acknowledged before. DynamoDB deletes expired rows within days, so `ttl` must be
    /// compared with the time.
    fn get(&self, id: &str) -> impl Future<Output = Result<Option<Session>, RecordError>> + Send;
}

impl Sessions for DynamoDb<Session> {
    async fn save(&self, session: &Session, seen: Option<u64>) -> Result<bool, RecordError> {
        let Some(revision) = seen else { return self.put_new(session).await };
        self.put_over(session, "revision", number(revision)).await
    }

    async fn get(&self, id: &str) -> Result<Option<Session>, RecordError> {
        self.find(id).await
    }
}
