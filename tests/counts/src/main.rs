//! Counts what the hot path costs, and fails when something costs more than its limit.
//!
//! Counts, not times: they are the same on a busy machine, so that they can block a change. Steps of the library are counted
//! by the benchmark `content` under callgrind; a whole invocation by what the real binary did on many, less what it did on few.

mod costs;
mod limits;
mod sandbox;
mod steps;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::limits::{Counts, Limits};

/// Counts what the hot path costs, and fails when something costs more than its limit.
#[derive(Parser)]
struct Arguments {
    /// The extension whose invocations are counted.
    #[arg(long)]
    extension: PathBuf,
    /// The folder with the summaries of the benchmark `content`.
    #[arg(long)]
    steps: PathBuf,
    /// The file with the limits.
    #[arg(long)]
    limits: PathBuf,
    /// The folder where the reports of the tools go.
    #[arg(long)]
    reports: PathBuf,
    /// Where the counts go, as JSON.
    #[arg(long)]
    json: PathBuf,
    /// Makes the counts of now the limits.
    #[arg(long)]
    update: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut counts = Counts::default();
    steps::count(&arguments.steps, &mut counts)?;
    costs::count(&arguments.extension, &arguments.reports, &mut counts).await?;
    std::fs::write(&arguments.json, serde_json::to_vec_pretty(&counts)?)
        .with_context(|| format!("{} cannot be written", arguments.json.display()))?;
    if arguments.update {
        limits::write(&arguments.limits, &counts)?;
    }
    let judgements = Limits::read(&arguments.limits)?.judge(&counts);
    print!("{}", limits::table(&judgements));
    let failed = judgements.iter().filter(|judgement| judgement.verdict.fails()).count();
    println!("{} counts, {failed} not within their limits", judgements.len());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
