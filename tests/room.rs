//! H8, H5: what one event may cost: memory, requests, bytes of log. What the memory of responses is, see `bounds.rs`.

use std::time::Duration;

use lambda_local::table::Meter;
use long_content::reference::{Content, Scope, Ttl};
use serde_json::{Value, json};

use crate::memory::status;
use test_kit::json::{nest_texts, noise, quote, text};
use test_kit::world::Builder;
use test_kit::{Event, World};

const MIB: usize = 1 << 20;
const KEY: &str = "a-signing-key-of-some-length";

/// A sandbox of a function with 128 MB, whose events have 32 MiB together, and that remembers no contents.
fn small() -> Builder {
    World::start().with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 128).with("LRAP_CACHE_SIZE", 0).with("LRAP_LOG", "debug")
}

/// The reference of each content.
async fn stored(settings: Builder, contents: &[String]) -> (World, Vec<String>) {
    let mut writer = settings.with_table().await;
    let mut references = vec![];
    for content in contents {
        references.push(writer.respond(quote(content)).await.json().as_str().unwrap().to_owned());
    }
    (writer, references)
}

/// References to contents that nobody stored.
fn made_up(world: &World, count: usize) -> Vec<String> {
    let scope = Scope::new(world.table().name());
    let reference = |number: usize| scope.reference(Ttl::seconds(86_400), &Content::string(number.to_string()));
    (0..count).map(|number| reference(number).to_string()).collect()
}

fn sqs(bodies: &[String]) -> Value {
    let record = |body: &String| json!({"messageId": "m", "eventSource": "aws:sqs", "body": body});
    json!({ "Records": bodies.iter().map(record).collect::<Vec<_>>() })
}

/// Bytes beyond idle that `work` costs a sandbox at its peak.
async fn cost<T>(world: &mut World, work: impl AsyncFnOnce(&mut World) -> T) -> (usize, T) {
    world.deliver("1").await;
    let idle = status(world, "VmRSS");
    let outcome = work(world).await;
    let cost = status(world, "VmHWM").saturating_sub(idle);
    println!("idle {} KiB, {} KiB at the peak", idle / 1024, cost / 1024);
    (cost, outcome)
}

/// At depth 22 the marks around a text are doubled, and what they hold is spelt by number: 8 MB for nine bytes, forty times.
#[tokio::test]
async fn h5_marks_that_are_doubled_22_times_are_counted() {
    let (writer, references) = stored(World::start().with("MAX_CONTENT_SIZE", 0), &["nine byte".to_owned()]).await;
    let mut world = small().sharing(writer.table()).await;
    let event = nest_texts(&vec![references[0].as_str(); 40].join("\",\""), 22);
    assert!(event.len() < 20_000, "{}", event.len());
    let (cost, failure) = cost(&mut world, async |world| world.fail(event).await).await;
    assert_eq!(failure.error_type, "LongContent.EventTooLarge");
    assert!(cost < 20 * MIB, "{cost}");
}

/// Contents of megabytes take their time on a busy machine.
const REMAINING: Duration = Duration::from_mins(4);

#[tokio::test(flavor = "multi_thread")]
async fn h8_a_long_event_is_not_in_memory_beside_its_contents() {
    let content = noise(10 * MIB, 1);
    let (writer, references) =
        stored(World::start().with("LRAP_STORE_TIMEOUT", 100), std::slice::from_ref(&content)).await;
    let settings = small().with("LRAP_STORE_TIMEOUT", 100).with("LRAP_MAX_EVENT_SIZE", 11 * MIB);
    let mut world = settings.sharing(writer.table()).await;
    let id = world.fresh_id();
    let event = Event::new(&id, quote(&references[0])).due_in(REMAINING);
    let (cost, delivered) = cost(&mut world, async |world| world.deliver_event(event).await).await;
    assert!(delivered.text() == quote(&content));
    assert!(cost < 31 * MIB, "{cost}");
}

