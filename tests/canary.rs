//! B6: secrets and content planted wherever they can be never come out: not in a byte of standard output and standard error
//! at `LRAP_LOG=trace`, and not in an error that the proxy tells Lambda.

use aws_sdk_dynamodb::primitives::Blob;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use test_kit::json::{noise, quote};
use test_kit::stores::Backing;
use test_kit::world::Builder;
use test_kit::{Event, Exchange, FakeLambda, Peer, Reply, Request, World};

/// Every planted value begins with this, and nothing else does.
const CANARY: &str = "Canary7Serinus";

/// A value planted at `place`.
fn canary(place: &str) -> String {
    format!("{CANARY}{place}Tweet")
}

/// A planted content, longer than what stays inline.
fn content(place: &str) -> String {
    format!("{}{}{}", canary(place), noise(6_000, place.len() as u64), canary(place))
}

/// A sandbox with secrets in its environment that says all it ever would.
fn sandbox() -> Builder {
    World::start()
        .with("LRAP_LOG", "trace")
        .with("LRAP_STORE_TIMEOUT", 1)
        .with("AWS_LAMBDA_FUNCTION_NAME", "under-test")
        .with("AWS_ACCESS_KEY_ID", canary("KeyId"))
        .with("AWS_SECRET_ACCESS_KEY", canary("SecretKey"))
        .with("AWS_SESSION_TOKEN", canary("SessionToken"))
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", canary("ContainerToken"))
        .with("LRAP_SIGNING_KEY", canary("SigningKey"))
        .with("DATABASE_PASSWORD", canary("Password"))
        .with("LRAP_SOMEBODY_ELSES", canary("OtherProxy"))
}

/// An event with secrets in its headers.
fn event(id: &str, body: impl Into<Vec<u8>>) -> Event {
    Event::new(id, body)
        .header("Lambda-Runtime-Client-Context", &json!({"custom": {"token": canary("Client")}}).to_string())
        .header("Lambda-Runtime-Cognito-Identity", &json!({"identityId": canary("Cognito")}).to_string())
        .header("Lambda-Runtime-Aws-Tenant-Id", &canary("Tenant"))
        .header("Authorization", &format!("Bearer {}", canary("Bearer")))
        .header("X-Tomorrow", &canary("Tomorrow"))
}

/// One invocation: what the runtime received, and the status that it got for `response`.
async fn invoke(world: &mut World, body: impl Into<Vec<u8>>, response: impl Into<Vec<u8>>) -> (String, String) {
    let id = world.fresh_id();
    world.lambda.push(event(&id, body));
    let delivered = world.runtime.next().await;
    assert_eq!(delivered.id(), id);
    let response = Request::response(&id, response).header("Authorization", &canary("ResponseBearer"));
    assert_eq!(world.runtime.send(response).await.status, 202);
    (id, delivered.text())
}

/// One invocation whose event cannot be hydrated.
async fn fail(world: &mut World, body: impl Into<Vec<u8>>) -> String {
    let id = world.fresh_id();
    world.fail_event(event(&id, body)).await.error_type
}

/// A document with `reference` between secrets.
fn around(reference: &str) -> String {
    json!({ canary("Name"): canary("Before"), "reference": reference, "after": [canary("After")] }).to_string()
}

/// The text of the reference that a response left as.
async fn reference_in_response(world: &World, id: &str) -> String {
    world.lambda.response(id).await.json()["text"].as_str().unwrap().to_owned()
}

/// All that came out of a sandbox, from its first to its last byte, holds no planted value; `expected` shows that it spoke.
async fn assert_silent(mut world: World, expected: &[&str]) {
    let errors = world.lambda.with_log(|log| {
        let ours = log.exchanges.iter().filter(|exchange| exchange.target.ends_with("/error"));
        ours.map(Exchange::text).filter(|text| text.contains("LongContent.")).collect::<Vec<_>>()
    });
    world.lambda.shut_down();
    assert!(world.extension.exited().await.success());
    let said = world.extension.said();
    for text in expected {
        assert!(said.contains(text), "{text} is missing in:\n{said}");
    }
    assert_eq!(sightings(&said), [""; 0]);
    assert_eq!(sightings(&errors.join("\n")), [""; 0]);
}

