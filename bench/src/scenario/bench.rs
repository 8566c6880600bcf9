//! What scenarios have in common.

use std::time::Duration;

use crate::blocks::{Contender, Effort, alternate};
use crate::figures::{Figure, Figures, Measurement};
use crate::lambda::Lambda;
use crate::lane::{Lane, Running};
use crate::pin::{Pin, Processors};
use crate::process::peak_rss;
use crate::shipped::Shipped;
use crate::table::{Table, Usage};

/// What is measured with, by every scenario.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    /// Lambda's side.
    pub(crate) lambda: &'a Lambda,
    /// The lanes to measure.
    pub(crate) lanes: &'a [Lane],
    /// The least that an extension can be: it starts, and passes nothing on.
    pub(crate) hello: &'a Lane,
    /// The functions as they are shipped.
    pub(crate) shipped: &'a Shipped,
    /// On how many processors.
    pub(crate) pin: Pin,
    /// Those of the machine.
    pub(crate) processors: &'a Processors,
    /// Whether a tenth of the work will do.
    pub(crate) quick: bool,
}

impl Bench<'_> {
    /// How much to do where `invocations` are a second's work or so.
    pub(super) fn effort(&self, invocations: usize) -> Effort {
        let blocks = 10;
        let invocations = if self.quick { invocations.div_ceil(10) } else { invocations };
        Effort { blocks, invocations: invocations.div_ceil(blocks) }
    }

    /// A content table that answers `delay` late. It may use every processor: its work is done elsewhere.
    pub(super) async fn table(&self, delay: Duration) -> anyhow::Result<Table> {
        self.processors.unpin()?;
        let table = Table::start(delay).await;
        self.processors.pin(self.pin)?;
        table
    }

    /// Lanes of binaries; relays know nothing of contents.
    pub(super) fn extensions(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().filter(|lane| lane.binary().is_some())
    }

    /// The lane without anything in between, if it is among those asked for.
    pub(super) fn direct(&self) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.is_direct())
    }

    /// Lets contenders take turns and gives what was measured.
    pub(super) async fn measure(
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

    pub(super) fn measurement(&self, scenario: &str, lane: &str, figures: Figures) -> Measurement {
        Measurement { scenario: scenario.to_owned(), pin: self.pin, lane: lane.to_owned(), figures }
    }
}

/// Adds what a lane asked of the table per invocation.
pub(super) fn set_usage(figures: &mut Figures, usage: Usage, invocations: u64) {
    figures.set(Figure::TableRequests, usage.requests as f64 / invocations as f64);
    figures.set(Figure::TableBytes, usage.bytes as f64 / invocations as f64);
}

/// Adds to a lane's measurement what one more invocation of it asks of the table, counted while nobody else does.
pub(super) async fn count_usage(
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
pub(super) fn references(running: &Running) -> anyhow::Result<usize> {
    let response = running.sandbox.last_response()?;
    Ok(memchr::memmem::find_iter(&response, long_content::reference::PREFIX).count())
}
