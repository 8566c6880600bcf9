//! Endurance: a mixed load on one sandbox with four polls, for as long as `LRAP_SOAK_SECONDS` says; `make soak`. Stores fail, clocks
//! jump and keys rotate. No byte is wrong, what the process holds levels off, and the last sixth of the time is as fast as the first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lambda_local::table::{ContentBucket, Fault, Faults};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use test_kit::bucket::bucket;
use test_kit::json::{noise, quote};
use test_kit::runtime::{Runtime, runtimes};
use test_kit::secrets::{SECRET_ARN, Secret};
use test_kit::world::Builder;
use test_kit::{Event, World, soon};

use crate::memory::status;

const POLLS: usize = 4;
/// When the next round begins at the earliest. Users' sandboxes have pauses too, and the times are then those of the load, not of a
/// machine that is never idle.
const ROUND: Duration = Duration::from_millis(200);
/// Rounds after which something else is done to the stores, or nothing.
const TURN: u64 = 10;
/// When the key is rotated first, and how often. A sandbox looks at its secret once a minute at most.
const FIRST_ROTATION: Duration = Duration::from_secs(20);
const ROTATION: Duration = Duration::from_secs(90);
/// From this time on the last sixth may be slower by a fifth; in a shorter one, single slow requests weigh more.
const LONG: Duration = Duration::from_mins(30);

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

/// What is asked of the sandbox, and where it keeps contents and keys.
struct Soak {
    world: World,
    bucket: ContentBucket,
    secret: Secret,
    rotations: u32,
}

impl Soak {
    async fn start() -> Self {
        let (bucket, secret) = (bucket().await, Secret::start(Some("signing-key-of-some-length-0")).await);
        let world = sandbox(&bucket, &secret).remembering(64).with_table().await;
        Self { world, bucket, secret, rotations: 0 }
    }

    /// What is done to the stores in a turn. Every second turn is quiet: its times are compared.
    fn disturb(&self, turn: u64) {
        let (table, bucket) = (self.world.table(), self.bucket.faults());
        table.clear_faults();
        bucket.clear();
        if is_quiet(turn) {
            return;
        }
        match turn / 2 % 7 {
            0 => table.faults(Faults::share(20, Fault::Throttle, turn)),
            1 => bucket.set(Faults::share(20, Fault::Throttle, turn)),
            2 => {
                table.silence_open_connections();
                bucket.silence_open_connections();
            }
            3 => bucket.set(Faults::share(10, Fault::Reset, turn)),
            4 => self.clocks_jump(600),
            5 => self.clocks_jump(-600),
            _ => table.faults(Faults::share(10, Fault::InternalError, turn)),
        }
    }

    /// The sandbox's clock and AWS's differ by so many seconds from now on.
    fn clocks_jump(&self, seconds: i64) {
        self.world.table().faults(Faults::always(Fault::Clock(seconds)));
        self.bucket.faults().set(Faults::always(Fault::Clock(seconds)));
    }

    /// Rotates the key if it is time. A new sandbox signs by the new one; what it sent is an event of the old sandbox.
    async fn rotate(&mut self, ago: Duration, stored: &mut [Value]) {
        if ago < FIRST_ROTATION + ROTATION * self.rotations {
            return;
        }
        self.rotations += 1;
        self.secret.rotate(&format!("signing-key-of-some-length-{}", self.rotations));
        let mut new = sandbox(&self.bucket, &self.secret).sharing(self.world.table()).await;
        let meant = json!([noise(20_000, u64::from(self.rotations) << 40)]);
        let sent = new.respond(meant.to_string()).await.json();
        stored.fill(json!({ "sent": sent, "meant": meant }));
    }

    /// Forgets all contents, so that the stores do not grow for hours: moto and the table keep them in memory.
    async fn empty(&self, stored: &mut [Value]) {
        stored.fill(json!({ "sent": {}, "meant": {} }));
        self.world.table().delete_all().await;
        for key in self.bucket.keys().await {
            self.bucket.delete(&key).await;
        }
    }
}

fn sandbox(bucket: &ContentBucket, secret: &Secret) -> Builder {
    World::start()
        .with("LRAP_CONTENT_BUCKET", bucket.name())
        .with("AWS_ENDPOINT_URL_S3", bucket.endpoint())
        .with("LRAP_SIGNING_SECRET_ARN", SECRET_ARN)
        .with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secret.endpoint)
        .with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 512)
        // Full after some seconds, so that what grows later is a leak.
        .with("LRAP_CACHE_SIZE", 12 << 20)
        .with("LRAP_LOG", "error")
}

