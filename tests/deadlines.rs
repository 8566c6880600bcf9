//! O8: deadlines, when clocks jump.

use std::time::{Duration, Instant, SystemTime};

use lambda_local::table::{Fault, Faults};

use test_kit::json::{noise, quote};
use test_kit::message::unix_millis;
use test_kit::{Event, World};

/// Headers of deadlines that an event which was just handed over cannot have.
fn impossible() -> [String; 5] {
    let now = unix_millis(SystemTime::now());
    ["0".to_owned(), String::new(), (now - 5).to_string(), (now - 89_000).to_string(), (now + 3_600_000).to_string()]
}

/// Every request to the table takes longer than what would be left of a short time.
fn slow() -> Faults {
    Faults::always(Fault::Delay(Duration::from_millis(300)))
}

#[tokio::test]
async fn o8_an_event_whose_deadline_cannot_be_true_is_hydrated() {
    let mut writer = World::start().with_table().await;
    let content = quote(&noise(6_000, 1));
    let sent = writer.respond(content.as_str()).await.body;
    writer.table().faults(slow());
    for deadline in impossible() {
        let mut reader = writer.reader().await;
        let event = Event::new("1", sent.as_slice()).deadline(&deadline);
        assert!(reader.deliver_event(event).await.text() == content, "{deadline}");
    }
}

#[tokio::test]
async fn o8_a_response_whose_deadline_cannot_be_true_is_offloaded() {
    for deadline in impossible() {
        let mut world = World::start().with_table().await;
        world.table().faults(slow());
        world.lambda.push(Event::new("1", "{}").deadline(&deadline));
        world.runtime.next().await;
        world.runtime.respond("1", quote(&noise(6_000, 1))).await;
        assert!(world.lambda.response("1").await.text().starts_with("\"@content:1:"), "{deadline}");
    }
}

/// The wall clock went back by ten minutes, and with it every deadline seems to be ten minutes later.
#[tokio::test]
async fn o8_an_invocation_has_no_more_time_than_the_one_before_it_when_the_clock_goes_back() {
    let mut world = World::start().with_table().await;
    world.lambda.push(Event::new("before", "{}").due_in(Duration::from_secs(3)));
    world.runtime.next().await;
    let sent = world.runtime.respond("before", quote(&noise(6_000, 1))).await;
    assert_eq!(sent.status, 202);
    let reference = world.lambda.response("before").await.body;
    let mut reader = World::start().sharing(world.table()).await;
    reader.lambda.push(Event::new("normal", "{}").due_in(Duration::from_secs(3)));
    reader.runtime.next().await;
    reader.runtime.respond("normal", "{}").await;
    reader.table().hang();
    let started = Instant::now();
    let event = Event::new("after", reference).due_in(Duration::from_secs(603));
    assert_eq!(reader.fail_event(event).await.error_type, "LongContent.StoreUnavailable");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}, not LRAP_STORE_TIMEOUT", started.elapsed());
}
