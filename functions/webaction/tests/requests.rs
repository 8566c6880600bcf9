//! Requests to web APIs: long answers, credentials, and what must not be sent.

use records::{MessageStatus, ResultStatus};
use serde_json::{Value, json};
use stand_ins::Fault;
use stand_ins::oauth::{KEYS, TOKENS};

use crate::site::{Asked, Reply, page, status};
use crate::world::World;

const URL: &str = "https://api.example.test/orders?key=hush-query";
const TOKEN_URL: &str = "https://birdsfoot.cps.golf/identityapi/connect/token";
const JWKS_URL: &str = "https://birdsfoot.cps.golf/identityapi/.well-known/openid-configuration/jwks";

fn request(more: &Value) -> Value {
    let mut payload = json!({ "action": "http", "url": URL });
    payload.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    payload
}

fn answer(_: &Asked) -> Reply {
    page("application/json", r#"{"orders": 3}"#)
}

#[tokio::test]
async fn an_answer_is_stored_with_its_status_and_without_the_query() {
    let world = World::answering(answer).await;
    let result = world.done(request(&json!({})), json!({})).await;
    assert_eq!((result.status, result.response_code), (ResultStatus::Completed, Some(200)));
    assert_eq!((result.response_body.as_deref(), result.response_body_ref), (Some(r#"{"orders": 3}"#), None));
    assert_eq!(result.url.as_deref(), Some("https://api.example.test/orders"));
}

/// The processor's layer would put a content in its place, and everybody who gets the notification would see it.
#[tokio::test]
async fn a_reference_in_an_answer_is_text_in_the_notification() {
    let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    for body in
        [reference.to_owned(), json!({ "text": reference }).to_string(), format!("\"\\u0040{}\"", &reference[1..])]
    {
        let sent = body.clone();
        let world = World::answering(move |_| page("text/plain", sent.clone())).await;
        world.done(request(&json!({})), json!({})).await;
        let published = world.steps.published();
        let spelt = json!(published[0].payload).to_string();
        assert!(published.len() == 1 && spelt.contains("content:1:dynamodb"), "{spelt}");
        assert!(!spelt.contains("@content:") && !spelt.contains("u0040content:"), "{spelt}");
    }
}

/// The first 50 KB for plain readers, cut between characters, and the whole by its handle.
#[tokio::test]
async fn a_long_answer_is_kept_whole() {
    let text = "a🦀".repeat(450_000);
    let sent = text.clone();
    let world = World::answering(move |_| page("text/plain", sent.clone())).await;
    let result = world.done(request(&json!({})), json!({})).await;
    let beginning = result.response_body.expect("a body");
    assert!((51_197..=51_200).contains(&beginning.len()) && text.starts_with(&beginning), "{}", beginning.len());
    let whole = world.content(&result.response_body_ref.expect("a handle")).await;
    assert!(text.len() > 2_000_000 && whole == text, "{} bytes", whole.len());
    let told = world.steps.published().remove(0).payload["message"].as_str().expect("a text").len();
    assert!(told <= 3000, "{told}");
}

#[tokio::test]
async fn a_status_that_is_no_success_is_a_failed_result_with_its_body() {
    let world = World::answering(|_| {
        let mut reply = page("text/plain", "no such order");
        *reply.status_mut() = http::StatusCode::NOT_FOUND;
        reply
    })
    .await;
    let result = world.done(request(&json!({})), json!({})).await;
    assert_eq!((result.status, result.response_code), (ResultStatus::Failed, Some(404)));
    assert_eq!(result.response_body.as_deref(), Some("no such order"));
    assert_eq!(result.error_message.as_deref(), Some("the server answered 404 Not Found"));
    assert_eq!(world.row().await.status, MessageStatus::Failed);
}

#[tokio::test]
async fn each_kind_of_credentials_reaches_the_host_that_the_secret_names() {
    let oauth = |kind: &str, secret: &str, jwks: Value| json!({ "type": kind, "secret_name": secret, "token_url": TOKEN_URL, "scope": "onlinereservation", "jwks_url": jwks });
    let cases = [
        (json!({ "type": "none" }), None),
        (json!({ "type": "api_key", "secret_name": "api/key" }), Some(("x-key", "hush-key"))),
        (json!({ "type": "bearer", "secret_name": "api/bearer" }), Some(("authorization", "Bearer hush-token"))),
        (oauth("oauth_password", "api/password", json!(JWKS_URL)), Some(("authorization", "Bearer ey"))),
        (oauth("oauth_client_credentials", "api/client", Value::Null), Some(("authorization", "Bearer ey"))),
    ];
    for (auth, expected) in cases {
        let world = World::answering(answer).await;
        let payload = request(&json!({ "auth_config": auth, "headers": {} }));
        let result = world.done(payload, json!({})).await;
        assert_eq!(result.status, ResultStatus::Completed, "{auth}: {result:?}");
        let asked = world.api.asked().remove(0);
        let sent = |name: &str| asked.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
        match expected {
            Some((name, value)) => assert!(sent(name).expect("a header").starts_with(value), "{auth}"),
            None => assert_eq!(sent("authorization"), None),
        }
        assert!(!format!("{result:?} {:?}", world.steps.published()).contains("hush"), "{auth}");
    }
}

/// Who may write a message must not be able to send a secret to a host of their choice.
#[tokio::test]
async fn credentials_are_not_sent_to_other_hosts_than_the_secret_names() {
    let elsewhere = "https://api.weather.gov/token";
    let cases = [
        json!({ "type": "bearer", "secret_name": "api/foreign" }),
        json!({ "type": "bearer", "secret_name": "rez-agent/golf/credentials-dev" }),
        json!({ "type": "oauth_password", "secret_name": "rez-agent/golf/credentials-dev", "token_url": TOKEN_URL }),
        json!({ "type": "oauth_password", "secret_name": "api/password", "token_url": elsewhere }),
        json!({ "type": "bearer", "secret_name": "no/such" }),
    ];
    for auth in cases {
        let world = World::answering(answer).await;
        let result = world.done(request(&json!({ "auth_config": auth })), json!({})).await;
        assert_eq!(result.status, ResultStatus::Failed, "{auth}");
        assert_eq!((world.api.connections(), world.asked().len()), (0, 0), "{auth}: {result:?}");
        assert!(!format!("{result:?}").contains("hush"), "{result:?}");
    }
}

#[tokio::test]
async fn a_token_of_the_wrong_issuer_is_not_used() {
    let world = World::answering(answer).await;
    let oauth = world.stand_ins.golf().oauth();
    let mut claims = oauth.claims("birdsfoot.cps.golf");
    claims["iss"] = json!("https://evil.example");
    oauth.give(&oauth.key().sign(&claims));
    let auth = json!({
        "type": "oauth_password", "secret_name": "api/password", "token_url": TOKEN_URL, "jwks_url": JWKS_URL,
        "scope": "onlinereservation",
    });
    let result = world.done(request(&json!({ "auth_config": auth })), json!({})).await;
    assert!(result.error_message.expect("a reason").contains("it is from another issuer"));
    assert_eq!((world.asked(), world.api.connections()), (vec![TOKENS.to_owned(), KEYS.to_owned()], 0));
}

#[tokio::test]
async fn headers_cannot_be_forged() {
    let wrong = [("Content-Length", "1"), ("Host", "evil.example"), ("X-A", "a\r\nX-Evil: b"), ("X A", "b")];
    for (name, value) in wrong {
        let world = World::answering(answer).await;
        let auth = json!({ "type": "none", "headers": { name: value } });
        let result = world.done(request(&json!({ "auth_config": auth })), json!({})).await;
        assert!(result.error_message.expect("a reason").contains("cannot be sent"), "{name}");
        assert_eq!(world.api.connections(), 0, "{name}");
    }
    let world = World::answering(answer).await;
    let auth = json!({ "type": "none", "headers": { "X-Trace": "7" } });
    world.done(request(&json!({ "auth_config": auth })), json!({})).await;
    assert_eq!(world.api.asked()[0].headers["x-trace"], "7");
}

#[tokio::test]
async fn a_post_is_sent_once_whatever_comes_of_it() {
    let order = request(&json!({ "method": "POST", "body": { "order": 7 } }));
    let world = World::answering(answer).await;
    let message = world.message(order.clone(), json!({})).await;
    assert!(world.deliver(&message, 1).await && world.deliver(&message, 2).await);
    let asked = world.api.asked();
    assert_eq!((asked.len(), asked[0].body.as_ref()), (1, &br#"{"order":7}"#[..]));
    assert_eq!(asked[0].headers["content-type"], "application/json");

    let failing = World::answering(|_| status(503)).await;
    let message = failing.message(order, json!({})).await;
    assert!(failing.deliver(&message, 1).await, "a status is an answer");
    let result = failing.result().await.expect("a result");
    assert_eq!((result.status, result.response_code, failing.api.asked().len()), (ResultStatus::Failed, Some(503), 1));
}

/// What fails three times goes to the dead-letter queue; when it is sent back from there, it is performed.
#[tokio::test]
async fn a_message_that_comes_back_from_the_dead_letters_is_performed() {
    let world = World::answering(answer).await;
    world.stand_ins.script().always(TOKENS, Fault::Down);
    let auth = json!({ "type": "oauth_client_credentials", "secret_name": "api/client", "token_url": TOKEN_URL });
    let message = world.message(request(&json!({ "auth_config": auth })), json!({})).await;
    for receive_count in 1..=3 {
        assert!(!world.deliver(&message, receive_count).await);
    }
    let row = world.row().await;
    assert_eq!((row.status, row.retry_count), (MessageStatus::Failed, 2));
    assert!(row.error_message.is_some_and(|reason| reason.contains("TryLater")));
    world.stand_ins.script().clear();
    assert!(world.deliver(&message, 1).await);
    assert_eq!((world.row().await.status, world.api.asked().len()), (MessageStatus::Completed, 1));
}
