//! §5: what no attacker gets. Every attack is made on the real binary and counted by the store, which is the table, or a bucket that
//! takes all contents: with a signing key it costs no read, without one at most one; and beside each, the valid reference is hydrated.

use long_content::reference::{Content, Scope, Ttl};
use serde_json::{Value, json};

use test_kit::json::{quote, text};
use test_kit::secrets::{SECRET_ARN, Secret};
use test_kit::stores::Backing;
use test_kit::world::Builder;
use test_kit::{Event, World, soon};

const KEY: &str = "a-signing-key-of-some-length";
const OTHER_KEY: &str = "another-signing-key-of-some-length";
const TENANT: &str = "Lambda-Runtime-Aws-Tenant-Id";

fn signed() -> Builder {
    World::start().with("LRAP_SIGNING_KEY", KEY)
}

/// What the sandbox sends instead of `content`.
async fn reference_by(world: &mut World, content: &str) -> String {
    world.respond(quote(content)).await.json().as_str().unwrap().to_owned()
}

/// A store with one content, who wrote it, and the content with its reference.
async fn written(settings: fn() -> Builder, backing: Backing) -> (World, String, String) {
    let mut writer = settings().with_store(backing).await;
    let content = text(6_000);
    let reference = reference_by(&mut writer, &content).await;
    (writer, content, reference)
}

/// Another character of the same alphabet in the place of the first one of a reference's field.
fn altered(reference: &str, field: usize) -> String {
    let mut fields: Vec<_> = reference.split(':').map(str::to_owned).collect();
    let other = if fields[field].starts_with('A') { "B" } else { "A" };
    fields[field].replace_range(..1, other);
    fields.join(":")
}

/// Everything that is made of one reference without the key: guessed, and altered in one field at a time.
fn forged(reference: &str) -> Vec<String> {
    let fields: Vec<_> = reference.split(':').collect();
    let (store, size) = (fields[2], fields[6]);
    let other_store = Backing::BOTH.map(Backing::name).into_iter().find(|name| *name != store).unwrap();
    let guessed = Scope::new("content").reference(Ttl::seconds(86_400), &Content::string("guess")).to_string();
    let mut forged = vec![
        guessed,
        reference.replacen(":1:", ":2:", 1),
        reference.replacen(&format!(":{store}:"), &format!(":{other_store}:"), 1),
        reference.replacen(":s:", ":j:", 1),
        reference.replacen(":86400:", ":86401:", 1),
        reference.replacen(":86400:", ":none:", 1),
        reference.replacen(&format!(":{size}"), ":5999", 1),
        reference.replacen(&format!(":{size}"), ":18446744073709551615", 1),
        altered(reference, 5),
        format!("{reference}:more"),
    ];
    // Key and MAC, where there are any.
    forged.extend((7..fields.len()).map(|field| altered(reference, field)));
    forged
}

/// Waits until the extension has said of so many references that it refused them: ten of an event by their ids, the rest as a
/// number (H8).
async fn refusals(world: &World, expected: usize) {
    let all = async {
        while refused(world) < expected {
            tokio::task::yield_now().await;
        }
    };
    soon("a word of each refusal", all).await;
    assert_eq!(refused(world), expected);
}

fn refused(world: &World) -> usize {
    let said = world.extension.said();
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.fold(0, |sum, line| match line["message"].as_str() {
        Some("reference refused") => sum + 1,
        Some("more references were refused or kept") => sum + line["references"].as_u64().unwrap() as usize,
        _ => sum,
    })
}

/// The attack fails its invocation as refused, once and without a read; the valid reference beside it is hydrated.
async fn is_refused(world: &mut World, attack: Event, valid: Event, content: &str) {
    let (before, refused) = (world.stores().spent(), refused(world));
    let shown = format!("{attack:?}");
    let failure = world.fail_event(attack).await;
    assert_eq!(failure.error_type, "LongContent.Refused", "{shown}: {failure:?}");
    assert_eq!(world.stores().spent().since(before).requests, 0, "{shown}");
    refusals(world, refused + 1).await;
    assert_eq!(world.deliver_event(valid).await.text(), quote(content));
}

/// Without a key: the attack fails its invocation and costs one read at most; the valid reference beside it is hydrated.
async fn gives_nothing(world: &mut World, attack: Event, valid: Event, content: &str) {
    let before = world.stores().spent();
    let shown = format!("{attack:?}");
    let failure = world.fail_event(attack).await;
    let types = ["LongContent.Refused", "LongContent.NotFound", "LongContent.Corrupt"];
    assert!(types.contains(&failure.error_type.as_str()), "{shown}: {failure:?}");
    assert!(world.stores().spent().since(before).read <= 1, "{shown}");
    assert_eq!(world.deliver_event(valid).await.text(), quote(content));
}

