//! A question that the state machine answers, later.
//!
//! The name of an execution begins with a hash of its caller, so that nobody else finds it, and no table is needed.

use crate::error::TurnError;
use crate::question::Question;
use crate::reply::Reply;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::primitives::{DateTime, DateTimeFormat};
use aws_sdk_sfn::types::ExecutionStatus;
use functions_aws::sdk_errors::reason;
use functions_content::unmarked;
use functions_shared::Refusal;
use serde_json::{Value, json};
use uuid::Uuid;

/// The agent's state machine.
#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) client: Client,
    pub(crate) arn: String,
}

/// Bytes that Step Functions takes as the input of an execution.
const LONGEST_INPUT: usize = 262_144;
/// Seconds until somebody should look again who waits for an answer.
const LATER: &str = "2";

impl Workflow {
    /// Starts an execution. The reply says where its answer will be.
    pub(crate) async fn start(&self, caller: &str, question: &Question) -> Result<Reply, TurnError> {
        let input = input(question);
        if input.len() > LONGEST_INPUT {
            let reason = format!("message: must not be longer than {LONGEST_INPUT} bytes of JSON in the mode workflow");
            return Err(Refusal::TooLarge(reason).into());
        }
        let name = format!("{}-{}", owner(caller), Uuid::new_v4().simple());
        let start = self.client.start_execution().state_machine_arn(&self.arn).name(&name).input(input);
        let started = start.send().await;
        let unavailable = |error| TurnError::Unavailable(format!("the state machine: {}", reason(&error)));
        let arn = started.map_err(unavailable)?.execution_arn;
        let place = format!("/agent/executions/{name}");
        let body = json!({ "mode": "workflow", "execution_arn": arn, "execution": name, "location": place });
        Ok(Reply::json_of(202, body).with("location", place).with("retry-after", LATER))
    }

    /// What became of an execution, if this caller has started it.
    pub(crate) async fn found(&self, caller: &str, name: &str) -> Result<Reply, TurnError> {
        let arn = self.execution(name).filter(|_| is_of(caller, name)).ok_or_else(no_such_execution)?;
        let described = self.client.describe_execution().execution_arn(&arn).send().await;
        let described = described.map_err(|error| match error.as_service_error() {
            Some(refused) if refused.is_execution_does_not_exist() => no_such_execution(),
            _ => TurnError::Unavailable(format!("the state machine: {}", reason(&error))),
        })?;
        let reply = Reply::json_of(200, unmarked(&shown(name, &described)));
        let runs = *described.status() == ExecutionStatus::Running;
        Ok(if runs { reply.with("retry-after", LATER) } else { reply })
    }

    /// The ARN of an execution: that of the state machine, with another kind and one more name.
    fn execution(&self, name: &str) -> Option<String> {
        let (before, machine) = self.arn.split_once(":stateMachine:")?;
        Some(format!("{before}:execution:{machine}:{name}"))
    }
}

fn input(question: &Question) -> String {
    let version = question.version.as_deref().unwrap_or("latest");
    let mut input = json!({ "question": question.message, "version": version });
    if let Some(name) = &question.agent_name {
        input["agent_name"] = name.as_str().into();
    }
    input.to_string()
}

fn no_such_execution() -> TurnError {
    Refusal::NotFound("there is no such execution".to_owned()).into()
}

/// What the names of a caller's executions begin with.
fn owner(caller: &str) -> String {
    blake3::hash(caller.as_bytes()).to_hex()[..32].to_owned()
}

/// Whether a caller has started the execution of this name, which is part of an ARN.
fn is_of(caller: &str, name: &str) -> bool {
    let is_id = |id: &str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.split_once('-').is_some_and(|(owned, id)| owned == owner(caller) && is_id(id))
}

/// An execution as somebody reads it: when it has ended, with the members of a turn's answer.
fn shown(name: &str, described: &DescribeExecutionOutput) -> Value {
    let text = |moment: &DateTime| moment.fmt(DateTimeFormat::DateTime).ok();
    let status = described.status().as_str().to_ascii_lowercase();
    let mut shown = json!({
        "mode": "workflow", "execution": name, "execution_arn": described.execution_arn(), "status": status,
        "started_at": text(described.start_date()),
    });
    if let Some(stopped) = described.stop_date() {
        shown["stopped_at"] = json!(text(stopped));
    }
    if let Some(error) = described.error() {
        shown["error"] = error.into();
    }
    let output = described.output().and_then(|output| serde_json::from_str(output).ok());
    if let Some(Value::Object(mut output)) = output {
        match output.remove("answer") {
            Some(Value::String(answer)) => shown["message"] = answer.into(),
            Some(answer) => {
                shown["message"] = answer.to_string().into();
                shown["output"] = answer;
            }
            None => {}
        }
        shown["metadata"] = output.into();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_its_callers() {
        let id = Uuid::new_v4().simple();
        let name = format!("{}-{id}", owner("alice"));
        assert!(name.len() <= 80, "Step Functions takes no longer name");
        assert!(is_of("alice", &name) && !is_of("bob", &name));
        for other in [format!("{id}"), format!("{}-", owner("alice")), format!("{}-a:b", owner("alice"))] {
            assert!(!is_of("alice", &other), "{other}");
        }
    }
}
