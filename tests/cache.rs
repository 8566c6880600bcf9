//! Section 7 in the library: a store that remembers answers as the store behind it would, and asks it as rarely as it may.
//! Counts are exact.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use long_content::reference::{Content, ContentRef, Scope, Ttl};
use long_content::store::cache::{CachedStore, Spared};
use long_content::store::clock::Clock;
use long_content::store::memory::MemoryStore;
use long_content::store::tally::Tally;
use long_content::store::{ContentStore, Expiry, GetError, PutError, Stored};
use proptest::prelude::*;
use tokio::sync::Semaphore;

const DAY: Ttl = Ttl::seconds(86_400);
const CAPACITY: u64 = 1 << 20;

fn in_time() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(50)
}

fn scope() -> Scope {
    Scope::new("contents")
}

fn named(text: &str, ttl: Ttl) -> (ContentRef, Bytes) {
    let bytes = Bytes::from(text.to_owned());
    (scope().reference(ttl, &Content::string(bytes.clone())), bytes)
}

/// A store that counts what it is asked for, and can be made to wait or to fail.
#[derive(Debug, Clone)]
struct Watched {
    store: MemoryStore,
    gets: Arc<AtomicU64>,
    puts: Arc<AtomicU64>,
    failures: Arc<AtomicU64>,
    /// One permit lets one call through.
    gate: Arc<Semaphore>,
    entered: Arc<Semaphore>,
}

impl Watched {
    async fn enter(&self, calls: &AtomicU64) -> bool {
        calls.fetch_add(1, Ordering::SeqCst);
        self.entered.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
    }
}

impl ContentStore for Watched {
    fn charging(&self, _tally: &Tally) -> Self {
        self.clone()
    }

    async fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        until: Instant,
    ) -> Result<Vec<Expiry>, PutError> {
        let outcome = tokio::time::timeout_at(until.into(), self.enter(&self.puts)).await;
        if outcome != Ok(true) {
            return Err(PutError::Unavailable("scripted".to_owned()));
        }
        self.store.put(scope, contents, until).await
    }

    async fn get(&self, scope: &Scope, references: &[ContentRef], until: Instant) -> Vec<Result<Stored, GetError>> {
        let outcome = tokio::time::timeout_at(until.into(), self.enter(&self.gets)).await;
        if outcome != Ok(true) {
            return vec![Err(GetError::Unavailable("scripted".to_owned())); references.len()];
        }
        self.store.get(scope, references, until).await
    }
}

/// A cache on a watched store, and the clock of both.
#[derive(Clone)]
struct Bench {
    store: Arc<CachedStore<Watched>>,
    now: Arc<AtomicU64>,
}

impl Bench {
    /// Every call of the store behind passes.
    fn open(capacity: u64) -> Self {
        let bench = Self::closed(capacity);
        bench.let_through(Semaphore::MAX_PERMITS / 2);
        bench
    }

    /// Calls of the store behind wait until they are let through.
    fn closed(capacity: u64) -> Self {
        let now = Arc::new(AtomicU64::new(1_800_000_000));
        let watched = Watched {
            store: MemoryStore::new().with_clock(clock(&now)),
            gets: Arc::default(),
            puts: Arc::default(),
            failures: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            entered: Arc::new(Semaphore::new(0)),
        };
        Self { store: Arc::new(CachedStore::new(watched, capacity).with_clock(clock(&now))), now }
    }

    fn let_through(&self, calls: usize) {
        self.store.store().gate.add_permits(calls);
    }

    fn fail_next(&self, calls: u64) {
        self.store.store().failures.store(calls, Ordering::SeqCst);
    }

