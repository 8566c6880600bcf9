//! What lives as long as the sandbox.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use bus::Topics;
use functions_aws::SdkConfig;
use functions_content::ContentTable;
use functions_shared::{Clock, Failure, Variables};
use records::{ActionResult, DynamoDb, Message};

use crate::services::WebServices;

/// Performs web actions. Tests give it tables and a topic that fail.
#[derive(Debug)]
pub struct WebActions<M = DynamoDb<Message>, R = DynamoDb<ActionResult>, P = Topics> {
    /// The table of messages.
    pub messages: M,
    /// The table of results.
    pub results: R,
    /// Where notifications go.
    pub publisher: P,
    /// The web.
    pub services: WebServices,
    /// Where long bodies are stored.
    pub contents: Arc<ContentTable>,
    /// Messages of other stages are refused.
    pub stage: String,
    /// What time it is.
    pub clock: Clock,
}

impl WebActions {
    /// Reads the variables:
    /// - `STAGE`, `DYNAMODB_TABLE_NAME` (messages), `WEB_ACTION_RESULTS_TABLE_NAME`, `NOTIFICATIONS_TOPIC_ARN`
    /// - `ALLOWED_HOSTS` and `GOLF_SECRET_NAME`, see [`WebServices::new`]
    /// - those of the layer, for bodies of more than 50 KB
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        let contents = ContentTable::from_variables(variables)?.map(Arc::new).ok_or_else(no_contents)?;
        let database = Client::new(aws);
        variables.required("NOTIFICATIONS_TOPIC_ARN")?;
        let publisher = Topics::from_variables(variables, aws_sdk_sns::Client::new(aws), Some(Arc::clone(&contents)))?;
        Ok(Self {
            messages: records::messages(variables, database.clone())?,
            results: records::results(variables, database)?,
            publisher,
            services: WebServices::new(variables, aws)?,
            contents,
            stage: variables.required("STAGE")?.to_owned(),
            clock: Clock::system(),
        })
    }
}

fn no_contents() -> Failure {
    Failure::new(
        "InvalidVariable",
        "AGENT_CONTEXT_TABLE is not set; it names the layer's content table, where long bodies are stored",
    )
}
