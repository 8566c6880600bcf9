//! `mcp`: a Lambda function for `provided.al2023`, behind a Function URL and `POST /mcp` of the HTTP API.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

use std::process::ExitCode;

fn main() -> ExitCode {
    http_api::streaming::run_with(mcp::State::from_variables, mcp::handle)
}
