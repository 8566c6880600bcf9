//! A small event beside events that claim nearly all the memory that events may have, ten times a second.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use tokio::task::AbortHandle;

use super::bench::Bench;
use super::contestant::Contestant;
use super::offload;
use crate::figures::Measurement;
use crate::lane::{Environment, Lane, Running};
use crate::runtime::Runtime;
use crate::table::Table;

/// Invocations that take some seconds, so that there are some dozens of claims beside them.
const INVOCATIONS: usize = 10_000;

/// Between two claims.
const PAUSE: Duration = Duration::from_millis(100);

/// The name of the runtime that gets them.
const ATTACKED: &str = "attacked";

const RESPONSE: &[u8] = b"null";

/// A sandbox of 512 MB, whose events may have 128 MiB together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neighbour;

impl Neighbour {
    pub(super) async fn run(self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let table = bench.table(Duration::ZERO).await?;
        let Some(writer) = bench.extensions().next() else { return Ok(vec![]) };
        let mut writer = writer.start(bench.lambda, &environment(&table)).await?;
        let (references, plain) = offload::stored(&mut writer, 1, 20 << 10).await?;
        drop(writer);
        let (mut contestants, mut attacks) = (Vec::new(), Vec::new());
        for lane in bench.extensions() {
            let event = (&references[..], &plain[..]);
            let alone = start(bench, lane, &table, event).await?;
            let beside = start(bench, lane, &table, event).await?;
            attacks.push(Attack::begin(&beside).await?);
            contestants.push(contestant(format!("{}, alone", lane.name), alone));
            contestants.push(contestant(lane.name.clone(), beside));
        }
        bench.measure(name, &mut contestants, bench.effort(INVOCATIONS)).await
    }
}

fn environment(table: &Table) -> Environment {
    let mut environment = Environment::new(&table.endpoint);
    environment.set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512");
    environment.set("LRAP_CACHE_SIZE", "0");
    // It warns of each claim.
    environment.set("LRAP_LOG", "error");
    environment
}

/// A lane that gets one event and must make another one of it.
async fn start(
    bench: &Bench<'_>,
    lane: &Lane,
    table: &Table,
    (sent, expected): (&[u8], &[u8]),
) -> anyhow::Result<Running> {
    let mut running = lane.start(bench.lambda, &environment(table)).await?;
    running.sandbox.set_event(sent);
    running.runtime.invoke(RESPONSE).await?;
    ensure!(running.runtime.event()? == expected, "lane {} gave another event", running.name);
    Ok(running)
}

fn contestant(name: String, running: Running) -> Contestant {
    let respond = Box::new(|| Bytes::from_static(RESPONSE));
    Contestant::Lane { name, running: Box::new(running), respond }
}

/// A second runtime of a sandbox, whose events claim 127 MiB. Ends when dropped.
struct Attack(AbortHandle);

impl Attack {
    async fn begin(running: &Running) -> anyhow::Result<Self> {
        running.sandbox.set_event_of(ATTACKED, claims().as_bytes());
        let mut attacked = running.runtime.another(ATTACKED).await?;
        attacked.invoke(RESPONSE).await?;
        ensure!(attacked.event()? == claims().as_bytes(), "the record does not stay as it is");
        Ok(Self(tokio::spawn(repeat(attacked)).abort_handle()))
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Takes claims until one fails, as they do when their sandbox ends.
async fn repeat(mut attacked: Runtime) {
    while attacked.invoke(RESPONSE).await.is_ok() {
        tokio::time::sleep(PAUSE).await;
    }
}

/// A record whose references, to nothing, say that their contents have 127 MiB. It stays as it is, and so does its batch.
fn claims() -> String {
    let claim = |id: &str, size: usize| format!("@content:1:dynamodb:s:86400:{}:{size}", id.repeat(43));
    let (first, second) = (claim("A", 64 << 20), claim("E", 63 << 20));
    let body = format!(r#"{{\"first\":\"{first}\",\"second\":\"{second}\"}}"#);
    format!(r#"{{"Records":[{{"messageId":"m","eventSource":"aws:sqs","body":"{body}"}}]}}"#)
}
