//! A document of any length through two Lambda functions and the state of a workflow between them, and what it took.
//!
//! `make demo` runs it. Everything real is real: the extension and its wrapper from the layer's folder, the official runtime clients,
//! Lambda's API in front of the functions, DynamoDB's in front of the content table. What stands in for AWS is `lambda_local`. Every figure
//! shown was measured in this run.

mod analysis;
mod arguments;
mod figures;
mod functions;
mod invoker;
mod page;
mod verdict;
mod workflow;

use anyhow::{Context, Result};
use arguments::Arguments;
use clap::Parser;
use demo::{Demonstration, Document, tell};
use figures::Figures;
use lambda_local::{LambdaLocal, Logs};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let demonstration = Demonstration {
        name: "long_document",
        document: arguments.document.as_deref(),
        python: &arguments.reader_python,
        output: &arguments.output,
        problems: verdict::problems,
        page: page::of,
    };
    demonstration.run(async |document, logs| measure(&arguments, document, logs).await).await
}

/// Starts Lambda, lets the document pass twice, and ends everything.
async fn measure(arguments: &Arguments, document: &Document, logs: Logs) -> Result<Figures> {
    if !arguments.output.json {
        tell(&format!("Sending {} through two functions, twice.\n", document.name));
    }
    let config = functions::config(arguments, document)?;
    let lambda = LambdaLocal::start_with_logs(config, logs).await.context("cannot start Lambda on this machine")?;
    let figures = workflow::figures(&lambda, document).await;
    lambda.shutdown().await;
    figures
}
