//! B5: every fault of the content table, and of a bucket that takes all contents, on write and on read, with much and with little
//! time left. What was observed are the tables in `docs/faults.md`, which `UPDATE_DOCS=1` rewrites.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use lambda_local::table::{Fault, Faults, Gate};
use long_content::reference::{Content, Scope, StoreName, Ttl};
use long_content::store::ContentStore;
use long_content::store::dynamodb::{Connections, CredentialsSource, DynamoDbStore, ServiceAccess, Settings};
use serde_json::{Value, json};
use tokio::runtime;
use tokio::sync::Semaphore;

use test_kit::json::{noise, quote};
use test_kit::runtime::runtimes;
use test_kit::stores::{Backing, Stores};
use test_kit::table::{SynHole, Table};
use test_kit::world::{Builder, Failure};
use test_kit::{Event, World};

/// Longer than what may go as it is, and than one item holds.
const LEN: usize = 600 * 1024;
/// Time that invocations have left, the most first: after one with less, a sandbox would not believe in more (O8).
const REMAINING: [Duration; 3] = [Duration::from_mins(15), Duration::from_secs(30), Duration::from_secs(3)];
/// The same with a bucket, which is another process, and slower: the deadlines are the proxy's, whatever the store.
const REMAINING_WITH_A_BUCKET: [Duration; 2] = [REMAINING[1], Duration::from_secs(5)];
/// `LRAP_STORE_TIMEOUT`: with much time left, this ends the wait.
const STORE_TIMEOUT: u64 = 4;
/// No invocation may wait longer, however much time it has.
const TIMEOUT: Duration = Duration::from_secs(10);

/// `LRAP_STORE_TIMEOUT` where answers come late, but not too late for any one request.
const LATE_STORE_TIMEOUT: u64 = 20;
/// What storing or hydrating may take where kept connections are dead, or an address is: §6.
const SECOND_CHANCE: Duration = Duration::from_millis(2500);

/// How long a kept connection may say nothing before the same request is sent on a new one: §6.
const SILENCE: Duration = Duration::from_secs(1);

/// Rows observed at the same time.
const AT_ONCE: u32 = 6;

/// What is wrong with the store.
#[derive(Clone)]
enum Wrong {
    /// Each request meets this.
    Requests(Fault),
    /// Each second request passes; the others are refused with this status and one of these errors after the other.
    Refusals(u16, &'static [&'static str]),
    /// Each request is answered after a second and a half.
    Late,
    /// So many connections are kept, and died without a word.
    SilentConnections(usize),
    /// Its name has two addresses, the first of which swallows SYN.
    DeadAddress,
    /// Nothing answers at its address.
    Unreachable,
    /// There is no table or bucket of that name.
    OtherName,
    /// The sandbox signs for another region than the store's.
    OtherRegion,
    /// The sandbox has nothing to sign with.
    NoCredentials,
    /// Another sandbox stores the same content while this one is half-way.
    TwoWriters,
    /// What is stored was damaged.
    Stored(Damage),
    /// The event is a batch, of which one record names a content that is not there.
    BadRecord,
}

#[derive(Clone, Copy)]
enum Damage {
    PartMissing,
    Deleted,
    BitFlipped,
    HalfWritten,
    Expired,
}