    fn advance(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Waits for one more call to have reached the store behind.
    async fn entered(&self) {
        self.store.store().entered.acquire().await.unwrap().forget();
    }

    /// Calls that reached the store behind: puts and gets.
    fn calls(&self) -> (u64, u64) {
        let watched = self.store.store();
        (watched.puts.load(Ordering::SeqCst), watched.gets.load(Ordering::SeqCst))
    }

    async fn put(&self, content: &(ContentRef, Bytes)) -> Result<Expiry, PutError> {
        self.put_until(content, in_time()).await
    }

    async fn put_until(&self, content: &(ContentRef, Bytes), until: Instant) -> Result<Expiry, PutError> {
        self.store.put(&scope(), std::slice::from_ref(content), until).await.map(|mut expiries| expiries.remove(0))
    }

    async fn get(&self, content: &(ContentRef, Bytes)) -> Result<Bytes, GetError> {
        self.get_until(content, in_time()).await
    }

    async fn get_until(&self, content: &(ContentRef, Bytes), until: Instant) -> Result<Bytes, GetError> {
        self.store.get(&scope(), &[content.0], until).await.remove(0).map(|stored| stored.bytes)
    }

    /// Puts past the cache: as another sandbox would.
    async fn put_elsewhere(&self, content: &(ContentRef, Bytes)) {
        let store = &self.store.store().store;
        store.put(&scope(), std::slice::from_ref(content), in_time()).await.unwrap();
    }
}

fn clock(now: &Arc<AtomicU64>) -> Clock {
    let now = Arc::clone(now);
    Clock::new(move || now.load(Ordering::SeqCst))
}

/// All of `futures` at once, each polled before any goes on.
async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        for (future, outcome) in running.iter_mut().filter(|(_, outcome)| outcome.is_none()) {
            if let Poll::Ready(ready) = Pin::as_mut(future).poll(context) {
                *outcome = Some(ready);
            }
        }
        if running.iter().any(|(_, outcome)| outcome.is_none()) {
            return Poll::Pending;
        }
        Poll::Ready(running.iter_mut().filter_map(|(_, outcome)| outcome.take()).collect())
    })
    .await
}

#[tokio::test]
async fn s7_what_was_stored_or_read_is_free() {
    let bench = Bench::open(CAPACITY);
    let (ours, theirs) = (named("ours", DAY), named("theirs", DAY));
    bench.put_elsewhere(&theirs).await;
    for _ in 0..3 {
        bench.put(&ours).await.unwrap();
        assert_eq!(bench.get(&ours).await, Ok(ours.1.clone()));
        assert_eq!(bench.get(&theirs).await, Ok(theirs.1.clone()));
        bench.put(&theirs).await.unwrap();
    }
    assert_eq!(bench.calls(), (1, 1));
    assert_eq!(bench.store.spared(), Spared { reads: 5, writes: 5 });
}

#[tokio::test]
async fn s7_64_gets_of_one_content_are_one_read() {
    for capacity in [0, CAPACITY] {
        let bench = Bench::closed(capacity);
        let content = named("text", DAY);
        bench.put_elsewhere(&content).await;
        let (read, ()) = tokio::join!(all((0..64).map(|_| bench.get(&content))), async { bench.let_through(64) });
        assert!(read.iter().all(|read| *read == Ok(content.1.clone())));
        assert_eq!((bench.calls(), bench.store.spared().reads), ((0, 1), 63));
    }
}

#[tokio::test]
async fn s7_64_puts_of_one_content_are_one_write() {
    for capacity in [0, CAPACITY] {
        let bench = Bench::closed(capacity);
        let content = named("text", DAY);
        let (put, ()) = tokio::join!(all((0..64).map(|_| bench.put(&content))), async { bench.let_through(64) });
        assert!(put.iter().all(|put| *put == Ok(Expiry::at(1_800_086_400))));
        assert_eq!((bench.calls(), bench.store.spared().writes), ((1, 0), 63));
    }
}

/// Every core at it, with nothing to arrange who comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s7_threads_share_too() {
    let bench = Bench::open(CAPACITY);
    let content = named("text", DAY);
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (bench, content) = (bench.clone(), content.clone());
            tokio::spawn(async move {
                bench.put(&content).await.unwrap();
                bench.get(&content).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), content.1);
    }
    assert_eq!(bench.calls(), (1, 0));
}

