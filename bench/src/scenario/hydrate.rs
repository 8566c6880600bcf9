//! Events with references: what reading contents costs, beside one bare request for the same items, and beside events that
//! hold the same contents already.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;

use super::bench::{Bench, count_usage};
use super::contestant::{Contestant, Takes};
use super::offload;
use crate::bare::{Bare, Request};
use crate::figures::Measurement;
use crate::lane::{Environment, Lane};
use crate::table::Table;

const SIZE: usize = 20 << 10;

/// References of an event, and invocations that take about a second.
const COUNTS: [(usize, usize); 3] = [(1, 400), (20, 150), (100, 50)];

/// Latencies of the table, and whether the sandbox has its contents already.
const CASES: [(&str, Duration, bool); 3] = [
    ("cold/0ms", Duration::ZERO, false),
    ("cold/5ms", Duration::from_millis(5), false),
    ("cached", Duration::from_millis(5), true),
];

/// Events of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hydrate {
    count: usize,
    invocations: usize,
    label: &'static str,
    delay: Duration,
    cached: bool,
}

impl Hydrate {
    pub(super) fn all() -> Vec<Self> {
        let of = |(count, invocations)| {
            let one = move |(label, delay, cached)| Self { count, invocations, label, delay, cached };
            CASES.into_iter().map(one)
        };
        COUNTS.into_iter().flat_map(of).collect()
    }

    pub(super) async fn run(&self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let mut table = bench.table(self.delay).await?;
        let mut contestants = Vec::new();
        let Some(writer) = bench.extensions().next() else { return Ok(vec![]) };
        let mut writer = writer.start(bench.lambda, &self.environment(&table)).await?;
        let (references, plain) = offload::stored(&mut writer, self.count, SIZE).await?;
        drop(writer);
        for lane in bench.direct().into_iter().chain(bench.extensions()) {
            let passing = format!("{}, inline", lane.name);
            contestants.push(self.lane(bench, lane, &table, passing, (&plain, &plain)).await?);
        }
        for lane in bench.extensions() {
            contestants.push(self.lane(bench, lane, &table, lane.name.clone(), (&references, &plain)).await?);
        }
        let items = table.items().await?;
        let bare = Bare::new(&table.endpoint, Request::BatchGet, &items)?;
        contestants.push(Contestant::Bare { bare, takes: Takes::Event });
        let mut measured = bench.measure(name, &mut contestants, bench.effort(self.invocations)).await?;
        for (measurement, contestant) in measured.iter_mut().zip(&mut contestants) {
            count_usage(measurement, contestant, &mut table).await?;
        }
        Ok(measured)
    }

    /// A lane that gets one event and must make another one of it.
    async fn lane(
        &self,
        bench: &Bench<'_>,
        lane: &Lane,
        table: &Table,
        name: String,
        (sent, expected): (&[u8], &[u8]),
    ) -> anyhow::Result<Contestant> {
        let mut running = lane.start(bench.lambda, &self.environment(table)).await?;
        running.sandbox.set_event(sent);
        running.runtime.invoke(RESPONSE).await?;
        ensure!(running.runtime.event()? == expected, "{name} gave another event");
        let respond = Box::new(|| Bytes::from_static(RESPONSE));
        Ok(Contestant::Lane { name, running: Box::new(running), respond })
    }

    fn environment(&self, table: &Table) -> Environment {
        let mut environment = Environment::new(&table.endpoint);
        if !self.cached {
            environment.set("LRAP_CACHE_SIZE", "0");
        }
        environment
    }
}

impl fmt::Display for Hydrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x20KiB/{}", self.count, self.label)
    }
}

const RESPONSE: &[u8] = br#"{"status":"done"}"#;
