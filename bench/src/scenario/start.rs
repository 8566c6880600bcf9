//! Cold starts: from a process's begin to what Lambda waits for, and what the first invocation that works pays for being the first.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use fastrand::Rng;

use super::{Bench, offload, references};
use crate::figures::{Figure, Figures, Measurement};
use crate::lambda::Event;
use crate::lane::{Environment, Lane, Running};
use crate::statistics::Percentiles;

/// Processes of each extension.
const STARTS: usize = 20;

/// Invocations after the first, all of which offload.
const LATER: usize = 5;

/// What even the fastest runtime takes to start, before its first invocation.
const RUNTIME_STARTS: Duration = Duration::from_millis(20);

/// Processes that begin, with their files in the page cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColdStart;

impl ColdStart {
    pub(super) async fn run(self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let table = bench.table(Duration::ZERO).await?;
        let environment = Environment::new(&table.endpoint);
        let mut subjects: Vec<_> = bench.extensions().map(|lane| (lane, true, Starts::default())).collect();
        subjects.push((bench.hello, false, Starts::default()));
        for nth in 0..=if bench.quick { STARTS / 5 } else { STARTS } {
            for (lane, offloads, starts) in &mut subjects {
                let opened = lane.opens_port(bench.lambda, &environment).await?;
                let mut start = Start::of(lane, bench, &environment, *offloads).await?;
                start.opened = opened;
                // The first one reads the binary from the disk.
                if nth > 0 {
                    starts.0.push(start);
                }
            }
        }
        Ok(subjects.iter().map(|(lane, _, starts)| bench.measurement(name, &lane.name, starts.figures())).collect())
    }
}

/// When one process got where.
#[derive(Debug, Default)]
struct Start {
    opened: Duration,
    registered: Duration,
    polled: Duration,
    /// The answers to responses that offload, in order.
    offloads: Vec<Duration>,
}

impl Start {
    async fn of(lane: &Lane, bench: &Bench<'_>, environment: &Environment, offloads: bool) -> anyhow::Result<Self> {
        let mut running = lane.start(bench.lambda, environment).await?;
        let milestones = running.sandbox.ready().await?;
        let since = |moment: Option<Instant>| {
            let moment = moment.with_context(|| format!("lane {} left out a milestone", lane.name))?;
            anyhow::Ok(moment.duration_since(running.begun))
        };
        let (registered, polled) = (since(milestones.registered)?, since(milestones.polled)?);
        let offloads = if offloads { offload(&mut running).await? } else { vec![] };
        Ok(Self { opened: Duration::ZERO, registered, polled, offloads })
    }
}

async fn offload(running: &mut Running) -> anyhow::Result<Vec<Duration>> {
    let mut random = Rng::new();
    let responses: Vec<Bytes> = (0..=LATER).map(|_| offload::response(&mut random, 1, 20 << 10)).collect();
    running.sandbox.set_event(Event::with_length(b"{}"));
    tokio::time::sleep(RUNTIME_STARTS).await;
    let mut took = Vec::with_capacity(responses.len());
    for response in &responses {
        took.push(running.runtime.invoke(response).await?.response);
    }
    ensure!(references(running)? == 1, "lane {} did not offload", running.name);
    Ok(took)
}

#[derive(Debug, Default)]
struct Starts(Vec<Start>);

impl Starts {
    fn figures(&self) -> Figures {
        use Figure as F;
        let mut figures = Figures::default();
        let of = |time: fn(&Start) -> Duration| Percentiles::of(self.0.iter().map(time));
        figures.set(F::PortOpenP50Us, of(|start| start.opened).p50);
        figures.set(F::RegisteredP50Us, of(|start| start.registered).p50);
        let polled = of(|start| start.polled);
        figures.set(F::PolledP50Us, polled.p50);
        figures.set(F::PolledP90Us, polled.p90);
        let first: Vec<_> = self.0.iter().filter_map(|start| start.offloads.first().copied()).collect();
        if !first.is_empty() {
            let later = self.0.iter().flat_map(|start| start.offloads.iter().skip(1).copied());
            figures.set(F::FirstOffloadP50Us, Percentiles::of(first).p50);
            figures.set(F::LaterOffloadP50Us, Percentiles::of(later).p50);
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_offload_of_every_process_is_told_from_its_later_ones() {
        let millis = |millis: &[u64]| millis.iter().copied().map(Duration::from_millis).collect();
        let start = |offloads: &[u64]| Start { offloads: millis(offloads), ..Start::default() };
        let figures = Starts(vec![start(&[9, 1, 2]), start(&[8, 2, 2]), start(&[7, 2, 3])]).figures();
        assert_eq!(figures.get(Figure::FirstOffloadP50Us), Some(8_000.0));
        assert_eq!(figures.get(Figure::LaterOffloadP50Us), Some(2_000.0));
    }
}
