//! Endurance: a mixed load on one sandbox with four polls, for as long as `LRAP_SOAK_SECONDS` says; `make soak`. No byte is wrong, what
//! the process holds levels off, and the last tenth of the time is as fast as the first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lambda_local::table::{Fault, Faults};
use serde_json::{Value, json};

use test_kit::bucket::bucket;
use test_kit::json::{noise, quote};
use test_kit::runtime::Runtime;
use test_kit::{Event, World, soon};

use crate::memory::status;

const POLLS: usize = 4;
const KEY: &str = "a-signing-key-of-some-length";

/// How long the soak takes: a minute, unless something else is asked for.
#[expect(clippy::disallowed_methods, reason = "what is asked of the test run, not of the extension")]
fn asked_for() -> Duration {
    let seconds = std::env::var("LRAP_SOAK_SECONDS").unwrap_or_else(|_| "60".to_owned());
    Duration::from_secs(seconds.parse().expect("LRAP_SOAK_SECONDS is a number of seconds"))
}

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Holds {
    rss: usize,
    descriptors: usize,
    connections: usize,
}

impl Holds {
    fn of(world: &World) -> Self {
        let folder = format!("/proc/{}/fd", world.extension.pid());
        let links: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .collect();
        let connections = links.iter().filter(|link| link.to_string_lossy().starts_with("socket:")).count();
        Self { rss: status(world, "VmRSS"), descriptors: links.len(), connections }
    }
}

/// Kinds of invocations, each with what its event holds and what must come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Load {
    Pass,
    Offload,
    Long,
    Stream,
    Abort,
    Poisoned,
}

const LOADS: [Load; 6] = [Load::Pass, Load::Offload, Load::Long, Load::Stream, Load::Abort, Load::Poisoned];

/// What was seen of one invocation.
struct Seen {
    load: Load,
    took: Duration,
}

/// An invocation whose event is queued.
struct Queued {
    load: Load,
    expected: Value,
}

/// One round: an event for each poll, whichever poll takes which.
struct Round<'a> {
    world: &'a World,
    number: u64,
    queued: BTreeMap<String, Queued>,
}

impl<'a> Round<'a> {
    fn queue(world: &'a World, number: u64, stored: &[Value]) -> Self {
        let mut queued = BTreeMap::new();
        for (at, stored) in stored.iter().enumerate() {
            let load = LOADS[(number as usize + at) % LOADS.len()];
            let id = format!("8476a536-e9f4-11e8-{at:04x}-{number:012x}");
            let (event, expected) = match load {
                Load::Poisoned => poisoned(&id, stored),
                _ => (stored["sent"].clone(), stored["meant"].clone()),
            };
            world.lambda.push(Event::new(&id, event.to_string()));
            queued.insert(id, Queued { load, expected });
        }
        Self { world, number, queued }
    }

    /// One invocation: its event arrives as it was meant, contents included. Gives what may be the next event.
    async fn invoke(&self, runtime: &mut Runtime, at: u64) -> (Seen, Option<Value>) {
        let begun = Instant::now();
        let delivered = soon("an event", runtime.next()).await;
        let id = delivered.id().to_owned();
        let Queued { load, expected } = &self.queued[&id];
        assert!(delivered.json() == *expected, "{load:?}: another event arrived");
        let stored = self.answer(runtime, &id, *load, self.number * POLLS as u64 + at).await;
        (Seen { load: *load, took: begun.elapsed() }, stored)
    }

    async fn answer(&self, runtime: &mut Runtime, id: &str, load: Load, seed: u64) -> Option<Value> {
        let meant = match load {
            Load::Stream => {
                let mut stream = runtime.stream(id).await;
                stream.send(noise(60_000, seed).as_bytes()).await;
                assert_eq!(stream.finish(&[]).await.status, 202);
                return None;
            }
            Load::Abort => {
                let mut stream = runtime.stream(id).await;
                stream.send(b"half").await;
                stream.abort();
                return None;
            }
            Load::Pass | Load::Poisoned => json!({ "short": seed }),
            Load::Offload => json!({ "text": noise(7_000, seed), "longer": noise(30_000, seed) }),
            Load::Long => json!([noise(2 << 20, seed)]),
        };
        assert_eq!(soon("an answer", runtime.respond(id, meant.to_string())).await.status, 202);
        let sent = self.world.lambda.response(id).await.json();
        Some(json!({ "sent": sent, "meant": meant }))
    }
}

