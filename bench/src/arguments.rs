//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::lane::Lane;
use crate::pin::Pin;
use crate::relay::Relay;
use crate::scenario::Scenario;
use crate::shipped::Shipped;

/// Measures what the extension costs, beside a bare relay in the same run.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures, prints a table, and writes a report.
    Run(Options),
    /// Puts a report that was written earlier into the page about performance.
    Document {
        /// The report.
        report: PathBuf,
        /// The folder of `performance.md`.
        #[arg(long, value_name = "PATH", default_value = "docs")]
        docs: PathBuf,
    },
    /// Measures how long the table and a bucket take that answer 5 and 20 ms late, and prints a table.
    Stores {
        /// How often each is written and read; the table has medians.
        #[arg(long, default_value_t = 15)]
        times: u64,
    },
    /// The content table of a run, until standard input ends.
    #[command(hide = true)]
    Table,
    /// A lane of a run: relays to a Runtime API until it is ended.
    #[command(hide = true)]
    Relay {
        /// What kind of relay.
        relay: Relay,
        /// The address of the Runtime API.
        upstream: SocketAddr,
    },
}

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only scenarios whose names contain this (several: any of them), such as `passthrough/1KiB`.
    #[arg(long, value_name = "TEXT")]
    scenario: Vec<String>,
    /// Only these lanes, such as `direct`.
    #[arg(long, value_name = "NAME")]
    lane: Vec<String>,
    /// Only on this number of processors.
    #[arg(long)]
    pin: Vec<Pin>,
    /// How often everything is measured; the report has medians.
    #[arg(long, default_value_t = 1)]
    pub(crate) runs: usize,
    /// Measures only a tenth of the invocations.
    #[arg(long)]
    pub(crate) quick: bool,
    /// A binary to measure, as a lane of this name; give several to compare them. Without it, the release binary as `lrap`.
    #[arg(long, value_name = "NAME=PATH")]
    extension: Vec<Extension>,
    /// The extension that cold starts are compared with. Without it, `hello-extension` of the release profile.
    #[arg(long, value_name = "PATH")]
    hello: Option<PathBuf>,
    /// The folder of the functions' programs; that of `make package-functions` for this machine, if none.
    #[arg(long, value_name = "PATH")]
    functions: Option<PathBuf>,
    /// The folder of the functions' zips.
    #[arg(long, value_name = "PATH", default_value = "target/functions")]
    zips: PathBuf,
    /// Writes the figures into `docs/performance.md`, and plots beside it.
    #[arg(long, conflicts_with_all = ["scenario", "lane", "pin"])]
    pub(crate) write_docs: bool,
    /// Where to write the report.
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
}

impl Options {
    /// The scenarios asked for.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let asked = |scenario: &Scenario| {
            let name = scenario.to_string();
            self.scenario.is_empty() || self.scenario.iter().any(|text| name.contains(text))
        };
        Scenario::all().into_iter().filter(asked).collect()
    }

    /// The lanes asked for. Those of other lanes that ratios are taken to, `direct` and `relay`, are measured anyway.
    pub(crate) fn lanes(&self) -> anyhow::Result<Vec<Lane>> {
        let relays = [("relay", Relay::Copy), ("splice", Relay::Splice), ("gather", Relay::Gather)];
        let mut lanes = vec![Lane::direct()];
        lanes.extend(relays.map(|(name, relay)| Lane::relay(name, relay)));
        lanes.extend(self.extensions()?.iter().map(|Extension { name, path }| Lane::extension(name, path)));
        lanes.retain(|lane| self.lane.is_empty() || self.lane.contains(&lane.name));
        Ok(lanes)
    }

    /// The least that an extension can be.
    pub(crate) fn hello(&self) -> anyhow::Result<Lane> {
        let path = self.hello.clone().map_or_else(|| Ok(target()?.join("release/hello-extension")), anyhow::Ok)?;
        Ok(Lane::extension("hello", &path))
    }

    /// The functions as they are shipped.
    pub(crate) fn shipped(&self) -> anyhow::Result<Shipped> {
        let built = || Ok::<_, anyhow::Error>(target()?.join("functions").join(architecture()));
        Ok(Shipped { programs: self.functions.clone().map_or_else(built, Ok)?, zips: self.zips.clone() })
    }

    fn extensions(&self) -> anyhow::Result<Vec<Extension>> {
        if !self.extension.is_empty() {
            return Ok(self.extension.clone());
        }
        Ok(vec![Extension { name: "lrap".to_owned(), path: target()?.join("release/lrap-extension") }])
    }

    /// On how many processors.
    pub(crate) fn pins(&self) -> Vec<Pin> {
        if self.pin.is_empty() { vec![Pin::One, Pin::Two] } else { self.pin.clone() }
    }

    /// Where the report goes.
    pub(crate) fn json(&self) -> anyhow::Result<PathBuf> {
        self.json.clone().map_or_else(|| Ok(target()?.join("bench/report.json")), Ok)
    }
}

/// This machine's, as Lambda calls it.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

/// A binary to measure.
#[derive(Debug, Clone)]
struct Extension {
    name: String,
    path: PathBuf,
}

impl FromStr for Extension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, path)) => Ok(Self { name: name.to_owned(), path: path.into() }),
            None => Ok(Self { name: "lrap".to_owned(), path: text.into() }),
        }
    }
}

/// Cargo's target folder, in one of whose profiles' folders this executable lies.
fn target() -> anyhow::Result<PathBuf> {
    let executable = std::env::current_exe()?;
    executable.ancestors().nth(2).map(PathBuf::from).context("this executable lies in no target folder")
}
