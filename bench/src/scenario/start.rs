//! Cold starts: from a process's begin to what Lambda waits for, and what the first invocation that works pays for being the first.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use fastrand::Rng;

use super::bench::{Bench, references};
use super::offload;
use crate::bare::Bare;
use crate::figures::{Figure, Figures, Measurement};
use crate::lane::{Environment, Lane, Running};
use crate::statistics::Percentiles;
use crate::table::Table;

/// Processes of each extension.
const STARTS: usize = 20;

/// Invocations after the first, all of which offload: so many one after the other, and as many after a pause each.
const LATER: usize = 5;

/// What even the fastest runtime takes to start, before its first invocation.
const RUNTIME_STARTS: Duration = Duration::from_millis(20);

/// Processes that begin, with their files in the page cache, at one latency of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColdStart {
    delay: (&'static str, Duration),
}

impl ColdStart {
    pub(super) fn all() -> Vec<Self> {
        offload::DELAYS.map(|delay| Self { delay }).to_vec()
    }

    pub(super) async fn run(&self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let mut subjects = Vec::new();
        for (lane, offloads) in bench.extensions().map(|lane| (lane, true)).chain([(bench.hello, false)]) {
            // One of its own, since the stand-in gets slower the more it holds.
            let table = bench.table(self.delay.1).await?;
            subjects.push(Subject::new(lane, offloads, table)?);
        }
        for nth in 0..=if bench.quick { STARTS / 5 } else { STARTS } {
            for turn in 0..subjects.len() {
                let place = (nth + turn) % subjects.len();
                let start = subjects[place].start(bench).await?;
                // The first one reads the binary from the disk.
                if nth > 0 {
                    subjects[place].starts.0.push(start);
                }
            }
        }
        let measured = subjects.iter().map(|one| bench.measurement(name, &one.lane.name, one.starts.figures()));
        Ok(measured.collect())
    }
}

impl fmt::Display for ColdStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.delay.0)
    }
}

/// An extension, and how its processes began.
struct Subject<'a> {
    lane: &'a Lane,
    environment: Environment,
    /// Who uses the table beside it, if it does.
    others: Option<Bare>,
    starts: Starts,
    _table: Table,
}

impl<'a> Subject<'a> {
    fn new(lane: &'a Lane, offloads: bool, table: Table) -> anyhow::Result<Self> {
        let others = offloads.then(|| Bare::writing(&table.endpoint, 1)).transpose()?;
        let environment = Environment::new(&table.endpoint);
        Ok(Self { lane, environment, others, starts: Starts::default(), _table: table })
    }

    async fn start(&mut self, bench: &Bench<'_>) -> anyhow::Result<Start> {
        let opened = self.lane.opens_port(bench.lambda, &self.environment).await?;
        let start = Start::of(self.lane, bench, &self.environment, self.others.as_mut()).await?;
        Ok(Start { opened, ..start })
    }
}

/// When one process got where.
#[derive(Debug, Default)]
struct Start {
    opened: Duration,
    registered: Duration,
    polled: Duration,
    offloads: Option<Offloads>,
}

/// How long answers to responses that offload took.
#[derive(Debug)]
struct Offloads {
    /// After the pause in which the runtime starts.
    first: Duration,
    /// Each right after the one before.
    later: Vec<Duration>,
    /// Each after as long a pause as before the first.
    paused: Vec<Duration>,
}

impl Start {
    /// One process, which offloads if there are `others` who use the table too.
    async fn of(
        lane: &Lane,
        bench: &Bench<'_>,
        environment: &Environment,
        others: Option<&mut Bare>,
    ) -> anyhow::Result<Self> {
        let mut running = lane.start(bench.lambda, environment).await?;
        let milestones = running.sandbox.ready().await;
        let since = |moment: Instant| moment.duration_since(running.begun);
        let (registered, polled) = (since(milestones.registered), since(milestones.polled));
        let offloads = match others {
            Some(others) => Some(Offloads::of(&mut running, others).await?),
            None => None,
        };
        running.end().await?;
        Ok(Self { opened: Duration::ZERO, registered, polled, offloads })
    }
}

impl Offloads {
    async fn of(running: &mut Running, others: &mut Bare) -> anyhow::Result<Self> {
        let mut random = Rng::new();
        let responses: [Bytes; 1 + 2 * LATER] = std::array::from_fn(|_| offload::response(&mut random, 1, 20 << 10));
        let [first, rest @ ..] = &responses;
        running.sandbox.set_event(b"{}");
        let first = after_a_pause(running, first, others).await?;
        let (mut later, mut paused) = (vec![], vec![]);
        for response in &rest[..LATER] {
            later.push(running.runtime.invoke(response).await?.response);
        }
        for response in &rest[LATER..] {
            paused.push(after_a_pause(running, response, others).await?);
        }
        ensure!(references(running)? == 1, "lane {} did not offload", running.name);
        Ok(Self { first, later, paused })
    }
}

/// One invocation after a pause, in which only the extension rests: the table serves others, as DynamoDB does. Were it left to
/// rest too, waking it up would take longer than all that the extension does.
async fn after_a_pause(running: &mut Running, response: &[u8], others: &mut Bare) -> anyhow::Result<Duration> {
    tokio::time::sleep(RUNTIME_STARTS).await;
    others.round_trip().await?;
    Ok(running.runtime.invoke(response).await?.response)
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
        let offloads: Vec<_> = self.0.iter().filter_map(|start| start.offloads.as_ref()).collect();
        if !offloads.is_empty() {
            let of = |times: fn(&Offloads) -> &[Duration]| {
                Percentiles::of(offloads.iter().flat_map(|one| times(one)).copied()).p50
            };
            figures.set(F::FirstOffloadP50Us, of(|one| std::slice::from_ref(&one.first)));
            figures.set(F::LaterOffloadP50Us, of(|one| &one.later));
            figures.set(F::PausedOffloadP50Us, of(|one| &one.paused));
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
        let start = |first, later: &[u64], paused: &[u64]| {
            let offloads =
                Offloads { first: Duration::from_millis(first), later: millis(later), paused: millis(paused) };
            Start { offloads: Some(offloads), ..Start::default() }
        };
        let figures =
            Starts(vec![start(9, &[1, 2], &[4]), start(8, &[2, 2], &[5, 5]), start(7, &[2, 3], &[5])]).figures();
        assert_eq!(figures.get(Figure::FirstOffloadP50Us), Some(8_000.0));
        assert_eq!(figures.get(Figure::LaterOffloadP50Us), Some(2_000.0));
        assert_eq!(figures.get(Figure::PausedOffloadP50Us), Some(5_000.0));
    }
}