/// A batch of which one record holds a reference that nobody signed: the others are hydrated, and it stays.
fn poisoned(id: &str, stored: &Value) -> (Value, Value) {
    let forged = format!("@content:1:s3:s:86400:{}:20000", "A".repeat(43));
    let batch = |body: &Value| {
        json!({ "Records": [
            { "messageId": id, "eventSource": "aws:sqs", "body": body.to_string() },
            { "messageId": "bad", "eventSource": "aws:sqs", "body": quote(&forged) },
        ]})
    };
    (batch(&stored["sent"]), batch(&stored["meant"]))
}

/// The longest of all but the slowest hundredth.
fn near_slowest(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
}

/// What is done to the stores while the load goes on, each in its turn.
fn disturb(world: &World, bucket: &lambda_local::table::ContentBucket, turn: usize) {
    world.table().clear_faults();
    bucket.faults().clear();
    match turn % 5 {
        1 => world.table().faults(Faults::share(20, Fault::Throttle, turn as u64)),
        2 => bucket.faults().set(Faults::share(20, Fault::Throttle, turn as u64)),
        3 => {
            world.table().silence_open_connections();
            bucket.faults().silence_open_connections();
        }
        4 => bucket.faults().set(Faults::share(10, Fault::Reset, turn as u64)),
        _ => {}
    }
}

#[ignore = "make soak runs it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mixed_load_for_as_long_as_it_is_asked_for() {
    let time = asked_for();
    let bucket = bucket().await;
    let world = World::start()
        .with("LRAP_CONTENT_BUCKET", bucket.name())
        .with("AWS_ENDPOINT_URL_S3", bucket.endpoint())
        .with("LRAP_SIGNING_KEY", KEY)
        .with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 512)
        .with_table()
        .await;
    let mut runtimes = test_kit::runtime::runtimes(world.extension.listener, POLLS);
    let mut stored = vec![json!({ "sent": {}, "meant": {} }); POLLS];
    let (begun, mut round, mut held) = (Instant::now(), 0, vec![]);
    let mut seen: BTreeMap<Load, Vec<(Duration, Duration)>> = BTreeMap::new();
    while begun.elapsed() < time {
        disturb(&world, &bucket, (round / 25) as usize);
        let queued = Round::queue(&world, round, &stored);
        let [a, b, c, d] = &mut runtimes[..] else { panic!("BUG: four polls") };
        let (a, b, c, d) =
            tokio::join!(queued.invoke(a, 0), queued.invoke(b, 1), queued.invoke(c, 2), queued.invoke(d, 3));
        for (at, (Seen { load, took }, next)) in [a, b, c, d].into_iter().enumerate() {
            seen.entry(load).or_default().push((begun.elapsed(), took));
            stored[at] = next.unwrap_or_else(|| stored[at].take());
        }
        round += 1;
        if round % 25 == 0 {
            held.push(Holds::of(&world));
        }
    }
    report(&seen, &held, time);
}

/// Prints the figures, and judges them.
fn report(seen: &BTreeMap<Load, Vec<(Duration, Duration)>>, held: &[Holds], time: Duration) {
    for (load, times) in seen {
        let part = |is_in: &dyn Fn(Duration) -> bool| {
            near_slowest(times.iter().filter(|(at, _)| is_in(*at)).map(|(_, took)| *took).collect())
        };
        let (first, last) = (part(&|at| at < time / 4), part(&|at| at >= time / 4 * 3));
        println!("{load:?}: {} invocations, p99 of the first quarter {first:?}, of the last {last:?}", times.len());
    }
    let (early, late) = (held[held.len() / 2], held[held.len() - 1]);
    println!("half way {early:?}, in the end {late:?}");
    assert!(late.rss <= early.rss + (32 << 20), "memory grows: {early:?} {late:?}");
    assert!(late.descriptors <= early.descriptors + 16, "descriptors grow: {early:?} {late:?}");
    assert!(late.connections <= early.connections + 16, "connections grow: {early:?} {late:?}");
}
