//! A conversation: each turn's response is its event and one more message, and the next turn's event.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;
use fastrand::Rng;

use super::bench::{Bench, set_usage};
use crate::blocks::{Contender, Effort};
use crate::figures::Measurement;
use crate::lane::{Environment, Running};
use crate::payload;
use crate::runtime::Timing;

const TURNS: usize = 20;
const MESSAGE: usize = 20 << 10;
const CONVERSATIONS: usize = 50;
const START: &[u8] = br#"{"messages":["begin"]}"#;

/// Conversations at one latency of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conversation {
    label: &'static str,
    delay: Duration,
}

impl Conversation {
    pub(super) fn all() -> Vec<Self> {
        vec![Self { label: "0ms", delay: Duration::ZERO }, Self { label: "5ms", delay: Duration::from_millis(5) }]
    }

    pub(super) async fn run(&self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let mut table = bench.table(self.delay).await?;
        let mut talkers = Vec::new();
        for lane in bench.direct().into_iter().chain(bench.extensions()) {
            let running = lane.start(bench.lambda, &Environment::new(&table.endpoint)).await?;
            talkers.push(Talker { running, random: Rng::new(), turn: 0, said: vec![] });
        }
        let conversations = bench.effort(CONVERSATIONS);
        let effort = Effort { invocations: TURNS * conversations.invocations, ..conversations };
        let mut measured = bench.measure(name, &mut talkers, effort).await?;
        for (measurement, talker) in measured.iter_mut().zip(&mut talkers) {
            let before = table.usage().await?;
            for _ in 0..TURNS {
                talker.invoke().await?;
            }
            set_usage(&mut measurement.figures, table.usage().await?.since(before), TURNS as u64);
        }
        Ok(measured)
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "20x20KiB/{}", self.label)
    }
}

/// A runtime in the middle of a conversation.
struct Talker {
    running: Running,
    random: Rng,
    turn: usize,
    /// What the runtime said last, which it must hear again.
    said: Vec<u8>,
}

impl Contender for Talker {
    fn name(&self) -> &str {
        &self.running.name
    }

    async fn invoke(&mut self) -> anyhow::Result<Timing> {
        if self.turn == 0 {
            self.said = START.to_vec();
            self.running.sandbox.set_event(START);
        }
        let next = self.running.runtime.next().await?;
        ensure!(self.running.runtime.event()? == self.said, "lane {} lost what was said", self.name());
        self.said.truncate(self.said.len() - 2);
        self.said.extend_from_slice(format!(",\"{}\"]}}", payload::prose(&mut self.random, MESSAGE)).as_bytes());
        let response = self.running.runtime.respond(&self.said).await?;
        self.running.sandbox.set_event(&self.running.sandbox.last_response()?);
        self.turn = (self.turn + 1) % TURNS;
        Ok(Timing { next, response })
    }

    fn pid(&self) -> Option<u32> {
        self.running.pid()
    }
}
