//! Section 6: what any sandbox has stored is written again only with less than half of its life left, or if it is not what it
//! should be.

use data_encoding::BASE64;
use tokio::task::JoinSet;

use super::*;

#[tokio::test]
async fn what_is_stored_is_written_again_only_after_half_its_life() {
    for Elsewhere { what, contents, requests } in stored_elsewhere() {
        let bench = Bench::start().await;
        let told = bench.store.put(&scope(), &contents, in_time()).await.unwrap();
        let written = bench.table.items().await.unwrap();
        bench.dial.advance(43_200);
        let before = bench.table.meter();
        let other = bench.another_sandbox();
        assert_eq!(other.put(&scope(), &contents, in_time()).await, Ok(told), "{what}");
        let made = bench.table.meter().since(&before);
        assert_eq!((made.items_written, made.total_requests()), (0, requests), "{what}");
        assert_eq!(bench.table.items().await.unwrap(), written, "{what}");

        bench.dial.advance(1);
        let end = Expiry::at(bench.dial.now() + 86_400);
        assert_eq!(other.put(&scope(), &contents, in_time()).await, Ok(vec![end; contents.len()]), "{what}");
        assert_eq!(bench.table.meter().since(&before).items_written, written.len() as u64, "{what}");
        bench.dial.advance(86_399);
        assert_held(&other, &contents).await;
    }
}

/// Contents that another sandbox has stored, and the requests that learning so takes.
struct Elsewhere {
    what: &'static str,
    contents: Vec<(ContentRef, Bytes)>,
    requests: u64,
}

fn stored_elsewhere() -> Vec<Elsewhere> {
    let mixed = [small_ones(3), vec![named(noise(MIB, 9), DAY)]].concat();
    let case = |what, contents, requests| Elsewhere { what, contents, requests };
    vec![
        case("one item", small_ones(1), 1),
        case("one large item", vec![named(noise(300_000, 1), DAY)], 1),
        case("several items", small_ones(20), 1),
        case("more items than one look sees", small_ones(230), 3),
        case("parts", vec![named(noise(MIB, 1), DAY)], 1),
        case("items and parts", mixed, 1),
    ]
}

#[tokio::test]
async fn what_is_endless_is_written_once() {
    for content in [named(noise(6000, 1), Ttl::NONE), named(noise(MIB, 1), Ttl::NONE)] {
        let bench = Bench::start().await;
        bench.put(&content).await.unwrap();
        let before = bench.table.meter();
        bench.dial.advance(1_000_000_000);
        let told = bench.another_sandbox().put(&scope(), std::slice::from_ref(&content), in_time()).await;
        assert_eq!(told, Ok(vec![Expiry::NEVER]));
        assert_eq!(bench.table.meter().since(&before).items_written, 0);
    }
}

/// Only what is missing is written: a look tells which of many.
#[tokio::test]
async fn of_many_only_the_missing_are_written() {
    let bench = Bench::start().await;
    let contents = small_ones(30);
    bench.store.put(&scope(), &contents[..29], in_time()).await.unwrap();
    let before = bench.table.meter();
    round_trip(&bench.another_sandbox(), &contents).await;
    assert_eq!(bench.table.meter().since(&before).items_written, 1);
}

/// What cannot be read under a content's id is replaced, whether it is looked at or tried on a condition.
#[tokio::test]
async fn what_does_not_fit_is_replaced() {
    let (alone, among) = (named(noise(6000, 1), DAY), [named(noise(6000, 2), DAY), named(noise(6000, 3), DAY)]);
    let damages = [
        ("format", json!({ "N": "2" })),
        ("kind", json!({ "S": "s" })),
        ("ttl", json!({ "S": "none" })),
        ("size", json!({ "N": "6001" })),
        ("encoding", json!({ "S": "unknown" })),
        ("tenant", json!({ "S": "another" })),
        ("expires_at", json!({ "S": "tomorrow" })),
        ("expires_at", json!({ "N": "1" })),
    ];
    let bench = Bench::start().await;
    for (attribute, value) in damages {
        for contents in [std::slice::from_ref(&alone), &among[..]] {
            bench.store.put(&scope(), contents, in_time()).await.unwrap();
            tamper(&bench, &contents[0].0.id.to_string(), attribute, value.clone()).await;
            assert!(get_one(&bench.store, contents[0].0).await.is_err(), "{attribute}");
            round_trip(&bench.another_sandbox(), contents).await;
        }
    }
}

