//! One execution of the state machine, followed until it ends.

use crate::clients::Clients;
use crate::functions::{STATE_MACHINE, arn};
use crate::steps::{HistoryEvent, Record, Step};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks at the history.
const PAUSE: Duration = Duration::from_millis(100);
/// Events of one page, each with up to a quarter of a megabyte.
const PAGE: usize = 100;

/// An execution that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) record: Record,
    pub(crate) end: Execution,
}

/// What is known of an execution.
#[derive(Debug, Deserialize)]
pub(crate) struct Execution {
    pub(crate) status: String,
    pub(crate) output: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

#[derive(Debug, Deserialize)]
struct History {
    events: Vec<HistoryEvent>,
}

/// Asks the agent, and shows each step as it happens.
pub(crate) async fn ask(clients: &Clients, question: &str, mut show: impl FnMut(&Step)) -> Result<Run> {
    let machine = arn("states", &format!("stateMachine:{STATE_MACHINE}"));
    let input = json!({ "question": question }).to_string();
    let started = call(clients, "StartExecution", &json!({ "stateMachineArn": machine, "input": input })).await?;
    let execution = started["executionArn"].as_str().context("an execution without a name")?;
    let mut record = Record::default();
    let mut read = 0;
    while !record.ended {
        let events = next_events(clients, execution, read).await?;
        if events.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        read += events.len();
        events.iter().filter_map(|event| record.take(event)).for_each(|step| show(&step));
    }
    let end = call(clients, "DescribeExecution", &json!({ "executionArn": execution })).await?;
    Ok(Run { record, end: serde_json::from_value(end).context("an execution that cannot be read")? })
}

/// A page's token is the number of events before it, here.
async fn next_events(clients: &Clients, execution: &str, read: usize) -> Result<Vec<HistoryEvent>> {
    let mut question = json!({ "executionArn": execution, "maxResults": PAGE });
    if read > 0 {
        question["nextToken"] = json!(read.to_string());
    }
    let page: History = serde_json::from_value(call(clients, "GetExecutionHistory", &question).await?)
        .context("a history that cannot be read")?;
    Ok(page.events)
}

async fn call(clients: &Clients, action: &str, input: &Value) -> Result<Value> {
    clients.state_machines.call(&format!("AWSStepFunctions.{action}"), input).await
}