/// The lines that hold a planted value, plain or as libraries print bytes.
fn sightings(text: &str) -> Vec<&str> {
    let spellings = spellings();
    text.lines().filter(|line| spellings.iter().any(|spelling| line.contains(spelling))).collect()
}

/// How the beginning of a planted value can be spelt: as text, as base64 at each of three alignments, as numbers, as hex.
fn spellings() -> Vec<String> {
    let shifted = |by: usize| {
        let text = format!("{}{CANARY}", "x".repeat(by));
        let base64 = BASE64.encode(text.as_bytes());
        // The first group is shared with what is before, the last one with what follows.
        base64[4..base64.len() - 4].to_owned()
    };
    let hex = HEXLOWER.encode(CANARY.as_bytes());
    let numbers: Vec<_> = CANARY.bytes().map(|byte| byte.to_string()).collect();
    let plain = CANARY.to_owned();
    [plain.clone(), plain.to_lowercase(), hex, numbers.join(", "), numbers.join(",")]
        .into_iter()
        .chain((0..3).map(shifted))
        .collect()
}

#[test]
fn b6_the_canary_is_seen_in_every_dress() {
    let dressed = content("Test");
    let blob = Blob::new(dressed.as_bytes());
    let hex = HEXLOWER.encode(dressed.as_bytes());
    for by in 0..3 {
        let base64 = BASE64.encode(format!("{}{dressed}", "?".repeat(by)).as_bytes());
        assert_eq!(sightings(&base64).len(), 1, "{by}");
    }
    for text in [dressed.clone(), format!("{blob:?}"), format!("{:?}", dressed.as_bytes()), hex, quote(&dressed)] {
        assert_eq!(sightings(&text).len(), 1, "{text}");
    }
    assert_eq!(sightings("sizes and ids"), [""; 0]);
}

#[tokio::test]
async fn b6_nothing_comes_out_when_all_is_well() {
    nothing_comes_out_when_all_is_well(Backing::Table, ["PutItem", "BatchGetItem"]).await;
}

#[tokio::test]
async fn b6_nothing_comes_out_when_all_is_well_with_a_bucket() {
    nothing_comes_out_when_all_is_well(Backing::Bucket, ["PutObject", "GetObject"]).await;
}

async fn nothing_comes_out_when_all_is_well(backing: Backing, [put, get]: [&str; 2]) {
    let mut world = sandbox().with_store(backing).await;
    let response = json!({ canary("Short"): canary("Value"), "text": content("Response") }).to_string();
    let (id, _) = invoke(&mut world, around("none"), response).await;
    let reference = reference_in_response(&world, &id).await;
    let mut reader = sandbox().on(world.stores()).await;
    let (_, delivered) = invoke(&mut reader, around(&reference), "null").await;
    assert!(delivered.contains(&content("Response")));
    let look_alike = json!({ "text": format!("@content:{}", canary("LookAlike")) }).to_string();
    invoke(&mut reader, format!("not JSON {}", canary("NotJson")), look_alike).await;
    assert_silent(world, &["response offloaded", put, "\"request_id\"", "OffloadedBytes"]).await;
    assert_silent(reader, &["event hydrated", get, "\"level\":\"TRACE\"", "HydratedBytes"]).await;
}

#[tokio::test]
async fn b6_nothing_comes_out_of_contents_that_cannot_be_had() {
    for backing in Backing::BOTH {
        nothing_comes_out_of_contents_that_cannot_be_had(backing).await;
    }
}