#[tokio::test]
async fn h8_one_content_named_often_is_in_memory_once() {
    let content = noise(3 * MIB, 1);
    let (writer, references) = stored(World::start(), std::slice::from_ref(&content)).await;
    let mut world = small().sharing(writer.table()).await;
    let event = json!(vec![&references[0]; 10]).to_string();
    let (cost, delivered) = cost(&mut world, async |world| world.deliver(event).await).await;
    assert!(delivered.json() == json!(vec![&content; 10]));
    assert!(cost < 24 * MIB, "{cost}");
}

#[tokio::test]
async fn h8_a_size_that_is_not_signed_counts_as_a_whole_item() {
    let contents: Vec<_> = (0..60).map(|seed| noise(400_000, seed)).collect();
    let (writer, references) = stored(World::start(), &contents).await;
    let mut world = small().sharing(writer.table()).await;
    let lies: Vec<_> = references.iter().map(|reference| reference.replacen(":400000", ":1", 1)).collect();
    let (cost, failure) = cost(&mut world, async |world| world.fail(json!(lies).to_string()).await).await;
    assert_eq!(failure.error_type, "LongContent.Refused");
    assert!(cost < 36 * MIB, "{cost}");
    let delivered = world.deliver(json!(references[..40]).to_string()).await;
    assert!(delivered.json() == json!(contents[..40]));
}

/// One liar among many costs a few requests more, and nobody else anything.
#[tokio::test]
async fn h3_unsigned_references_are_read_together_as_long_as_their_sizes_are_true() {
    let contents: Vec<_> = (0..100).map(|seed| noise(20_000, seed)).collect();
    let (writer, references) = stored(World::start(), &contents).await;
    let mut world = small().sharing(writer.table()).await;
    let before = world.table().meter();
    assert!(world.deliver(json!(references).to_string()).await.json() == json!(contents));
    assert_eq!(world.table().meter().since(&before).requests_of("BatchGetItem"), 1);
    let mut lies = references.clone();
    lies[7] = lies[7].replacen(":20000", ":1", 1);
    let batch = sqs(&lies.iter().map(|reference| quote(reference)).collect::<Vec<_>>());
    let mut expected = sqs(&contents.iter().map(|content| quote(content)).collect::<Vec<_>>());
    expected["Records"][7]["body"] = quote(&lies[7]).into();
    let before = world.table().meter();
    assert!(world.deliver(batch.to_string()).await.json() == expected);
    assert!(world.table().meter().since(&before).requests_of("BatchGetItem") <= 6);
}

/// An event that takes 25 of 32 MiB, handed over to a runtime that does not read it yet.
async fn holding(world: &World, reference: &str) -> test_kit::Runtime {
    let mut holder = world.another_runtime();
    world.lambda.push(Event::new("holds", json!(vec![reference; 5]).to_string()));
    holder.begin_next().await;
    world.extension.log_with("event hydrated").await;
    holder
}

#[tokio::test]
async fn h8_an_event_keeps_its_room_until_the_runtime_has_it_and_a_smaller_one_passes() {
    let contents = [noise(5 * MIB, 1), text(6_000)];
    let (writer, references) = stored(World::start(), &contents).await;
    let mut world = small().sharing(writer.table()).await;
    let mut holder = holding(&world, &references[0]).await;
    let mut second = world.another_runtime();
    world.lambda.push(Event::new("waits", json!(vec![&references[0]; 5]).to_string()));
    second.begin_next().await;
    world.extension.log_with("waiting for room").await;
    assert_eq!(world.deliver(quote(&references[1])).await.text(), quote(&contents[1]));
    let expected = json!(vec![&contents[0]; 5]);
    let held = holder.event().await;
    assert!(held.id() == "holds" && held.json() == expected);
    let waited = second.event().await;
    assert!(waited.id() == "waits" && waited.json() == expected);
}

/// What escapes come to is known only when a content has been read. Two such events would wait for each other.
#[tokio::test]
async fn h8_an_event_that_turns_out_larger_gives_back_its_room_and_reads_again() {
    let signed = || small().with("LRAP_SIGNING_KEY", KEY);
    let contents = [noise(5 * MIB, 1), "\"".repeat(5 * MIB)];
    let (writer, references) = stored(World::start().with("LRAP_SIGNING_KEY", KEY), &contents).await;
    let mut world = signed().sharing(writer.table()).await;
    let mut holder = holding(&world, &references[0]).await;
    let before = world.table().meter();
    world.lambda.push(Event::new("grows", quote(&references[1])));
    world.runtime.begin_next().await;
    world.extension.log_with("waiting for room").await;
    assert_eq!(world.table().meter().since(&before).requests_of("BatchGetItem"), 1);
    assert_eq!(holder.event().await.id(), "holds");
    assert!(world.runtime.event().await.text() == quote(&contents[1]));
    assert_eq!(world.table().meter().since(&before).requests_of("BatchGetItem"), 2);
}

