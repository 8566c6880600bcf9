//! H1, H3, H5 through the real binary and a content table.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lambda_local::table::{Fault, Faults};
use long_content::reference::{Content, Scope, Ttl};
use serde_json::{Value, json};

use test_kit::json::{nest, nest_texts, noise, quote, text};
use test_kit::secrets::{Outage, SECRET_ARN, Secret};
use test_kit::{Event, World};

/// A sandbox that has stored nothing, and the references of `contents` in its table.
async fn stored(contents: &[&str]) -> (World, Vec<String>) {
    reader_with(contents, |builder| builder).await
}

/// The same with settings of the reading sandbox.
async fn reader_with(
    contents: &[&str],
    settings: impl FnOnce(test_kit::world::Builder) -> test_kit::world::Builder,
) -> (World, Vec<String>) {
    let mut writer = World::start().with("MAX_CONTENT_SIZE", 0).with_table().await;
    let sent = writer.respond(serde_json::to_string(contents).unwrap()).await.json();
    let references = sent.as_array().unwrap().iter().map(|reference| reference.as_str().unwrap().to_owned());
    let reader = settings(World::start().sharing(writer.table())).await;
    (reader, references.collect())
}

/// A reference to content that nobody stored.
fn absent(world: &World) -> String {
    let content = Content::string("never stored");
    Scope::new(world.table().name()).reference(Ttl::seconds(86_400), &content).to_string()
}

