//! The same contract in a bucket, on moto's S3, and what only a bucket can do.

use std::net::{Ipv4Addr, SocketAddr};

use lambda_local::table::ContentBucket;
use long_content::store::s3::{BucketSettings, S3Store};
use long_content::store::tiers::TieredStore;

use super::*;

/// A bucket and a store on it.
struct Shelf {
    bucket: ContentBucket,
    store: S3Store,
    dial: Dial,
}

impl Shelf {
    async fn start() -> Self {
        let bucket = test_kit::bucket::bucket().await;
        let dial = Dial::new();
        let store = S3Store::new(shelf_settings(&bucket)).unwrap().with_clock(dial.clock());
        Self { bucket, store, dial }
    }

    fn another_sandbox(&self) -> S3Store {
        S3Store::new(shelf_settings(&self.bucket)).unwrap().with_clock(self.dial.clock())
    }

    async fn put(&self, content: &(ContentRef, Bytes)) -> Result<Vec<Expiry>, PutError> {
        self.store.put(&scope(), std::slice::from_ref(content), in_time()).await
    }

    /// Requests of `operations` that `work` makes, and of all.
    async fn requests<const N: usize>(&self, operations: [&str; N], work: impl Future) -> ([u64; N], u64) {
        let count = || (operations.map(|name| self.bucket.requests_of(name)), self.bucket.total_requests());
        let before = count();
        work.await;
        let after = count();
        (std::array::from_fn(|at| after.0[at] - before.0[at]), after.1 - before.1)
    }
}

fn shelf_settings(bucket: &ContentBucket) -> BucketSettings {
    let credentials = CredentialsSource::Static {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("token".to_owned()),
    };
    BucketSettings {
        bucket: bucket.name().to_owned(),
        region: "eu-central-1".to_owned(),
        min_size: 8 << 10,
        kms_key: None,
        access: ServiceAccess {
            tls_roots: TlsRoots::System,
            connections: Connections::default().with_silence(Duration::from_mins(1)),
            ..ServiceAccess::new(Some(bucket.endpoint()), credentials)
        },
    }
}

