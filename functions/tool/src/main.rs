//! `tool`: a Lambda function for `provided.al2023`. With `--describe` it prints its tools instead, for whoever registers them.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some("--describe") {
        println!("{:#}", tool::description());
        return ExitCode::SUCCESS;
    }
    functions_shared::run_with(
        async |variables| tool::State::new(&variables),
        |state, event| async move { tool::handle(&state, event).await },
    )
}
