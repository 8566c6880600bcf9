//! `llm`: a Lambda function for `provided.al2023`. Takes one call of a model, asks its provider, and gives a reply of one form.

mod answered;
mod handler;

use model::Llm;
use std::process::ExitCode;

fn main() -> ExitCode {
    functions_shared::run_with(Llm::from_variables, handler::handle)
}