#[tokio::test]
async fn h1_references_are_replaced_wherever_they_stand() {
    let (mut world, references) = stored(&["the \"content\"\n\u{0}é😀"]).await;
    let (reference, content) = (quote(&references[0]), quote("the \"content\"\n\u{0}é😀"));
    let places: [fn(&str) -> String; 7] = [
        |s| s.to_owned(),
        |s| format!("[{s}]"),
        |s| format!("[[],{{}},{s},1e400,{s}]"),
        |s| format!(r#"{{"z":-0,"a" : {s} ,"z":"\u00e9"}}"#),
        |s| format!(r#"{{"Input":{{"a":{{"b":[{{"c":{s}}}]}},"n":null}}}}"#),
        |s| format!(" \r\n\t{s} \n"),
        |s| nest(s, 100),
    ];
    for place in places {
        assert_eq!(world.deliver(place(&reference)).await.text(), place(&content));
    }
}

#[tokio::test]
async fn h1_what_is_not_wholly_a_reference_stays() {
    let (mut world, references) = stored(&["content"]).await;
    let reference = &references[0];
    let escaped = reference.replace('@', "\\u0040");
    let before = world.table().meter();
    for event in [
        format!(r#"["x{reference}"," {reference}","{reference} ","{reference}\n"]"#),
        format!(r#"{{"{reference}":1,"a":{{"{reference}" :[]}}}}"#),
        format!(r#"["{escaped}","\"{reference}\" he said"]"#),
        format!(r#"not JSON "{reference}""#),
        format!(r#"{{"a":"{reference}""#),
    ] {
        assert_eq!(world.deliver(event.as_str()).await.text(), event);
    }
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
}

#[tokio::test]
async fn h1_an_event_in_chunks_is_hydrated() {
    let (mut world, references) = stored(&["content"]).await;
    let id = world.fresh_id();
    let event = Event::new(&id, format!(r#"{{"a":"{}"}}"#, references[0])).chunked(5).header("X-Tomorrow", "1");
    let delivered = world.deliver_event(event).await;
    assert_eq!(delivered.text(), r#"{"a":"content"}"#);
    assert_eq!(delivered.headers.get("X-Tomorrow"), Some("1"));
}

#[tokio::test]
async fn h2_text_spelt_by_hand_is_searched_as_deep_as_it_is_nested() {
    let (mut world, references) = stored(&["the \"content\"\n"]).await;
    let delivered = world.deliver(nest_texts(&references[0], 40)).await.text();
    let inside = |text: String| -> [String; 1] { serde_json::from_str(&text).unwrap() };
    assert_eq!((0..=40).fold(delivered, |text, _| inside(text).concat()), "the \"content\"\n");
}

#[tokio::test]
async fn h5_an_event_nested_too_deep_to_be_searched_fails_at_once() {
    let (mut world, references) = stored(&["content"]).await;
    let before = world.table().meter();
    assert_eq!(world.fail(nest_texts(&references[0], 100)).await.error_type, "LongContent.EventTooLarge");
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
}

#[tokio::test]
async fn h6_an_event_that_is_not_hydrated_may_nest_as_deep_as_it_likes() {
    let mut world = World::start().with("LRAP_HYDRATE", "never").with_table().await;
    let event = nest_texts(&absent(&world), 100);
    assert_eq!(world.deliver(event.as_str()).await.text(), event);
}

#[tokio::test]
async fn o4_every_reference_of_an_event_that_is_not_hydrated_leaves_as_it_came() {
    let settings = World::start().with("LRAP_HYDRATE", "never").with("LRAP_OFFLOAD", "always");
    let mut world = settings.with("LRAP_MAX_REFERENCES", 2).with_table().await;
    let scope = Scope::new(world.table().name());
    let reference = |text| scope.reference(Ttl::seconds(86_400), &Content::string(text)).to_string();
    let event = json!(["one", "two", "three", "four"].map(reference)).to_string();
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, event.as_str()));
    assert_eq!(world.runtime.next().await.text(), event);
    world.runtime.respond(&id, event.as_str()).await;
    assert_eq!(world.lambda.response(&id).await.text(), event);
    assert_eq!(world.table().items().await.len(), 0);
}

#[tokio::test]
async fn h4_content_is_not_searched_for_references() {
    let (mut world, references) = stored(&["inner"]).await;
    let outer = quote(&references[0]);
    let sent = world.respond(outer.as_str()).await.text();
    assert_ne!(sent, outer);
    assert_eq!(world.deliver(sent).await.text(), outer);
}

#[tokio::test]
async fn h3_many_references_to_one_content_cost_one_read() {
    let (mut world, references) = stored(&["content"]).await;
    let before = world.table().meter();
    let delivered = world.deliver(serde_json::to_string(&vec![&references[0]; 100]).unwrap()).await;
    assert_eq!(delivered.json(), json!(vec!["content"; 100]));
    let spent = world.table().meter().since(&before);
    assert_eq!((spent.total_requests(), spent.items_read), (1, 1));
}

#[tokio::test]
async fn h3_distinct_references_are_read_in_one_request() {
    let contents: Vec<_> = (0..40).map(|number| format!("content {number}")).collect();
    let contents: Vec<_> = contents.iter().map(String::as_str).collect();
    let (mut world, references) = stored(&contents).await;
    let before = world.table().meter();
    assert_eq!(world.deliver(serde_json::to_string(&references).unwrap()).await.json(), json!(contents));
    let spent = world.table().meter().since(&before);
    assert_eq!((spent.requests_of("BatchGetItem"), spent.total_requests(), spent.items_read), (1, 1, 40));
}

#[tokio::test]
async fn h3_250_references_are_read_in_three_requests() {
    let contents: Vec<_> = (0..250).map(|number| format!("content {number}")).collect();
    let contents: Vec<_> = contents.iter().map(String::as_str).collect();
    let (mut world, references) = stored(&contents).await;
    let before = world.table().meter();
    assert_eq!(world.deliver(serde_json::to_string(&references).unwrap()).await.json(), json!(contents));
    let spent = world.table().meter().since(&before);
    assert_eq!((spent.requests_of("BatchGetItem"), spent.total_requests(), spent.items_read), (3, 3, 250));
}

#[tokio::test]
async fn h3_each_part_is_read_once() {
    let content = noise(3 * 1024 * 1024, 3);
    let (mut world, references) = stored(&[&content]).await;
    let items = world.table().items().await.len() as u64;
    let before = world.table().meter();
    assert!(world.deliver(quote(&references[0])).await.text() == quote(&content));
    assert!(items > 1);
    assert_eq!(world.table().meter().since(&before).items_read, items);
}

/// Notes for each read whether it asked for consistency, and lets `fault` happen to it.
fn watch_reads(world: &World, fault: Fault) -> Arc<Mutex<Vec<bool>>> {
    let reads = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&reads);
    let faults = Faults::by(move |request| {
        noted.lock().unwrap().push(has_consistent_read(&serde_json::from_slice(request.body).unwrap()));
        fault.clone()
    });
    world.table().faults(faults.only(&["GetItem", "BatchGetItem"]));
    reads
}

fn has_consistent_read(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.get("ConsistentRead") == Some(&Value::Bool(true)) || members.values().any(has_consistent_read)
        }
        _ => false,
    }
}

#[tokio::test]
async fn h3_what_is_missing_is_read_once_more_with_consistent_read() {
    let (mut world, _) = stored(&["another"]).await;
    let reads = watch_reads(&world, Fault::Pass);
    let failure = world.fail(quote(&absent(&world))).await;
    assert_eq!(failure.error_type, "LongContent.NotFound");
    assert_eq!(*reads.lock().unwrap(), [false, true]);
}

#[tokio::test]
async fn h3_a_read_that_is_stale_is_made_good_by_the_second() {
    let (mut world, references) = stored(&["just written"]).await;
    let reads = watch_reads(&world, Fault::Stale);
    assert_eq!(world.deliver(quote(&references[0])).await.text(), r#""just written""#);
    assert_eq!(*reads.lock().unwrap(), [false, true]);
}

#[tokio::test]
async fn h3_stale_parts_are_made_good_by_the_second_read() {
    let content = noise(2 * 1024 * 1024, 5);
    let (mut world, references) = stored(&[&content]).await;
    watch_reads(&world, Fault::Stale);
    assert!(world.deliver(quote(&references[0])).await.text() == quote(&content));
}

#[tokio::test]
async fn h3_only_what_is_missing_is_read_again() {
    let (mut world, references) = stored(&["a", "b", "c"]).await;
    let before = world.table().meter();
    world.fail(json!([references, absent(&world)]).to_string()).await;
    let spent = world.table().meter().since(&before);
    assert_eq!((spent.total_requests(), spent.items_read), (2, 3));
}

#[tokio::test]
async fn h5_missing_content_fails_its_invocation_and_no_other() {
    let (mut world, references) = stored(&["content"]).await;
    let absent = absent(&world);
    let failure = world.fail(json!({"good": references[0], "bad": absent}).to_string()).await;
    assert_eq!(failure.error_type, "LongContent.NotFound");
    for named in [absent.as_str(), "AGENT_CONTEXT_TABLE"] {
        assert!(failure.message.contains(named), "{}", failure.message);
    }
    assert_eq!(world.deliver(quote(&references[0])).await.text(), r#""content""#);
}

#[tokio::test]
async fn h5_the_runtime_is_not_told_of_an_invocation_that_failed() {
    let (mut world, _) = stored(&["content"]).await;
    world.fail(quote(&absent(&world))).await;
    assert_eq!(
        world.lambda.count("GET /2018-06-01/runtime/invocation/next"),
        2,
        "one poll of the runtime, one on its behalf"
    );
}

#[tokio::test]
async fn h5_several_events_that_fail_in_a_row_are_each_reported() {
    let (mut world, _) = stored(&["content"]).await;
    let absent = quote(&absent(&world));
    for number in 0..5 {
        world.lambda.push(Event::new(&format!("bad-{number}"), absent.as_str()));
    }
    assert_eq!(world.deliver("1").await.text(), "1");
    for number in 0..5 {
        assert_eq!(world.lambda.error(&format!("bad-{number}")).await.json()["errorType"], "LongContent.NotFound");
    }
}

#[tokio::test]
async fn h5_expired_content_fails_though_it_is_still_in_the_table() {
    let (mut world, references) = stored(&["content"]).await;
    world.table().expire_all().await;
    let reads = watch_reads(&world, Fault::Pass);
    let failure = world.fail(quote(&references[0])).await;
    assert_eq!(failure.error_type, "LongContent.Expired");
    assert!(
        failure.message.contains(&references[0]) && failure.message.contains("LRAP_CONTENT_TTL"),
        "{}",
        failure.message
    );
    assert_eq!(*reads.lock().unwrap(), [false, true], "renewed a moment ago, it may only look expired");
}

#[tokio::test]
async fn h5_corrupted_content_fails_and_says_so() {
    let long = noise(6000, 9);
    let (mut world, references) = stored(&["short", &long]).await;
    world.table().corrupt_all().await;
    for reference in references {
        let failure = world.fail(quote(&reference)).await;
        assert_eq!(failure.error_type, "LongContent.Corrupt");
        assert!(failure.message.contains(&reference), "{}", failure.message);
    }
}

#[tokio::test]
async fn h5_corrupted_parts_fail_and_say_so() {
    let content = noise(2 * 1024 * 1024, 11);
    let (mut world, references) = stored(&[&content]).await;
    assert!(world.table().items().await.len() > 2);
    world.table().corrupt_all().await;
    assert_eq!(world.fail(quote(&references[0])).await.error_type, "LongContent.Corrupt");
}

#[tokio::test]
async fn h5_a_missing_part_fails_the_invocation() {
    let content = noise(2 * 1024 * 1024, 13);
    let (mut world, references) = stored(&[&content]).await;
    world.table().delete_a_part().await;
    let failure = world.fail(quote(&references[0])).await;
    assert_eq!(failure.error_type, "LongContent.NotFound");
}

#[tokio::test]
async fn h5_altered_references_are_refused_without_a_read() {
    let (mut world, references) = stored(&["content"]).await;
    let good = &references[0];
    let altered = [
        good.replacen(":1:", ":2:", 1),
        good.replacen(":dynamodb:", ":s3:", 1),
        good.replacen(":s:", ":x:", 1),
        good.replacen(":86400:", ":086400:", 1),
        good.replacen(":86400:", ":0:", 1),
        good.rsplit_once(':').unwrap().0.to_owned(),
        format!("{good}:more"),
        good[..good.len() - 10].to_owned(),
    ];
    let before = world.table().meter();
    for reference in altered {
        let failure = world.fail(quote(&reference)).await;
        assert_eq!(failure.error_type, "LongContent.Refused", "{reference}");
        assert!(failure.message.contains(&reference), "{}", failure.message);
    }
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
}

#[tokio::test]
async fn h5_a_reference_that_disagrees_with_its_content_fails() {
    let (mut world, references) = stored(&["content"]).await;
    let good = &references[0];
    let forged = [
        good.replacen(":s:", ":j:", 1),
        good.replacen(":86400:", ":86401:", 1),
        good.replacen(":86400:", ":none:", 1),
        good.rsplit_once(':').unwrap().0.to_owned() + ":8",
    ];
    for reference in forged {
        let failure = world.fail(quote(&reference)).await;
        assert!(
            ["LongContent.Refused", "LongContent.NotFound"].contains(&failure.error_type.as_str()),
            "{reference}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn h5_with_keep_the_reference_is_handed_over() {
    let (mut world, references) = reader_with(&["content"], |builder| builder.with("LRAP_ON_MISSING", "keep")).await;
    let absent = absent(&world);
    let event = json!([references[0], absent, "@content:2:newer"]).to_string();
    assert_eq!(world.deliver(event).await.json(), json!(["content", absent, "@content:2:newer"]));
}

/// A queue's records with these bodies.
fn sqs(bodies: &[&str]) -> Value {
    json!({ "Records": records(bodies) })
}

fn records(bodies: &[&str]) -> Value {
    let record = |body: &&str| json!({"messageId": "m", "eventSource": "aws:sqs", "body": body});
    bodies.iter().map(record).collect()
}

/// The shapes of batches, with records of these texts.
const BATCHES: [fn(&[&str]) -> Value; 4] = [
    sqs,
    records,
    |texts| {
        let record = |text: &&str| json!({"EventSource": "aws:sns", "Sns": {"Message": text}});
        json!({ "Records": texts.iter().map(record).collect::<Vec<_>>() })
    },
    |texts| {
        let record = |text: &&str| json!({"topic": "t", "partition": 0, "note": text});
        json!({"eventSource": "aws:kafka", "records": {"t-0": texts.iter().map(record).collect::<Vec<_>>()}})
    },
];

#[tokio::test]
async fn h5_a_list_of_items_is_no_batch() {
    let (mut world, references) = stored(&["content"]).await;
    let absent = absent(&world);
    for event in [
        json!({"Items": [{"t": references[0]}, {"t": absent}]}),
        json!({"Records": [{"t": references[0]}, {"t": absent}]}),
        json!({"Records": [{"eventSource": "aws:s3", "t": references[0]}, {"eventSource": "aws:s3", "t": absent}]}),
        json!([{"t": references[0]}, {"eventSource": "aws:sqs", "body": absent}]),
        json!({"records": {"t-0": [references[0], absent]}}),
    ] {
        assert_eq!(world.fail(event.to_string()).await.error_type, "LongContent.NotFound", "{event}");
    }
}

#[tokio::test]
async fn h5_a_record_that_is_too_large_is_left_and_the_others_are_hydrated() {
    let contents = [noise(5_000, 1), noise(60_000, 2), "\"".repeat(30_000)];
    let contents: Vec<_> = contents.iter().map(String::as_str).collect();
    let (mut world, references) = reader_with(&contents, |builder| builder.with("LRAP_MAX_EVENT_SIZE", 64_000)).await;
    let claims = |size: u32| format!("@content:1:dynamodb:s:86400:{}:{size}", "A".repeat(43));
    let twice = json!([references[1], references[1]]).to_string();
    let marks = json!([references[2]]).to_string();
    let huge = json!([claims(67_108_864), claims(67_108_863)]).to_string();
    let event = sqs(&[&references[0], &huge, &twice, &marks, &json!([references[0]]).to_string()]);
    let expected = sqs(&[contents[0], &huge, &twice, &marks, &json!([contents[0]]).to_string()]);
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, event.to_string()));
    assert_eq!(world.runtime.next().await.json(), expected);
    // What was handed over as it came may leave as it came.
    world.runtime.respond(&id, expected["Records"][1]["body"].as_str().unwrap()).await;
    assert_eq!(world.lambda.response(&id).await.text(), huge);
}

#[tokio::test]
async fn h5_a_record_that_is_nested_too_deep_is_left_and_the_others_are_hydrated() {
    let (mut world, references) = stored(&["content"]).await;
    let by_hand = |text: String, _| format!("[\"{}\"]", text.replace('\\', "\\u005c").replace('"', "\\u0022"));
    let deep = &(0..120).fold("[\"@content:\"]".to_owned(), by_hand);
    let event = sqs(&[deep, &references[0]]);
    assert_eq!(world.deliver(event.to_string()).await.json(), sqs(&[deep, "content"]));
}

#[tokio::test]
async fn h5_a_batch_keeps_its_bad_record_and_hydrates_the_others() {
    let (mut world, references) = stored(&["content"]).await;
    let absent = absent(&world);
    for batch in BATCHES {
        let event = batch(&[&references[0], &absent, "@content:1:x:y"]);
        let expected = batch(&["content", &absent, "@content:1:x:y"]);
        assert_eq!(world.deliver(event.to_string()).await.json(), expected);
    }
}

/// An event with one more member, in front of its others or behind them.
fn with_member(event: &Value, name: &str, text: &str, is_first: bool) -> String {
    let (event, member) = (event.to_string(), json!({ name: text }).to_string());
    let inside = |object: &str| object[1..object.len() - 1].to_owned();
    let (event, member) = (inside(&event), inside(&member));
    if is_first { format!("{{{member},{event}}}") } else { format!("{{{event},{member}}}") }
}

#[tokio::test]
async fn h5_a_bad_reference_outside_of_every_record_fails_its_batch() {
    let (mut world, references) = stored(&["content"]).await;
    let absent = absent(&world);
    let kafka = BATCHES[3];
    for batch in [sqs, kafka] {
        for (is_first, bodies) in [(true, ["body"; 2]), (false, ["body", &absent]), (true, [&absent, "body"])] {
            let event = |text: &str| with_member(&batch(&bodies), "note", text, is_first);
            assert_eq!(world.fail(event(&absent)).await.error_type, "LongContent.NotFound", "{}", event(&absent));
            assert_eq!(world.fail(event("@content:1:x:y")).await.error_type, "LongContent.Refused");
            assert_eq!(world.deliver(event(&references[0])).await.text(), event("content"));
        }
    }
}

#[tokio::test]
async fn h5_a_bad_reference_in_a_content_outside_of_every_record_fails_its_batch() {
    let mut writer = World::start().with("MAX_CONTENT_SIZE", 0).with("MAX_PAYLOAD_SIZE", 300).with_table().await;
    let absent = absent(&writer);
    let id = writer.fresh_id();
    let holder = json!(vec![&absent; 30]).to_string();
    writer.lambda.push(Event::new(&id, sqs(&[&absent]).to_string()));
    writer.runtime.next().await;
    writer.runtime.respond(&id, holder.as_str()).await;
    let holder = writer.lambda.response(&id).await.json();
    let mut world = writer.reader().await;
    let event = with_member(&sqs(&[&absent]), "note", holder.as_str().unwrap(), false);
    assert_eq!(world.fail(event).await.error_type, "LongContent.NotFound");
}

#[tokio::test]
async fn h5_a_reference_outside_of_every_record_stays_where_all_may_stay() {
    let (mut world, _) = reader_with(&[], |builder| builder.with("LRAP_ON_MISSING", "keep")).await;
    let event = with_member(&sqs(&["@content:1:x:y"]), "note", &absent(&world), true);
    assert_eq!(world.deliver(event.as_str()).await.text(), event);
}

#[tokio::test]
async fn h5_a_batch_fails_as_a_whole_when_asked_to() {
    let (mut world, _) = reader_with(&["content"], |builder| builder.with("LRAP_ON_MISSING", "fail")).await;
    let event = sqs(&[&absent(&world)]);
    assert_eq!(world.fail(event.to_string()).await.error_type, "LongContent.NotFound");
}

#[tokio::test]
async fn h5_a_batch_waits_for_a_store_that_is_only_away() {
    let (mut world, references) = reader_with(&["content"], |builder| builder.with("LRAP_STORE_TIMEOUT", 1)).await;
    world.table().hang();
    let event = sqs(&[&references[0]]);
    assert_eq!(world.fail(event.to_string()).await.error_type, "LongContent.StoreUnavailable");
}

#[tokio::test]
async fn h5_hydrating_takes_at_most_half_of_the_remaining_time() {
    let (mut world, references) = stored(&["content"]).await;
    world.table().hang();
    let started = Instant::now();
    let id = world.fresh_id();
    let failure = world.fail_event(Event::new(&id, quote(&references[0])).due_in(Duration::from_secs(4))).await;
    assert_eq!(failure.error_type, "LongContent.StoreUnavailable");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?} of 4 s", started.elapsed());
}

#[tokio::test]
async fn h5_an_event_that_would_be_too_large_fails_before_it_is_read() {
    let content = text(10_000);
    let (mut world, references) =
        reader_with(&[&content], |builder| builder.with("LRAP_MAX_EVENT_SIZE", 1_000_000)).await;
    let before = world.table().meter();
    let failure = world.fail(serde_json::to_string(&vec![&references[0]; 200]).unwrap()).await;
    assert_eq!(failure.error_type, "LongContent.EventTooLarge");
    assert!(failure.message.contains("LRAP_MAX_EVENT_SIZE"), "{}", failure.message);
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
    assert_eq!(
        world.deliver(serde_json::to_string(&vec![&references[0]; 20]).unwrap()).await.json(),
        json!(vec![&content; 20])
    );
}

#[tokio::test]
async fn h5_other_invocations_are_served_while_one_waits_for_its_content() {
    let (mut world, references) = stored(&["content"]).await;
    world.table().hang();
    let before = world.table().meter();
    world.lambda.push(Event::new("waits", quote(&references[0])));
    world.runtime.begin_next().await;
    world.table().asked(&before, "BatchGetItem").await;
    let mut other = world.another_runtime();
    world.lambda.push(Event::new("passes", "{}"));
    assert_eq!(other.next().await.id(), "passes");
    assert_eq!(other.respond("passes", "{}").await.status, 202);
}

#[tokio::test]
async fn h5_waiting_for_memory_counts_as_hydrating() {
    let content = text(10_000);
    let (mut world, references) = reader_with(&[&content], |builder| builder.with("LRAP_MAX_EVENT_SIZE", 15_000)).await;
    world.table().hang();
    let before = world.table().meter();
    let mut first = world.another_runtime();
    world.lambda.push(Event::new("holds-the-memory", quote(&references[0])));
    first.begin_next().await;
    world.table().asked(&before, "BatchGetItem").await;
    let started = Instant::now();
    world.lambda.push(Event::new("waits", quote(&references[0])).due_in(Duration::from_secs(2)));
    world.runtime.begin_next().await;
    assert_eq!(world.lambda.error("waits").await.json()["errorType"], "LongContent.StoreUnavailable");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?} of 2 s", started.elapsed());
}

/// One invocation of the tenant: its response as it left.
async fn respond_as(world: &mut World, tenant: &str, response: &str) -> Vec<u8> {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").header("Lambda-Runtime-Aws-Tenant-Id", tenant));
    world.runtime.next().await;
    world.runtime.respond(&id, response).await;
    world.lambda.response(&id).await.body
}

#[tokio::test]
async fn s5_content_of_one_tenant_is_readable_by_that_tenant_alone() {
    let mut world = World::start().with_table().await;
    let response = quote(&text(6000));
    let sent = respond_as(&mut world, "blue", &response).await;
    let of_tenant =
        |id: String, tenant| Event::new(&id, sent.as_slice()).header("Lambda-Runtime-Aws-Tenant-Id", tenant);
    let (own, other, none) = (world.fresh_id(), world.fresh_id(), world.fresh_id());
    assert_eq!(world.deliver_event(of_tenant(own, "blue")).await.text(), response);
    for stranger in [of_tenant(other, "green"), Event::new(&none, sent.as_slice())] {
        let failure = world.fail_event(stranger).await;
        let types = ["LongContent.Refused", "LongContent.NotFound", "LongContent.Corrupt"];
        assert!(types.contains(&failure.error_type.as_str()), "{failure:?}");
    }
}

#[tokio::test]
async fn s5_a_response_sent_again_is_still_its_tenants() {
    let mut world = World::start().with_table().await;
    let response = quote(&text(6000));
    let expected = respond_as(&mut world, "blue", &response).await;
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").header("Lambda-Runtime-Aws-Tenant-Id", "blue"));
    let name = format!("POST /2018-06-01/runtime/invocation/{id}/response");
    world.lambda.reply(&name, test_kit::Reply::new(500, "{}"));
    world.runtime.next().await;
    assert_eq!(world.runtime.respond(&id, response.as_str()).await.status, 500);
    assert_eq!(world.runtime.respond(&id, response.as_str()).await.status, 202);
    let sent = world.lambda.with_log(|log| log.all(&name).iter().map(|seen| seen.body.clone()).collect::<Vec<_>>());
    assert_eq!(sent, [expected.clone(), expected]);
}

fn key(name: &str) -> String {
    format!("a-signing-key-of-24-bytes-{name}")
}

/// A reference to a content that nobody stored, in the table of `world`, signed by a key.
fn signed_by(world: &World, name: &str) -> String {
    let scope = Scope::new(world.table().name()).signed_by(key(name).parse().unwrap());
    scope.reference(Ttl::seconds(86_400), &Content::string("x")).to_string()
}

/// A sandbox whose keys are in `secret`, and have been read.
async fn keeping(secret: &Secret) -> World {
    let world = World::start().with("LRAP_SIGNING_SECRET_ARN", SECRET_ARN);
    let mut world = world.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secret.endpoint).with_table().await;
    assert_eq!(world.deliver("1").await.text(), "1");
    world
}

/// What may pass fails both a batch and a single event, with an error that a retry can name.
async fn may_pass(reader: &mut World, reference: &str, why: &str) {
    for event in [sqs(&[reference]).to_string(), quote(reference)] {
        let failure = reader.fail(event).await;
        assert_eq!(failure.error_type, "LongContent.StoreUnavailable", "{failure:?}");
        assert!(failure.message.contains(why) && failure.message.contains("LRAP_SIGNING_SECRET_ARN"), "{failure:?}");
    }
}

#[tokio::test]
async fn h5_an_outage_of_the_secret_leaves_no_reference_in_a_batch() {
    let secret = Secret::start(Some(&key("one"))).await;
    let mut reader = keeping(&secret).await;
    secret.rotate(&key("two"));
    secret.fails(Some(Outage::All));
    let newer = signed_by(&reader, "two");
    // With a deadline, so that the secret is given up soon.
    let id = reader.fresh_id();
    let in_a_second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64 + 1_000;
    let event =
        Event::new(&id, sqs(&[&newer]).to_string()).header("Lambda-Runtime-Deadline-Ms", &in_a_second.to_string());
    assert_eq!(reader.fail_event(event).await.error_type, "LongContent.StoreUnavailable");
    secret.fails(None);
    may_pass(&mut reader, &newer, "InternalServiceError").await;
}

#[tokio::test]
async fn h5_an_outage_of_the_previous_version_leaves_no_reference_in_a_batch() {
    let secret = Secret::start(Some(&key("one"))).await;
    secret.rotate(&key("two"));
    secret.fails(Some(Outage::PreviousVersion));
    let mut reader = keeping(&secret).await;
    let of_current = sqs(&[&signed_by(&reader, "two")]).to_string();
    assert_eq!(reader.deliver(of_current.as_str()).await.text(), of_current, "nobody stored that: it is kept");
    let of_previous = signed_by(&reader, "one");
    may_pass(&mut reader, &of_previous, "AWSPREVIOUS").await;
}

#[tokio::test]
async fn h5_a_rotation_during_an_outage_of_the_previous_version_keeps_the_key_that_was_known() {
    let secret = Secret::start(Some(&key("one"))).await;
    let mut reader = keeping(&secret).await;
    let content = text(6_000);
    let by_one = reader.respond(quote(&content)).await.text();
    secret.rotate(&key("two"));
    secret.fails(Some(Outage::PreviousVersion));
    let by_two = sqs(&[&signed_by(&reader, "two")]).to_string();
    assert_eq!(reader.deliver(by_two.as_str()).await.text(), by_two, "a known key, and nobody stored that");
    assert_eq!(reader.deliver(by_one).await.text(), quote(&content));
}

/// H5: a forged key id has the secret read, and must not cost a good reference of a new key its content.
#[tokio::test]
async fn h5_a_batch_waits_for_a_key_that_may_be_in_the_secret_by_now() {
    let secret = Secret::start(Some(&key("one"))).await;
    let mut reader = keeping(&secret).await;
    let [unknown, newer] = [signed_by(&reader, "two"), signed_by(&reader, "three")];
    let event = sqs(&[&unknown]).to_string();
    assert_eq!(reader.deliver(event.as_str()).await.text(), event, "the secret was read just now: nobody has that key");
    secret.rotate(&key("three"));
    may_pass(&mut reader, &newer, "less than a minute ago").await;
    let both = reader.fail(sqs(&[&unknown, &newer]).to_string()).await;
    assert_eq!(both.error_type, "LongContent.StoreUnavailable", "{both:?}");
    assert_eq!(reader.deliver(event.as_str()).await.text(), event, "and the forged one is still nobody's");
    let beside = reader.fail(json!([unknown, newer]).to_string()).await;
    assert_eq!(beside.error_type, "LongContent.Refused", "no retry would help a single event: {beside:?}");
}