#[tokio::test]
async fn s7_the_contents_of_one_call_share_its_requests() {
    let bench = Bench::open(CAPACITY);
    let contents: Vec<_> = (0..10).map(|n| named(&format!("text {n}"), DAY)).collect();
    bench.put(&contents[3]).await.unwrap();
    bench.store.put(&scope(), &contents, in_time()).await.unwrap();
    assert_eq!(bench.calls(), (2, 0));
    let others: Vec<_> = (0..10).map(|n| named(&format!("other {n}"), DAY)).collect();
    bench.store.store().store.put(&scope(), &others, in_time()).await.unwrap();
    let references: Vec<_> = contents.iter().chain(&others).map(|(reference, _)| *reference).collect();
    let read = bench.store.get(&scope(), &references, in_time()).await;
    let read: Vec<_> = read.into_iter().map(|read| read.unwrap().bytes).collect();
    assert_eq!(read, contents.iter().chain(&others).map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>());
    assert_eq!(bench.calls(), (2, 1));
}

#[tokio::test]
async fn s7_when_the_leader_is_dropped_one_of_the_others_goes_on() {
    let bench = Bench::closed(CAPACITY);
    let (read, written) = (named("read", DAY), named("written", DAY));
    bench.put_elsewhere(&read).await;
    let (reader, writer, one, two) = (bench.clone(), bench.clone(), read.clone(), written.clone());
    let leaders = tokio::spawn(async move { tokio::join!(reader.get(&one), writer.put(&two)) });
    bench.entered().await;
    bench.entered().await;
    let followers =
        async { tokio::join!(all((0..8).map(|_| bench.get(&read))), all((0..8).map(|_| bench.put(&written)))) };
    let ((gets, puts), ()) = tokio::join!(followers, async {
        leaders.abort();
        assert!(leaders.await.unwrap_err().is_cancelled());
        bench.entered().await;
        bench.entered().await;
        bench.let_through(2);
    });
    assert!(gets.iter().all(|got| *got == Ok(read.1.clone())) && puts.iter().all(Result::is_ok));
    assert_eq!(bench.calls(), (2, 2));
}

#[tokio::test]
async fn s7_when_the_leader_fails_the_others_try_themselves() {
    let bench = Bench::closed(CAPACITY);
    let content = named("text", DAY);
    bench.fail_next(1);
    let (put, ()) = tokio::join!(all((0..8).map(|_| bench.put(&content))), async { bench.let_through(2) });
    assert_eq!(put.iter().filter(|put| put.is_err()).count(), 1);

    let bench = Bench::closed(CAPACITY);
    bench.put_elsewhere(&content).await;
    bench.fail_next(1);
    let (read, ()) = tokio::join!(all((0..8).map(|_| bench.get(&content))), async { bench.let_through(2) });
    assert_eq!(read.iter().filter(|read| read.is_err()).count(), 1);
    assert_eq!(bench.calls(), (0, 2));
}

#[tokio::test]
async fn s7_each_waits_no_longer_than_its_own_deadline() {
    let bench = Bench::closed(CAPACITY);
    let content = named("text", DAY);
    bench.put_elsewhere(&content).await;
    let hurried = async {
        let read = bench.get_until(&content, soon()).await;
        assert!(matches!(read, Err(GetError::Unavailable(_))), "{read:?}");
        let put = bench.put_until(&content, soon()).await;
        assert!(matches!(put, Err(PutError::Unavailable(_))), "{put:?}");
        bench.let_through(2);
    };
    let (read, put, ()) = tokio::join!(bench.get(&content), bench.put(&content), hurried);
    assert!(read.is_ok() && put.is_ok());
    assert_eq!(bench.calls(), (1, 1));
}

/// A leader with little time is none for those who have more.
#[tokio::test]
async fn s7_a_hurried_leader_does_not_fail_those_with_more_time() {
    let bench = Bench::closed(CAPACITY);
    let content = named("text", DAY);
    bench.put_elsewhere(&content).await;
    let patient = async {
        tokio::join!(bench.get(&content), bench.put(&content), async {
            for _ in 0..4 {
                bench.entered().await;
            }
            bench.let_through(2);
        })
    };
    let until = soon();
    let leaders = async { tokio::join!(bench.get_until(&content, until), bench.put_until(&content, until)) };
    let ((read, written), (got, put, ())) = tokio::join!(leaders, patient);
    assert!(read.is_err() && written.is_err());
    assert!(got.is_ok() && put.is_ok(), "{got:?} {put:?}");
}