#[tokio::test]
async fn h8_an_event_that_names_too_many_references_is_refused_before_anything_is_read() {
    let mut world = World::start().with_table().await;
    let references = made_up(&world, 4_097);
    let nested = json!([json!([references]).to_string()]).to_string();
    let malformed: Vec<_> = (0..5_000).map(|number| format!("@content:1:{number}")).collect();
    let before = world.table().meter();
    for event in [json!(references).to_string(), nested, json!(malformed).to_string()] {
        let failure = world.fail(event).await;
        assert_eq!(failure.error_type, "LongContent.EventTooLarge");
        assert!(failure.message.contains("LRAP_MAX_REFERENCES allows 4096"), "{}", failure.message);
    }
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
    assert_eq!(world.fail(json!(references[..4_096]).to_string()).await.error_type, "LongContent.NotFound");
}

/// A list that left as a whole, so that its response fits, names contents of its own.
#[tokio::test]
async fn h8_references_in_contents_count_too() {
    let mut writer = World::start().with("MAX_PAYLOAD_SIZE", 300).with_table().await;
    let contents: Vec<_> = (0..20).map(|seed| noise(6_000, seed)).collect();
    let sent = writer.respond(json!(contents).to_string()).await.text();
    assert!(sent.starts_with("\"@content:"), "{sent}");
    let with = |most: usize| World::start().with("LRAP_MAX_REFERENCES", most).sharing(writer.table());
    assert_eq!(with(21).await.deliver(sent.as_str()).await.json(), json!(contents));
    let failure = with(20).await.fail(sent.as_str()).await;
    assert_eq!(failure.error_type, "LongContent.EventTooLarge");
    let batch = sqs(&[sent.clone(), "plain".to_owned()]);
    let delivered = with(20).await.deliver(batch.to_string()).await;
    assert_eq!(delivered.json(), batch, "its record stays as it is");
}

#[tokio::test]
async fn h5_a_record_that_names_too_many_references_stays_and_the_others_are_hydrated() {
    let (writer, references) = stored(World::start(), &[text(6_000)]).await;
    let mut world = World::start().with("LRAP_MAX_REFERENCES", 50).sharing(writer.table()).await;
    let many = json!(made_up(&world, 51)).to_string();
    let event = |first: &str| sqs(&[first.to_owned(), many.clone(), first.to_owned()]);
    assert_eq!(world.deliver(event(&references[0]).to_string()).await.json(), event(&text(6_000)));
    let line: Value = serde_json::from_str(&world.extension.log_with("records kept in the event").await).unwrap();
    assert_eq!((&line["records"], &line["first"]), (&json!(1), &json!("[1]")));
}

#[tokio::test]
async fn o4_what_a_record_names_that_names_too_many_leaves_as_it_came() {
    let mut world = World::start().with("LRAP_MAX_REFERENCES", 50).with_table().await;
    let many = json!(made_up(&world, 51)).to_string();
    let event = sqs(&["plain".to_owned(), many.clone()]).to_string();
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, event.as_str()));
    assert_eq!(world.runtime.next().await.text(), event);
    world.runtime.respond(&id, many.as_str()).await;
    assert_eq!(world.lambda.response(&id).await.text(), many);
    assert_eq!(world.table().items().await.len(), 0);
}