async fn nothing_comes_out_of_contents_that_cannot_be_had(backing: Backing) {
    let mut world = sandbox().with_store(backing).await;
    let large = json!({ "text": format!("{}{}", content("Large"), noise(900_000, 7)) }).to_string();
    let mut references = Vec::new();
    for response in [json!({ "text": content("Stored") }).to_string(), large] {
        let (id, _) = invoke(&mut world, "{}", response).await;
        references.push(reference_in_response(&world, &id).await);
    }
    let stores = world.stores().clone();
    let mut other = sandbox().on(&stores).await;
    let altered = references[0].replace(":86400:", ":60:");
    assert_eq!(fail(&mut other, around(&altered)).await, "LongContent.Refused");
    assert_eq!(fail(&mut other, around(&references[0][..40])).await, "LongContent.Refused");
    stores.corrupt_all().await;
    assert_eq!(fail(&mut other, around(&references[0])).await, "LongContent.Corrupt");
    if backing == Backing::Table {
        stores.table.delete_a_part().await;
    }
    fail(&mut other, around(&references[1])).await;
    stores.expire_all().await;
    assert_eq!(fail(&mut other, around(&references[0])).await, "LongContent.Expired");
    stores.delete_all().await;
    assert_eq!(fail(&mut other, around(&references[0])).await, "LongContent.NotFound");
    let record = |body: &str| json!({"eventSource": "aws:sqs", "body": body});
    let batch = json!({"Records": [record(&around(&references[0])), record(&altered)]}).to_string();
    invoke(&mut other, batch, "null").await;
    assert_silent(other, &["invocation failed", "reference kept", "LongContent.Expired"]).await;
    assert_silent(world, &["response offloaded"]).await;
}

#[tokio::test]
async fn b6_nothing_comes_out_of_payloads_that_do_not_fit() {
    let mut world = sandbox().with("LRAP_KEEP", "/kept").with("LRAP_MAX_EVENT_SIZE", 7_000).with_table().await;
    let kept = json!({ "kept": (0..200).map(|_| noise(2_000, 1) + &canary("Kept")).collect::<Vec<_>>() }).to_string();
    let (id, _) = invoke(&mut world, "{}", kept).await;
    assert_eq!(world.lambda.error(&id).await.json()["errorType"], "LongContent.PayloadTooLarge");
    let (id, _) = invoke(&mut world, "{}", json!({ "text": content("Twice") }).to_string()).await;
    let reference = reference_in_response(&world, &id).await;
    let twice = json!([around(&reference), reference, reference]).to_string();
    assert_eq!(fail(&mut world, twice).await, "LongContent.EventTooLarge");
    assert_silent(world, &["LongContent.PayloadTooLarge", "LongContent.EventTooLarge"]).await;
}

/// A table that fails and repeats what it was sent.
#[tokio::test]
async fn b6_nothing_comes_out_of_a_table_that_echoes() {
    let echo =
        |code: &str| json!({ "__type": code, "message": canary("Echo"), "Message": content("Echo") }).to_string();
    for (status, body) in [
        (400, echo("com.amazonaws.dynamodb.v20120810#ValidationException")),
        (400, echo("com.amazon.coral.service#UnrecognizedClientException")),
        (500, echo("com.amazonaws.dynamodb.v20120810#InternalServerError")),
        (503, format!("<html>{}</html>", canary("Html"))),
        (200, format!("{{\"Responses\": {}", canary("Broken"))),
        (302, canary("Redirect")),
    ] {
        let table = FakeLambda::start().await;
        for _ in 0..200 {
            table.reply("POST /", Reply::new(status, body.as_str()).header("X-Amzn-RequestId", &canary("RequestId")));
        }
        let endpoint = format!("http://{}", table.address);
        stores_in_vain(sandbox().with("AWS_ENDPOINT_URL_DYNAMODB", endpoint)).await;
        assert!(table.count("POST /") > 0);
    }
}

