//! O9: what is remembered of an invocation, by which attempt it is, and until when. §5: whose contents they are.

use std::time::{Duration, SystemTime};

use lambda_local::table::{Fault, Faults};
use serde_json::json;

use test_kit::NEXT;
use test_kit::json::{noise, quote, text};
use test_kit::message::unix_millis;
use test_kit::world::Failure;
use test_kit::{Event, Reply, Request, World};

const INVOCATION_ID: &str = "Lambda-Runtime-Invocation-Id";
/// Longer than what may go as it is, so that storing is the only way.
const TOO_LONG_TO_GO: usize = 300 * 1024;
const LOOK_ALIKE: &str = r#"["@content:1:mine"]"#;

/// An event whose response API Gateway reads.
fn from_api_gateway(id: &str) -> Event {
    Event::new(id, r#"{"requestContext":{"http":{"method":"GET"}},"headers":{}}"#)
}

fn response(id: &str, invocation_id: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::response(id, body).header(INVOCATION_ID, invocation_id)
}

#[tokio::test]
async fn o9_a_response_is_left_alone_though_its_deadline_has_passed_and_others_came() {
    let mut world = World::start().with_table().await;
    let ago = unix_millis(SystemTime::now() - Duration::from_secs(1));
    world.lambda.push(from_api_gateway("http").deadline(ago));
    world.runtime.next().await;
    let mut other = world.another_runtime();
    for id in ["a", "b"] {
        world.lambda.push(Event::new(id, "{}").deadline(ago));
        other.next().await;
    }
    let body = json!({"statusCode": 200, "body": text(6_000)}).to_string();
    world.runtime.respond("http", body.as_str()).await;
    assert!(world.lambda.response("http").await.text() == body);
    other.respond("b", quote(&text(6_000))).await;
    assert!(world.lambda.response("b").await.text().starts_with("\"@content:1:"));
}

#[tokio::test]
async fn o9_a_response_without_an_event_leaves_as_it_came() {
    let mut world = World::start().with_table().await;
    for body in [quote(&text(6_000)), quote(&text(300_000)), "{}".to_owned()] {
        assert_eq!(world.runtime.respond("unknown", body.as_str()).await.status, 202);
        let name = "POST /2018-06-01/runtime/invocation/unknown/response";
        assert!(world.lambda.with_log(|log| log.all(name).last().unwrap().body == body.as_bytes()));
    }
    assert_eq!(world.table().items().await.len(), 0);
}

#[tokio::test]
async fn o9_a_response_without_an_event_fails_when_it_could_be_taken_for_a_reference() {
    let mut world = World::start().with_table().await;
    let nested = json!({"body": LOOK_ALIKE}).to_string();
    for (id, body) in [("plain", LOOK_ALIKE), ("nested", &nested), ("escaped", r#""\u0040content:1:x""#)] {
        assert_eq!(world.runtime.respond(id, body).await.status, 202);
        let failure = Failure::of(&world.lambda.error(id).await);
        assert_eq!(failure.error_type, "LongContent.UnknownInvocation");
        assert_eq!(world.lambda.count(&format!("POST /2018-06-01/runtime/invocation/{id}/response")), 0);
    }
}

#[tokio::test]
async fn o9_an_invocation_is_remembered_until_upstream_accepts_its_outcome() {
    let mut world = World::start().with_table().await;
    world.lambda.push(from_api_gateway("1"));
    world.runtime.next().await;
    let name = "POST /2018-06-01/runtime/invocation/1/response";
    world.lambda.reply(name, Reply::new(500, "not now"));
    let body = quote(&text(6_000));
    assert_eq!(world.runtime.respond("1", body.as_str()).await.status, 500);
    assert_eq!(world.runtime.respond("1", body.as_str()).await.status, 202);
    assert!(world.lambda.with_log(|log| log.all(name).iter().all(|seen| seen.body == body.as_bytes())));
}

/// The first attempt's response comes when the second has begun, and cannot be stored.
#[tokio::test]
async fn o9_late_error_of_an_old_attempt_carries_its_own_invocation_id() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    let mut second = world.another_runtime();
    world.lambda.push(Event::new("r", "1").header(INVOCATION_ID, "a1"));
    world.runtime.next().await;
    world.lambda.push(Event::new("r", "1").header(INVOCATION_ID, "b1"));
    second.next().await;
    world.table().faults(Faults::always(Fault::InternalError));
    world.lambda.reply("POST /2018-06-01/runtime/invocation/r/error", Reply::new(410, "stale"));
    let late = world.runtime.send(response("r", "a1", quote(&noise(TOO_LONG_TO_GO, 1)))).await;
    assert_eq!((late.status, late.text().as_str()), (410, "stale"));
    assert_eq!(world.lambda.error("r").await.headers.all(INVOCATION_ID), ["a1"]);
    world.table().clear_faults();
    assert_eq!(second.send(response("r", "b1", quote(&noise(TOO_LONG_TO_GO, 2)))).await.status, 202);
    let sent = world.lambda.response("r").await;
    assert_eq!(sent.headers.all(INVOCATION_ID), ["b1"]);
    assert!(sent.text().starts_with("\"@content:1:"));
}

#[tokio::test]
async fn o9_each_attempt_has_its_own_reader() {
    let mut world = World::start().with_table().await;
    world.lambda.push(from_api_gateway("r").header(INVOCATION_ID, "a1"));
    world.runtime.next().await;
    world.lambda.push(Event::new("r", "{}").header(INVOCATION_ID, "b1"));
    world.runtime.next().await;
    let body = quote(&text(6_000));
    let name = "POST /2018-06-01/runtime/invocation/r/response";
    for (id, is_left_alone) in [("b1", false), ("a1", true)] {
        assert_eq!(world.runtime.send(response("r", id, body.as_str())).await.status, 202);
        let left = world.lambda.with_log(|log| log.all(name).last().unwrap().text());
        assert_eq!(left == body, is_left_alone, "{id}");
    }
}

#[tokio::test]
async fn o9_a_runtime_that_knows_no_invocation_ids_is_served() {
    let mut world = World::start().with_table().await;
    world.lambda.push(Event::new("r", "{}").header(INVOCATION_ID, "a1"));
    world.runtime.next().await;
    world.runtime.respond("r", quote(&text(6_000))).await;
    assert!(world.lambda.response("r").await.text().starts_with("\"@content:1:"));
}

#[tokio::test]
async fn o9_an_error_made_of_an_event_carries_its_invocation_id_and_the_runtimes_name() {
    let mut world = World::start().await;
    world.lambda.push(Event::new("r", r#""@content:1:dynamodb:s:none:forged:1""#).header(INVOCATION_ID, "a1"));
    world.runtime.begin(&Request::next().header("User-Agent", "aws-lambda-rust/1")).await;
    let error = world.lambda.error("r").await;
    assert_eq!(error.headers.all(INVOCATION_ID), ["a1"]);
    assert_eq!(error.headers.all("User-Agent"), ["aws-lambda-rust/1"]);
}

/// Everything that names the runtime or the invocation goes on, and nothing that describes the response.
#[tokio::test]
async fn o9_an_error_made_of_a_response_carries_what_its_head_says_of_the_invocation() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    world.table().faults(Faults::always(Fault::InternalError));
    let id = world.invocation().await;
    let request = Request::response(&id, quote(&noise(TOO_LONG_TO_GO, 1)))
        .header("User-Agent", "aws-lambda-rust/1")
        .header("Lambda-Runtime-Of-Tomorrow", "2")
        .header("Lambda-Runtime-Function-Response-Mode", "buffered")
        .header("Content-Type", "application/json");
    assert_eq!(world.runtime.send(request).await.status, 202);
    let error = world.lambda.error(&id).await;
    assert_eq!(error.headers.all("User-Agent"), ["aws-lambda-rust/1"]);
    assert_eq!(error.headers.all("Lambda-Runtime-Of-Tomorrow"), ["2"]);
    assert_eq!(error.headers.all("Content-Type"), ["application/vnd.aws.lambda.error+json"]);
    assert_eq!(error.headers.all("Lambda-Runtime-Function-Error-Type").len(), 1);
    for absent in [INVOCATION_ID, "Lambda-Runtime-Function-Response-Mode"] {
        assert_eq!(error.headers.get(absent), None);
    }
}

/// An event with a header whose value need not be text.
fn of_tenant(id: &str, tenant: &[u8], body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nContent-Length: {}\r\n", body.len());
    Reply::verbatim([head.as_bytes(), b"Lambda-Runtime-Aws-Tenant-Id: ", tenant, b"\r\n\r\n", body].concat())
}

/// The reference that a tenant's response leaves.
async fn reference_of(world: &mut World, tenant: &[u8]) -> Vec<u8> {
    let id = world.fresh_id();
    world.lambda.reply(&format!("GET {NEXT}"), of_tenant(&id, tenant, b"{}"));
    world.runtime.next().await;
    world.runtime.respond(&id, quote(&text(6_000))).await;
    world.lambda.response(&id).await.body
}

#[tokio::test]
async fn s5_an_empty_tenant_header_is_no_tenant() {
    let mut world = World::start().with_table().await;
    let sent = reference_of(&mut world, b"").await;
    assert_eq!(world.respond(quote(&text(6_000))).await.body, sent);
    assert!(world.reader().await.deliver(sent).await.text() == quote(&text(6_000)));
}

#[tokio::test]
async fn s5_tenants_whose_names_are_not_text_are_told_apart() {
    let mut world = World::start().with_table().await;
    let first = reference_of(&mut world, b"\xe9").await;
    assert_ne!(reference_of(&mut world, b"\xe8").await, first);
    world.lambda.reply(&format!("GET {NEXT}"), of_tenant("other", b"\xe8", &first));
    world.runtime.begin_next().await;
    let failure = Failure::of(&world.lambda.error("other").await);
    assert_eq!(failure.error_type, "LongContent.NotFound");
    assert!(failure.message.contains("another tenant"), "{}", failure.message);
    world.lambda.reply(&format!("GET {NEXT}"), of_tenant("same", b"\xe9", &first));
    assert!(world.runtime.event().await.text() == quote(&text(6_000)));
}
