//! The table of results of web actions.

use crate::action_result::{ActionResult, ResultStatus};
use crate::dynamodb::{DynamoDb, Index};
use crate::error::RecordError;
use crate::row::text;
use aws_sdk_dynamodb::Client;
use functions_shared::{VariableError, Variables};

const TABLE: &str = "WEB_ACTION_RESULTS_TABLE_NAME";
const BY_MESSAGE: &str = "message_id-index";
/// Results of one message that are read; there is one, unless another program wrote more.
const PER_MESSAGE: usize = 10;

/// The table that the variable `WEB_ACTION_RESULTS_TABLE_NAME` names.
pub fn results(variables: &Variables, client: Client) -> Result<DynamoDb<ActionResult>, VariableError> {
    Ok(DynamoDb::new(client, variables.required(TABLE)?))
}

/// The table of results of web actions.
pub trait Results: Send + Sync {
    /// Adds a result, also one that is only `started`. False if its id is there, and nothing was written.
    fn create(&self, result: &ActionResult) -> impl Future<Output = Result<bool, RecordError>> + Send;

    /// Writes a result over the one that is `started`. False if there is none, or if it is done already.
    fn finish(&self, result: &ActionResult) -> impl Future<Output = Result<bool, RecordError>> + Send;

    /// One result, after every write that was acknowledged before.
    fn get(&self, id: &str) -> impl Future<Output = Result<Option<ActionResult>, RecordError>> + Send;

    /// The results of a message. The index may be a little behind.
    fn of_message(&self, message_id: &str) -> impl Future<Output = Result<Vec<ActionResult>, RecordError>> + Send;
}

impl Results for DynamoDb<ActionResult> {
    async fn create(&self, result: &ActionResult) -> Result<bool, RecordError> {
        self.put_new(result).await
    }

    async fn finish(&self, result: &ActionResult) -> Result<bool, RecordError> {
        self.put_over(result, "status", text(ResultStatus::Started.as_str())).await
    }

    async fn get(&self, id: &str) -> Result<Option<ActionResult>, RecordError> {
        self.find(id).await
    }

    async fn of_message(&self, message_id: &str) -> Result<Vec<ActionResult>, RecordError> {
        let index = Index { name: BY_MESSAGE, key: "message_id", value: message_id };
        Ok(self.query(index, PER_MESSAGE, None).await?.records)
    }
}