fn is_quiet(turn: u64) -> bool {
    turn.is_multiple_of(2)
}

#[ignore = "make soak runs it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mixed_load_for_as_long_as_it_is_asked_for() {
    let time = asked_for();
    let mut soak = Soak::start().await;
    let mut runtimes = runtimes(soak.world.extension.listener, POLLS);
    let mut stored = vec![json!({ "sent": {}, "meant": {} }); POLLS];
    let mut figures = Figures { time, seen: BTreeMap::new(), held: vec![] };
    let (begun, mut number) = (Instant::now(), 0);
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while begun.elapsed() < time {
        rounds.tick().await;
        let turn = number / TURN;
        if number % TURN == 0 {
            soak.disturb(turn);
            figures.held.push((begun.elapsed(), Holds::of(&soak.world)));
            if is_quiet(turn) {
                soak.empty(&mut stored).await;
                soak.rotate(begun.elapsed(), &mut stored).await;
            }
        }
        let round = Round::queue(&soak.world, number, &stored);
        let [a, b, c, d] = &mut runtimes[..] else { panic!("BUG: four polls") };
        let (a, b, c, d) = tokio::join!(round.invoke(a, 0), round.invoke(b, 1), round.invoke(c, 2), round.invoke(d, 3));
        for (at, (Seen { load, took }, next)) in [a, b, c, d].into_iter().enumerate() {
            // What a disturbance left is found by the first round after it.
            let is_compared = is_quiet(turn) && number % TURN > 0;
            figures.seen.entry(load).or_default().push((begun.elapsed(), took, is_compared));
            stored[at] = next.unwrap_or_else(|| stored[at].take());
        }
        number += 1;
    }
    assert!(soak.rotations > 0 && soak.secret.asked() > soak.rotations as usize, "no key was rotated");
    figures.judge(soak.rotations);
}

/// All that was measured.
struct Figures {
    time: Duration,
    /// When each invocation ended, how long it took, and whether that is compared.
    seen: BTreeMap<Load, Vec<(Duration, Duration, bool)>>,
    held: Vec<(Duration, Holds)>,
}

impl Figures {
    /// Prints the figures, and fails if something grew.
    fn judge(&self, rotations: u32) {
        let invocations: usize = self.seen.values().map(Vec::len).sum();
        println!("{invocations} invocations in {:?}, {rotations} rotations", self.time);
        for (load, times) in &self.seen {
            let (first, last) = (self.p99(0, times.iter()), self.p99(5, times.iter()));
            println!("{load:?}: {} invocations, p99 of the first sixth {first:?}, of the last {last:?}", times.len());
        }
        let all = || self.seen.values().flatten();
        let (first, last) = (self.p99(0, all()), self.p99(5, all()));
        let (early, late) = (self.most_held(1), self.most_held(5));
        println!("all: p99 of the first sixth {first:?}, of the last {last:?}");
        println!("most of the second sixth {early:?}, of the last {late:?}");
        assert!(last <= self.most(first), "slower: {first:?} {last:?}");
        assert!(late.rss <= early.rss + (16 << 20), "memory grows: {early:?} {late:?}");
        assert!(late.descriptors <= early.descriptors + 16, "descriptors grow: {early:?} {late:?}");
        assert!(late.connections <= early.connections + 16, "connections grow: {early:?} {late:?}");
    }

    /// The longest but a hundredth of what is compared in a sixth of the time.
    fn p99<'a>(&self, sixth: u32, times: impl Iterator<Item = &'a (Duration, Duration, bool)>) -> Duration {
        let compared = times.filter(|(at, _, is_compared)| *is_compared && self.is_in(sixth, *at));
        near_slowest(compared.map(|(_, took, _)| *took).collect())
    }

    /// How long the last sixth may take where the first took so long.
    fn most(&self, first: Duration) -> Duration {
        if self.time >= LONG { first * 6 / 5 } else { first * 2 + Duration::from_millis(500) }
    }

    fn is_in(&self, sixth: u32, at: Duration) -> bool {
        at >= self.time / 6 * sixth && (sixth == 5 || at < self.time / 6 * (sixth + 1))
    }

    /// The most of each that the process held in a sixth of the time.
    fn most_held(&self, sixth: u32) -> Holds {
        let held = || self.held.iter().filter(|(at, _)| self.is_in(sixth, *at)).map(|(_, holds)| holds);
        let most = |of: fn(&Holds) -> usize| held().map(of).max().expect("a turn in each sixth");
        Holds {
            rss: most(|holds| holds.rss),
            descriptors: most(|holds| holds.descriptors),
            connections: most(|holds| holds.connections),
        }
    }
}
