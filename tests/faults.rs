//! A6: a table that throttles, fails, hangs or cuts connections. Content is stored all the same, or the invocation fails with the
//! typed error before its deadline; never a hang, never a loss.

use std::time::{Duration, Instant};

use lambda_local::table::{Fault, Faults};
use serde_json::json;

use test_kit::json::{noise, quote};
use test_kit::world::Failure;
use test_kit::{Event, World};

/// Longer than what may go as it is, so that storing is the only way.
const TOO_LONG_TO_GO: usize = 300 * 1024;
/// What every invocation here has.
const REMAINING: Duration = Duration::from_secs(8);

/// What reached Lambda of one invocation.
enum Outcome {
    Response(Vec<u8>),
    Failed(Failure),
}

/// One invocation with `response`, which must come to an end before its deadline.
async fn outcome(world: &mut World, response: &str) -> Outcome {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").due_in(REMAINING));
    let started = Instant::now();
    world.runtime.next().await;
    assert_eq!(world.runtime.respond(&id, response).await.status, 202);
    assert!(started.elapsed() < REMAINING, "{:?}", started.elapsed());
    let path = format!("POST /2018-06-01/runtime/invocation/{id}");
    let (responses, errors) =
        (world.lambda.count(&format!("{path}/response")), world.lambda.count(&format!("{path}/error")));
    match (responses, errors) {
        (1, 0) => Outcome::Response(world.lambda.response(&id).await.body),
        (0, 1) => Outcome::Failed(Failure::of(&world.lambda.error(&id).await)),
        other => panic!("{other:?} responses and errors for one invocation"),
    }
}

/// One invocation at a table where every request meets `fault` cannot store, and ends with the typed error.
async fn cannot_be_stored(fault: Fault) {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    world.table().faults(Faults::always(fault));
    let Outcome::Failed(failure) = outcome(&mut world, &quote(&noise(TOO_LONG_TO_GO, 0))).await else {
        panic!("nothing could be stored")
    };
    assert_eq!(failure.error_type, "LongContent.StoreUnavailable");
    assert_eq!(world.deliver("1").await.text(), "1");
}

/// Many invocations while `faults` hold: how many were stored. Each of those is read back without faults; the others failed
/// with the typed error.
async fn stored_under(faults: Faults, invocations: u64) -> u64 {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 6).with_table().await;
    let mut sent = Vec::new();
    world.table().faults(faults);
    for seed in 0..invocations {
        // Two of them: several items go in batches.
        let response = json!([noise(TOO_LONG_TO_GO, seed), noise(6000, seed)]).to_string();
        match outcome(&mut world, &response).await {
            Outcome::Response(body) => sent.push((body, response)),
            Outcome::Failed(failure) => assert_eq!(failure.error_type, "LongContent.StoreUnavailable"),
        }
    }
    world.table().clear_faults();
    let mut reader = world.reader().await;
    for (body, response) in &sent {
        assert!(body.len() < 400, "{} bytes", body.len());
        assert!(reader.deliver(body.as_slice()).await.text() == *response, "a loss");
    }
    sent.len() as u64
}

#[tokio::test]
async fn a6_content_is_stored_though_30_percent_of_requests_are_throttled() {
    assert_eq!(stored_under(Faults::share(30, Fault::Throttle, 1), 30).await, 30);
}

#[tokio::test]
async fn a6_content_is_stored_though_30_percent_of_requests_fail_with_500() {
    assert_eq!(stored_under(Faults::share(30, Fault::InternalError, 2), 30).await, 30);
}

#[tokio::test]
async fn a6_content_is_stored_though_30_percent_of_connections_break() {
    assert_eq!(stored_under(Faults::share(30, Fault::Reset, 3), 30).await, 30);
}

#[tokio::test]
async fn a6_content_is_stored_though_batches_come_back_unprocessed() {
    assert_eq!(stored_under(Faults::share(50, Fault::Unprocessed, 4), 20).await, 20);
}

