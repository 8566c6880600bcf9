//! `webaction`: performs the web actions of the web actions queue.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

use std::process::ExitCode;

use functions_aws::clients;
use functions_shared::run_with;
use webaction::{WebActions, handle};

fn main() -> ExitCode {
    run_with(
        async |variables| WebActions::new(&variables, &clients::aws().await),
        |actions, event| async move { handle(&actions, event).await },
    )
}
