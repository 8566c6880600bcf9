//! A question that the state machine answers, later.

use crate::error::TurnError;
use crate::question::Question;
use crate::reply::Reply;
use aws_sdk_sfn::Client;
use functions_aws::sdk_errors::reason;
use serde_json::json;

/// The agent's state machine.
#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) client: Client,
    pub(crate) arn: String,
}

impl Workflow {
    /// Starts an execution. Its ARN says where the answer will be.
    pub(crate) async fn start(&self, question: &Question) -> Result<Reply, TurnError> {
        let version = question.version.as_deref().unwrap_or("latest");
        let mut input = json!({ "question": question.message, "version": version });
        if let Some(name) = &question.agent_name {
            input["agent_name"] = name.as_str().into();
        }
        let started = self.client.start_execution().state_machine_arn(&self.arn).input(input.to_string()).send().await;
        let unavailable = |error| TurnError::Unavailable(format!("the state machine: {}", reason(&error)));
        let started = started.map_err(unavailable)?;
        Ok(Reply::json_of(202, json!({ "mode": "workflow", "execution_arn": started.execution_arn })))
    }
}
