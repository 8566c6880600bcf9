//! `tool`: a Lambda function for `provided.al2023`. With `--describe` it prints its tools instead, so that they can be registered; with
//! `--pdf-to-text` the text of the PDF file on its standard input, for itself.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

use std::env;
use std::process::ExitCode;

use actions::{PDF_TO_TEXT, PdfProgram};
use aws_sdk_secretsmanager::Client;
use functions_shared::{Clock, Failure, Variables};
use secrets::Secrets;
use tool::State;

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some("--describe") => {
            println!("{:#}", tool::description());
            ExitCode::SUCCESS
        }
        Some(PDF_TO_TEXT) => pdf_text::print(),
        _ => functions_shared::run_with(
            async |variables| state(&variables).await,
            |state, event| async move { tool::handle(&state, event).await },
        ),
    }
}

async fn state(variables: &Variables) -> Result<State, Failure> {
    let own = env::current_exe().map_err(|error| Failure::new("NoProgram", error.to_string()))?;
    let state = State::new(variables)?.with_pdf(PdfProgram::at(own));
    if !state.needs_request_secret() {
        return Ok(state); // No client that nothing would use.
    }
    let missing =
        || Failure::new("InvalidVariable", "HTTP_REQUEST_HOSTS names keys, and HTTP_REQUEST_SECRET is not set");
    let name = variables.optional("HTTP_REQUEST_SECRET")?.ok_or_else(missing)?.to_owned();
    Ok(state
        .with_request_secret(Secrets::new(Client::new(&functions_aws::clients::aws().await), Clock::system()), name))
}