/// Every fault of the table, and what it is called in the docs.
fn faults_of_the_table() -> Vec<(&'static str, Wrong)> {
    vec![
        ("every request throttled", Wrong::Requests(Fault::Throttle)),
        ("every request fails with 500", Wrong::Requests(Fault::InternalError)),
        ("no request is answered", Wrong::Requests(Fault::Hang)),
        ("every answer takes 2 s", Wrong::Requests(Fault::Delay(Duration::from_secs(2)))),
        ("every answer takes 1.5 s", Wrong::Late),
        ("a kept connection is silent", Wrong::SilentConnections(1)),
        ("two kept connections are silent", Wrong::SilentConnections(2)),
        ("eight kept connections are silent", Wrong::SilentConnections(8)),
        ("first address of the endpoint's name swallows SYN", Wrong::DeadAddress),
        ("every answer breaks off half-way", Wrong::Requests(Fault::Reset)),
        ("batches come back unprocessed", Wrong::Requests(Fault::Unprocessed)),
        ("credentials refused", Wrong::Requests(Fault::DenyCredentials)),
        ("clock 10 minutes behind", Wrong::Requests(Fault::Clock(600))),
        ("clock 10 minutes ahead", Wrong::Requests(Fault::Clock(-600))),
        (
            "every second request refused with a throttling error that the SDK retries",
            Wrong::Refusals(400, THROTTLING_ERRORS),
        ),
        (
            "every second request refused with a transient error that the SDK retries",
            Wrong::Refusals(400, TRANSIENT_ERRORS),
        ),
        ("every second request answered by 500", Wrong::Refusals(500, SERVER_ERRORS)),
        ("every second request answered by 503", Wrong::Refusals(503, SERVER_ERRORS)),
        ("fresh items hidden from eventually consistent reads", Wrong::Requests(Fault::Stale)),
        ("no route", Wrong::Unreachable),
        ("wrong or deleted table", Wrong::OtherName),
        ("wrong region", Wrong::OtherRegion),
        ("no credentials", Wrong::NoCredentials),
        (
            "two writers of one content; one writer is delayed at one request (in a separate run for each request of this writer)",
            Wrong::TwoWriters,
        ),
        ("one item of the content missing", Wrong::Stored(Damage::PartMissing)),
        ("bit flipped", Wrong::Stored(Damage::BitFlipped)),
        ("content half written", Wrong::Stored(Damage::HalfWritten)),
        ("content expired", Wrong::Stored(Damage::Expired)),
        ("one bad record in an SQS batch", Wrong::BadRecord),
    ]
}

/// The same of a bucket: what S3 answers, and what is stored in it.
fn faults_of_the_bucket() -> Vec<(&'static str, Wrong)> {
    vec![
        ("every request throttled", Wrong::Requests(Fault::Throttle)),
        ("every request fails with 500", Wrong::Requests(Fault::InternalError)),
        ("no request is answered", Wrong::Requests(Fault::Hang)),
        ("every answer takes 1.5 s", Wrong::Late),
        ("a kept connection is silent", Wrong::SilentConnections(1)),
        ("eight kept connections are silent", Wrong::SilentConnections(8)),
        (
            "the body of every answer breaks off half-way (an answer to a write has no body, and arrives whole)",
            Wrong::Requests(Fault::Reset),
        ),
        ("credentials refused", Wrong::Requests(Fault::DenyCredentials)),
        ("access denied", Wrong::Requests(Fault::Refuse(403, "AccessDenied"))),
        ("clock 10 minutes behind", Wrong::Requests(Fault::Clock(600))),
        ("clock 10 minutes ahead", Wrong::Requests(Fault::Clock(-600))),
        ("every second request refused with 503", Wrong::Refusals(503, &["SlowDown", "ServiceUnavailable"])),
        ("every second request answered by 500", Wrong::Refusals(500, &["InternalError"])),
        ("no route", Wrong::Unreachable),
        ("wrong or deleted bucket", Wrong::OtherName),
        ("bucket in another region", Wrong::OtherRegion),
        ("no credentials", Wrong::NoCredentials),
        ("two writers of one content; one writer is delayed at its only request", Wrong::TwoWriters),
        ("object deleted", Wrong::Stored(Damage::Deleted)),
        ("bit flipped", Wrong::Stored(Damage::BitFlipped)),
        ("content expired", Wrong::Stored(Damage::Expired)),
        ("one bad record in an SQS batch", Wrong::BadRecord),
    ]
}

