//! `mcp-client`: a Lambda function for `provided.al2023`, which the agent's state machine invokes for tools with transport `mcp`.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

use std::process::ExitCode;

fn main() -> ExitCode {
    functions_shared::run_with(mcp_client::State::from_variables, mcp_client::handle)
}