/// The same of a bucket. S3's own errors repeat the key id, what was signed, and the signature.
#[tokio::test]
async fn b6_nothing_comes_out_of_a_bucket_that_echoes() {
    let echo = |code: &str| {
        let (said, signed) = (content("Echo"), canary("Signed"));
        format!("<Error><Code>{code}</Code><Message>{said}</Message><StringToSign>{signed}</StringToSign></Error>")
    };
    for (status, body) in [
        (400, echo("InvalidRequest")),
        (403, echo("SignatureDoesNotMatch")),
        (500, echo("InternalError")),
        (503, format!("<html>{}</html>", canary("Html"))),
        (302, canary("Redirect")),
    ] {
        let reply = move || Reply::new(status, body.as_str()).header("x-amz-request-id", &canary("RequestId"));
        let bucket = Peer::start(move |_: &Exchange| Some(reply())).await;
        let endpoint = format!("http://{}", bucket.address);
        let world = sandbox().with("AWS_ENDPOINT_URL_S3", endpoint).with("LRAP_CONTENT_BUCKET", "contents");
        stores_in_vain(world.with("LRAP_S3_MIN_SIZE", 0)).await;
    }
}

/// What has to be stored fails, what fits leaves as it is, and nothing comes out.
async fn stores_in_vain(world: Builder) {
    let mut world = world.with("LRAP_STORE_TIMEOUT", 1).await;
    let (id, _) = invoke(&mut world, "{}", quote(&(content("Unstored") + &noise(300_000, 2)))).await;
    assert_eq!(world.lambda.error(&id).await.json()["errorType"], "LongContent.StoreUnavailable");
    invoke(&mut world, "{}", quote(&content("Fallback"))).await;
    assert_silent(world, &["LongContent.StoreUnavailable", "response sent without offloading", "Fallbacks"]).await;
}

#[tokio::test]
async fn b6_nothing_comes_out_of_broken_connections() {
    let mut world = sandbox().await;
    let id = world.invocation().await;
    let body = quote(&content("Half"));
    let request = Request::response(&id, body.as_str()).header("Authorization", &canary("HalfBearer"));
    world.runtime.begin_part(&request, 3_000).await;
    world.runtime.hang_up();
    world.extension.log_with("the connection of the runtime failed").await;
    let nonsense = Request::new(&format!("{} BAD", canary("Method")), &canary("Path"));
    world.runtime.begin(&nonsense).await;
    world.runtime.hang_up();
    let error = json!({ "errorMessage": canary("Message"), "errorType": canary("Type") }).to_string();
    let id = world.invocation().await;
    let error = Request::post(&format!("/2018-06-01/runtime/invocation/{id}/error"), error);
    assert_eq!(world.runtime.send(error).await.status, 202);
    assert_silent(world, &["the connection of the runtime failed"]).await;
}

#[tokio::test]
async fn b6_nothing_comes_out_when_lambda_is_gone() {
    let mut world = sandbox().await;
    let id = world.invocation().await;
    world.lambda.vanish().await;
    let answer = world.runtime.respond(&id, quote(&canary("Unheard"))).await;
    assert_eq!((answer.status, sightings(&answer.text())), (502, vec![]));
    world.extension.log_with("no answer from upstream").await;
    assert_eq!(sightings(&world.extension.said()), [""; 0]);
}

/// What is wrong with a variable is told with its value, but a secret's.
#[tokio::test]
async fn b6_nothing_comes_out_of_a_start_that_fails() {
    let mut world = sandbox().with("MAX_CONTENT_SIZE", "5k").spawn().await;
    let told = world.lambda.recorded(&format!("POST {}", test_kit::EXTENSION_INIT_ERROR)).await;
    let document: Value = told.json();
    assert_eq!(document["errorType"], "Extension.ConfigInvalid");
    assert!(!world.extension.exited().await.success());
    assert_eq!(sightings(&(world.extension.said() + &told.text())), [""; 0]);
}