/// The first answer may be older than the question: it is asked again, once for all.
#[tokio::test]
async fn s7_64_gets_of_what_is_missing_are_two_reads() {
    let bench = Bench::closed(CAPACITY);
    let content = named("text", DAY);
    let (read, ()) = tokio::join!(all((0..64).map(|_| bench.get(&content))), async {
        for _ in 0..2 {
            bench.entered().await;
            bench.let_through(1);
        }
    });
    assert!(read.iter().all(|read| *read == Err(GetError::NotFound)));
    assert_eq!(bench.calls(), (0, 2));
}

#[tokio::test]
async fn s7_storing_is_free_for_ten_minutes() {
    let bench = Bench::open(CAPACITY);
    let content = named("text", DAY);
    bench.put(&content).await.unwrap();
    bench.advance(599);
    bench.put(&content).await.unwrap();
    bench.get(&content).await.unwrap();
    assert_eq!(bench.calls(), (1, 0));
    bench.advance(1);
    bench.put(&content).await.unwrap();
    assert_eq!(bench.calls(), (2, 0), "a content that was remembered is not one that was read");
}

/// A reference just handed out is good for at least half of the TTL, even if another sandbox stored the content before.
#[tokio::test]
async fn s6_what_has_less_than_half_its_life_left_is_stored_again() {
    let bench = Bench::open(CAPACITY);
    let content = named("text", Ttl::seconds(60));
    bench.put_elsewhere(&content).await;
    bench.advance(20);
    bench.get(&content).await.unwrap();
    bench.advance(10);
    assert_eq!(bench.put(&content).await, Ok(Expiry::at(1_800_000_060)));
    assert_eq!(bench.calls(), (0, 1));
    bench.advance(1);
    assert_eq!(bench.put(&content).await, Ok(Expiry::at(1_800_000_091)));
    assert_eq!(bench.calls(), (1, 1));
    bench.advance(59);
    assert_eq!(bench.get(&content).await, Ok(content.1.clone()));
    assert_eq!(bench.calls(), (1, 1), "the renewed life is remembered");
}

#[tokio::test]
async fn s7_nothing_is_served_after_its_time() {
    let bench = Bench::open(CAPACITY);
    let content = named("text", Ttl::seconds(60));
    bench.put(&content).await.unwrap();
    bench.advance(59);
    assert_eq!(bench.get(&content).await, Ok(content.1.clone()));
    bench.advance(1);
    assert_eq!(bench.get(&content).await, Err(GetError::Expired));
    assert_eq!(bench.calls(), (1, 1));
}

#[tokio::test]
async fn s7_tenants_never_share() {
    let bench = Bench::open(CAPACITY);
    let (a, b) = (scope().for_tenant("a"), scope().for_tenant("b"));
    let content = Content::string("secret");
    let reference = a.reference(DAY, &content);
    bench.store.put(&a, &[(reference, content.bytes.clone())], in_time()).await.unwrap();
    for _ in 0..2 {
        assert!(bench.store.get(&a, &[reference], in_time()).await[0].is_ok());
        assert_eq!(bench.store.get(&b, &[reference], in_time()).await, [Err(GetError::NotFound)]);
        assert_eq!(bench.store.get(&scope(), &[reference], in_time()).await, [Err(GetError::NotFound)]);
    }
    assert_eq!(bench.calls(), (1, 4));
}

#[tokio::test]
async fn s7_a_size_of_0_remembers_nothing() {
    let bench = Bench::open(0);
    let content = named("text", DAY);
    for _ in 0..3 {
        bench.put(&content).await.unwrap();
        bench.get(&content).await.unwrap();
    }
    assert_eq!(bench.calls(), (3, 3));
    assert_eq!(bench.store.spared(), Spared::default());
}

