//! Responses with long strings: what storing them costs, beside one bare request with the same stored bytes.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use fastrand::Rng;

use super::bench::{Bench, count_usage, references};
use super::contestant::{Contestant, Takes};
use crate::bare::{Bare, Request};
use crate::figures::Measurement;
use crate::lane::{Environment, Lane, Running};
use crate::payload;
use crate::table::Table;

/// Names, how many strings, of how many bytes, and invocations that take about a second.
const CONTENTS: [(&str, usize, usize, usize); 5] = [
    ("1x20KiB", 1, 20 << 10, 400),
    ("20x20KiB", 20, 20 << 10, 100),
    ("1x300KiB", 1, 300 << 10, 100),
    ("1x2MiB", 1, 2 << 20, 30),
    ("1x5MiB", 1, 5 << 20, 20),
];

/// The table answers at once, or as late as DynamoDB does.
pub(super) const DELAYS: [(&str, Duration); 2] = [("0ms", Duration::ZERO), ("5ms", Duration::from_millis(5))];

/// Responses of one kind, at one latency of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offload {
    label: &'static str,
    count: usize,
    size: usize,
    invocations: usize,
    delay: (&'static str, Duration),
}

impl Offload {
    pub(super) fn all() -> Vec<Self> {
        let of = |delay| {
            let one = move |(label, count, size, invocations)| Self { label, count, size, invocations, delay };
            CONTENTS.into_iter().map(one)
        };
        DELAYS.into_iter().flat_map(of).collect()
    }

    pub(super) async fn run(&self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let mut table = bench.table(self.delay.1).await?;
        let mut contestants = Vec::new();
        for lane in bench.extensions() {
            contestants.push(self.lane(bench, lane, &table).await?);
        }
        // What the first one stored in one invocation is what the bare request stores.
        if let Some(first) = contestants.first_mut() {
            self.check(first).await?;
            let request = if self.count == 1 && self.size < 300 << 10 { Request::Put } else { Request::BatchWrite };
            let items = table.items().await?;
            let bare = Bare::new(&table.endpoint, request, &items)?;
            contestants.push(Contestant::Bare { bare, takes: Takes::Response });
        }
        if let Some(direct) = bench.direct() {
            contestants.insert(0, self.lane(bench, direct, &table).await?);
        }
        let mut measured = bench.measure(name, &mut contestants, bench.effort(self.invocations)).await?;
        for (measurement, contestant) in measured.iter_mut().zip(&mut contestants) {
            count_usage(measurement, contestant, &mut table).await?;
        }
        Ok(measured)
    }

    async fn lane(&self, bench: &Bench<'_>, lane: &Lane, table: &Table) -> anyhow::Result<Contestant> {
        let running = lane.start(bench.lambda, &Environment::new(&table.endpoint)).await?;
        running.sandbox.set_event(&payload::records(&mut Rng::new(), 1 << 10));
        let (mut random, count, size) = (Rng::new(), self.count, self.size);
        let respond = Box::new(move || response(&mut random, count, size));
        Ok(Contestant::Lane { name: lane.name.clone(), running: Box::new(running), respond })
    }

    /// A response that leaves as it came would cost nothing.
    async fn check(&self, contestant: &mut Contestant) -> anyhow::Result<()> {
        if let Contestant::Lane { running, respond, name } = contestant {
            running.runtime.invoke(&respond()).await?;
            let references = references(running)?;
            ensure!(references == self.count, "lane {name} offloaded {references} of {} strings", self.count);
        }
        Ok(())
    }
}

impl fmt::Display for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.label, self.delay.0)
    }
}

/// A response with `count` long strings that no sandbox has seen before.
pub(super) fn response(random: &mut Rng, count: usize, size: usize) -> Bytes {
    let texts: Vec<_> = (0..count).map(|_| format!("\"{}\"", payload::prose(random, size))).collect();
    format!(r#"{{"status":"done","documents":[{}]}}"#, texts.join(",")).into()
}

/// Stores `count` new strings by way of a lane, and gives the response with references in their places and the one
/// without.
pub(super) async fn stored(running: &mut Running, count: usize, size: usize) -> anyhow::Result<(Vec<u8>, Bytes)> {
    let plain = response(&mut Rng::new(), count, size);
    running.sandbox.set_event(b"{}");
    running.runtime.invoke(&plain).await?;
    ensure!(references(running)? == count, "lane {} offloaded something else", running.name);
    Ok((running.sandbox.last_response()?, plain))
}
