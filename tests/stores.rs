//! Every content store means the same: one contract, run on the store in memory and on `DynamoDbStore` through the real SDK.
//! Then what only a table over a network can do: be slow, refuse, forget, and be written by two at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lambda_local::table::{ContentTable, Fault, Faults, Gate, TableConfig};
use long_content::reference::{Content, ContentRef, Scope, StoreName, Ttl};
use long_content::store::cache::CachedStore;
use long_content::store::clock::Clock;
use long_content::store::dynamodb::{Connections, CredentialsSource, DynamoDbStore, ServiceAccess, Settings, TlsRoots};
use long_content::store::memory::MemoryStore;
use long_content::store::{ContentStore, Expiry, GetError, MAX_CONTENT_LEN, PutError, Stored};
use serde_json::json;

mod renewal;
mod s3;
mod writers;

const DAY: Ttl = Ttl::seconds(86_400);
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Long enough that only a failing test gets there.
fn in_time() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// A clock that a test turns.
#[derive(Clone)]
struct Dial(Arc<AtomicU64>);

impl Dial {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_800_000_000)))
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::new(move || now.load(Ordering::SeqCst))
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

tokio::task_local! {
    /// The store that contents are named for; the table where nothing is said.
    static NAMED_FOR: StoreName;
}

/// Whether contents are named for S3.
fn is_for_s3() -> bool {
    NAMED_FOR.try_with(|store| *store == StoreName::S3).unwrap_or(false)
}

fn scope() -> Scope {
    Scope::new("contents").with_bucket(Some("contents"))
}

fn reference_in(scope: &Scope, ttl: Ttl, content: &Content) -> ContentRef {
    scope.reference_in(if is_for_s3() { StoreName::S3 } else { StoreName::DynamoDb }, ttl, content)
}

/// Text that zstd shrinks to a third or so.
fn text(len: usize, seed: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..len).map(|_| *random.choice(b"aaaabbcd").unwrap()).collect::<Vec<_>>().into()
}

/// Text that zstd does not shrink by a write unit in a hundred.
fn noise(len: usize, seed: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    bytes.into()
}

/// Named as JSON, whatever it is: a string's bytes are held against UTF-8.
fn named(bytes: Bytes, ttl: Ttl) -> (ContentRef, Bytes) {
    (reference_in(&scope(), ttl, &Content::json(bytes.clone())), bytes)
}

/// Reads contents; their expiries are another test's matter.
async fn get(
    store: &impl ContentStore,
    scope: &Scope,
    references: &[ContentRef],
    until: Instant,
) -> Vec<Result<Bytes, GetError>> {
    store.get(scope, references, until).await.into_iter().map(|read| read.map(|stored| stored.bytes)).collect()
}

/// Stores contents, reads them back together, and compares.
async fn round_trip(store: &impl ContentStore, contents: &[(ContentRef, Bytes)]) {
    store.put(&scope(), contents, in_time()).await.unwrap();
    assert_held(store, contents).await;
}

async fn assert_held(store: &impl ContentStore, contents: &[(ContentRef, Bytes)]) {
    let references: Vec<_> = contents.iter().map(|(reference, _)| *reference).collect();
    let read = get(store, &scope(), &references, in_time()).await;
    assert_eq!(read.len(), contents.len());
    for ((reference, bytes), read) in contents.iter().zip(read) {
        assert!(read.as_ref() == Ok(bytes), "{reference}: {:?}", read.map(|bytes| bytes.len()));
    }
}

async fn get_one(store: &impl ContentStore, reference: ContentRef) -> Result<Bytes, GetError> {
    get(store, &scope(), &[reference], in_time()).await.remove(0)
}

