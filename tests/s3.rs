//! A bucket beside the table, through the real binary: which store takes what, and what is seen from outside when it fails.

use lambda_local::table::{ContentBucket, Fault, Faults};
use serde_json::{Value, json};

use test_kit::World;
use test_kit::bucket::bucket;
use test_kit::json::{noise, quote};
use test_kit::world::Builder;

const MIB: usize = 1 << 20;

/// A sandbox that stores what is longer than 8,032 bytes in this bucket.
fn beside(bucket: &ContentBucket) -> Builder {
    World::start()
        .with("LRAP_CONTENT_BUCKET", bucket.name())
        .with("AWS_ENDPOINT_URL_S3", bucket.endpoint())
        .with("AWS_LAMBDA_FUNCTION_NAME", "under-test")
}

/// Which store each member of a response went to.
fn stores(response: &Value) -> Vec<&str> {
    let members = response.as_object().unwrap().values();
    members.map(|reference| reference.as_str().unwrap().split(':').nth(2).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_stored_in_both_and_comes_back_whole() {
    let bucket = bucket().await;
    let mut writer = beside(&bucket).with_table().await;
    let document =
        json!({ "a": noise(6_000, 1), "b": noise(20_000, 2), "c": "x".repeat(100_000), "d": noise(9 * MIB, 3) });
    let sent = writer.respond(document.to_string()).await.json();
    // What shrinks to less than the limit stays in the table, however long it is.
    assert_eq!(stores(&sent), ["dynamodb", "s3", "dynamodb", "s3"]);
    assert_eq!((writer.table().items().await.len(), bucket.keys().await.len()), (2, 2));
    let line = writer.extension.line_with("SavedUsd").await;
    assert!(line.contains("\"Name\":\"SavedUsd\""), "{line}");
    let mut reader = beside(&bucket).sharing(writer.table()).await;
    assert!(reader.deliver(sent.to_string()).await.json() == document);
}

#[tokio::test]
async fn without_a_bucket_a_reference_to_s3_is_refused_with_the_variable_and_the_table_takes_all() {
    let bucket = bucket().await;
    let mut writer = beside(&bucket).with_table().await;
    let sent = writer.respond(quote(&noise(20_000, 1))).await.text();
    let mut reader = writer.reader().await;
    let failure = reader.fail(sent).await;
    assert_eq!(failure.error_type, "LongContent.Refused");
    assert!(failure.message.contains("LRAP_CONTENT_BUCKET"), "{}", failure.message);
    let before = bucket.total_requests();
    let kept = reader.respond(quote(&noise(20_000, 2))).await.text();
    assert!(kept.contains(":dynamodb:") && !reader.extension.printed().contains("SavedUsd"));
    assert_eq!(bucket.total_requests(), before);
}

/// The bucket is the scope, so functions with different tables share it; with keys as without.
#[tokio::test]
async fn functions_with_different_tables_share_a_bucket() {
    let bucket = bucket().await;
    for key in ["", "a-signing-key-of-some-length"] {
        let text = noise(20_000, key.len() as u64);
        let mut writer = beside(&bucket).with("LRAP_SIGNING_KEY", key).with_table().await;
        let sent = writer.respond(quote(&text)).await.text();
        let mut reader = beside(&bucket).with("LRAP_SIGNING_KEY", key).with("AGENT_CONTEXT_TABLE", "another").await;
        assert_eq!(reader.deliver(sent).await.json(), json!(text));
    }
}

/// Whatever is altered in a reference, no content comes of it.
#[tokio::test]
async fn altered_references_are_refused() {
    let bucket = bucket().await;
    let mut world = beside(&bucket).with("LRAP_CACHE_SIZE", 0).with_table().await;
    let sent = world.respond(quote(&noise(20_000, 1))).await.json().as_str().unwrap().to_owned();
    for (from, to, error) in [
        (":s3:", ":dynamodb:", "NotFound"),
        (":s:", ":j:", "Refused"),
        (":86400:", ":86399:", "Refused"),
        (":86400:", ":none:", "NotFound"),
        (":20000", ":19999", "Refused"),
        (":20000", ":67108864", "Refused"),
        (":20000", ":99999999999", "Refused"),
    ] {
        let altered = sent.replacen(from, to, 1);
        assert_ne!(altered, sent);
        let failure = world.fail(quote(&altered)).await;
        assert_eq!(failure.error_type, format!("LongContent.{error}"), "{altered}");
    }
    let signed = beside(&bucket).with("LRAP_SIGNING_KEY", "a-signing-key-of-some-length").sharing(world.table());
    let before = bucket.requests_of("GetObject");
    assert_eq!(signed.await.fail(quote(&sent)).await.error_type, "LongContent.Refused");
    assert_eq!(bucket.requests_of("GetObject"), before, "what is not signed costs no read");
}

/// O7 and H5 for the bucket: a response that fits leaves as it is, another fails; so does an event.
#[tokio::test]
async fn a_bucket_that_fails_is_a_typed_failure() {
    let bucket = bucket().await;
    let mut world = beside(&bucket).with("LRAP_STORE_TIMEOUT", 1).with("LRAP_CACHE_SIZE", 0).with_table().await;
    let sent = world.respond(quote(&noise(20_000, 1))).await.text();
    for (fault, heard) in [
        (Fault::Throttle, "SlowDown"),
        (Fault::InternalError, "InternalError"),
        (Fault::Hang, "no answer in time"),
        (Fault::Refuse(403, "AccessDenied"), "s3:GetObject"),
        (Fault::NoTable, "NoSuchBucket"),
    ] {
        bucket.faults().set(Faults::always(fault));
        let failure = world.fail(sent.clone()).await;
        assert_eq!(failure.error_type, "LongContent.StoreUnavailable", "{heard}");
        assert!(failure.message.contains(heard), "{heard}: {}", failure.message);
        let short = quote(&noise(20_000, 2));
        assert_eq!(world.respond(short.clone()).await.text(), short, "{heard}");
        let failure = world.respond_in_vain(quote(&noise(400_000, 3))).await;
        assert_eq!(failure.error_type, "LongContent.StoreUnavailable", "{heard}");
    }
    bucket.faults().clear();
    assert_eq!(world.deliver(sent).await.json(), json!(noise(20_000, 1)));
}

/// B6 for the bucket: neither content nor keys nor credentials are in a log line, whatever S3 answers.
#[tokio::test]
async fn nothing_that_is_stored_comes_out() {
    const CANARY: &str = "Canary7Serinus";
    let bucket = bucket().await;
    let mut world = beside(&bucket)
        .with("LRAP_LOG", "trace")
        .with("LRAP_STORE_TIMEOUT", 1)
        .with("AWS_ACCESS_KEY_ID", format!("{CANARY}KeyId"))
        .with("AWS_SECRET_ACCESS_KEY", format!("{CANARY}Secret"))
        .with("AWS_SESSION_TOKEN", format!("{CANARY}Token"))
        .with("LRAP_SIGNING_KEY", format!("{CANARY}SigningKey"))
        .with_table()
        .await;
    let content = format!("{CANARY}{}{CANARY}", noise(20_000, 1));
    let sent = world.respond(quote(&content)).await.text();
    assert_eq!(world.deliver(sent.clone()).await.json(), json!(content));
    for fault in [Fault::Throttle, Fault::Refuse(403, "AccessDenied"), Fault::DenyCredentials] {
        bucket.faults().set(Faults::always(fault));
        world.respond_in_vain(quote(&format!("{content}{}", noise(400_000, 2)))).await;
    }
    world.extension.log_with("PutObject").await;
    let said = world.extension.said();
    assert!(said.contains("SlowDown") && !said.contains(CANARY));
}
