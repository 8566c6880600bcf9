//! `processor`: sends the messages of the notifications queue to ntfy, and makes notifications of CloudWatch's alarms.

use functions_aws::clients;
use functions_shared::run_with;
use processor::{Processor, handle};
use std::process::ExitCode;

fn main() -> ExitCode {
    run_with(
        async |variables| Processor::new(&variables, &clients::aws().await),
        |processor, event| async move { handle(&processor, event).await },
    )
}