#[tokio::test]
async fn a6_content_is_stored_though_a_request_hangs() {
    let mut world = World::start().with_table().await;
    world.table().faults(Faults::next(vec![Fault::Hang]));
    let response = quote(&noise(TOO_LONG_TO_GO, 0));
    let Outcome::Response(sent) = outcome(&mut world, &response).await else { panic!("there was time to ask again") };
    assert!(world.reader().await.deliver(sent).await.text() == response);
}

#[tokio::test]
async fn a6_a_table_that_hangs_is_the_typed_error() {
    cannot_be_stored(Fault::Hang).await;
}

#[tokio::test]
async fn a6_a_table_that_always_throttles_is_the_typed_error() {
    cannot_be_stored(Fault::Throttle).await;
}

#[tokio::test]
async fn a6_a_table_that_always_fails_is_the_typed_error() {
    cannot_be_stored(Fault::InternalError).await;
}

#[tokio::test]
async fn a6_credentials_that_are_refused_are_the_typed_error() {
    cannot_be_stored(Fault::DenyCredentials).await;
}

#[tokio::test]
async fn a6_a_table_out_of_reach_is_the_typed_error_and_the_next_invocation_works() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 1).await;
    let Outcome::Failed(failure) = outcome(&mut world, &quote(&noise(TOO_LONG_TO_GO, 0))).await else {
        panic!("nothing could be stored")
    };
    assert_eq!(failure.error_type, "LongContent.StoreUnavailable");
    assert_eq!(world.deliver("1").await.text(), "1");
}

#[tokio::test]
async fn a6_the_deadline_of_the_invocation_goes_before_the_timeout_of_the_store() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 20).with_table().await;
    world.table().hang();
    let Outcome::Failed(failure) = outcome(&mut world, &quote(&noise(TOO_LONG_TO_GO, 0))).await else {
        panic!("nothing could be stored")
    };
    assert_eq!(failure.error_type, "LongContent.StoreUnavailable");
}

#[tokio::test]
async fn o7_a_short_response_that_cannot_be_stored_goes_as_it_is_or_fails() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    world.table().faults(Faults::always(Fault::InternalError));
    let response = quote(&noise(6000, 0));
    match outcome(&mut world, &response).await {
        Outcome::Response(body) => assert_eq!(body, response.as_bytes()),
        Outcome::Failed(failure) => assert_eq!(failure.error_type, "LongContent.StoreUnavailable"),
    }
}

#[tokio::test]
async fn o7_a_look_alike_that_cannot_be_stored_never_goes_as_it_is() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    world.table().faults(Faults::always(Fault::InternalError));
    let failure = world.respond_in_vain(r#"["@content:1:mine"]"#).await;
    assert_eq!(failure.error_type, "LongContent.StoreUnavailable");
}

#[tokio::test]
async fn a6_events_are_hydrated_though_the_table_falters() {
    for fault in [Fault::Throttle, Fault::InternalError, Fault::Reset, Fault::Unprocessed] {
        let mut writer = World::start().with_table().await;
        let contents: Vec<_> = (0..10).map(|seed| noise(TOO_LONG_TO_GO, seed)).collect();
        let sent = writer.respond(serde_json::to_string(&contents).unwrap()).await.body;
        let mut reader = writer.reader().await;
        writer.table().faults(Faults::share(50, fault.clone(), 5));
        for _ in 0..5 {
            let delivered = reader.deliver(sent.as_slice()).await;
            assert!(delivered.json() == json!(contents), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a6_after_the_faults_everything_works_again() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    world.table().hang();
    world.respond_in_vain(quote(&noise(TOO_LONG_TO_GO, 1))).await;
    world.table().clear_faults();
    let sent = world.respond(quote(&noise(TOO_LONG_TO_GO, 1))).await;
    assert!(world.reader().await.deliver(sent.body).await.text() == quote(&noise(TOO_LONG_TO_GO, 1)));
}