/// Names contents for the bucket in `work`.
async fn in_s3<W: Future>(work: W) -> W::Output {
    Box::pin(NAMED_FOR.scope(StoreName::S3, work)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_keeps_the_contract() {
    let shelf = Shelf::start().await;
    in_s3(contract(&shelf.store, &shelf.dial)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_on_both_stores_keeps_the_contract() {
    let (bench, shelf) = (Bench::start().await, Shelf::start().await);
    let both = TieredStore::of(bench.store, Some(shelf.store.with_clock(bench.dial.clock())));
    let store = CachedStore::new(both, 4 << 20).with_clock(bench.dial.clock());
    in_s3(contract(&store, &bench.dial)).await;
    Box::pin(contract(&store, &bench.dial)).await;
}

/// 40 MiB that do not shrink are five parts of 8 MiB, and ten ranges of 4 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_contents_go_in_parts_and_come_in_ranges() {
    let shelf = Shelf::start().await;
    in_s3(async {
        let content = named(noise(40 * MIB, 1), DAY);
        let operations = ["HeadObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"];
        let (made, all) = shelf.requests(operations, async { shelf.put(&content).await.unwrap() }).await;
        // What a busy machine does not answer in time is asked again.
        assert!(all >= 8 && made.iter().zip([1, 1, 5, 1, 0]).all(|(made, least)| *made >= least), "{made:?}");
        let ([made], all) = shelf.requests(["GetObject"], assert_held(&shelf.store, &[content])).await;
        assert!(made >= 10 && made == all, "{made} {all}");
        let short = named(noise(6000, 2), DAY);
        let (made, all) = shelf.requests(["PutObject"], async { shelf.put(&short).await.unwrap() }).await;
        assert_eq!((made, all), ([1], 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_long_is_uploaded_again_only_after_half_its_life() {
    let shelf = Shelf::start().await;
    in_s3(async {
        for content in [named(noise(2 * MIB, 1), DAY), named(noise(9 * MIB, 2), DAY)] {
            let told = shelf.put(&content).await.unwrap();
            shelf.dial.advance(43_200);
            let other = shelf.another_sandbox();
            let again =
                async { assert_eq!(other.put(&scope(), std::slice::from_ref(&content), in_time()).await, Ok(told)) };
            assert_eq!(shelf.requests(["HeadObject"], again).await, ([1], 1));
            shelf.dial.advance(1);
            let end = Expiry::at(shelf.dial.now() + 86_400);
            assert_eq!(other.put(&scope(), std::slice::from_ref(&content), in_time()).await, Ok(vec![end]));
            shelf.dial.advance(86_399);
            assert_held(&other, &[content]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_object_is_in_the_folder_of_its_lifetime_and_says_when_it_is_over() {
    let shelf = Shelf::start().await;
    in_s3(async {
        let contents =
            [named(noise(10, 1), DAY), named(noise(10, 2), Ttl::seconds(8 * 86_400)), named(noise(10, 3), Ttl::NONE)];
        shelf.store.put(&scope(), &contents, in_time()).await.unwrap();
        let [day, long, endless] = contents.map(|(reference, _)| reference);
        let key = |folder: &str, reference: ContentRef| format!("contents/{folder}/{}", reference.id);
        let mut expected = vec![key("1d", day), key("14d", long), key("none", endless)];
        expected.sort();
        assert_eq!(shelf.bucket.keys().await, expected);
        let end = |seconds: u64| (shelf.dial.now() + seconds).to_string();
        for (key, expected) in [
            (key("1d", day), Some(end(86_400))),
            (key("14d", long), Some(end(8 * 86_400))),
            (key("none", endless), None),
        ] {
            let (headers, _) = shelf.bucket.object(&key).await;
            let said = headers.get("x-amz-meta-expires-at").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(said, expected, "{key}");
        }
    })
    .await;
}

#[tokio::test]
async fn damage_is_told() {
    let shelf = Shelf::start().await;
    in_s3(async {
        let content = named(text(5000, 1), DAY);
        let key = format!("contents/1d/{}", content.0.id);
        let stored = || async { shelf.put(&content).await.unwrap() };
        let read = || get_one(&shelf.store, content.0);
        stored().await;
        shelf.bucket.edit(&key, |_, bytes| *bytes.last_mut().unwrap() ^= 1).await;
        assert_eq!(read().await, Err(GetError::Corrupt));
        stored().await;
        shelf.bucket.edit(&key, |_, bytes| bytes.clear()).await;
        assert_eq!(read().await, Err(GetError::Corrupt));
        shelf.bucket.edit(&key, |_, bytes| bytes.resize(content.1.len() + 1, 0)).await;
        assert_eq!(read().await, Err(GetError::Corrupt));
        for (name, value, error) in [
            ("x-amz-meta-format", "x", GetError::Corrupt),
            ("x-amz-meta-size", "4999", GetError::Refused),
            ("x-amz-meta-scope", "elsewhere", GetError::NotFound),
            ("x-amz-meta-expires-at", "1000000000", GetError::Expired),
        ] {
            stored().await;
            shelf.bucket.edit(&key, |headers, _| drop(headers.insert(name, value.parse().unwrap()))).await;
            assert_eq!(read().await, Err(error), "{name}");
        }
        stored().await;
        shelf.bucket.edit(&key, |headers, _| drop(headers.insert("x-amz-meta-format", "2".parse().unwrap()))).await;
        assert!(matches!(read().await, Err(GetError::Unavailable(heard)) if heard.contains("newer layer")));
        shelf.bucket.delete(&key).await;
        assert_eq!(read().await, Err(GetError::NotFound));
    })
    .await;
}

/// Small and long contents through a bucket that fails 30 % of all requests.
async fn survives(fault: Fault) {
    let shelf = Shelf::start().await;
    shelf.bucket.faults().set(Faults::share(30, fault, 7));
    in_s3(async {
        let mut contents: Vec<_> = (0..20).map(|n| named(noise(6000, n), DAY)).collect();
        contents.push(named(noise(9 * MIB, 100), DAY));
        round_trip(&shelf.store, &contents).await;
    })
    .await;
}

#[tokio::test]
async fn slowed_down_at_thirty_percent_s3_stores_and_reads_all_the_same() {
    survives(Fault::Throttle).await;
}

#[tokio::test]
async fn failing_at_thirty_percent_s3_stores_and_reads_all_the_same() {
    survives(Fault::InternalError).await;
}

/// An upload that was completed while its answer was lost is not there any more, and its object is.
#[tokio::test]
async fn broken_off_at_thirty_percent_s3_stores_and_reads_all_the_same() {
    survives(Fault::Reset).await;
}

#[tokio::test]
async fn a_hanging_request_to_s3_is_given_up_for_a_new_one() {
    let shelf = Shelf::start().await;
    in_s3(async {
        let content = named(noise(6000, 1), DAY);
        shelf.bucket.faults().set(Faults::next(vec![Fault::Hang]));
        let (made, _) = shelf.requests(["PutObject"], async { shelf.put(&content).await.unwrap() }).await;
        assert_eq!(made, [2]);
        assert_held(&shelf.store, &[content]).await;
    })
    .await;
}

#[tokio::test]
async fn the_deadline_holds_in_s3() {
    let shelf = Shelf::start().await;
    in_s3(async {
        let content = named(noise(2 * MIB, 1), DAY);
        shelf.put(&content).await.unwrap();
        let other = named(noise(9 * MIB, 2), DAY);
        for fault in [Fault::Hang, Fault::Throttle, Fault::InternalError, Fault::Reset] {
            shelf.bucket.faults().set(Faults::always(fault.clone()));
            let until = Instant::now() + Duration::from_millis(300);
            let put = shelf.store.put(&scope(), std::slice::from_ref(&other), until).await;
            assert!(matches!(put, Err(PutError::Unavailable(_))), "{fault:?}: {put:?}");
            let read = get(&shelf.store, &scope(), &[content.0], until + Duration::from_millis(300)).await;
            assert!(matches!(read[0], Err(GetError::Unavailable(_))), "{fault:?}");
        }
        let before = shelf.bucket.total_requests();
        let put = shelf.store.put(&scope(), std::slice::from_ref(&content), Instant::now()).await;
        assert!(matches!(put, Err(PutError::Unavailable(_))), "{put:?}");
        assert_eq!(shelf.bucket.total_requests(), before, "no time left is no request");
    })
    .await;
}

#[tokio::test]
async fn what_never_helps_fails_at_once_and_says_what_to_look_at() {
    let shelf = Shelf::start().await;
    in_s3(async {
        let content = named(noise(6000, 1), DAY);
        for (fault, code, put_hint, get_hint) in [
            (Fault::DenyCredentials, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
            (Fault::NoTable, "NoSuchBucket", "LRAP_CONTENT_BUCKET", "LRAP_CONTENT_BUCKET"),
            (Fault::Refuse(403, "AccessDenied"), "AccessDenied", "s3:PutObject", "s3:GetObject"),
        ] {
            shelf.bucket.faults().set(Faults::always(fault));
            let before = shelf.bucket.total_requests();
            let Err(PutError::Unavailable(heard)) = shelf.put(&content).await else { panic!("stored") };
            assert!(heard.contains(code) && heard.contains(put_hint) && !heard.contains("AKID"), "{heard}");
            let Err(GetError::Unavailable(heard)) = get_one(&shelf.store, content.0).await else { panic!("read") };
            assert!(heard.contains(code) && heard.contains(get_hint), "{heard}");
            assert_eq!(shelf.bucket.total_requests() - before, 2, "{code}");
        }
    })
    .await;
}

/// A sandbox whose clock is off asks once more, and then knows.
#[tokio::test]
async fn a_clock_that_is_off_costs_one_more_request() {
    let shelf = Shelf::start().await;
    in_s3(async {
        let content = named(noise(6000, 1), DAY);
        for ahead in [600, -600] {
            shelf.bucket.faults().set(Faults::always(Fault::Clock(ahead)));
            let (made, _) = shelf.requests(["PutObject"], async { shelf.put(&content).await.unwrap() }).await;
            assert_eq!(made, [2], "{ahead}");
            let (made, _) = shelf.requests(["PutObject"], async { shelf.put(&content).await.unwrap() }).await;
            assert_eq!(made, [1], "{ahead}");
        }
    })
    .await;
}

/// Short contents in the table and long ones in the bucket, in one flight: neither waits for the other.
#[tokio::test]
async fn both_stores_are_written_and_read_at_once() {
    let (bench, shelf) = (Bench::start().await, Shelf::start().await);
    let both = TieredStore::of(bench.store.clone(), Some(shelf.store.clone()));
    let small = named(noise(6000, 1), DAY);
    let large = in_s3(async { named(noise(MIB, 2), DAY) }).await;
    let contents = [large.clone(), small.clone(), in_s3(async { named(noise(MIB, 3), DAY) }).await];
    let gates = [Gate::shut(), Gate::shut()];
    bench.table.faults().set(Faults::always(Fault::Wait(gates[0].clone())));
    shelf.bucket.faults().set(Faults::always(Fault::Wait(gates[1].clone())));
    let scope = scope();
    let put = both.put(&scope, &contents, in_time());
    let both_asked = async {
        bench.table.metered(|meter| meter.total_requests() > 0).await;
        shelf.bucket.asked_times(2).await;
        gates.iter().for_each(Gate::open);
    };
    let (told, ()) = tokio::join!(put, both_asked);
    assert_eq!(told.unwrap().len(), 3);
    assert_held(&both, &contents).await;
    assert_eq!((bench.table.items().await.unwrap().len(), shelf.bucket.keys().await.len()), (1, 2));
    assert!(both.meter().saved_usd > 0.001, "{:?}", both.meter());
}

/// The table alone: a reference to S3 is no request, and says which variable is missing.
#[tokio::test]
async fn without_a_bucket_nothing_is_asked_of_s3() {
    let bench = Bench::start().await;
    let alone = TieredStore::of(bench.store.clone(), None);
    let content = in_s3(async { named(noise(6000, 1), DAY) }).await;
    let Err(GetError::Unavailable(heard)) = get_one(&alone, content.0).await else { panic!("read") };
    assert!(heard.contains("LRAP_CONTENT_BUCKET"), "{heard}");
    let Err(PutError::Unavailable(heard)) = alone.put(&scope(), &[content], in_time()).await else { panic!("stored") };
    assert!(heard.contains("LRAP_CONTENT_BUCKET"), "{heard}");
    assert_eq!(bench.table.meter().total_requests(), 0);
}

/// The bucket's own region is learnt from S3's redirect, once.
#[tokio::test]
async fn a_bucket_in_another_region_is_found() {
    let shelf = Shelf::start().await;
    let regions = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
    let seen = std::sync::Arc::clone(&regions);
    shelf.bucket.faults().set(Faults::by(move |request| {
        seen.lock().unwrap().push(request.region.to_owned());
        if request.region == "eu-west-1" { Fault::Pass } else { Fault::Elsewhere("eu-west-1") }
    }));
    in_s3(round_trip(&shelf.store, &[in_s3(async { named(noise(6000, 1), DAY) }).await])).await;
    assert_eq!(*regions.lock().unwrap(), ["eu-central-1", "eu-west-1", "eu-west-1"]);
}

/// A bucket that nobody serves fails within its time, and says so.
#[tokio::test]
async fn a_bucket_out_of_reach_is_no_hang() {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let shelf = Shelf::start().await;
    let mut settings = shelf_settings(&shelf.bucket);
    settings.access.endpoint = Some(format!("http://{nobody}"));
    let store = S3Store::new(settings).unwrap();
    in_s3(async {
        let content = named(noise(6000, 1), DAY);
        let until = Instant::now() + Duration::from_millis(300);
        let Err(PutError::Unavailable(heard)) = store.put(&scope(), &[content], until).await else { panic!("stored") };
        assert!(heard.contains("no connection"), "{heard}");
    })
    .await;
}