/// A sandbox on `writer`'s stores, or on what is wrong with them.
fn sandbox(writer: &World, wrong: &Wrong) -> Builder {
    let world = World::start().with("LRAP_STORE_TIMEOUT", STORE_TIMEOUT);
    let stores = writer.stores();
    match wrong {
        Wrong::Late => world.with("LRAP_STORE_TIMEOUT", LATE_STORE_TIMEOUT).on(stores),
        Wrong::Unreachable => {
            let world = named(world, stores);
            ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3"]
                .into_iter()
                .fold(world, |world, name| world.with(name, "http://127.0.0.1:9"))
        }
        Wrong::OtherName => match stores.backing() {
            Backing::Table => named(world, stores).with("AGENT_CONTEXT_TABLE", "another-table"),
            Backing::Bucket => named(world, stores).with("LRAP_CONTENT_BUCKET", "another-bucket"),
        },
        Wrong::OtherRegion => world.with("AWS_REGION", "us-east-1").on(stores),
        Wrong::NoCredentials => world.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY").on(stores),
        _ => world.on(stores),
    }
}

/// A sandbox with the variables that name these stores, which may then be changed.
fn named(world: Builder, stores: &Stores) -> Builder {
    stores.variables().into_iter().fold(world, |world, (name, value)| world.with(name, value))
}

/// Errors that come with a status which says it all.
const SERVER_ERRORS: &[&str] = &["InternalServerError", "ServiceUnavailable"];

/// Refuses every second request, by one error after the other, whatever invocation they belong to.
fn refusals(status: u16, codes: &'static [&'static str]) -> Faults {
    static REFUSED: AtomicUsize = AtomicUsize::new(0);
    let mut passes = true;
    Faults::by(move |_| {
        passes = !passes;
        if passes { Fault::Pass } else { Fault::Refuse(status, codes[REFUSED.fetch_add(1, SeqCst) % codes.len()]) }
    })
}

/// What the store does to requests of `sandbox` while it is wrong.
async fn begin(wrong: &Wrong, world: &World, sandbox: &World) {
    let stores = world.stores();
    match wrong {
        Wrong::Refusals(status, codes) => stores.faults(refusals(*status, codes)),
        Wrong::Requests(fault) => stores.faults(Faults::always(fault.clone())),
        Wrong::Late => stores.faults(Faults::always(Fault::Delay(Duration::from_millis(1500)))),
        Wrong::SilentConnections(count) => {
            stores.keep_connections(&sandbox.lambda, &mut runtimes(sandbox.extension.listener, *count)).await;
            stores.silence_open_connections();
        }
        Wrong::OtherRegion | Wrong::NoCredentials => stores.faults(match stores.backing() {
            Backing::Table => Faults::regional("eu-central-1"),
            // S3 says where a bucket is.
            Backing::Bucket => Faults::by(|request| match (request.access_key_id, request.region) {
                ("", _) => Fault::DenyCredentials,
                (_, "eu-central-1") => Fault::Pass,
                _ => Fault::Elsewhere("eu-central-1"),
            }),
        }),
        _ => {}
    }
}

async fn damage(world: &World, damage: Damage) {
    match damage {
        Damage::PartMissing => world.table().delete_a_part().await,
        Damage::Deleted => world.stores().delete_all().await,
        Damage::BitFlipped => world.stores().corrupt_all().await,
        Damage::HalfWritten => world.table().delete_the_commit().await,
        Damage::Expired => world.stores().expire_all().await,
    }
}

/// How an invocation ended, and after how long.
struct End {
    how: String,
    took: Duration,
}

/// What work may take that meets silent connections first. `usual` is what it takes without them on this machine, as loaded as it is.
fn after_silence(usual: Duration) -> Duration {
    SILENCE + 2 * usual
}

/// What an invocation has left. Hydrating takes at most half of that: half a second of 3 s after a silence. A machine that needs longer for
/// the work itself gives it more.
fn left(wrong: &Wrong, remaining: Duration, usual: Duration) -> Duration {
    match wrong {
        Wrong::SilentConnections(_) => remaining.max(2 * after_silence(usual)),
        _ => remaining,
    }
}

impl End {
    /// How it ended, which must have been in the time that the contract gives it.
    fn judged(self, wrong: &Wrong, remaining: Duration, usual: Duration) -> String {
        if matches!(wrong, Wrong::SilentConnections(_)) {
            self.by_second_chance(usual)
        } else {
            self.in_time(remaining, usual)
        }
    }

