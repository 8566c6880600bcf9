//! What every demonstration is: a program that lets a document pass through Lambda on this machine, shows what that took, and says by
//! its exit status whether all is well.
//!
//! The programs speak to the services over plain HTTP ([`aws`]). An SDK for each of them would take longer to build than everything
//! else together, and says nothing about the layer; that AWS's SDKs work with `lambda-local` is what its tests show.

pub mod aws;
mod document;
mod logs;
mod numbers;

pub use document::Document;
pub use logs::tell;
pub use numbers::grouped;

use anyhow::{Context, Result};
use lambda_local::Logs;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// What was asked for cannot be had, as opposed to what went wrong.
const EXIT_USAGE: u8 = 2;
/// As a shell has it for what SIGINT ended.
const EXIT_INTERRUPTED: u8 = 130;

/// What one demonstration has that another has not.
#[derive(Debug)]
pub struct Demonstration<'a, Figures> {
    /// What its messages begin with.
    pub name: &'static str,
    /// The file that the user names, if any.
    pub document: Option<&'a Path>,
    /// The Python whose standard library is the document otherwise.
    pub python: &'a Path,
    /// How the figures and the log are shown.
    pub output: &'a Output,
    /// What is not as it should be, in words; nothing if all is well.
    pub problems: fn(&Figures) -> Vec<String>,
    /// The figures as a page that a person understands.
    pub page: fn(&Figures) -> String,
}

/// The part of a command line that says how the figures and the log are shown.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
    /// Print the log of the functions, the extension and the platform while they run; otherwise only after a failure
    #[arg(long, short)]
    pub verbose: bool,
}

impl<Figures: Serialize> Demonstration<'_, Figures> {
    /// Runs it to its end, or until Ctrl-C, and gives what the program exits with. `measure` starts Lambda, lets the document pass, and
    /// ends everything.
    pub async fn run(&self, measure: impl AsyncFnOnce(&Document, Logs) -> Result<Figures>) -> ExitCode {
        let document = match Document::of(self.document, self.python) {
            Ok(document) => document,
            Err(error) => return self.failed(&error, EXIT_USAGE),
        };
        tokio::select! {
            outcome = self.show(&document, measure) => outcome.unwrap_or_else(|error| self.failed(&error, 1)),
            // The functions' processes have been killed with the future that held them.
            _ = tokio::signal::ctrl_c() => ExitCode::from(EXIT_INTERRUPTED),
        }
    }

    fn failed(&self, error: &anyhow::Error, code: u8) -> ExitCode {
        tell(&format!("{}: {error:#}\n", self.name));
        ExitCode::from(code)
    }

    /// Measures, and shows what came of it.
    async fn show(
        &self,
        document: &Document,
        measure: impl AsyncFnOnce(&Document, Logs) -> Result<Figures>,
    ) -> Result<ExitCode> {
        let (logs, lines) = Logs::channel();
        let log = logs::gather(lines, self.output.verbose);
        let measured = measure(document, logs).await;
        let log = log.await.context("the functions' log")?;
        let problems = measured.as_ref().map(self.problems).unwrap_or_default();
        if measured.is_err() || !problems.is_empty() {
            tell(&log);
        }
        print(&self.text(&measured?)?)?;
        for problem in &problems {
            tell(&format!("{}: {problem}\n", self.name));
        }
        Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn text(&self, figures: &Figures) -> Result<String> {
        Ok(if self.output.json { serde_json::to_string_pretty(figures)? + "\n" } else { (self.page)(figures) })
    }
}

/// Not `println!`: a pager that was closed early is no reason to panic.
pub fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot write the figures")
}
