//! P3: a streamed response flows through as it is made.

use std::time::{Duration, Instant};

use test_kit::runtime::{Runtime, Stream};
use test_kit::wire::Headers;
use test_kit::{FakeLambda, Request, World, json};

/// Half of what Linux delays an acknowledgement by.
const SOON: Duration = Duration::from_millis(20);

/// Waits until Lambda has received exactly `body` of the response of invocation `id`.
pub(crate) async fn arrived(lambda: &FakeLambda, id: &str, body: &[u8]) {
    let name = format!("POST /2018-06-01/runtime/invocation/{id}/response");
    let what = format!("{} bytes of the response", body.len());
    lambda.until(&what, |log| log.all(&name).first().is_some_and(|seen| seen.body == body).then_some(())).await;
}

#[tokio::test]
async fn p3_each_chunk_arrives_before_the_next_is_sent() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let mut stream = world.runtime.stream(&id).await;
    let mut sent = Vec::new();
    for chunk in ["{\"first\":1}", "\0\0\0\0\0\0\0\0", "é", "last"] {
        stream.send(chunk.as_bytes()).await;
        sent.extend_from_slice(chunk.as_bytes());
        arrived(&world.lambda, &id, &sent).await;
    }
    assert_eq!(stream.finish(&[]).await.status, 202);
}

#[tokio::test]
async fn p3_the_head_arrives_before_the_first_chunk_is_sent() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let stream = world.runtime.stream(&id).await;
    arrived(&world.lambda, &id, b"").await;
    stream.finish(&[]).await;
    let headers = world.lambda.response(&id).await.headers;
    assert_eq!(headers.get("Lambda-Runtime-Function-Response-Mode"), Some("streaming"));
    assert_eq!(headers.get("Content-Type"), Some("application/vnd.awslambda.http-integration-response"));
}

/// Whether all that was sent is acknowledged without a delay.
async fn is_acknowledged(stream: &mut Stream<'_>) -> bool {
    let begun = Instant::now();
    while stream.unacknowledged().await > 0 {
        if begun.elapsed() > SOON {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}

#[tokio::test]
async fn p3_no_chunk_waits_for_a_delayed_acknowledgement() {
    let mut world = World::start().await;
    world.runtime = Runtime::holding_back(world.extension.listener).await;
    let mut are_acknowledged = Vec::new();
    for _ in 0..10 {
        let id = world.invocation().await;
        let mut stream = world.runtime.stream(&id).await;
        arrived(&world.lambda, &id, b"").await;
        are_acknowledged.push(is_acknowledged(&mut stream).await);
        stream.send(b"short").await;
        assert_eq!(stream.finish(&[]).await.status, 202);
        assert_eq!(world.lambda.response(&id).await.text(), "short");
    }
    // Now and then the extension has to wait for the processor.
    assert!(are_acknowledged.contains(&true), "each was delayed");
}

#[tokio::test]
async fn p3_trailers_arrive() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let mut stream = world.runtime.stream(&id).await;
    stream.send(b"half of it").await;
    let trailers = [
        ("Lambda-Runtime-Function-Error-Type", "Runtime.StreamError"),
        ("Lambda-Runtime-Function-Error-Body", "eyJlcnJvck1lc3NhZ2UiOiJ4In0="),
    ];
    assert_eq!(stream.finish(&trailers).await.status, 202);
    let seen = world.lambda.response(&id).await;
    assert_eq!(seen.text(), "half of it");
    for (name, value) in trailers {
        assert_eq!(seen.trailers.get(name), Some(value), "{:?}", seen.trailers);
    }
    assert!(seen.headers.get("Trailer").is_some(), "announced as the runtime did: {:?}", seen.headers);
}

#[tokio::test]
async fn p3_a_stream_is_never_offloaded() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 10).with_table().await;
    let id = world.invocation().await;
    let body = json::quote(&json::text(1024 * 1024));
    let mut stream = world.runtime.stream(&id).await;
    for chunk in body.as_bytes().chunks(100_000) {
        stream.send(chunk).await;
    }
    stream.finish(&[]).await;
    assert!(world.lambda.response(&id).await.body == body.as_bytes());
}

