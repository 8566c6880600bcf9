//! One execution of the state machine, followed until it ends.

use crate::clients::Clients;
use crate::functions::{STATE_MACHINE, arn};
use crate::registration::AGENT;
use crate::steps::{Record, Step};
use anyhow::Result;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use serde_json::json;
use std::time::Duration;

/// Between two looks at the history.
const PAUSE: Duration = Duration::from_millis(100);
/// Events of one page, each with up to a quarter of a megabyte.
const PAGE: i32 = 100;

/// An execution that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) record: Record,
    pub(crate) end: DescribeExecutionOutput,
}

/// Asks the agent, and shows each step as it happens.
pub(crate) async fn ask(clients: &Clients, question: &str, mut show: impl FnMut(&Step)) -> Result<Run> {
    let machine = arn("states", &format!("stateMachine:{STATE_MACHINE}"));
    let input = json!({ "agent_name": AGENT, "question": question }).to_string();
    let start = clients.state_machines.start_execution().state_machine_arn(machine).input(input);
    let execution = start.send().await.map_err(aws_sdk_sfn::Error::from)?.execution_arn;
    let mut record = Record::default();
    let mut read = 0;
    while !record.ended {
        let events = next_events(clients, &execution, read).await?;
        if events.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        read += events.len();
        events.iter().filter_map(|event| record.take(event)).for_each(|step| show(&step));
    }
    let describe = clients.state_machines.describe_execution().execution_arn(execution);
    Ok(Run { record, end: describe.send().await.map_err(aws_sdk_sfn::Error::from)? })
}

/// A page's token is the number of events before it, here.
async fn next_events(clients: &Clients, execution: &str, read: usize) -> Result<Vec<aws_sdk_sfn::types::HistoryEvent>> {
    let page = clients.state_machines.get_execution_history().execution_arn(execution).max_results(PAGE);
    let page = if read > 0 { page.next_token(read.to_string()) } else { page };
    Ok(page.send().await.map_err(aws_sdk_sfn::Error::from)?.events)
}
