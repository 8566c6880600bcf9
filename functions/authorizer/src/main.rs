//! The program; see the library.

use authorizer::{Authorizer, handle};
use functions_aws::clients;
use functions_shared::{Clock, Failure, Variables, run_with};
use std::process::ExitCode;

async fn init(variables: Variables) -> Result<Authorizer, Failure> {
    let secrets = aws_sdk_secretsmanager::Client::new(&clients::aws().await);
    Authorizer::new(&variables, secrets, Clock::system())
}

fn main() -> ExitCode {
    run_with(init, handle)
}