/// A content that was cut short, or is gone, has another length than its item says.
#[tokio::test]
async fn a_condition_sees_that_a_content_was_cut_short() {
    let bench = Bench::start().await;
    let content = named(noise(6000, 1), DAY);
    for cut in [json!({ "B": "AAAA" }), json!({ "NULL": true }), json!({ "N": "6000" })] {
        bench.put(&content).await.unwrap();
        tamper(&bench, &content.0.id.to_string(), "content", cut).await;
        round_trip(&bench.another_sandbox(), std::slice::from_ref(&content)).await;
    }
}

/// A damaged content of the right length is seen too: what made the condition fail comes back with the answer. It costs the
/// one write that mends it, and a content that is as it should be costs none.
#[tokio::test]
async fn a_put_that_finds_a_damaged_content_replaces_it() {
    let bench = Bench::start().await;
    let content = named(noise(6000, 1), DAY);
    bench.put(&content).await.unwrap();
    tamper(&bench, &content.0.id.to_string(), "content", json!({ "B": BASE64.encode(&[7; 6000]) })).await;
    assert_eq!(get_one(&bench.store, content.0).await, Err(GetError::Corrupt));
    let before = bench.table.meter();
    let other = bench.another_sandbox();
    let told = other.put(&scope(), std::slice::from_ref(&content), in_time()).await;
    assert_eq!(told, Ok(vec![Expiry::at(bench.dial.now() + 86_400)]));
    let made = bench.table.meter().since(&before);
    assert_eq!((made.requests_of("PutItem"), made.items_written), (2, 1));
    assert_held(&bench.store, std::slice::from_ref(&content)).await;
    let before = bench.table.meter();
    round_trip(&bench.another_sandbox(), &[content]).await;
    assert_eq!(bench.table.meter().since(&before).items_written, 0);
}

/// A sandbox that read a damaged or a missing content does not take it to be stored any more.
#[tokio::test]
async fn what_could_not_be_read_is_not_remembered_as_stored() {
    let bench = Bench::start().await;
    let content = named(noise(6000, 1), DAY);
    // With room for names only: the content itself has to be read.
    let cached = CachedStore::new(bench.store.clone(), 1).with_clock(bench.dial.clock());
    round_trip(&cached, std::slice::from_ref(&content)).await;
    bench.table.delete(&content.0.id.to_string()).await.unwrap();
    assert_eq!(get_one(&cached, content.0).await, Err(GetError::NotFound));
    round_trip(&cached, &[content]).await;
}

/// A table that refuses the first requests of one operation; by each, so many seconds pass.
fn slow(bench: &Bench, operation: &'static str, times: usize, seconds: u64) {
    let (dial, left) = (bench.dial.clone(), AtomicU64::new(times as u64));
    bench.table.faults().set(Faults::by(move |request| {
        let is_left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if request.operation != operation || is_left.is_err() {
            return Fault::Pass;
        }
        dial.advance(seconds);
        Fault::InternalError
    }));
}

/// The life of a content starts with the attempt that stored it, and not with the first one.
#[tokio::test]
async fn s6_every_attempt_has_an_expiry_of_its_own() {
    let ttl = Ttl::seconds(12);
    let small = |seed| named(noise(6000, seed), ttl);
    let cases = [
        ("PutItem", vec![small(1)]),
        ("BatchWriteItem", vec![small(2), small(3)]),
        ("BatchWriteItem", vec![named(noise(MIB, 4), ttl)]),
    ];
    for (operation, contents) in cases {
        let bench = Bench::start().await;
        slow(&bench, operation, 2, 4);
        let told = bench.store.put(&scope(), &contents, in_time()).await.unwrap();
        let end = Expiry::at(bench.dial.now() + 12);
        assert_eq!(told, vec![end; contents.len()], "{operation}");
        for item in bench.table.items().await.unwrap() {
            assert_eq!(item["expires_at"]["N"], end.second().unwrap().to_string(), "{operation}: {}", item["id"]);
        }
    }
}

