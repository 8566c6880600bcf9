//! `agent`: a Lambda function for `provided.al2023`. Answers questions over HTTP and from a queue.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

use agent::{State, handle};
use std::process::ExitCode;

fn main() -> ExitCode {
    http_api::streaming::run_with(State::from_variables, handle)
}
