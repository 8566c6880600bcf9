//! POSTs, credentials and connections that are used again.

use std::time::Duration;

use http::Method;
use http::header::{self, HeaderName, HeaderValue};
use http_guard::{Call, FetchError, Limits, Refusal};

use crate::guard::{LIMITS, World};
use crate::site::{Asked, Reply, Site, elsewhere, page};

const URL: &str = "https://documents.test/a";

fn secret(call: Call, host: &str) -> Call {
    call.secret(host, header::AUTHORIZATION, HeaderValue::from_static("Bearer hush"))
}

#[tokio::test]
async fn a_post_has_its_body_and_its_type() {
    let world = World::new().await;
    let call = secret(Call::post(URL, "application/json", r#"{"a":1}"#), "documents.test");
    // What says where a request ends is not a caller's to say.
    let call = call.header(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    let call = call.header(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
    assert_eq!(world.guard("", &[]).send(&call).await.expect("a page").body.as_ref(), b"public");
    let Asked { method, path, headers, body } = world.site.asked().remove(0);
    assert_eq!((method, path.as_str(), body.as_ref()), (Method::POST, "/a", &br#"{"a":1}"#[..]));
    let header = |name: HeaderName| headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect();
    let sent: [Vec<_>; 4] =
        [header::CONTENT_TYPE, header::AUTHORIZATION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING].map(header);
    assert_eq!(sent, [vec!["application/json"], vec!["Bearer hush"], vec!["7"], vec![]]);
}

#[tokio::test]
async fn credentials_go_to_no_other_host() {
    let world = World::new().await;
    let refused = Refusal::ForeignSecret { of: "bank.test".to_owned(), host: "documents.test".to_owned() };
    let error = world.guard("", &[]).send(&secret(Call::get(URL), "bank.test")).await.expect_err("refused");
    assert_eq!((error, world.site.connections()), (FetchError::Refused(refused), 0));
}

/// Neither to another host nor back to the first, and other headers do go along.
#[tokio::test]
async fn credentials_do_not_follow_a_redirect() {
    let world = World::answering(|asked| match asked.path.as_str() {
        "/a" => elsewhere(302, "/b"),
        "/b" => elsewhere(307, "https://other.test/c"),
        _ => page("text/plain", "public"),
    })
    .await;
    let other = Site::start(&world.authority, "other.test", |_| page("text/plain", "other")).await;
    let guard = world.guard("", &[other.named("other.test")]);
    let call = secret(Call::get(URL), "documents.test").header(header::USER_AGENT, HeaderValue::from_static("tests/1"));
    assert_eq!(guard.send(&call).await.expect("a page").body.as_ref(), b"other");
    let asked: Vec<_> = world.site.asked().into_iter().chain(other.asked()).collect();
    let with = |name: &str| asked.iter().map(|asked| asked.headers.contains_key(name)).collect::<Vec<_>>();
    assert_eq!(with("authorization"), [true, false, false]);
    assert_eq!(with("user-agent"), [true, true, true]);
}

#[tokio::test]
async fn a_post_is_not_sent_to_where_it_is_redirected() {
    for status in [301, 302, 303, 307, 308] {
        let world = World::answering(move |_| elsewhere(status, "/b")).await;
        let error = world.guard("", &[]).send(&Call::post(URL, "text/plain", "a")).await.expect_err("redirected");
        assert_eq!(error, FetchError::PostRedirected("documents.test".to_owned()));
        assert!(error.may_have_arrived() && !error.may_pass());
        assert_eq!(world.site.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_is_used_again_while_its_name_leads_there() {
    let world = World::new().await;
    let guard = world.guard("", &[]);
    for _ in 0..3 {
        guard.get(URL, &[]).await.expect("a page");
    }
    assert_eq!((world.site.connections(), world.site.asked().len()), (1, 3));

    let moved = Site::start(&world.authority, "moving.test", |_| page("text/plain", "moved")).await;
    let first = Site::start(&world.authority, "moving.test", |_| page("text/plain", "first")).await;
    let guard = world.guard("", &[first.named("moving.test"), moved.named("moving.test")]);
    let body = async || guard.get("https://moving.test/", &[]).await.expect("a page").body;
    assert_eq!((body().await.as_ref(), body().await.as_ref()), (&b"first"[..], &b"moved"[..]));
}

/// A server that ends its connections after each response says so, or does not.
#[tokio::test]
async fn a_connection_that_ended_is_replaced() {
    let closing = |_: &Asked| -> Reply {
        let mut reply = page("text/plain", "public");
        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        reply
    };
    let world = World::answering(closing).await;
    let guard = world.guard("", &[]);
    for call in [Call::get(URL), Call::post(URL, "text/plain", "a"), Call::post(URL, "text/plain", "b")] {
        guard.send(&call).await.expect("a page");
    }
    assert_eq!((world.site.connections(), world.site.asked().len()), (3, 3));
}

/// What is certain not to have arrived may be sent again, and nothing else.
#[tokio::test]
async fn an_error_says_whether_the_request_may_have_arrived() {
    let world = World::new().await;
    let limits = Limits { time: Duration::from_millis(300), ..LIMITS };
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent = format!("silent.test={}", silent.local_addr().expect("an address"));
    let broken =
        Site::saying(&world.authority, "broken.test", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec());
    let closed = "closed.test=127.0.0.1:1".to_owned();
    let guard = world.guard_within(limits, "", &[silent, broken.await.named("broken.test"), closed]);
    for (host, may_have_arrived, may_pass) in [
        ("closed.test", false, true),
        ("nowhere.test", false, true),
        ("127.0.0.1", false, false),
        ("broken.test", true, true),
    ] {
        let call = Call::post(format!("https://{host}/"), "text/plain", "a");
        let error = guard.send(&call).await.expect_err(host);
        assert_eq!((error.may_have_arrived(), error.may_pass()), (may_have_arrived, may_pass), "{host}: {error}");
    }
}
