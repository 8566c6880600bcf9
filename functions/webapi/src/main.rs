//! The program; see the library.

use functions_aws::clients;
use functions_shared::{Failure, Variables, run_with};
use std::process::ExitCode;
use webapi::{WebApi, handle};

async fn init(variables: Variables) -> Result<WebApi, Failure> {
    WebApi::new(&variables, &clients::aws().await)
}

fn main() -> ExitCode {
    run_with(init, handle)
}
