//! A content in parts is readable whole or not at all, whatever becomes of its writers, and however many there are.

use std::collections::HashSet;

use lambda_local::table::{Gate, TableRequest};

use super::*;

/// Whether a request writes the item that makes a content of parts readable.
fn is_commit(request: &TableRequest<'_>) -> bool {
    request.operation == "BatchWriteItem" && String::from_utf8_lossy(request.body).contains("\"part_size\"")
}

/// The commit item is not sent before every part is acknowledged: while one part is refused, it never is.
#[tokio::test]
async fn the_commit_item_waits_for_every_part() {
    let bench = Bench::start().await;
    let content = named(noise(5 * MIB, 1), DAY);
    let commits = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&commits);
    bench.table.faults().set(Faults::by(move |request| {
        seen.fetch_add(u64::from(is_commit(request)), Ordering::SeqCst);
        if String::from_utf8_lossy(request.body).contains(".7\"") { Fault::Throttle } else { Fault::Pass }
    }));
    let mut put = std::pin::pin!(bench.put(&content));
    // 13 parts in three requests, of which the one with five of them is refused, again and again.
    let refused = bench.table.metered(|meter| meter.items_written == 8 && meter.requests_of("BatchWriteItem") >= 6);
    tokio::select! {
        put = &mut put => panic!("{put:?}"),
        _ = refused => assert_eq!(commits.load(Ordering::SeqCst), 0),
    }
    assert_eq!(get_one(&bench.store, content.0).await, Err(GetError::NotFound));
    bench.table.faults().clear();
    put.await.unwrap();
    assert_held(&bench.store, std::slice::from_ref(&content)).await;
}

/// A crash after the parts leaves nothing readable, and what it leaves expires.
#[tokio::test]
async fn a_crash_before_the_commit_item_leaves_nothing_readable() {
    let bench = Bench::start().await;
    let content = named(noise(2 * MIB, 1), DAY);
    bench.table.faults().set(Faults::by(|request| if is_commit(request) { Fault::Hang } else { Fault::Pass }));
    // The parts' request, and the commit item's.
    tokio::select! {
        put = bench.put(&content) => panic!("{put:?}"),
        _ = bench.table.metered(|meter| meter.requests_of("BatchWriteItem") == 2) => {}
    }
    bench.table.faults().clear();
    assert_eq!(bench.part_ids().await.len(), 6);
    assert_eq!(get_one(&bench.store, content.0).await, Err(GetError::NotFound));
    round_trip(&bench.store, &[content]).await;
}

/// Two writers of one content with different settings, and a reader between them: it sees nothing or the content.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_with_different_parts_never_mix() {
    let bench = Bench::start().await;
    let other = bench.store.clone().with_part_size(100 * KIB);
    let scope = scope();
    bench.table.faults().set(Faults::share(40, Fault::Delay(Duration::from_millis(5)), 1));
    for seed in 0..5 {
        let content = named(noise(2 * MIB, seed), DAY);
        let (one, two) = (std::slice::from_ref(&content), std::slice::from_ref(&content));
        let reader = async {
            loop {
                match get_one(&bench.store, content.0).await {
                    Ok(bytes) => break bytes,
                    Err(error) => assert_eq!(error, GetError::NotFound),
                }
            }
        };
        let (first, second, read) =
            tokio::join!(bench.store.put(&scope, one, in_time()), other.put(&scope, two, in_time()), reader);
        assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
        assert!(read == content.1);
        assert_held(&bench.store, &[content]).await;
    }
    let digests =
        bench.part_ids().await.iter().map(|id| id.rsplit_once('.').unwrap().0.to_owned()).collect::<HashSet<_>>();
    assert!(digests.len() > 5, "both writers wrote parts at least once: {}", digests.len());
}

/// A writer's commit item comes after another one has written other parts: it names its own, which are all there.
#[tokio::test]
async fn a_late_commit_item_names_its_own_parts() {
    let bench = Bench::start().await;
    let content = named(noise(2 * MIB, 1), DAY);
    let (other, scope) = (bench.store.clone().with_part_size(100 * KIB), scope());
    bench.table.faults().set(Faults::by(|request| if is_commit(request) { Fault::Throttle } else { Fault::Pass }));
    let (first, ()) = tokio::join!(bench.put(&content), async {
        tokio::select! {
            put = other.put(&scope, std::slice::from_ref(&content), in_time()) => panic!("{put:?}"),
            _ = bench.table.metered(|meter| meter.items_written == 6 + 21) => bench.table.faults().clear(),
        }
    });
    assert_eq!(first, Ok(()));
    assert_eq!(bench.part_ids().await.len(), 6 + 21);
    assert_held(&bench.store, &[content]).await;
}

/// One writer is held up at each of its requests in turn, while another one writes the content in other parts: a reader
/// in between or afterwards gets all of it.
#[tokio::test]
async fn a_writer_held_up_anywhere_harms_nobody() {
    let bench = Bench::start().await;
    let (other, scope) = (bench.store.clone().with_part_size(100 * KIB), scope());
    // A look, the parts, the commit item.
    for step in 0..3 {
        let content = [named(noise(2 * MIB, step as u64), DAY)];
        let (gate, before) = (Gate::shut(), bench.table.meter());
        bench.table.faults().set(Faults::after(step, Fault::Wait(gate.clone())));
        let meanwhile = async {
            bench.table.metered(|meter| meter.since(&before).total_requests() > step as u64).await;
            let put = other.put(&scope, &content, in_time()).await;
            assert_held(&bench.store, &content).await;
            gate.open();
            put
        };
        let (held, put) = tokio::join!(bench.put(&content[0]), meanwhile);
        assert!(held.is_ok() && put.is_ok(), "{step}: {held:?} {put:?}");
        assert_held(&bench.store, &content).await;
    }
}