    /// The same, which must be a success, however little time was left.
    fn by_second_chance(self, usual: Duration) -> String {
        let Self { how, took } = self;
        assert!(["stored", "hydrated"].contains(&how.as_str()), "{how} after {took:?}");
        assert!(took <= SECOND_CHANCE.max(after_silence(usual)), "{how} after {took:?}, usually {usual:?}");
        how
    }

    /// The same, which must have come before the time was over. `usual` is what the work itself takes on this machine, as
    /// loaded as it is: the invocation had it on top.
    fn in_time(self, remaining: Duration, usual: Duration) -> String {
        let Self { how, took } = self;
        assert!(took < remaining.min(TIMEOUT) + usual, "{how} after {took:?} of {remaining:?}, usually {usual:?}");
        how
    }
}

/// How an invocation with `remaining` time ended that had to store `content`.
async fn written(world: &mut World, content: &str, remaining: Duration) -> End {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").due_in(remaining));
    world.runtime.next().await;
    let started = Instant::now();
    assert_eq!(world.runtime.respond(&id, quote(content)).await.status, 202);
    let took = started.elapsed();
    let path = format!("POST /2018-06-01/runtime/invocation/{id}");
    let how = match (world.lambda.count(&format!("{path}/response")), world.lambda.count(&format!("{path}/error"))) {
        (1, 0) => "stored".to_owned(),
        (0, 1) => Failure::of(&world.lambda.error(&id).await).error_type,
        other => panic!("{other:?} responses and errors for one invocation"),
    };
    End { how, took }
}

/// How an invocation with `remaining` time ended whose event is `event`; `whole` is what should arrive.
async fn read(world: &mut World, event: &Value, whole: &Value, remaining: Duration) -> End {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, event.to_string()).due_in(remaining));
    let started = Instant::now();
    world.runtime.begin_next().await;
    let ends = |name: &str| name == format!("POST /2018-06-01/runtime/invocation/{id}/error");
    let after = world.fresh_id();
    let arrived = tokio::select! {
        () = world.lambda.until("an error", |log| log.exchanges.iter().any(|seen| ends(&seen.name())).then_some(())) => None,
        event = world.runtime.event() => Some(event),
    };
    let took = started.elapsed();
    let Some(arrived) = arrived else {
        world.lambda.push(Event::new(&after, "\"works\""));
        assert_eq!(world.runtime.event().await.text(), "\"works\"");
        world.runtime.respond(&after, "null").await;
        return End { how: Failure::of(&world.lambda.error(&id).await).error_type, took };
    };
    world.runtime.respond(&id, "null").await;
    End { how: what_arrived(&arrived.json(), event, whole), took }
}

fn what_arrived(arrived: &Value, event: &Value, whole: &Value) -> String {
    if arrived == whole {
        return "hydrated".to_owned();
    }
    assert!(arrived["Records"].is_array(), "half an event");
    assert!(arrived["Records"][1] == whole["Records"][1], "the good record");
    assert!(arrived["Records"][0] == event["Records"][0], "the bad record, as it came");
    "the good records hydrated, the bad one's reference left in place".to_owned()
}

/// How much time invocations have left.
fn remaining(backing: Backing) -> &'static [Duration] {
    match backing {
        Backing::Table => &REMAINING,
        Backing::Bucket => &REMAINING_WITH_A_BUCKET,
    }
}

/// Outcomes of one fault on write, by time left; then nothing of it is readable, and the sandbox works.
async fn on_write(wrong: &Wrong, backing: Backing) -> Vec<String> {
    let mut healthy = World::start().with_store(backing).await;
    let mut world = sandbox(&healthy, wrong).await;
    let usual = written(&mut healthy, &noise(LEN, 99), REMAINING[1]).await.took;
    let mut outcomes = vec![];
    for (seed, &remaining) in (0..).zip(remaining(backing)) {
        begin(wrong, &healthy, &world).await;
        let content = noise(LEN, seed);
        let end = written(&mut world, &content, left(wrong, remaining, usual)).await;
        outcomes.push(end.judged(wrong, remaining, usual));
        healthy.stores().clear_faults();
        let outcome = read_of(&mut healthy, &content).await;
        assert!(["hydrated", "LongContent.NotFound"].contains(&outcome.as_str()), "{outcome}");
        assert_eq!(world.deliver("1").await.text(), "1", "the next invocation");
    }
    outcomes
}