/// What holds for every store. `dial` turns the store's clock.
async fn contract(store: &impl ContentStore, dial: &Dial) {
    every_size(store).await;
    many_in_their_order(store).await;
    nothing_is_nothing(store).await;
    missing(store).await;
    altered_references_are_refused(store).await;
    other_scopes_do_not_hold_it(store).await;
    tenants_do_not_share(store).await;
    a_cut_signature_tells_nothing(store).await;
    expiries_are_told(store, dial).await;
    too_large_stores_nothing(store).await;
    at_once(store).await;
    expired(store, dial).await;
}

async fn every_size(store: &impl ContentStore) {
    let sizes = [0, 1, KIB, 5001, 395 * KIB, 399 * KIB, 400 * KIB, 401 * KIB, 2 * MIB, 7 * MIB];
    for (seed, size) in (0..).zip(sizes) {
        round_trip(store, &[named(noise(size, seed), DAY)]).await;
        round_trip(store, &[named(text(size, seed), DAY)]).await;
        round_trip(store, &[named(noise(size, seed), Ttl::NONE)]).await;
    }
    round_trip(store, &[named(Bytes::from("\"".repeat(395 * KIB)), DAY)]).await;
    round_trip(store, &[named(noise(40 * MIB, 40), DAY)]).await;
}

async fn many_in_their_order(store: &impl ContentStore) {
    let mut contents: Vec<_> = (0..230).map(|n| named(text(10 + n * 37, n as u64), DAY)).collect();
    contents.insert(100, named(noise(3 * MIB, 3), DAY));
    contents.insert(17, named(noise(MIB, 4), Ttl::NONE));
    round_trip(store, &contents).await;
    contents.reverse();
    assert_held(store, &contents).await;
}

async fn nothing_is_nothing(store: &impl ContentStore) {
    store.put(&scope(), &[], in_time()).await.unwrap();
    assert!(get(store, &scope(), &[], in_time()).await.is_empty());
}

async fn missing(store: &impl ContentStore) {
    let held = named(text(100, 1001), DAY);
    store.put(&scope(), std::slice::from_ref(&held), in_time()).await.unwrap();
    let (absent, _) = named(text(100, 1002), DAY);
    let (absent_and_long, _) = named(noise(3 * MIB, 1003), DAY);
    let read = get(store, &scope(), &[absent, held.0, absent_and_long], in_time()).await;
    assert_eq!(read, [Err(GetError::NotFound), Ok(held.1), Err(GetError::NotFound)]);
}

async fn altered_references_are_refused(store: &impl ContentStore) {
    for bytes in [text(100, 1010), noise(MIB, 1011)] {
        let (reference, bytes) = named(bytes, DAY);
        store.put(&scope(), &[(reference, bytes.clone())], in_time()).await.unwrap();
        let text = reference_in(&scope(), DAY, &Content::string("1"));
        // In S3 the TTL is part of the key.
        let refusal = |altered: &ContentRef| match altered.ttl {
            ttl if ttl != DAY && is_for_s3() => GetError::NotFound,
            _ => GetError::Refused,
        };
        let altered = [
            ContentRef { size: reference.size - 1, ..reference },
            ContentRef { size: reference.size + 1, ..reference },
            ContentRef { size: MAX_CONTENT_LEN + 1, ..reference },
            ContentRef { size: u64::MAX, ..reference },
            ContentRef { ttl: Ttl::NONE, ..reference },
            ContentRef { ttl: Ttl::seconds(86_401), ..reference },
            ContentRef { kind: text.kind, ..reference },
        ];
        for altered in altered {
            assert_eq!(get_one(store, altered).await, Err(refusal(&altered)), "{altered}");
        }
        let together = get(store, &scope(), &[altered[0], reference, altered[4]], in_time()).await;
        assert_eq!(together, [Err(GetError::Refused), Ok(bytes), Err(refusal(&altered[4]))]);
    }
}

async fn other_scopes_do_not_hold_it(store: &impl ContentStore) {
    let (reference, bytes) = named(text(100, 1020), DAY);
    store.put(&scope(), &[(reference, bytes)], in_time()).await.unwrap();
    let elsewhere = get(store, &Scope::new("elsewhere"), &[reference], in_time()).await;
    assert_eq!(elsewhere, [Err(GetError::NotFound)]);
    let tenants = get(store, &scope().for_tenant("a"), &[reference], in_time()).await;
    assert_eq!(tenants, [Err(GetError::NotFound)]);
}