#[tokio::test]
async fn p3_text_that_reads_like_a_reference_streams_as_it_is() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let mut stream = world.runtime.stream(&id).await;
    stream.send(br#""@content:1:not yours""#).await;
    stream.finish(&[]).await;
    assert_eq!(world.lambda.response(&id).await.text(), r#""@content:1:not yours""#);
}

#[tokio::test]
async fn p7_only_streaming_spelt_exactly_so_is_a_streaming_response() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 10).with_table().await;
    let body = json::quote(&json::text(100));
    for (mode, streams) in [("streaming", true), ("Streaming", false), ("STREAMING", false), ("streamed", false)] {
        let id = world.invocation().await;
        let request = Request::response(&id, body.as_str()).header("lambda-runtime-function-response-mode", mode);
        assert_eq!(world.runtime.send(request).await.status, 202);
        assert_eq!(world.lambda.response(&id).await.text() == body, streams, "{mode}");
    }
}

#[tokio::test]
async fn p7_a_response_that_ends_early_ends_early_upstream_as_far_as_it_came() {
    let mut world = World::start().await;
    let body = json::quote(&json::text(4_094));
    let plain = |id: &str| Request::response(id, body.as_str());
    let in_chunks = |id: &str| plain(id).chunked(1_024);
    let two_chunks = 2 * "400\r\n\r\n".len();
    for (request, sent, framing) in [
        (&plain as &dyn Fn(&str) -> Request, 2_048, ("Content-Length", "4096")),
        (&in_chunks, 2_048 + two_chunks, ("Transfer-Encoding", "chunked")),
    ] {
        let id = world.invocation().await;
        world.runtime.begin_part(&request(&id), sent).await;
        world.runtime.hang_up();
        let seen = world.lambda.broken_off(&format!("POST /2018-06-01/runtime/invocation/{id}/response")).await;
        assert_eq!(seen.text(), body[..2_048], "{framing:?}");
        assert_eq!(seen.headers.get(framing.0), Some(framing.1));
    }
    assert_eq!(world.deliver("and on").await.text(), "and on");
}

#[tokio::test]
async fn p7_a_response_that_ends_before_its_first_byte_ends_so_upstream() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    world.runtime.begin_part(&Request::response(&id, "{}"), 0).await;
    world.runtime.hang_up();
    let seen = world.lambda.broken_off(&format!("POST /2018-06-01/runtime/invocation/{id}/response")).await;
    assert_eq!((seen.text().as_str(), seen.headers.get("Content-Length")), ("", Some("2")));
}

#[tokio::test]
async fn p3_a_stream_that_breaks_off_breaks_off_upstream() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let mut stream = world.runtime.stream(&id).await;
    stream.send(b"half of it").await;
    arrived(&world.lambda, &id, b"half of it").await;
    stream.abort();
    let next = world.invocation().await;
    world.runtime.respond(&next, "{}").await;
    let name = format!("POST /2018-06-01/runtime/invocation/{id}/response");
    assert!(world.lambda.with_log(|log| log.all(&name).iter().all(|seen| !seen.is_whole())), "no end was invented");
    assert_eq!(Headers::default(), world.lambda.with_log(|log| log.all(&name)[0].trailers.clone()));
}

#[tokio::test]
async fn p3_other_invocations_go_on_while_a_stream_is_open() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let mut other = world.another_runtime();
    let mut stream = world.runtime.stream(&id).await;
    stream.send(b"still talking").await;
    world.lambda.push(test_kit::Event::new("other", "{}"));
    assert_eq!(other.next().await.id(), "other");
    assert_eq!(other.respond("other", "{}").await.status, 202);
    assert_eq!(stream.finish(&[]).await.status, 202);
}
