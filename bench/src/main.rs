//! What the extension costs: the release binary between a Lambda and a runtime of this program's own, beside relays that do
//! less than any proxy must, all in one run.
//!
//! Layout
//! - `lambda`, `runtime`: both ends, with the HTTP of the tests' kit
//! - `lane`, `relay`: what is between them
//! - `payload`: what passes
//! - `table`, `bare`: where contents are kept, and what one request to it costs
//! - `stores`, `objects`: the table beside a bucket
//! - `shipped`: the functions, as they are shipped
//! - `scenario`, `blocks`: what is measured, in turns
//! - `process`, `pin`, `machine`, `statistics`, `figures`: how
//! - `report`, `acceptance`: what came out, and what was promised
//! - `document`, `plot`: the page about it

mod acceptance;
mod arguments;
mod bare;
mod blocks;
mod document;
mod figures;
mod lambda;
mod lane;
mod machine;
mod number;
mod objects;
mod payload;
mod pin;
mod plot;
mod process;
mod promise;
mod relay;
mod report;
mod runtime;
mod scenario;
mod shipped;
mod statistics;
mod stores;
mod table;

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use clap::Parser;

use crate::arguments::{Arguments, Command, Options};
use crate::figures::{Measurement, medians};
use crate::lambda::Lambda;
use crate::machine::{Binary, Machine};
use crate::pin::Processors;
use crate::scenario::Bench;

/// The folder of the page, seen from the project's own.
const DOCS: &str = "docs";

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match Arguments::parse().command {
            Command::Run(options) => run(&options).await,
            Command::Document { report, docs } => {
                document::write(&acceptance::judged_again(&fs::read(report)?)?, &docs)
            }
            Command::Stores { times } => stores::print(times).await,
            Command::Table => table::serve().await,
            Command::Relay { relay, upstream } => Ok(relay::serve(relay, upstream).await?),
        }
    })
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let processors = Processors::given()?;
    let mut runs = Vec::new();
    for nth in 1..=options.runs {
        eprintln!("run {nth} of {}", options.runs);
        runs.push(measure(options, &processors).await?);
    }
    let binaries: anyhow::Result<_> =
        options.lanes()?.iter().filter_map(|lane| Some(Binary::of(&lane.name, lane.binary()?))).collect();
    let report = acceptance::judged(Machine::this()?, options.runs, binaries?, medians(&runs));
    let path = options.json()?;
    fs::create_dir_all(path.parent().context("a report needs a folder")?)?;
    fs::write(&path, serde_json::to_vec_pretty(&report)?)?;
    print!("{}\n{}", report.table(), report.promises());
    eprintln!("\nreport: {}", path.display());
    if options.write_docs {
        document::write(&report, Path::new(DOCS))?;
    }
    Ok(())
}

async fn measure(options: &Options, processors: &Processors) -> anyhow::Result<Vec<Measurement>> {
    let (scenarios, lanes, hello) = (options.scenarios(), options.lanes()?, options.hello()?);
    let shipped = options.shipped()?;
    ensure!(!scenarios.is_empty(), "no scenario has such a name");
    let mut measurements = Vec::new();
    for pin in options.pins() {
        processors.pin(pin)?;
        let lambda = Lambda::start()?;
        for scenario in &scenarios {
            eprintln!("  {scenario}, {pin}");
            let bench = Bench {
                lambda: &lambda,
                lanes: &lanes,
                hello: &hello,
                shipped: &shipped,
                pin,
                processors,
                quick: options.quick,
            };
            measurements.extend(scenario.run(&bench).await.with_context(|| scenario.to_string())?);
        }
    }
    processors.unpin()?;
    Ok(measurements)
}
