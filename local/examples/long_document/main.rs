//! A document of any length through two Lambda functions and the state of a workflow between them, and what it took.
//!
//! `make demo` runs it. Everything real is real: the extension and its wrapper from the layer's folder, the official runtime clients,
//! AWS's SDK as the caller, DynamoDB's API in front of the content table. What stands in for AWS is `lambda_local`. Every figure
//! shown was measured in this run.

mod analysis;
mod arguments;
mod document;
mod figures;
mod functions;
mod invoker;
mod logs;
mod page;
mod verdict;
mod workflow;

use anyhow::{Context, Result};
use arguments::Arguments;
use clap::Parser;
use document::Document;
use figures::Figures;
use lambda_local::{LambdaLocal, Logs};
use logs::tell;
use std::io::Write;
use std::process::ExitCode;

/// What was asked for cannot be had, as opposed to what went wrong.
const EXIT_USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let document = match Document::of(arguments.document.as_deref()) {
        Ok(document) => document,
        Err(error) => return failed(&error, EXIT_USAGE),
    };
    tokio::select! {
        outcome = demonstrate(&arguments, &document) => outcome.unwrap_or_else(|error| failed(&error, 1)),
        // The functions' processes have been killed with the future that held them.
        _ = tokio::signal::ctrl_c() => ExitCode::from(130),
    }
}

fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    tell(&format!("long_document: {error:#}\n"));
    ExitCode::from(code)
}

/// Runs the workflow and shows the outcome: success if what arrived is what was sent.
async fn demonstrate(arguments: &Arguments, document: &Document) -> Result<ExitCode> {
    if !arguments.json {
        tell(&format!("Sending {} through two functions, twice.\n", document.name));
    }
    let (logs, lines) = Logs::channel();
    let log = logs::gather(lines, arguments.verbose);
    let measured = measure(arguments, document, logs).await;
    let log = log.await.context("the functions' log")?;
    let problems = measured.as_ref().map(verdict::problems).unwrap_or_default();
    if measured.is_err() || !problems.is_empty() {
        tell(&log);
    }
    let figures = measured?;
    show(&figures, arguments.json)?;
    for problem in &problems {
        tell(&format!("long_document: {problem}\n"));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts Lambda, lets the document pass twice, and ends everything.
async fn measure(arguments: &Arguments, document: &Document, logs: Logs) -> Result<Figures> {
    let config = functions::config(arguments, document)?;
    let lambda = LambdaLocal::start_with_logs(config, logs).await.context("cannot start Lambda on this machine")?;
    let figures = workflow::figures(&lambda, document).await;
    lambda.shutdown().await;
    figures
}

fn show(figures: &Figures, json: bool) -> Result<()> {
    let text = if json { serde_json::to_string_pretty(figures)? + "\n" } else { page::of(figures) };
    // Not `println!`: a pager that was closed early is no reason to panic.
    std::io::stdout().write_all(text.as_bytes()).context("cannot write the figures")
}