/// How reading a content ends, whether or not its writer has stored it.
async fn read_of(reader: &mut World, content: &str) -> String {
    let bucket = reader.stores().bucket.as_ref().map(|bucket| bucket.name());
    let scope = Scope::new(reader.table().name()).with_bucket(bucket);
    let store = if bucket.is_some() { StoreName::S3 } else { StoreName::DynamoDb };
    let content_of_it = Content::string(content.to_owned());
    let reference = scope.reference_in(store, Ttl::seconds(86_400), &content_of_it).to_string();
    read(reader, &json!([reference]), &json!([content]), REMAINING[1]).await.how
}

/// A queue's record.
fn record(body: &str) -> Value {
    json!({"eventSource": "aws:sqs", "body": body})
}

/// Outcomes of one fault on read, by time left.
async fn on_read(wrong: &Wrong, backing: Backing) -> Vec<String> {
    let mut writer = World::start().with_store(backing).await;
    let mut outcomes = vec![];
    for (seed, &remaining) in (100..).zip(remaining(backing)) {
        let content = noise(LEN, seed);
        let started = Instant::now();
        let reference = writer.respond(quote(&content)).await.json();
        let usual = started.elapsed();
        let (mut event, mut whole) = (json!({ "text": reference }), json!({ "text": content }));
        if matches!(wrong, Wrong::BadRecord) {
            let absent = reference.as_str().unwrap().replacen(":86400:", ":86401:", 1);
            event = json!({ "Records": [record(&absent), record(reference.as_str().unwrap())] });
            whole = json!({ "Records": [record(""), record(&content)] });
        }
        let mut world = sandbox(&writer, wrong).await;
        begin(wrong, &writer, &world).await;
        if let Wrong::Stored(how) = wrong {
            damage(&writer, *how).await;
        }
        let end = read(&mut world, &event, &whole, left(wrong, remaining, usual)).await;
        outcomes.push(end.judged(wrong, remaining, usual));
        writer.stores().clear_faults();
        assert_eq!(world.deliver("1").await.text(), "1", "the next invocation");
    }
    outcomes
}

/// Outcomes of two writers and of who reads in between and afterwards, whichever request one of them is held up at.
async fn interleaved(backing: Backing) -> (Vec<String>, Vec<String>) {
    let patient = || World::start().with("LRAP_STORE_TIMEOUT", 20).with("LRAP_CACHE_SIZE", 0);
    let mut held = patient().with_store(backing).await;
    let stores = held.stores().clone();
    let (mut other, mut reader) = (patient().on(&stores).await, patient().on(&stores).await);
    let (mut writes, mut reads) = (vec![], vec![]);
    for (step, &to_write) in (0..).zip(to_write(backing)) {
        let content = noise(contended(backing), 200 + step as u64);
        let (gate, before) = (Gate::shut(), stores.spent());
        stores.faults(Faults::after(step, Fault::Wait(gate.clone())));
        let meanwhile = async {
            stores.asked_times(before, step as u64 + 1).await;
            let outcome = written(&mut other, &content, REMAINING[1]).await.how;
            let read = read_of(&mut reader, &content).await;
            gate.open();
            (outcome, read)
        };
        let (outcome, (others, read)) = tokio::join!(written(&mut held, &content, REMAINING[1]), meanwhile);
        assert_eq!(stores.spent().since(before).writes, to_write, "step {step}");
        writes.extend([outcome.how, others]);
        reads.extend([read, read_of(&mut reader, &content).await]);
    }
    (writes, reads)
}