fn event(world: &mut World, reference: &str) -> Event {
    Event::new(&world.fresh_id(), quote(reference))
}

#[tokio::test]
async fn b4_with_a_key_no_forgery_costs_a_read() {
    for backing in Backing::BOTH {
        with_a_key_no_forgery_costs_a_read(backing).await;
    }
}

async fn with_a_key_no_forgery_costs_a_read(backing: Backing) {
    let (writer, content, reference) = written(signed, backing).await;
    let mut world = signed().on(writer.stores()).await;
    let forged = forged(&reference);
    assert_eq!(forged.len(), 12);
    for forgery in &forged {
        assert_ne!(*forgery, reference);
        let (attack, valid) = (event(&mut world, forgery), event(&mut world, &reference));
        is_refused(&mut world, attack, valid, &content).await;
    }
    refusals(&world, forged.len()).await;
}

#[tokio::test]
async fn b4_with_a_key_no_truncation_costs_a_read() {
    for backing in Backing::BOTH {
        with_a_key_no_truncation_costs_a_read(backing).await;
    }
}

async fn with_a_key_no_truncation_costs_a_read(backing: Backing) {
    let (writer, content, reference) = written(signed, backing).await;
    let mut world = signed().with("LRAP_ON_MISSING", "keep").on(writer.stores()).await;
    let truncated: Vec<_> = (0..reference.len()).map(|end| &reference[..end]).collect();
    let before = world.stores().spent();
    let event = json!(truncated).to_string();
    assert_eq!(world.deliver(event.as_str()).await.text(), event);
    assert_eq!(world.stores().spent().since(before).requests, 0);
    // From the first that has a prefix, a version and a colon on; before that it is any text.
    refusals(&world, truncated.iter().filter(|text| text.starts_with("@content:1:")).count()).await;
    assert_eq!(world.deliver(quote(&reference)).await.text(), quote(&content));
}

#[tokio::test]
async fn b4_a_batch_keeps_what_is_refused_and_hydrates_the_rest() {
    for backing in Backing::BOTH {
        a_batch_keeps_what_is_refused_and_hydrates_the_rest(backing).await;
    }
}

async fn a_batch_keeps_what_is_refused_and_hydrates_the_rest(backing: Backing) {
    let (writer, content, reference) = written(signed, backing).await;
    let mut world = signed().on(writer.stores()).await;
    let forged = forged(&reference);
    let with = |last: &str| {
        let records =
            forged.iter().map(String::as_str).chain([last]).map(|body| json!({"eventSource": "aws:sqs", "body": body}));
        json!({"Records": records.collect::<Vec<_>>()})
    };
    let before = world.stores().spent();
    assert_eq!(world.deliver(with(&reference).to_string()).await.json(), with(&content));
    let spent = world.stores().spent().since(before);
    assert_eq!((spent.requests, spent.read), (1, 1), "the valid one's");
    refusals(&world, forged.len()).await;
}

#[tokio::test]
async fn b4_without_a_key_a_forgery_gives_nothing_and_costs_one_read_at_most() {
    for backing in Backing::BOTH {
        without_a_key_a_forgery_gives_nothing_and_costs_one_read_at_most(backing).await;
    }
}

async fn without_a_key_a_forgery_gives_nothing_and_costs_one_read_at_most(backing: Backing) {
    let (writer, content, reference) = written(World::start, backing).await;
    let mut world = World::start().on(writer.stores()).await;
    let truncated = (11..reference.len()).map(|end| reference[..end].to_owned());
    // Less of its size is another size, and less than that no reference.
    for forgery in forged(&reference).into_iter().chain(truncated) {
        let (attack, valid) = (event(&mut world, &forgery), event(&mut world, &reference));
        gives_nothing(&mut world, attack, valid, &content).await;
    }
}

/// A response of the tenant.
async fn respond_as(world: &mut World, tenant: &str, content: &str) -> String {
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").header(TENANT, tenant));
    world.runtime.next().await;
    world.runtime.respond(&id, quote(content)).await;
    world.lambda.response(&id).await.json().as_str().unwrap().to_owned()
}

