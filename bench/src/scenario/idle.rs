//! Waiting: what an extension holds, and how often it runs, while nothing is asked of it.

use std::time::Duration;

use anyhow::Context;
use fastrand::Rng;

use super::bench::Bench;
use super::offload;
use crate::figures::{Figure, Figures, Measurement};
use crate::lane::{Environment, Lane, Running};
use crate::machine::Binary;
use crate::pin::Pin;
use crate::process::{Switches, rss};

/// What is still going on after an init or an invocation ends within this.
const SETTLES: Duration = Duration::from_secs(1);

/// How long is watched.
const WATCHED: Duration = Duration::from_secs(5);

/// Processes that wait, which they do in the same way on any number of processors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle;

impl Idle {
    pub(super) async fn run(self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        if bench.pin != Pin::One {
            return Ok(vec![]);
        }
        let table = bench.table(Duration::ZERO).await?;
        let environment = Environment::new(&table.endpoint);
        let mut measured = Vec::new();
        for (lane, invokes) in bench.extensions().map(|lane| (lane, true)).chain([(bench.hello, false)]) {
            let mut running = lane.start(bench.lambda, &environment).await?;
            let figures = figures(lane, &mut running, invokes).await?;
            measured.push(bench.measurement(name, &lane.name, figures));
        }
        Ok(measured)
    }
}

async fn figures(lane: &Lane, running: &mut Running, invokes: bool) -> anyhow::Result<Figures> {
    let path = lane.binary().with_context(|| format!("lane {} is no extension", lane.name))?;
    let pid = running.pid().with_context(|| format!("lane {} has no process", lane.name))?;
    let mut figures = Figures::default();
    figures.set(Figure::BinaryBytes, Binary::of(&lane.name, path)?.size as f64);
    tokio::time::sleep(SETTLES).await;
    figures.set(Figure::IdleRssKib, rss(pid)? as f64);
    if invokes {
        // Its connections are there now, and what they leave behind.
        running.sandbox.set_event(b"{}");
        running.runtime.invoke(&offload::response(&mut Rng::new(), 1, 20 << 10)).await?;
        tokio::time::sleep(SETTLES).await;
    }
    let before = Switches::of(pid)?;
    tokio::time::sleep(WATCHED).await;
    figures.set(Figure::WakeUpsPerSecond, Switches::of(pid)?.since(&before) as f64 / WATCHED.as_secs_f64());
    Ok(figures)
}