/// Length of the content that two writers store. While one of them is held up, the other one writes and a reader reads: that must take less than
/// the second after which a request on a kept connection is sent again (§6), on an emulated processor too. A bucket gets one request
/// for any content of up to 1 MiB.
fn contended(backing: Backing) -> usize {
    match backing {
        Backing::Table => LEN,
        Backing::Bucket => 16 * 1024,
    }
}

/// Requests that write, of both writers, by the request that one of them was held up at. In the table, storing takes a look, the
/// parts, and the commit item: after its look a writer does not know of the other. In a bucket it takes one request.
fn to_write(backing: Backing) -> &'static [u64] {
    match backing {
        Backing::Table => &[2, 4, 4],
        Backing::Bucket => &[2],
    }
}

/// Outcomes on write and on read of a store whose name leads to an address that swallows SYN first. Sandboxes take names as
/// this machine knows them, so this is the store by itself.
async fn by_the_second_address() -> (Vec<String>, Vec<String>) {
    let (hole, table) = (SynHole::dig().await, Table::start().await);
    let scope = Scope::new(table.name());
    let content = Content::string(noise(LEN, 300));
    let named = vec![(scope.reference(Ttl::seconds(86_400), &content), content.bytes)];
    let store = || DynamoDbStore::new(settings(&table, vec![hole.address(), table.address()])).unwrap();
    let started = Instant::now();
    store().put(&scope, &named, started + REMAINING[2]).await.unwrap();
    let write = End { how: "stored".to_owned(), took: started.elapsed() };
    let started = Instant::now();
    let read = store().get(&scope, &[named[0].0], started + REMAINING[2]).await.remove(0).unwrap();
    assert!(read.bytes == named[0].1);
    let read = End { how: "hydrated".to_owned(), took: started.elapsed() };
    (vec![write.by_second_chance(Duration::ZERO)], vec![read.by_second_chance(Duration::ZERO)])
}

/// Of a table whose name resolves to these addresses.
fn settings(table: &Table, addresses: Vec<SocketAddr>) -> Settings {
    let credentials = CredentialsSource::Static {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "example-secret".to_owned(),
        session_token: None,
    };
    Settings {
        table: table.name().to_owned(),
        region: "eu-central-1".to_owned(),
        access: ServiceAccess {
            connections: Connections::default().to(addresses),
            ..ServiceAccess::new(Some("http://table.invalid".to_owned()), credentials)
        },
    }
}

/// What the contract allows.
fn is_allowed(outcome: &str) -> bool {
    let failures = ["StoreUnavailable", "NotFound", "Expired", "Corrupt", "Refused"];
    matches!(outcome, "stored" | "hydrated" | "–")
        || outcome.starts_with("the good records hydrated")
        || failures.iter().any(|failure| outcome == format!("LongContent.{failure}"))
}

/// One row of the docs.
async fn row(name: &str, wrong: &Wrong, backing: Backing) -> String {
    let (write, read) = match wrong {
        Wrong::TwoWriters => interleaved(backing).await,
        Wrong::DeadAddress => by_the_second_address().await,
        Wrong::Stored(_) | Wrong::BadRecord => (vec!["–".to_owned()], on_read(wrong, backing).await),
        _ => (on_write(wrong, backing).await, on_read(wrong, backing).await),
    };
    assert!(write.iter().chain(&read).all(|outcome| is_allowed(outcome)), "{backing:?}, {name}: {write:?} {read:?}");
    let times = remaining(backing);
    format!("| {name} | {} | {} |\n", cell(&write, times), cell(&read, times))
}

/// One outcome if all are the same, else each with the times that were left.
fn cell(outcomes: &[String], times: &[Duration]) -> String {
    let same: Vec<_> = outcomes.chunk_by(|one, next| one == next).collect();
    if let [all] = same[..] {
        return all[0].clone();
    }
    assert_eq!(outcomes.len(), times.len(), "{outcomes:?}");
    let mut times = times.iter().map(|time| match time.as_secs() {
        seconds if seconds < 60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    });
    let parts = same.iter().map(|same| {
        let left: Vec<_> = times.by_ref().take(same.len()).collect();
        format!("{} left: {}", left.join(" or "), same[0])
    });
    parts.collect::<Vec<_>>().join("; ")
}

