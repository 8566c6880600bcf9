//! Nothing to change: what attaching the layer costs every function.

use std::fmt;

use anyhow::ensure;
use bytes::Bytes;
use fastrand::Rng;

use super::bench::Bench;
use super::contestant::Contestant;
use crate::figures::Measurement;
use crate::lane::{Environment, Running};
use crate::payload;

const KIB: usize = 1 << 10;

/// Sizes of events and responses, and invocations that take about a second in a lane.
const SIZES: [(&str, usize, usize); 5] = [
    ("1KiB", KIB, 3_000),
    ("32KiB", 32 * KIB, 2_000),
    ("256KiB", 256 * KIB, 400),
    ("1MiB", 1024 * KIB, 150),
    ("5.5MiB", 5632 * KIB, 40),
];

/// Events and responses of one size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PassThrough {
    label: &'static str,
    size: usize,
    invocations: usize,
    chunked: bool,
}

impl PassThrough {
    pub(super) fn all() -> Vec<Self> {
        let of = |chunked| {
            SIZES.into_iter().map(move |(label, size, invocations)| Self { label, size, invocations, chunked })
        };
        [false, true].into_iter().flat_map(of).collect()
    }

    pub(super) async fn run(&self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let mut random = Rng::with_seed(self.size as u64);
        let (event, response) = (payload::records(&mut random, self.size), payload::records(&mut random, self.size));
        let response = Bytes::from(response);
        let mut contestants = Vec::new();
        for lane in bench.lanes {
            let mut running = lane.start(bench.lambda, &environment()).await?;
            if self.chunked {
                running.sandbox.set_event_in_chunks(&event);
            } else {
                running.sandbox.set_event(&event);
            }
            check(&mut running, &event, &response).await?;
            contestants.push(Contestant::answering(running, &response));
        }
        bench.measure(name, &mut contestants, bench.effort(self.invocations)).await
    }
}

impl fmt::Display for PassThrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.label, if self.chunked { "chunks" } else { "length" })
    }
}

/// Responses may have any size, so that the larger ones pass too.
fn environment() -> Environment {
    let mut environment = Environment::new("http://127.0.0.1:9");
    environment.set("MAX_PAYLOAD_SIZE", "0");
    environment
}

/// What a lane lets through must be what went in, or its speed means nothing.
async fn check(lane: &mut Running, event: &[u8], response: &[u8]) -> anyhow::Result<()> {
    lane.runtime.invoke(response).await?;
    ensure!(lane.runtime.event()? == event, "lane {} changed the event", lane.name);
    ensure!(lane.sandbox.last_response()? == response, "lane {} changed the response", lane.name);
    Ok(())
}