/// A tenant's content is its own, whole or in parts, even if others hold its reference.
async fn tenants_do_not_share(store: &impl ContentStore) {
    let (ours, theirs) = (scope().for_tenant("a"), scope().for_tenant("b"));
    for bytes in [text(100, 1021), noise(MIB, 1022)] {
        let content = Content::json(bytes.clone());
        let reference = reference_in(&ours, DAY, &content);
        assert_ne!(reference.id, reference_in(&theirs, DAY, &content).id);
        store.put(&ours, &[(reference, bytes.clone())], in_time()).await.unwrap();
        for other in [&theirs, &scope()] {
            assert_eq!(get(store, other, &[reference], in_time()).await, [Err(GetError::NotFound)]);
        }
        assert_eq!(get(store, &ours, &[reference], in_time()).await, [Ok(bytes)]);
    }
}

/// §5: a reader without keys is not told what those who have them stored, whole or in parts, whatever else is altered.
async fn a_cut_signature_tells_nothing(store: &impl ContentStore) {
    let signed = scope().signed_by("a-signing-key-of-some-length".parse().unwrap());
    for bytes in [text(100, 1031), noise(MIB, 1032)] {
        let reference = reference_in(&signed, DAY, &Content::json(bytes.clone()));
        store.put(&signed, &[(reference, bytes.clone())], in_time()).await.unwrap();
        let cut = ContentRef { signature: None, ..reference };
        for altered in [cut, ContentRef { size: reference.size + 1, ..cut }, ContentRef { ttl: Ttl::NONE, ..cut }] {
            assert_eq!(get_one(store, altered).await, Err(GetError::NotFound), "{altered}");
        }
        assert_eq!(get(store, &signed, &[reference], in_time()).await, [Ok(bytes)]);
    }
}

/// Writers and readers learn the same second.
async fn expiries_are_told(store: &impl ContentStore, dial: &Dial) {
    let contents = [named(text(100, 1060), DAY), named(noise(MIB, 1061), DAY), named(text(100, 1062), Ttl::NONE)];
    let end = Expiry::at(dial.now() + 86_400);
    let told = store.put(&scope(), &contents, in_time()).await.unwrap();
    assert_eq!(told, [end, end, Expiry::NEVER]);
    let read = store.get(&scope(), &references(&contents), in_time()).await;
    let stored = |(_, bytes): &(ContentRef, Bytes), expiry| Ok(Stored { bytes: bytes.clone(), expiry });
    assert!(read == contents.iter().zip(told).map(|(content, end)| stored(content, end)).collect::<Vec<_>>());
}

async fn too_large_stores_nothing(store: &impl ContentStore) {
    let small = named(text(100, 1030), DAY);
    let large = named(vec![b'a'; MAX_CONTENT_LEN as usize + 1].into(), DAY);
    let put = store.put(&scope(), &[small.clone(), large], in_time()).await;
    assert_eq!(put, Err(PutError::TooLarge { size: MAX_CONTENT_LEN + 1 }));
    assert_eq!(get_one(store, small.0).await, Err(GetError::NotFound));
    round_trip(store, &[named(vec![b'a'; MAX_CONTENT_LEN as usize].into(), DAY)]).await;
}

/// The same contents, put and read by several at once.
async fn at_once(store: &impl ContentStore) {
    let contents: Vec<_> = [10, 5001, 500_000, 2_000_000].map(|len| named(noise(len, 1040), DAY)).into();
    let work = || round_trip(store, &contents);
    tokio::join!(work(), work(), work(), work());
}

