//! Parts of contents through the real binary and a content table: what a workflow narrows, the next function gets narrowed.

use long_content::reference::{Content, Scope, Ttl};
use serde_json::{Value, json};

use test_kit::json::{quote, text};
use test_kit::world::Builder;
use test_kit::{Event, World};

const KEY: &str = "a-signing-key-of-some-length";
const TENANT: &str = "Lambda-Runtime-Aws-Tenant-Id";

fn row(number: usize) -> Value {
    json!({"id": number, "na/me": format!("row {number}"), "text": text(400 + number % 7), "tags": [[], {"deep": [number]}]})
}

fn rows(count: usize) -> Value {
    (0..count).map(row).collect()
}

/// What the writer's response becomes, in which only what does not fit is a reference.
async fn sent(settings: Builder, response: &Value) -> (World, Value) {
    let mut writer = settings.with("MAX_PAYLOAD_SIZE", 2_000).with_table().await;
    let sent = writer.respond(response.to_string()).await.json();
    (writer, sent)
}

/// A part of what `reference` names, as `States.Format` makes it.
fn part(reference: &Value, part: &str) -> String {
    format!("@content:2:{}:{part}", reference.as_str().unwrap().split('@').nth(1).unwrap())
}

/// Two thousand rows in the table, a reader, and their reference.
async fn stored(settings: fn() -> Builder) -> (World, Value) {
    let (writer, sent) = sent(settings(), &json!({"rows": rows(2_000)})).await;
    (settings().sharing(writer.table()).await, sent["rows"].clone())
}

fn signed() -> Builder {
    World::start().with("LRAP_SIGNING_KEY", KEY)
}

#[tokio::test]
async fn o2_a_reference_to_an_array_says_how_many_elements_it_has() {
    for (settings, fields) in [(World::start as fn() -> Builder, 8), (signed, 10)] {
        let response = json!({"rows": rows(123), "object": {"rows": rows(30)}, "text": text(6_000)});
        let (_, sent) = sent(settings(), &response).await;
        let field = |name: &str| sent[name].as_str().unwrap().split(':').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!((field("rows")[1].as_str(), field("rows")[7].as_str(), field("rows").len()), ("3", "123", fields));
        assert_eq!((field("object")[1].as_str(), field("object").len()), ("1", fields - 1));
        assert_eq!((field("text")[1].as_str(), field("text").len()), ("1", fields - 1));
    }
}

#[tokio::test]
async fn h1_a_part_is_what_the_function_gets_and_the_content_is_read_once() {
    for settings in [World::start as fn() -> Builder, signed] {
        let (mut reader, reference) = stored(settings).await;
        let before = reader.table().meter();
        let event = json!({
            "whole": reference, "slice": part(&reference, ":700:100"), "last": part(&reference, ":1990:100"), "none": part(&reference, ":2000:9"),
            "row": part(&reference, ".7"), "name": part(&reference, ".7.na-2Fme"), "deep": part(&reference, ".8.tags.1.deep.0"),
            "nested": json!([part(&reference, ".3.tags:1:1")]).to_string(), "all": part(&reference, ""),
        });
        let expected = json!({
            "whole": rows(2_000), "slice": (700..800).map(row).collect::<Vec<_>>(), "last": (1_990..2_000).map(row).collect::<Vec<_>>(),
            "none": [], "row": row(7), "name": "row 7", "deep": 8, "nested": json!([[{"deep": [3]}]]).to_string(), "all": rows(2_000),
        });
        assert_eq!(reader.deliver(event.to_string()).await.json(), expected);
        let first = reader.table().meter().since(&before);
        for start in (0..2_000).step_by(100) {
            let event = quote(&part(&reference, &format!(":{start}:100")));
            assert_eq!(reader.deliver(event).await.json(), (start..start + 100).map(row).collect::<Value>());
        }
        let all = reader.table().meter().since(&before);
        assert_eq!((all.total_requests(), all.items_read), (first.total_requests(), first.items_read), "{all:?}");
    }
}

