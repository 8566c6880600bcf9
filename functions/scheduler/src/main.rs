//! `scheduler`: invoked by the Schedule Creation topic, by each schedule that is due, and once a day.

use functions_aws::clients;
use functions_shared::{Failure, LambdaEvent, Variables, run_with};
use scheduler::{Invocation, Scheduler};
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

async fn init(variables: Variables) -> Result<Scheduler, Failure> {
    Scheduler::new(&variables, &clients::aws().await)
}

async fn handle(scheduler: Arc<Scheduler>, event: LambdaEvent<Value>) -> Result<(), Failure> {
    let until = Instant::now() + event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let invocation = Invocation { function: &event.context.invoked_function_arn, until };
    scheduler.handle(event.payload, invocation).await
}

fn main() -> ExitCode {
    run_with(init, handle)
}