#[tokio::test]
async fn h5_a_batch_that_names_too_many_references_outside_of_its_records_fails() {
    let (writer, references) = stored(World::start(), &[text(6_000)]).await;
    let mut world = World::start().with("LRAP_MAX_REFERENCES", 50).sharing(writer.table()).await;
    let many = made_up(&world, 51);
    let mut event = sqs(&[references[0].clone()]);
    event["note"] = json!(many);
    let failure = world.fail(event.to_string()).await;
    assert_eq!(failure.error_type, "LongContent.EventTooLarge");
    assert!(failure.message.contains("LRAP_MAX_REFERENCES allows 50"), "{}", failure.message);

    // Beside a record that names too many, what is outside is hydrated as ever.
    let event = |note: &str, body: &str| {
        let mut event = sqs(&[json!(many).to_string(), body.to_owned()]);
        event["A"] = json!([note]);
        event["note"] = json!(note);
        event
    };
    let delivered = world.deliver(event(&references[0], &references[0]).to_string()).await;
    assert_eq!(delivered.json(), event(&text(6_000), &text(6_000)));
}

#[tokio::test]
async fn h5_a_batch_that_is_too_large_outside_of_its_records_fails_before_it_is_read() {
    let (writer, references) = stored(World::start(), &[text(6_000)]).await;
    let mut world = World::start().with("LRAP_MAX_EVENT_SIZE", 50_000).sharing(writer.table()).await;
    let before = world.table().meter();
    let mut event = sqs(&[references[0].clone(), "plain".to_owned()]);
    event["note"] = json!(vec![&references[0]; 20]);
    assert_eq!(world.fail(event.to_string()).await.error_type, "LongContent.EventTooLarge");
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
    event["note"] = json!(vec![&references[0]; 8]);
    let delivered = world.deliver(event.to_string()).await.json();
    assert_eq!(delivered["note"], json!(vec![text(6_000); 8]));
    assert_eq!(delivered["Records"], event["Records"], "the record has no room beside it");
}

/// The whole of what is claimed is more than a sandbox has.
#[tokio::test]
async fn h5_a_record_whose_claims_exceed_the_sandbox_stays_and_the_others_are_hydrated() {
    let (writer, references) = stored(World::start(), &[text(6_000)]).await;
    let mut world = small().sharing(writer.table()).await;
    let claim = |id: &str| format!("@content:1:dynamodb:s:86400:{}:67108864", id.repeat(43));
    let bad = json!({"a": claim("A"), "b": claim("B")}).to_string();
    let event = |good: &str| sqs(&[json!({"t": good}).to_string(), bad.clone()]);
    assert_eq!(world.deliver(event(&references[0]).to_string()).await.json(), event(&text(6_000)));
}

/// Requests and bytes of log that one event costs, which is delivered as it came.
async fn spent_on(world: &mut World, event: &str) -> (Meter, usize) {
    let (before, logged) = (world.table().meter(), world.extension.logged().len());
    assert_eq!(world.deliver(event).await.text(), event);
    world.extension.log_with("more references were refused or kept").await;
    (world.table().meter().since(&before), world.extension.logged().len() - logged)
}

#[tokio::test]
async fn h8_what_references_to_nothing_cost_is_bounded() {
    let mut world = World::start().with_table().await;
    let event = sqs(&[json!(made_up(&world, 3_000)).to_string()]).to_string();
    let (spent, logged) = spent_on(&mut world, &event).await;
    println!("{} bytes cost {} requests and {logged} bytes of log", event.len(), spent.total_requests());
    assert!(spent.total_requests() <= 100, "{}", spent.total_requests());
    assert!(logged <= 8_000, "{logged}");
}

#[tokio::test]
async fn h8_what_malformed_references_cost_is_bounded() {
    let mut world = World::start().with_table().await;
    let malformed: Vec<_> = (0..4_000).map(|number| format!("@content:1:{number}")).collect();
    let event = sqs(&[json!(malformed).to_string()]).to_string();
    let (spent, logged) = spent_on(&mut world, &event).await;
    assert_eq!(spent.total_requests(), 0);
    assert!(logged <= 8_000, "{logged}");
    let before = world.extension.logged().len();
    let malformed: Vec<_> = (0..18_000).map(|number| format!("@content:1:{number}")).collect();
    let event = sqs(&[json!(malformed).to_string()]).to_string();
    assert_eq!(world.deliver(event.as_str()).await.text(), event);
    assert!(world.extension.logged().len() - before <= 8_000);
}