const HEAD: &str = "# What happens when the content table fails

For operators and maintainers who want to know what a function sees while the content table or the bucket is slow or down.

`tests/fault_matrix.rs` observed these outcomes with a content of 600 KiB, in invocations that had 15 min, 30 s and 3 s left. If the outcomes
differ, the table says how much time was left. Every invocation ended before its deadline, and within `LRAP_STORE_TIMEOUT` if that is shorter.
The next invocation worked. `LRAP_STORE_TIMEOUT` was 4 s, but 20 s for two writers and for \"every answer takes 1.5 s\": storing this content then takes three
requests in sequence (4.5 s), and hydrating it takes two (3 s). A *kept connection* is one that the extension keeps open for later requests.
*Silent* means that it no longer answers. With silent connections, or an address that swallows SYN (it never answers a new connection), storing
and hydrating took at most 2.5 s each. If a writer failed, its content could afterwards be read whole or not at all.

| fault | on write | on read |
|---|---|---|
";

/// Where the page goes on with the bucket.
const TITLE_OF_THE_BUCKET: &str = "\n## When a bucket fails\n";

const HEAD_OF_THE_BUCKET: &str = "
## When a bucket fails

The same test with [a bucket](s3.md) that stores all contents, in invocations that had 30 s and 5 s left. The two
writers store 16 KiB. The table works, and gets no request.

| fault | on write | on read |
|---|---|---|
";

/// Every row of a store, some at once; each on a separate thread, since one would be what they all wait for.
async fn observe(backing: Backing) -> String {
    let (head, faults) = match backing {
        Backing::Table => (HEAD, faults_of_the_table()),
        Backing::Bucket => (HEAD_OF_THE_BUCKET, faults_of_the_bucket()),
    };
    let places = Arc::new(Semaphore::new(AT_ONCE as usize));
    let begin = |(name, wrong): (&'static str, Wrong)| {
        let places = Arc::clone(&places);
        let observed = tokio::spawn(async move {
            // Alone, so that it takes less than a second: see `contended`.
            let needed = if matches!(wrong, Wrong::TwoWriters) { AT_ONCE } else { 1 };
            let _places = places.acquire_many(needed).await.unwrap();
            tokio::task::spawn_blocking(move || on_this_thread(row(name, &wrong, backing))).await.unwrap()
        });
        (name, observed)
    };
    let rows: Vec<_> = faults.into_iter().map(begin).collect();
    let mut observed = head.to_owned();
    for (name, row) in rows {
        observed.push_str(&row.await.unwrap_or_else(|error| panic!("{name}: {error}")));
    }
    observed
}

fn on_this_thread<T>(work: impl Future<Output = T>) -> T {
    runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// The section of the page that one test observes; with `UPDATE_DOCS` it is written, while no other test does so.
#[expect(clippy::disallowed_methods, reason = "a switch of the test run, not a setting of the extension")]
fn assert_documented(backing: Backing, observed: &str) {
    static PAGE: Mutex<&str> = Mutex::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md"));
    let path = PAGE.lock().unwrap();
    let page = std::fs::read_to_string(*path).unwrap();
    let (of_the_table, of_the_bucket) = page.split_at(page.find(TITLE_OF_THE_BUCKET).unwrap_or(page.len()));
    let documented = match backing {
        Backing::Table => of_the_table,
        Backing::Bucket => of_the_bucket,
    };
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let [table, bucket] = match backing {
            Backing::Table => [observed, of_the_bucket],
            Backing::Bucket => [of_the_table, observed],
        };
        std::fs::write(*path, [table, bucket].concat()).unwrap();
    } else {
        similar_asserts::assert_eq!(documented, observed);
    }
}

#[tokio::test]
async fn b5_every_fault_ends_as_the_docs_say() {
    assert_documented(Backing::Table, &observe(Backing::Table).await);
}

#[tokio::test]
async fn b5_every_fault_of_a_bucket_ends_as_the_docs_say() {
    assert_documented(Backing::Bucket, &observe(Backing::Bucket).await);
}