#[tokio::test]
async fn s7_the_least_recently_used_leaves_first() {
    let bench = Bench::open(4 * 1000 + 4 * 300);
    let contents: Vec<_> = ["a", "b", "c", "d", "e"].map(|letter| named(&letter.repeat(1000), DAY)).into();
    for content in &contents[..4] {
        bench.put(content).await.unwrap();
    }
    bench.get(&contents[0]).await.unwrap();
    bench.put(&contents[4]).await.unwrap();
    for kept in [0, 2, 3, 4] {
        bench.get(&contents[kept]).await.unwrap();
    }
    assert_eq!(bench.calls(), (5, 0));
    bench.get(&contents[1]).await.unwrap();
    assert_eq!(bench.calls(), (5, 1));
    bench.put(&contents[1]).await.unwrap();
    assert_eq!(bench.calls(), (5, 1), "its name was remembered all along");
}

/// A response that tells when its memory is freed.
struct Response(Vec<u8>, Arc<AtomicBool>);

impl AsRef<[u8]> for Response {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn s7_a_remembered_content_does_not_keep_its_response_alive() {
    let bench = Bench::open(CAPACITY);
    let freed = Arc::new(AtomicBool::new(false));
    let response = Bytes::from_owner(Response(vec![b'x'; 5 << 20], Arc::clone(&freed)));
    let slice = response.slice(100..10_100);
    let content = (scope().reference(DAY, &Content::string(slice.clone())), slice);
    bench.put(&content).await.unwrap();
    let reference = content.0;
    drop((response, content));
    assert!(freed.load(Ordering::SeqCst));
    let stored = bench.store.get(&scope(), &[reference], in_time()).await.remove(0).unwrap();
    assert_eq!((stored.bytes.len(), bench.calls()), (10_000, (1, 0)));
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<usize>),
    Get(Vec<usize>),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop::sample::subsequence((0..12).collect::<Vec<_>>(), 0..4);
    prop_oneof![
        3 => some().prop_map(Step::Put),
        4 => some().prop_map(Step::Get),
        2 => (0_u64..70).prop_map(Step::Advance),
        1 => Just(Step::Advance(600)),
    ]
}

/// Twelve contents: two tenants and none, two TTL classes, two lengths.
fn contents() -> Vec<(Scope, ContentRef, Bytes)> {
    let scopes = [scope(), scope().for_tenant("a"), scope().for_tenant("b")];
    let cases = (0..12).map(|n| (&scopes[n % 3], [Ttl::seconds(60), Ttl::NONE][n / 3 % 2], [10, 900][n / 6]));
    cases
        .map(|(scope, ttl, len)| {
            let content = Content::string("x".repeat(len));
            (scope.clone(), scope.reference(ttl, &content), content.bytes)
        })
        .collect()
}

/// What a store answers to one step; contents of other scopes are asked for too.
async fn answer(store: &impl ContentStore, now: &AtomicU64, step: &Step) -> String {
    let mut answers = vec![];
    for (scope, reference, bytes) in contents() {
        match step {
            Step::Put(wanted) if wanted.iter().any(|index| contents()[*index].1 == reference) => {
                answers.push(format!("{:?}", store.put(&scope, &[(reference, bytes)], in_time()).await));
            }
            Step::Get(wanted) => {
                let references: Vec<_> = wanted.iter().map(|index| contents()[*index].1).collect();
                answers.push(format!("{:?}", store.get(&scope, &references, in_time()).await));
            }
            _ => {}
        }
    }
    if let Step::Advance(seconds) = step {
        now.fetch_add(*seconds, Ordering::SeqCst);
    }
    answers.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s7_it_answers_as_the_store_behind_it(
        capacity in prop_oneof![Just(0_u64), Just(2000), Just(CAPACITY)],
        steps in prop::collection::vec(step(), 0..30),
    ) {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (bare_now, cached_now) = (Arc::new(AtomicU64::new(1000)), Arc::new(AtomicU64::new(1000)));
        let bare = MemoryStore::new().with_clock(clock(&bare_now));
        let behind = MemoryStore::new().with_clock(clock(&cached_now));
        let cached = CachedStore::new(behind, capacity).with_clock(clock(&cached_now));
        for step in steps {
            let expected = tokio.block_on(answer(&bare, &bare_now, &step));
            let answered = tokio.block_on(answer(&cached, &cached_now, &step));
            prop_assert_eq!(answered, expected, "{:?}", step);
        }
    }
}
