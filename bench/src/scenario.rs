//! What is measured.

mod contestant;
mod conversation;
mod hydrate;
mod idle;
mod offload;
mod passthrough;
mod scan;
mod start;

use std::fmt;
use std::time::Duration;

use self::conversation::Conversation;
use self::hydrate::Hydrate;
use self::idle::Idle;
use self::offload::Offload;
use self::passthrough::PassThrough;
use self::scan::Scan;
use self::start::ColdStart;
use crate::blocks::{Contender, Effort, alternate};
use crate::figures::{Figure, Figures, Measurement};
use crate::lambda::Lambda;
use crate::lane::{Lane, Running};
use crate::pin::{Pin, Processors};
use crate::process::peak_rss;
use crate::table::{Table, Usage};

/// What scenarios have in common.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    /// Lambda's side.
    pub(crate) lambda: &'a Lambda,
    /// The lanes to measure.
    pub(crate) lanes: &'a [Lane],
    /// The least that an extension can be: it starts, and passes nothing on.
    pub(crate) hello: &'a Lane,
    /// On how many processors.
    pub(crate) pin: Pin,
    /// Those of the machine.
    pub(crate) processors: &'a Processors,
    /// Whether a tenth of the work will do.
    pub(crate) quick: bool,
}

impl Bench<'_> {
    /// How much to do where `invocations` are a second's work or so.
    fn effort(&self, invocations: usize) -> Effort {
        let blocks = 10;
        let invocations = if self.quick { invocations.div_ceil(10) } else { invocations };
        Effort { blocks, invocations: invocations.div_ceil(blocks) }
    }

    /// A content table that answers `delay` late. It may use every processor: its work is done elsewhere.
    async fn table(&self, delay: Duration) -> anyhow::Result<Table> {
        self.processors.unpin()?;
        let table = Table::start(delay).await;
        self.processors.pin(self.pin)?;
        table
    }

    /// Lanes of binaries; relays know nothing of contents.
    fn extensions(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().filter(|lane| lane.binary().is_some())
    }

    /// The lane without anything in between, if it is among those asked for.
    fn direct(&self) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.is_direct())
    }

    /// Lets contenders take turns and gives what was measured.
    async fn measure(
        &self,
        scenario: &str,
        contenders: &mut [impl Contender],
        effort: Effort,
    ) -> anyhow::Result<Vec<Measurement>> {
        let samples = alternate(contenders, effort).await?;
        let measured = contenders.iter().zip(samples).map(|(contender, sample)| {
            let figures = sample.figures(contender.pid().map(peak_rss).transpose()?);
            Ok(self.measurement(scenario, contender.name(), figures))
        });
        measured.collect()
    }

    fn measurement(&self, scenario: &str, lane: &str, figures: Figures) -> Measurement {
        Measurement { scenario: scenario.to_owned(), pin: self.pin, lane: lane.to_owned(), figures }
    }
}

/// Adds what a lane asked of the table per invocation.
fn set_usage(figures: &mut Figures, usage: Usage, invocations: u64) {
    figures.set(Figure::TableRequests, usage.requests as f64 / invocations as f64);
    figures.set(Figure::TableBytes, usage.bytes as f64 / invocations as f64);
}

/// Adds to a lane's measurement what one more invocation of it asks of the table, counted while nobody else does.
async fn count_usage(
    measurement: &mut Measurement,
    contender: &mut impl Contender,
    table: &mut Table,
) -> anyhow::Result<()> {
    let before = table.usage().await?;
    contender.invoke().await?;
    set_usage(&mut measurement.figures, table.usage().await?.since(before), 1);
    Ok(())
}

/// The references in the last response that a lane's Lambda got.
fn references(running: &Running) -> anyhow::Result<usize> {
    let response = running.sandbox.last_response()?;
    Ok(memchr::memmem::find_iter(&response, long_content::reference::PREFIX).count())
}

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scenario {
    /// Events and responses in which nothing is to be changed.
    PassThrough(PassThrough),
    /// Responses with long strings.
    Offload(Offload),
    /// Events with references.
    Hydrate(Hydrate),
    /// Turns of a conversation that grows.
    Conversation(Conversation),
    /// Processes that begin.
    ColdStart(ColdStart),
    /// Processes that wait.
    Idle(Idle),
    /// Looking for what is to be replaced.
    Scan(Scan),
}

impl Scenario {
    /// All of them, in the report's order.
    pub(crate) fn all() -> Vec<Self> {
        let passthrough = PassThrough::all().into_iter().map(Self::PassThrough);
        let offload = Offload::all().into_iter().map(Self::Offload);
        let hydrate = Hydrate::all().into_iter().map(Self::Hydrate);
        let conversation = Conversation::all().into_iter().map(Self::Conversation);
        let scan = Scan::all().into_iter().map(Self::Scan);
        let start = ColdStart::all().into_iter().map(Self::ColdStart);
        let idle = std::iter::once(Self::Idle(Idle));
        passthrough.chain(offload).chain(hydrate).chain(conversation).chain(start).chain(idle).chain(scan).collect()
    }

    /// Measures every lane that it makes sense for.
    pub(crate) async fn run(&self, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let name = self.to_string();
        match self {
            Self::PassThrough(scenario) => scenario.run(&name, bench).await,
            Self::Offload(scenario) => scenario.run(&name, bench).await,
            Self::Hydrate(scenario) => scenario.run(&name, bench).await,
            Self::Conversation(scenario) => scenario.run(&name, bench).await,
            Self::ColdStart(scenario) => scenario.run(&name, bench).await,
            Self::Idle(scenario) => scenario.run(&name, bench).await,
            Self::Scan(scenario) => scenario.run(&name, bench),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassThrough(scenario) => write!(f, "passthrough/{scenario}"),
            Self::Offload(scenario) => write!(f, "offload/{scenario}"),
            Self::Hydrate(scenario) => write!(f, "hydrate/{scenario}"),
            Self::Conversation(scenario) => write!(f, "conversation/{scenario}"),
            Self::ColdStart(scenario) => write!(f, "start/{scenario}"),
            Self::Idle(_) => f.write_str("idle"),
            Self::Scan(scenario) => write!(f, "scan/{scenario}"),
        }
    }
}
