//! How much, how long, how far; and what a page is.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header;
use http_body_util::Full;
use http_guard::{FetchError, Limits};
use rustls::version::{TLS12, TLS13};

use crate::guard::{LIMITS, World};
use crate::site::{Asked, Reply, Site, elsewhere, page, status};

#[tokio::test]
async fn redirects_are_followed_as_often_as_allowed() {
    let world = World::answering(countdown).await;
    let guard = world.guard("documents.test", &[]);
    let page = guard.get("https://documents.test/3", &[]).await.expect("three redirects");
    assert_eq!((page.url.as_str(), world.site.asked().len()), ("https://documents.test/0", 4));
    assert_eq!(
        guard.get("https://documents.test/4", &[]).await.expect_err("four redirects"),
        FetchError::TooManyRedirects(3)
    );
    assert_eq!(world.site.asked().len(), 8);
}

/// `/3` leads to `/2`, by every status that redirects.
fn countdown(asked: &Asked) -> Reply {
    let left: u16 = asked.path[1..].parse().expect("a number");
    let statuses = [0, 301, 302, 303, 307];
    if left == 0 {
        page("text/plain", "here")
    } else {
        elsewhere(statuses[usize::from(left)], &format!("/{}", left - 1))
    }
}

#[tokio::test]
async fn a_page_may_be_as_long_as_allowed() {
    let world =
        World::answering(|asked| page("text/plain", vec![b'a'; asked.path[1..].parse().expect("a number")])).await;
    let guard = world.guard("documents.test", &[]);
    let length = |page: http_guard::Page| page.body.len();
    assert_eq!(guard.get("https://documents.test/1048576", &[]).await.map(length), Ok(1 << 20));
    let too_large = FetchError::TooLarge(1 << 20);
    assert_eq!(guard.get("https://documents.test/1048577", &[]).await.map(length), Err(too_large));
}

/// A length that is announced is refused unread, and one that is not when there have been too many bytes. What is no HTTP is no
/// answer.
#[tokio::test]
async fn an_answer_is_given_up_as_soon_as_it_is_wrong() {
    let too_large = || FetchError::TooLarge(1 << 20);
    let letters = "a".repeat(2 << 20);
    let chunk = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n{letters}").into_bytes();
    let long_head = format!("HTTP/1.1 200 OK\r\na: {letters}").into_bytes();
    let cases = [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\na".to_vec(), Some(too_large())),
        (chunk, Some(too_large())),
        (b"220 mail.test ESMTP\r\n".to_vec(), None),
        (long_head, None),
    ];
    for (bytes, expected) in cases {
        let world = World::new().await;
        let site = Site::saying(&world.authority, "wrong.test", bytes).await;
        let error = world.guard("", &[site.named("wrong.test")]).get("https://wrong.test/", &[]).await;
        let error = error.expect_err("no page");
        assert!(expected.map_or(matches!(error, FetchError::Answer(..)), |expected| error == expected), "{error:?}");
    }
}

/// Neither a connection that is silent nor one that trickles lasts longer than allowed.
#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let world = World::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let entry = format!("silent.test={}", silent.local_addr().expect("an address"));
    let limits = Limits { time: Duration::from_millis(50), ..LIMITS };
    let guard = world.guard_within(limits, "silent.test", &[entry]);
    assert_eq!(guard.get("https://silent.test/", &[]).await.expect_err("late"), FetchError::Late(limits.time));
}

#[tokio::test]
async fn certificates_are_checked() {
    let world = World::new().await;
    let stranger = Site::start(&crate::site::Authority::new(), "stranger.test", |_| page("text/plain", "")).await;
    let guard = world.guard("", &[stranger.named("stranger.test"), world.site.named("other.test")]);
    for url in ["https://stranger.test/", "https://other.test/"] {
        assert!(matches!(guard.get(url, &[]).await, Err(FetchError::Tls(..))), "{url}");
    }
    assert_eq!((stranger.asked().len(), world.site.asked().len()), (0, 0));
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken() {
    for version in [&TLS12, &TLS13] {
        let world = World::new().await;
        let site = Site::speaking(&world.authority, "tls.test", &[version], |_| page("text/plain", "")).await;
        assert!(world.guard("", &[site.named("tls.test")]).get("https://tls.test/", &[]).await.is_ok());
    }
}

#[tokio::test]
async fn the_request_says_what_it_must() {
    let world = World::new().await;
    let headers = [(header::USER_AGENT, "tests/1"), (header::ACCEPT, "text/plain")];
    world.guard("", &[]).get("https://documents.test/a?b=c", &headers).await.expect("a page");
    let asked = world.site.asked().remove(0);
    assert_eq!(asked.path, "/a?b=c");
    let header = |name| asked.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!((header("host"), header("user-agent")), ("documents.test", "tests/1"));
    assert_eq!((header("accept"), header("accept-encoding")), ("text/plain", "gzip, br"));
}

#[tokio::test]
async fn whatever_the_status_a_page_is_a_page() {
    let world = World::answering(|asked| status(asked.path[1..].parse().expect("a status"))).await;
    let guard = world.guard("", &[]);
    for expected in [204, 302, 404, 500] {
        let page = guard.get(&format!("https://documents.test/{expected}"), &[]).await.expect("a page");
        assert_eq!(page.status.as_u16(), expected);
    }
}

/// RFC 9110, section 8.4: the header says how a body would be compressed, also where there is none.
#[tokio::test]
async fn an_answer_without_a_body_is_not_decompressed() {
    let world = World::answering(|_| {
        let reply = http::Response::builder().status(204).header("content-encoding", "gzip");
        reply.body(Full::default()).expect("a response")
    });
    let page = world.await.guard("", &[]).get("https://documents.test/", &[]).await.expect("a page");
    assert_eq!((page.status.as_u16(), page.body.len()), (204, 0));
}

#[tokio::test]
async fn a_page_that_is_compressed_in_another_way_is_not_taken_for_text() {
    let world = World::answering(|_| {
        let reply = http::Response::builder().header("content-encoding", "zstd");
        reply.body(Full::new(Bytes::from_static(b"\x28\xb5\x2f\xfd"))).expect("a response")
    });
    let world = world.await;
    let error = world.guard("", &[]).get("https://documents.test/", &[]).await.expect_err("compressed");
    assert_eq!(error, FetchError::Compressed("documents.test".to_owned()));
}

/// A megabyte and a byte, in a thousand bytes.
#[tokio::test]
async fn what_a_compressed_page_becomes_is_limited_too() {
    let world = World::answering(|asked| compressed(asked.path[1..].parse().expect("a number"))).await;
    let guard = world.guard("", &[]);
    let page = guard.get("https://documents.test/1048576", &[]).await.expect("a page");
    assert!(page.body.len() == 1 << 20 && page.body.iter().all(|byte| *byte == b'a'));
    let error = guard.get("https://documents.test/1048577", &[]).await.expect_err("too long");
    assert_eq!(error, FetchError::TooLarge(1 << 20));
}

fn compressed(length: usize) -> Reply {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(&vec![b'a'; length]).expect("written");
    let reply = http::Response::builder().header("content-encoding", "GZip").header("content-type", "text/plain");
    reply.body(Full::new(encoder.finish().expect("compressed").into())).expect("a response")
}