/// References of one content by a tenant and by nobody, each where it does not belong, with one that does.
async fn replays_across_tenants(world: &mut World, content: &str) -> Vec<(Event, Event)> {
    let blue = respond_as(world, "blue", content).await;
    let nobodys = reference_by(world, content).await;
    let valid = |world: &mut World| event(world, &blue).header(TENANT, "blue");
    vec![
        (event(world, &blue).header(TENANT, "green"), valid(world)),
        (event(world, &blue), valid(world)),
        (event(world, &nobodys).header(TENANT, "blue"), event(world, &nobodys)),
    ]
}

#[tokio::test]
async fn b4_replayed_across_tenants() {
    for backing in Backing::BOTH {
        replayed_across_tenants(backing).await;
    }
}

async fn replayed_across_tenants(backing: Backing) {
    let content = text(6_000);
    let mut world = signed().with_store(backing).await;
    for (attack, valid) in replays_across_tenants(&mut world, &content).await {
        is_refused(&mut world, attack, valid, &content).await;
    }
    let mut world = World::start().with_store(backing).await;
    for (attack, valid) in replays_across_tenants(&mut world, &content).await {
        gives_nothing(&mut world, attack, valid, &content).await;
    }
}

/// What is there for others is not told from what nobody ever stored, by type, message, or what the store is asked.
async fn tells_nothing(world: &mut World, attack: Event, made_up: Event) {
    let mut seen = vec![];
    for event in [attack, made_up] {
        let before = world.stores().spent();
        let failure = world.fail_event(event).await;
        let spent = world.stores().spent().since(before);
        let message = failure.message.split_once(": ").unwrap().1.to_owned();
        seen.push((failure.error_type, message, [spent.requests, spent.reads]));
    }
    assert_eq!(seen[0].0, "LongContent.NotFound");
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn b4_an_unsigned_reader_is_not_told_what_is_stored_for_others() {
    for backing in Backing::BOTH {
        an_unsigned_reader_is_not_told_what_is_stored_for_others(backing).await;
    }
}

async fn an_unsigned_reader_is_not_told_what_is_stored_for_others(backing: Backing) {
    let (mut writer, content, reference) = written(signed, backing).await;
    let blue = respond_as(&mut writer, "blue", &content).await;
    let mut world = World::start().on(writer.stores()).await;
    let unsigned = respond_as(&mut world, "blue", &content).await;
    let made_up = altered(&unsigned, 5);
    let cut = |reference: &str| reference.split(':').take(7).collect::<Vec<_>>().join(":");
    for attack in [cut(&reference), cut(&blue), unsigned.clone(), cut(&reference).replace(":86400:", ":none:")] {
        let (attack, made_up) = (event(&mut world, &attack), event(&mut world, &made_up));
        tells_nothing(&mut world, attack, made_up).await;
    }
    for attack in [cut(&reference), cut(&blue), unsigned] {
        let attack = event(&mut world, &attack).header(TENANT, "green");
        let made_up = event(&mut world, &made_up).header(TENANT, "green");
        tells_nothing(&mut world, attack, made_up).await;
    }
}

#[tokio::test]
async fn b4_replayed_across_tables_and_buckets() {
    for backing in Backing::BOTH {
        replayed_across_tables_and_buckets(backing).await;
    }
}

async fn replayed_across_tables_and_buckets(backing: Backing) {
    let (writer, content, reference) = written(signed, backing).await;
    let copy = writer.stores().copied().await;
    let mut world = signed().on(&copy).await;
    let own = reference_by(&mut world, &content).await;
    let (attack, valid) = (event(&mut world, &reference), event(&mut world, &own));
    is_refused(&mut world, attack, valid, &content).await;

    let (writer, content, reference) = written(World::start, backing).await;
    let copy = writer.stores().copied().await;
    let mut world = World::start().on(&copy).await;
    let before = copy.spent();
    assert_eq!(world.fail(quote(&reference)).await.error_type, "LongContent.NotFound");
    assert!(copy.spent().since(before).read <= 1);
    let own = reference_by(&mut world, &content).await;
    assert_eq!(world.deliver(quote(&own)).await.text(), quote(&content));
}

/// A sandbox whose contents live for an hour, and of one content the references by day and hour, confused, each with a valid
/// one.
async fn replays_across_ttl_classes(
    settings: fn() -> Builder,
    backing: Backing,
) -> (World, String, Vec<(Event, Event)>) {
    let (writer, content, day) = written(settings, backing).await;
    let mut world = settings().with("LRAP_CONTENT_TTL", 3_600).on(writer.stores()).await;
    let hour = reference_by(&mut world, &content).await;
    let attacks = [hour.replacen(":3600:", ":86400:", 1), hour.replacen(":3600:", ":none:", 1)];
    let controls = [day, hour];
    let pairs = attacks.iter().zip(&controls);
    let events = pairs.map(|(attack, valid)| (event(&mut world, attack), event(&mut world, valid))).collect();
    (world, content, events)
}

#[tokio::test]
async fn b4_replayed_across_ttl_classes() {
    for backing in Backing::BOTH {
        replayed_across_ttl_classes(backing).await;
    }
}

async fn replayed_across_ttl_classes(backing: Backing) {
    let (mut world, content, replays) = replays_across_ttl_classes(signed, backing).await;
    for (attack, valid) in replays {
        is_refused(&mut world, attack, valid, &content).await;
    }
    let (mut world, content, replays) = replays_across_ttl_classes(World::start, backing).await;
    for (attack, valid) in replays {
        gives_nothing(&mut world, attack, valid, &content).await;
    }
}

#[tokio::test]
async fn b4_replayed_across_keys() {
    for backing in Backing::BOTH {
        replayed_across_keys(backing).await;
    }
}

async fn replayed_across_keys(backing: Backing) {
    let (writer, content, of_key) = written(signed, backing).await;
    let mut other = World::start().with("LRAP_SIGNING_KEY", OTHER_KEY).on(writer.stores()).await;
    let mut none = World::start().on(writer.stores()).await;
    let (of_other, of_none) = (reference_by(&mut other, &content).await, reference_by(&mut none, &content).await);
    let mut world = signed().on(writer.stores()).await;
    for stranger in [&of_other, &of_none] {
        let (attack, valid) = (event(&mut world, stranger), event(&mut world, &of_key));
        is_refused(&mut world, attack, valid, &content).await;
    }
    let (attack, valid) = (event(&mut none, &of_key), event(&mut none, &of_none));
    is_refused(&mut none, attack, valid, &content).await;
    let failure = none.fail(quote(&of_key)).await;
    assert!(["LRAP_SIGNING_KEY", "LRAP_SIGNING_SECRET_ARN"].iter().all(|name| failure.message.contains(name)));
    let failure = world.fail(quote(&of_none)).await;
    assert!(failure.message.contains("LRAP_SIGNING_KEY") && failure.message.contains(&of_none), "{}", failure.message);
}

#[tokio::test]
async fn b4_text_that_holds_a_valid_reference_arrives_as_that_text() {
    for backing in Backing::BOTH {
        text_that_holds_a_valid_reference_arrives_as_that_text(backing).await;
    }
}

async fn text_that_holds_a_valid_reference_arrives_as_that_text(backing: Backing) {
    for settings in [World::start as fn() -> Builder, signed] {
        let (mut writer, content, reference) = written(settings, backing).await;
        let escaped = reference.replace('@', "\\u0040");
        for response in [
            quote(&reference),
            format!("\"{escaped}\""),
            quote(&json!({"a": reference}).to_string()),
            quote(&format!(r#"{{"a":"{escaped}"}}"#)),
            quote(&json!([json!({"a": reference}).to_string()]).to_string()),
        ] {
            let sent = writer.respond(response.as_str()).await.text();
            assert_ne!(sent, response);
            let mut reader = settings().on(writer.stores()).await;
            let arrived: Value = reader.deliver(sent).await.json();
            assert_eq!(arrived, serde_json::from_str::<Value>(&response).unwrap());
            assert_eq!(reader.deliver(quote(&reference)).await.text(), quote(&content));
        }
    }
}

/// Events by which outsiders' text arrives, after AWS's published samples; `text` is what one of them typed.
fn http_events(text: &str) -> Vec<Value> {
    let headers = json!({"accept": "*/*", "x-typed": text});
    vec![
        json!({"resource": "/a", "path": "/a", "httpMethod": "POST", "headers": headers, "multiValueHeaders": {},
            "requestContext": {"resourcePath": "/a", "stage": "prod"}, "body": text, "isBase64Encoded": false}),
        json!({"version": "2.0", "routeKey": "$default", "rawPath": "/a", "rawQueryString": "", "headers": headers,
            "requestContext": {"http": {"method": "POST", "path": "/a"}}, "body": text, "isBase64Encoded": false}),
        json!({"version": "2.0", "rawPath": "/a", "headers": headers, "requestContext": {"domainName":
            "id.lambda-url.us-west-2.on.aws", "http": {"method": "POST"}}, "body": json!({"a": text}).to_string()}),
        json!({"requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}}, "httpMethod": "POST",
            "path": "/a", "headers": headers, "body": text, "isBase64Encoded": false}),
        json!({"requestContext": {"routeKey": "$default", "eventType": "MESSAGE", "connectionId": "id="}, "body": text,
            "isBase64Encoded": false}),
    ]
}

#[tokio::test]
async fn b4_what_an_outsider_typed_is_never_a_reference() {
    for backing in Backing::BOTH {
        what_an_outsider_typed_is_never_a_reference(backing).await;
    }
}

async fn what_an_outsider_typed_is_never_a_reference(backing: Backing) {
    for settings in [World::start as fn() -> Builder, signed] {
        let (writer, content, reference) = written(settings, backing).await;
        let mut world = settings().on(writer.stores()).await;
        let before = world.stores().spent();
        let events = http_events(&reference).into_iter().map(|event| event.to_string());
        let escaped = reference.replace('@', "\\u0040");
        let others = [json!({reference.as_str(): 1}).to_string(), format!(r#"{{"a":["{escaped}"]}}"#)];
        for event in events.chain(others) {
            assert_eq!(world.deliver(event.as_str()).await.text(), event);
        }
        assert_eq!(world.stores().spent().since(before).requests, 0);
        assert_eq!(world.deliver(quote(&reference)).await.text(), quote(&content));
    }
}

/// A sandbox whose keys are in `secret`.
fn keeping(secret: &Secret) -> Builder {
    World::start()
        .with("LRAP_SIGNING_SECRET_ARN", SECRET_ARN)
        .with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secret.endpoint)
}

#[tokio::test]
async fn s5_a_key_rotated_between_two_live_sandboxes_loses_nothing() {
    let secret = Secret::start(Some(KEY)).await;
    let mut old = keeping(&secret).with_table().await;
    let content = text(6_000);
    let by_old = reference_by(&mut old, &content).await;
    assert_eq!(secret.asked(), 1, "during init");
    secret.rotate(OTHER_KEY);
    let mut new = keeping(&secret).on(old.stores()).await;
    let by_new = reference_by(&mut new, &content).await;
    assert_ne!(by_new, by_old);

    assert_eq!(new.deliver(quote(&by_old)).await.text(), quote(&content), "the previous key still verifies");
    assert_eq!(secret.asked(), 2);
    assert_eq!(old.deliver(quote(&by_new)).await.text(), quote(&content), "an unknown key is asked for");
    assert_eq!(old.deliver(quote(&by_new)).await.text(), quote(&content));
    assert_eq!(secret.asked(), 3);
    assert_eq!(reference_by(&mut old, &content).await, by_new, "and the current key signs");
}

/// The reference as if the key of this id had signed it.
fn by_key(reference: &str, id: &str) -> String {
    let mut fields: Vec<_> = reference.split(':').collect();
    fields[7] = id;
    fields.join(":")
}

/// Anyone can make up a key id. The first one has the secret read, and is refused; within a minute others may be new keys.
#[tokio::test]
async fn s5_unknown_keys_cost_one_look_at_the_secret() {
    let secret = Secret::start(Some(&json!({"current": KEY, "previous": OTHER_KEY}).to_string())).await;
    let mut world = keeping(&secret).with_table().await;
    let content = text(6_000);
    let reference = reference_by(&mut world, &content).await;
    for _ in 0..2 {
        let (attack, valid) = (event(&mut world, &by_key(&reference, "AAAAAAAA")), event(&mut world, &reference));
        is_refused(&mut world, attack, valid, &content).await;
    }
    for unknown in ["BBBBBBBB", "CCCCCCCC"] {
        let before = world.stores().spent();
        let failure = world.fail(quote(&by_key(&reference, unknown))).await;
        assert_eq!(failure.error_type, "LongContent.StoreUnavailable", "{failure:?}");
        assert!(
            failure.message.contains(unknown) && failure.message.contains("LRAP_SIGNING_SECRET_ARN"),
            "{failure:?}"
        );
        assert_eq!(world.stores().spent().since(before).requests, 0);
        assert_eq!(world.deliver(quote(&reference)).await.text(), quote(&content));
    }
    assert_eq!(secret.asked(), 2, "one during init, one for the first unknown key");
}

#[tokio::test]
async fn s5_without_its_secret_a_sandbox_does_what_needs_no_key() {
    let secret = Secret::start(None).await;
    let mut world = keeping(&secret).with_table().await;
    assert_eq!(world.deliver(r#"{"a":1}"#).await.text(), r#"{"a":1}"#);
    assert_eq!(world.respond(r#"{"a":1}"#).await.text(), r#"{"a":1}"#);
    let content = text(6_000);
    assert_eq!(world.respond(quote(&content)).await.text(), quote(&content), "it fits as it is");
    let in_vain = world.respond_in_vain(quote("@content:")).await;
    let failed = world.fail(quote(&Scope::new("content").reference(Ttl::NONE, &Content::string("")).to_string())).await;
    for failure in [in_vain, failed] {
        assert_eq!(failure.error_type, "LongContent.StoreUnavailable");
        assert!(failure.message.contains("LRAP_SIGNING_SECRET_ARN"), "{}", failure.message);
    }
    secret.rotate(KEY);
    let reference = reference_by(&mut world, &content).await;
    assert_eq!(world.deliver(quote(&reference)).await.text(), quote(&content));
    assert!(!world.extension.said().contains(KEY));
}

const RECORD: &str = "record-0b57fe41-8f0c-4f3c-9d0a-3f5a2b1c4d5e";

fn legacy(id: &str, content: &str) -> Value {
    json!({"id": {"S": id}, "content": {"S": content}})
}

#[tokio::test]
async fn h7_legacy_references_are_read_when_asked_to() {
    let reference = format!("@content:dynamodb:table:{RECORD}");
    let mut world = World::start().with("LRAP_READ_LEGACY", true).with_table().await;
    let holds_a_look_alike = json!({"a": [1.0, "é"], "b": reference}).to_string();
    world.table().put(legacy(RECORD, &holds_a_look_alike)).await;
    let event = json!({"x": reference, "body": json!({"y": reference}).to_string()}).to_string();
    let expected = event
        .replace(&quote(&reference), &holds_a_look_alike)
        .replace(&quote(&json!({"y": reference}).to_string()), &quote(&format!(r#"{{"y":{holds_a_look_alike}}}"#)));
    assert_eq!(world.deliver(event).await.text(), expected);

    let other = RECORD.replace("0b57", "0b58");
    let absent = world.fail(quote(&format!("@content:dynamodb:table:{other}"))).await;
    assert_eq!(absent.error_type, "LongContent.NotFound");
    world.table().put(legacy(&other, "not JSON")).await;
    let damaged = world.fail(quote(&format!("@content:dynamodb:table:{other}"))).await;
    assert_eq!(damaged.error_type, "LongContent.Corrupt");
    let sent = world.respond(quote(&reference)).await.text();
    assert_ne!(sent, quote(&reference), "it is still text that reads like a reference");
    assert_eq!(world.deliver(sent).await.text(), quote(&reference));
}

/// Its content is text in the table's answer too, where each quotation mark takes two bytes.
#[tokio::test]
async fn h7_a_legacy_content_full_of_quotation_marks_is_read() {
    let content = json!(vec![""; 133_000]).to_string();
    let mut world = World::start().with("LRAP_READ_LEGACY", true).with_table().await;
    world.table().put(legacy(RECORD, &content)).await;
    let delivered = world.deliver(quote(&format!("@content:dynamodb:table:{RECORD}"))).await;
    assert!(delivered.text() == content);
}

#[tokio::test]
async fn h7_legacy_references_are_text_or_refused_otherwise() {
    let event = quote(&format!("@content:dynamodb:table:{RECORD}"));
    let mut world = World::start().with_table().await;
    world.table().put(legacy(RECORD, "1")).await;
    let before = world.table().meter();
    assert_eq!(world.deliver(event.as_str()).await.text(), event);

    let mut with_key = signed().with("LRAP_READ_LEGACY", true).sharing(world.table()).await;
    assert_eq!(with_key.fail(event.as_str()).await.error_type, "LongContent.Refused");
    let mut reader = World::start().with("LRAP_READ_LEGACY", true).sharing(world.table()).await;
    let of_tenant = Event::new(&reader.fresh_id(), event.as_str()).header(TENANT, "blue");
    assert_eq!(reader.fail_event(of_tenant).await.error_type, "LongContent.Refused");
    assert_eq!(world.table().meter().since(&before).requests_of("BatchGetItem"), 0);
    assert_eq!(reader.deliver(event.as_str()).await.text(), "1");
}
