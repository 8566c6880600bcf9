//! `tool`: a Lambda function for `provided.al2023`. With `--describe` it prints its tools instead, for whoever registers them; with
//! `--pdf-to-text` the text of the PDF file on its standard input, for itself.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

use std::env;
use std::process::ExitCode;

use actions::{PDF_TO_TEXT, PdfProgram};
use functions_shared::Failure;
use tool::State;

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some("--describe") => {
            println!("{:#}", tool::description());
            ExitCode::SUCCESS
        }
        Some(PDF_TO_TEXT) => pdf_text::print(),
        _ => functions_shared::run_with(
            async |variables| {
                let own = env::current_exe().map_err(|error| Failure::new("NoProgram", error.to_string()))?;
                Ok(State::new(&variables)?.with_pdf(PdfProgram::at(own)))
            },
            |state, event| async move { tool::handle(&state, event).await },
        ),
    }
}