async fn expired(store: &impl ContentStore, dial: &Dial) {
    let short = named(text(100, 1050), Ttl::seconds(60));
    let long = named(noise(MIB, 1051), Ttl::seconds(60));
    let endless = named(text(100, 1052), Ttl::NONE);
    round_trip(store, &[short.clone(), long.clone(), endless.clone()]).await;
    dial.advance(59);
    assert_held(store, &[short.clone(), long.clone()]).await;
    dial.advance(1);
    let read = get(store, &scope(), &[short.0, long.0, endless.0], in_time()).await;
    assert_eq!(read, [Err(GetError::Expired), Err(GetError::Expired), Ok(endless.1)]);
    round_trip(store, &[short, long]).await;
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    let dial = Dial::new();
    contract(&MemoryStore::new().with_clock(dial.clock()), &dial).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamodb_keeps_the_contract() {
    let bench = Bench::start().await;
    Box::pin(contract(&bench.store, &bench.dial)).await;
}

#[tokio::test]
async fn a_cache_keeps_the_contract() {
    for capacity in [0, 64 << 10, 256 << 20] {
        let dial = Dial::new();
        let store = CachedStore::new(MemoryStore::new().with_clock(dial.clock()), capacity).with_clock(dial.clock());
        contract(&store, &dial).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_on_dynamodb_keeps_the_contract() {
    let bench = Bench::start().await;
    let store = CachedStore::new(bench.store, 4 << 20).with_clock(bench.dial.clock());
    Box::pin(contract(&store, &bench.dial)).await;
}

/// A table and a store on it.
struct Bench {
    table: ContentTable,
    store: DynamoDbStore,
    dial: Dial,
}

impl Bench {
    async fn start() -> Self {
        let table = ContentTable::start(TableConfig { sweep_interval: 0, ..TableConfig::default() }).await.unwrap();
        let dial = Dial::new();
        let store = DynamoDbStore::new(settings(&table)).unwrap().with_clock(dial.clock());
        Self { table, store, dial }
    }

    /// A store that knows nothing of what the first one did.
    fn another_sandbox(&self) -> DynamoDbStore {
        DynamoDbStore::new(settings(&self.table)).unwrap().with_clock(self.dial.clock())
    }

    /// Requests that `work` makes: writes, of one item or of a batch, and reads.
    async fn requests<T>(&self, work: impl Future<Output = T>) -> (u64, u64) {
        let before = self.table.meter();
        work.await;
        let made = self.table.meter().since(&before);
        (made.requests_of("PutItem") + made.requests_of("BatchWriteItem"), made.requests_of("BatchGetItem"))
    }

    /// Ids of the items that hold parts.
    async fn part_ids(&self) -> Vec<String> {
        let items = self.table.items().await.unwrap();
        let ids = items.iter().map(|item| item["id"]["S"].as_str().unwrap().to_owned());
        ids.filter(|id| id.contains('.')).collect()
    }

    /// Requests that storing `contents` takes.
    async fn requests_to_put(&self, contents: &[(ContentRef, Bytes)]) -> (u64, u64) {
        self.requests(async { self.store.put(&scope(), contents, in_time()).await.unwrap() }).await
    }

    /// Requests that reading `references` takes, all of which are held.
    async fn requests_to_get(&self, references: &[ContentRef]) -> (u64, u64) {
        let get = async {
            let read = get(&self.store, &scope(), references, in_time()).await;
            assert!(read.iter().all(Result::is_ok));
        };
        self.requests(get).await
    }

    async fn put(&self, content: &(ContentRef, Bytes)) -> Result<(), PutError> {
        self.store.put(&scope(), std::slice::from_ref(content), in_time()).await.map(drop)
    }
}

fn settings(table: &ContentTable) -> Settings {
    let credentials = CredentialsSource::Static {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    };
    Settings {
        table: table.name().to_owned(),
        region: "eu-central-1".to_owned(),
        access: ServiceAccess {
            tls_roots: TlsRoots::System,
            connections: Connections::default().with_silence(Duration::from_mins(1)),
            ..ServiceAccess::new(Some(table.endpoint()), credentials)
        },
    }
}

fn small_ones(count: u64) -> Vec<(ContentRef, Bytes)> {
    (0..count).map(|seed| named(noise(6000, seed), DAY)).collect()
}

fn references(contents: &[(ContentRef, Bytes)]) -> Vec<ContentRef> {
    contents.iter().map(|(reference, _)| *reference).collect()
}

#[tokio::test]
async fn small_contents_share_requests() {
    let bench = Bench::start().await;
    let contents = small_ones(100);
    assert_eq!(bench.requests_to_put(&contents[..20]).await, (1, 1));
    assert_eq!(bench.requests_to_put(&contents[20..]).await, (4, 1));
    let references = references(&contents);
    assert_eq!(bench.requests_to_get(&references).await, (0, 1));
    let doubled = [&references[..], &references[..]].concat();
    assert_eq!(bench.requests_to_get(&doubled).await, (0, 1));
    let twice = [contents[0].clone(), contents[0].clone()];
    assert_eq!(bench.requests_to_put(&twice).await, (1, 0));
}

#[tokio::test]
async fn long_contents_take_the_requests_their_parts_need() {
    let bench = Bench::start().await;
    let content = named(noise(7 * MIB, 1), DAY);
    // 18 parts, 5 to a request of 2 MiB; a look before, and the commit item.
    assert_eq!(bench.requests_to_put(std::slice::from_ref(&content)).await, (5, 1));
    // The entry; 18 parts, 10 to an answer of 4 MiB.
    assert_eq!(bench.requests_to_get(&[content.0]).await, (0, 3));
    assert_eq!(bench.part_ids().await.len(), 18);
}

#[tokio::test]
async fn missing_and_expired_are_asked_for_once_more() {
    let bench = Bench::start().await;
    let held = named(noise(6000, 1), DAY);
    let (absent, _) = named(noise(6000, 2), DAY);
    bench.put(&held).await.unwrap();
    assert_eq!(bench.requests(get_one(&bench.store, absent)).await, (0, 2));
    assert_eq!(bench.requests_to_get(&[held.0]).await, (0, 1));
    bench.dial.advance(86_400);
    assert_eq!(bench.requests(get_one(&bench.store, held.0)).await, (0, 2));
}

#[tokio::test]
async fn both_meters_agree() {
    let bench = Bench::start().await;
    let contents = [named(noise(6000, 1), DAY), named(noise(MIB, 2), DAY), named(text(300_000, 3), DAY)];
    round_trip(&bench.store, &contents).await;
    bench.put(&contents[0]).await.unwrap();
    let (ours, theirs) = (bench.store.meter(), bench.table.meter());
    assert_eq!(ours.requests, theirs.total_requests());
    assert!((ours.write_units - theirs.write_units).abs() < 0.1, "{ours:?} {theirs:?}");
    assert!((ours.read_units - theirs.read_units).abs() < 0.1, "{ours:?} {theirs:?}");
}

/// The longest content that is one item makes an item of exactly 400 KiB; one byte more is cut into parts.
#[tokio::test]
async fn an_item_is_filled_to_the_byte() {
    const LARGEST: usize = 400 * KIB;
    let bench = Bench::start().await;
    let weight = async |len| {
        let before = bench.table.meter();
        bench.put(&named(noise(len, len as u64), DAY)).await.unwrap();
        let made = bench.table.meter().since(&before);
        (made.items_written, made.bytes_written as usize)
    };
    let (_, overhead) = weight(300_001).await;
    let overhead = overhead - 300_001;
    assert_eq!(weight(LARGEST - overhead).await, (1, LARGEST));
    assert!(weight(LARGEST - overhead + 1).await.0 > 1);
}

#[tokio::test]
async fn compression_saves_write_units() {
    let bench = Bench::start().await;
    let content = named(text(300_000, 1), DAY);
    bench.put(&content).await.unwrap();
    assert!(bench.store.meter().write_units < 150.0, "{:?}", bench.store.meter());
    assert_held(&bench.store, &[content]).await;
}

#[tokio::test]
async fn every_item_expires_unless_its_content_is_endless() {
    let bench = Bench::start().await;
    bench.store.put(&scope(), &[named(noise(10, 1), DAY), named(noise(MIB, 1), DAY)], in_time()).await.unwrap();
    let end = (1_800_000_000_u64 + 86_400).to_string();
    for item in bench.table.items().await.unwrap() {
        assert_eq!(item["expires_at"]["N"], *end, "{}", item["id"]);
    }
    let endless = Bench::start().await;
    endless
        .store
        .put(&scope(), &[named(noise(10, 1), Ttl::NONE), named(noise(MIB, 1), Ttl::NONE)], in_time())
        .await
        .unwrap();
    for item in endless.table.items().await.unwrap() {
        assert!(item.get("expires_at").is_none(), "{}", item["id"]);
    }
}

/// Small and long contents through a table that fails 30 % of all requests.
async fn survives_thirty_percent(fault: Fault) {
    let bench = Bench::start().await;
    for seed in 0..5 {
        bench.table.faults().set(Faults::share(30, fault.clone(), seed));
        let mut contents: Vec<_> = (0..40).map(|n| named(noise(6000, seed * 100 + n), DAY)).collect();
        contents.push(named(noise(4 * MIB, seed), DAY));
        round_trip(&bench.store, &contents).await;
    }
    bench.table.faults().clear();
    let before = bench.table.meter();
    assert!(before.total_requests() > 5 * 10, "{before:?}");
}

#[tokio::test]
async fn throttled_at_thirty_percent_it_stores_and_reads_all_the_same() {
    survives_thirty_percent(Fault::Throttle).await;
}

#[tokio::test]
async fn failing_at_thirty_percent_it_stores_and_reads_all_the_same() {
    survives_thirty_percent(Fault::InternalError).await;
}

#[tokio::test]
async fn broken_off_at_thirty_percent_it_stores_and_reads_all_the_same() {
    survives_thirty_percent(Fault::Reset).await;
}

#[tokio::test]
async fn left_out_at_thirty_percent_it_stores_and_reads_all_the_same() {
    survives_thirty_percent(Fault::Unprocessed).await;
}

#[tokio::test]
async fn a_hanging_connection_is_given_up_for_a_new_one() {
    let bench = Bench::start().await;
    let content = named(noise(6000, 1), DAY);
    bench.table.faults().set(Faults::next(vec![Fault::Hang]));
    assert_eq!(bench.requests_to_put(std::slice::from_ref(&content)).await, (2, 0));
    assert_held(&bench.store, &[content]).await;
}

/// Neither a put nor a get outlives its deadline, whatever the table does.
#[tokio::test]
async fn the_deadline_holds() {
    let bench = Bench::start().await;
    let content = named(noise(2 * MIB, 1), DAY);
    bench.put(&content).await.unwrap();
    let other = named(noise(2 * MIB, 2), DAY);
    for fault in [Fault::Hang, Fault::Throttle, Fault::InternalError, Fault::Unprocessed, Fault::Reset] {
        bench.table.faults().set(Faults::always(fault.clone()));
        let begun = Instant::now();
        let until = begun + Duration::from_millis(300);
        let put = bench.store.put(&scope(), std::slice::from_ref(&other), until).await;
        assert!(matches!(put, Err(PutError::Unavailable(_))), "{fault:?}: {put:?}");
        let read = get(&bench.store, &scope(), &[content.0], until + Duration::from_millis(300)).await;
        assert!(matches!(read[0], Err(GetError::Unavailable(_))), "{fault:?}");
        let took = begun.elapsed();
        // An attempt alone could take five seconds.
        assert!(took < Duration::from_secs(4), "{fault:?}: {took:?}");
    }
}

#[tokio::test]
async fn no_time_left_is_no_request() {
    let bench = Bench::start().await;
    let content = named(noise(6000, 1), DAY);
    let put = bench.store.put(&scope(), std::slice::from_ref(&content), Instant::now()).await;
    assert!(matches!(put, Err(PutError::Unavailable(_))), "{put:?}");
    let read = get(&bench.store, &scope(), &[content.0], Instant::now()).await;
    assert!(matches!(read[0], Err(GetError::Unavailable(_))), "{read:?}");
    assert_eq!(bench.table.meter().total_requests(), 0);
}

#[tokio::test]
async fn what_a_stale_read_misses_a_consistent_one_finds() {
    let bench = Bench::start().await;
    let contents = [named(noise(6000, 1), DAY), named(noise(MIB, 2), DAY)];
    bench.store.put(&scope(), &contents, in_time()).await.unwrap();
    bench.table.faults().set(Faults::always(Fault::Stale));
    // Both entries eventually and consistently, then the parts.
    assert_eq!(bench.requests(assert_held(&bench.store, &contents)).await, (0, 3));
    // Only the parts are stale: their entry is read again with them.
    let stale_parts = |body: &[u8]| String::from_utf8_lossy(body).contains(".0\"");
    bench.table.faults().set(Faults::by(
        move |request| {
            if stale_parts(request.body) { Fault::Stale } else { Fault::Pass }
        },
    ));
    assert_eq!(bench.requests(assert_held(&bench.store, &contents[1..])).await, (0, 4));
}

#[tokio::test]
async fn refused_credentials_fail_at_once() {
    let bench = Bench::start().await;
    let content = named(noise(6000, 1), DAY);
    bench.table.faults().set(Faults::always(Fault::DenyCredentials));
    let Err(PutError::Unavailable(heard)) = bench.put(&content).await else { panic!("stored") };
    assert!(heard.contains("UnrecognizedClientException") && heard.contains("AWS_ACCESS_KEY_ID"), "{heard}");
    assert!(!heard.contains("AKID") && !heard.contains("secret"), "{heard}");
    let Err(GetError::Unavailable(_)) = get_one(&bench.store, content.0).await else { panic!("read") };
    assert_eq!(bench.table.meter().total_requests(), 2);
}

#[tokio::test]
async fn a_missing_table_fails_at_once() {
    let bench = Bench::start().await;
    // The meter counts what this table is asked, and not what another one would be.
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    bench.table.faults().set(Faults::by(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Fault::Pass
    }));
    let store = DynamoDbStore::new(Settings { table: "other".to_owned(), ..settings(&bench.table) }).unwrap();
    let put = store.put(&scope(), &[named(noise(6000, 1), DAY)], in_time()).await;
    let Err(PutError::Unavailable(heard)) = put else { panic!("stored") };
    assert!(heard.contains("ResourceNotFoundException") && heard.contains("AGENT_CONTEXT_TABLE"), "{heard}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_content_with_a_part_missing_is_not_found() {
    let bench = Bench::start().await;
    let (content, other) = (named(noise(2 * MIB, 1), DAY), named(noise(6000, 2), DAY));
    bench.put(&content).await.unwrap();
    bench.put(&other).await.unwrap();
    let part = bench.part_ids().await.into_iter().find(|id| id.ends_with(".3")).unwrap();
    bench.table.delete(&part).await.unwrap();
    let read = get(&bench.store, &scope(), &[content.0, other.0], in_time()).await;
    assert_eq!(read, [Err(GetError::NotFound), Ok(other.1)]);
}

/// Replaces an attribute of an item in the table.
async fn tamper(bench: &Bench, id: &str, attribute: &str, value: serde_json::Value) {
    let mut item = bench.table.get_raw(id).await.unwrap().unwrap();
    item[attribute] = value;
    bench.table.put_raw(item).await.unwrap();
}

#[tokio::test]
async fn damage_is_told_apart() {
    let bench = Bench::start().await;
    let (whole, parted) = (named(noise(6000, 1), DAY), named(noise(2 * MIB, 2), DAY));
    let binary = json!({ "B": "AAAA" });
    let after = async |id: &str, attribute: &str, value: serde_json::Value| {
        bench.dial.advance(80_000);
        round_trip(&bench.store, &[whole.clone(), parted.clone()]).await;
        tamper(&bench, id, attribute, value).await;
        let read = get(&bench.store, &scope(), &[whole.0, parted.0], in_time()).await;
        read.into_iter().find_map(Result::err).unwrap()
    };
    let (whole_id, parted_id) = (whole.0.id.to_string(), parted.0.id.to_string());
    round_trip(&bench.store, std::slice::from_ref(&parted)).await;
    let part_id = bench.part_ids().await.remove(1);
    assert_eq!(after(&part_id, "content", binary.clone()).await, GetError::Corrupt);
    assert_eq!(after(&part_id, "content", json!({ "S": "text" })).await, GetError::Corrupt);
    assert_eq!(after(&whole_id, "content", binary).await, GetError::Corrupt);
    assert_eq!(after(&whole_id, "encoding", json!({ "S": "zstd" })).await, GetError::Corrupt);
    assert_eq!(after(&parted_id, "encoding", json!({ "S": "zstd" })).await, GetError::Corrupt);
    assert_eq!(after(&parted_id, "parts", json!({ "N": "5" })).await, GetError::Corrupt);
    assert_eq!(after(&parted_id, "parts", json!({ "N": "99999999" })).await, GetError::Corrupt);
    assert_eq!(after(&whole_id, "size", json!({ "N": "6001" })).await, GetError::Refused);
    assert_eq!(after(&whole_id, "kind", json!({ "S": "s" })).await, GetError::Refused);
    assert_eq!(after(&whole_id, "expires_at", json!({ "N": "1" })).await, GetError::Expired);
    let newer = after(&whole_id, "format", json!({ "N": "2" })).await;
    assert!(matches!(newer, GetError::Unavailable(ref heard) if heard.contains("format 2")), "{newer:?}");
}

/// Items of older layers do not say of which scope they are: what cannot be read of them is not told from another scope's.
#[tokio::test]
async fn an_item_without_a_scope_is_read_and_tells_nothing_else() {
    let bench = Bench::start().await;
    for content in [named(noise(6000, 1), DAY), named(noise(MIB, 2), DAY)] {
        bench.put(&content).await.unwrap();
        let id = content.0.id.to_string();
        let mut item = bench.table.get_raw(&id).await.unwrap().unwrap();
        item.as_object_mut().unwrap().remove("scope");
        bench.table.put_raw(item).await.unwrap();
        assert_held(&bench.store, std::slice::from_ref(&content)).await;
        for altered in
            [ContentRef { size: content.0.size + 1, ..content.0 }, ContentRef { ttl: Ttl::NONE, ..content.0 }]
        {
            assert_eq!(get_one(&bench.store, altered).await, Err(GetError::NotFound), "{altered}");
        }
        for other in [Scope::new("elsewhere"), scope().for_tenant("a")] {
            assert_eq!(get(&bench.store, &other, &[content.0], in_time()).await, [Err(GetError::NotFound)]);
        }
        tamper(&bench, &id, "encoding", json!({ "S": "unknown" })).await;
        assert_eq!(get_one(&bench.store, content.0).await, Err(GetError::NotFound));
        bench.dial.advance(80_000);
        round_trip(&bench.another_sandbox(), &[content]).await;
    }
}

/// The health check is no operation.
#[tokio::test]
async fn warming_asks_the_table_for_nothing() {
    let bench = Bench::start().await;
    bench.store.warm().await;
    let meter = bench.table.meter();
    assert!(meter.requests.keys().all(String::is_empty), "{meter:?}");
    assert_eq!(bench.store.meter().requests, 0);
}