#[tokio::test]
async fn h4_a_part_is_searched_as_the_whole_would_be() {
    let long = |number: usize| json!({"id": number, "text": text(5_001 + number), "looks": "@content:1:dynamodb:s"});
    let response = json!({"rows": (0..90).map(long).collect::<Vec<_>>()});
    let (writer, sent) = sent(World::start(), &response).await;
    let mut reader = World::start().sharing(writer.table()).await;
    let reference = &sent["rows"];
    for (spelt, expected) in [
        (":40:2", json!([long(40), long(41)])),
        (".7", long(7)),
        (".7.text", long(7)["text"].clone()),
        (".7.looks", long(7)["looks"].clone()),
    ] {
        assert_eq!(reader.deliver(quote(&part(reference, spelt))).await.json(), expected, "{spelt}");
    }
    let body = json!({"body": quote(&part(reference, ".7.text"))});
    assert_eq!(reader.deliver(body.to_string()).await.json(), json!({"body": long(7)["text"].to_string()}));
}

#[tokio::test]
async fn h5_a_part_that_is_absent_fails_its_invocation_and_says_why() {
    let (mut reader, reference) = stored(signed).await;
    let why = [
        (".2000", "no value there"),
        (".x", "no value there"),
        (".7.text.0", "no value there"),
        (".07", "no value there"),
        (".7:0:1", "no array there"),
        (":2001:1", "only 2000 elements"),
    ];
    for (spelt, why) in why {
        let failure = reader.fail(quote(&part(&reference, spelt))).await;
        assert_eq!(failure.error_type, "LongContent.NotFound", "{spelt}");
        assert!(failure.message.contains(why) && failure.message.contains(&part(&reference, spelt)), "{failure:?}");
    }
}

#[tokio::test]
async fn h5_a_record_with_an_absent_part_stays_and_the_others_are_hydrated() {
    let (mut reader, reference) = stored(signed).await;
    let records =
        |bodies: [String; 3]| json!({"Records": bodies.map(|body| json!({"eventSource": "aws:sqs", "body": body}))});
    let (absent, malformed) = (part(&reference, ".x"), part(&reference, "x"));
    let event = records([absent.clone(), json!([part(&reference, ":7:1")]).to_string(), malformed.clone()]);
    let expected = records([absent, json!([[row(7)]]).to_string(), malformed]);
    let delivered = reader.deliver(event.to_string()).await.json();
    assert_eq!(delivered["Records"][0], expected["Records"][0]);
    assert_eq!(delivered["Records"][2], expected["Records"][2]);
    let body: Value = serde_json::from_str(delivered["Records"][1]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!([[row(7)]]));
}

/// Everything that is made of a part without the key: what is around it, what is in it, and other spellings.
fn forged(reference: &Value, string: &str) -> Vec<String> {
    let good = part(reference, ":0:1");
    let size = reference.as_str().unwrap().split(':').nth(6).unwrap();
    vec![
        good.replacen(":2000:", ":2001:", 1),
        good.replacen(&format!(":{size}:"), ":7:", 1),
        good.replacen(":86400:", ":none:", 1),
        good.replacen("content:3:", "content:1:", 1),
        good.replacen("content:3:", "content:2:content:3:", 1),
        good.replacen(":j:", ":v:", 1),
        good.replacen(":j:", ":s:", 1),
        part(&json!(string), ".0"),
        part(&json!(string), ":0:1"),
        part(reference, ":00:1"),
        part(reference, ":0:-1"),
        part(reference, ":0"),
        part(reference, ":0:1:2"),
        part(reference, ":0:18446744073709551616"),
        part(reference, "0"),
        part(reference, ".-2f"),
        part(reference, ".-41"),
        part(reference, ".-C3"),
        part(reference, ".-"),
        part(reference, &format!(".{}", "a".repeat(512))),
    ]
}