/// §6: a reference just handed out is good for at least half the TTL, also when an answer came late: the content is written again.
#[tokio::test]
async fn s6_a_reference_is_never_handed_out_with_less_than_half_of_its_life() {
    let (bench, ttl) = (Bench::start().await, Ttl::seconds(12));
    let contents = [named(noise(6000, 1), ttl), named(noise(6000, 2), ttl)];
    let (dial, left) = (bench.dial.clone(), AtomicU64::new(1));
    // The write itself takes 7 s: what it wrote has 5 s left.
    bench.table.faults().set(Faults::by(move |request| {
        let is_write = request.operation == "BatchWriteItem";
        if is_write && left.swap(0, Ordering::SeqCst) == 1 {
            dial.advance(7);
        }
        Fault::Pass
    }));
    let told = bench.store.put(&scope(), &contents, in_time()).await.unwrap();
    assert_eq!(told, vec![Expiry::at(bench.dial.now() + 12); 2]);
    assert_eq!(bench.table.meter().requests_of("BatchWriteItem"), 2);
}

/// An answer that was lost may have been a success: then the next attempt finds the item.
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_not_repeated() {
    let bench = Bench::start().await;
    let content = named(noise(6000, 1), DAY);
    bench.table.faults().set(Faults::next(vec![Fault::Reset]));
    let told = bench.store.put(&scope(), std::slice::from_ref(&content), in_time()).await;
    assert_eq!(told, Ok(vec![Expiry::at(bench.dial.now() + 86_400)]));
    let meter = bench.table.meter();
    assert_eq!((meter.requests_of("PutItem"), meter.items_written), (2, 1));
    assert_held(&bench.store, &[content]).await;
}

/// Branches of a `Map` that store the same content at once leave one set of items, each written once if it is one.
#[tokio::test]
async fn branches_write_one_set_of_items() {
    for (len, items) in [(6000, 1), (300_000, 1), (MIB, 4)] {
        let bench = Bench::start().await;
        let content = named(noise(len, 1), DAY);
        let mut branches = JoinSet::new();
        for _ in 0..20 {
            let (store, content) = (bench.another_sandbox(), content.clone());
            branches.spawn(async move { store.put(&scope(), &[content], in_time()).await });
        }
        let told = branches.join_all().await;
        assert!(told.iter().all(|told| *told == Ok(vec![Expiry::at(bench.dial.now() + 86_400)])), "{told:?}");
        assert_eq!(bench.table.items().await.unwrap().len(), items);
        assert!(items > 1 || bench.table.meter().items_written == 1, "{:?}", bench.table.meter());
    }
}

/// A writer without permission to read stores all the same: looking first only saves work.
#[tokio::test]
async fn a_writer_need_not_read() {
    for Elsewhere { what, contents, .. } in stored_elsewhere() {
        let bench = Bench::start().await;
        bench.table.faults().set(Faults::always(Fault::DenyCredentials).only(&["BatchGetItem"]));
        assert!(bench.store.put(&scope(), &contents, in_time()).await.is_ok(), "{what}");
        bench.table.faults().clear();
        assert_held(&bench.store, &contents).await;
    }
}

/// Without the permission that single items need there is no way round: the error names it.
#[tokio::test]
async fn a_denied_put_is_an_error_that_says_so() {
    let bench = Bench::start().await;
    bench.table.faults().set(Faults::always(Fault::DenyCredentials).only(&["PutItem"]));
    let Err(PutError::Unavailable(heard)) = bench.put(&named(noise(6000, 1), DAY)).await else { panic!("stored") };
    assert!(heard.starts_with("PutItem: "), "{heard}");
    assert_eq!(bench.table.meter().total_requests(), 1);
}