#[tokio::test]
async fn b4_with_a_key_no_forged_or_hostile_part_costs_a_read() {
    let (mut reader, reference) = stored(signed).await;
    let string = reader.respond(quote(&text(6_000))).await.json().as_str().unwrap().to_owned();
    let elsewhere = Scope::new("elsewhere").signed_by(KEY.parse().unwrap());
    let elsewhere = elsewhere.reference(Ttl::seconds(86_400), &Content::json("[1]")).to_string();
    let guessed = Scope::new(reader.table().name()).reference(Ttl::seconds(86_400), &Content::json("[1]")).to_string();
    let mut attacks = forged(&reference, &string);
    attacks.extend([elsewhere, guessed].map(|whole| part(&json!(whole), ":0:1")));
    let before = reader.table().meter();
    for attack in attacks {
        let failure = reader.fail(quote(&attack)).await;
        assert_eq!(failure.error_type, "LongContent.Refused", "{attack}: {failure:?}");
    }
    assert_eq!(reader.table().meter().since(&before).total_requests(), 0);
    assert_eq!(reader.deliver(quote(&part(&reference, ":0:1"))).await.json(), json!([row(0)]));
}

#[tokio::test]
async fn b4_a_part_is_its_tenants() {
    let mut world = signed().with("MAX_PAYLOAD_SIZE", 2_000).with_table().await;
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").header(TENANT, "blue"));
    world.runtime.next().await;
    world.runtime.respond(&id, rows(50).to_string()).await;
    let reference = world.lambda.response(&id).await.json();
    let event = |world: &mut World| Event::new(&world.fresh_id(), quote(&part(&reference, ":1:1")));
    let (blue, green, nobodys) =
        (event(&mut world).header(TENANT, "blue"), event(&mut world).header(TENANT, "green"), event(&mut world));
    assert_eq!(world.deliver_event(blue).await.json(), json!([row(1)]));
    for attack in [green, nobodys] {
        assert_eq!(world.fail_event(attack).await.error_type, "LongContent.Refused");
    }
}

#[tokio::test]
async fn b4_a_part_of_an_expired_content_is_expired() {
    let (mut reader, reference) = stored(signed).await;
    reader.table().expire_all().await;
    assert_eq!(reader.fail(quote(&part(&reference, ":0:1"))).await.error_type, "LongContent.Expired");
}

#[tokio::test]
async fn h8_a_whole_counts_once_and_each_part_by_its_size() {
    let (writer, sent) = sent(World::start(), &json!({"rows": rows(2_000)})).await;
    let limit = 3 << 20;
    let mut reader = World::start().with("LRAP_MAX_EVENT_SIZE", limit).sharing(writer.table()).await;
    let reference = &sent["rows"];
    let parts = |count: usize, len: usize| {
        (0..count).map(|start| part(reference, &format!(":{start}:{len}"))).collect::<Vec<_>>()
    };
    let event = parts(1_000, 1);
    assert_eq!(
        reader.deliver(json!(event).to_string()).await.json(),
        (0..1_000).map(|nth| json!([row(nth)])).collect::<Value>()
    );
    let failure = reader.fail(json!(parts(1_000, 1_000)).to_string()).await;
    assert_eq!(failure.error_type, "LongContent.EventTooLarge", "{failure:?}");
    let small = rows(2_000).to_string().len() - 1;
    let mut reader = World::start().with("LRAP_MAX_EVENT_SIZE", small).sharing(writer.table()).await;
    let before = reader.table().meter();
    assert_eq!(reader.fail(quote(&part(reference, ".0.id"))).await.error_type, "LongContent.EventTooLarge");
    assert_eq!(reader.table().meter().since(&before).total_requests(), 0, "the whole does not fit, so it is not read");
}

#[tokio::test]
async fn o4_a_part_that_was_handed_over_leaves_as_it_came() {
    let (writer, sent) = sent(World::start(), &json!({"rows": rows(100)})).await;
    let mut router = World::start().with("LRAP_HYDRATE", "never").sharing(writer.table()).await;
    let event = json!({"rows": part(&sent["rows"], ":10:10")});
    let id = router.fresh_id();
    router.lambda.push(Event::new(&id, event.to_string()));
    assert_eq!(router.runtime.next().await.json(), event);
    let other = json!([event["rows"], part(&sent["rows"], ":11:10")]);
    router.runtime.respond(&id, other.to_string()).await;
    let left = router.lambda.response(&id).await.json();
    assert_eq!(left[0], event["rows"]);
    assert_ne!(left[1], other[1], "it was not in the event, so it is text");
    let mut reader = World::start().sharing(writer.table()).await;
    assert_eq!(reader.deliver(left.to_string()).await.json(), json!([(10..20).map(row).collect::<Vec<_>>(), other[1]]));
}
