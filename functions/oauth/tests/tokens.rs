//! Tokens: asked for once, and again when they are about to expire.

use http::StatusCode;
use http_guard::Call;
use oauth::{AuthError, Credential, Grant};
use secrets::Secret;
use stand_ins::Fault;
use stand_ins::oauth::{CLIENT, CLIENT_SECRET, PASSWORD, TOKENS};

use crate::world::{HOST, TOKEN_URL, World, password};

#[tokio::test]
async fn a_token_is_asked_for_by_a_form_and_used_until_shortly_before_its_end() {
    let world = World::new().await;
    let first = world.oauth.token(TOKEN_URL, &password()).await.expect("a token");
    let asked = world.stand_ins.record().of(TOKENS).remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/identityapi/connect/token"));
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    let form = "grant_type=password&username=golfer%40example.com&password=birdie+on+the+9th+%26+more&client_id=js1\
        &scope=onlinereservation";
    assert_eq!(asked.body, form);

    world.pass(3569);
    assert_eq!(world.oauth.token(TOKEN_URL, &password()).await.expect("a token"), first);
    assert_eq!(world.asked(TOKENS), 1);
    world.pass(1);
    world.oauth.token(TOKEN_URL, &password()).await.expect("a token");
    assert_eq!(world.asked(TOKENS), 2, "30 seconds before its end");
}

/// Providers with short tokens are not asked every time.
#[tokio::test]
async fn a_token_of_a_minute_is_used_for_half_of_it() {
    let world = World::new().await;
    world.provider().expire_in(60);
    for (passing, asked) in [(0, 1), (29, 1), (1, 2), (29, 2)] {
        world.pass(passing);
        world.oauth.token(TOKEN_URL, &password()).await.expect("a token");
        assert_eq!(world.asked(TOKENS), asked);
    }
}

/// A time that no clock has is no reason to fail, and none to use a token for ever.
#[tokio::test]
async fn a_token_is_used_for_a_day_at_most() {
    let world = World::new().await;
    world.provider().expire_in(u64::MAX);
    for (passing, asked) in [(0, 1), (86_300, 1), (100, 2)] {
        world.pass(passing);
        world.oauth.token(TOKEN_URL, &password()).await.expect("a token");
        assert_eq!(world.asked(TOKENS), asked);
    }
}

#[tokio::test]
async fn concurrent_callers_share_one_request() {
    let world = World::new().await;
    let grant = password();
    let (a, b, c) = tokio::join!(
        world.oauth.token(TOKEN_URL, &grant),
        world.oauth.token(TOKEN_URL, &grant),
        world.oauth.token(TOKEN_URL, &grant),
    );
    assert!(a == b && b == c && a.is_ok());
    assert_eq!(world.asked(TOKENS), 1);
}

#[tokio::test]
async fn a_token_is_for_those_who_gave_something_for_it() {
    let world = World::new().await;
    world.oauth.token(TOKEN_URL, &password()).await.expect("a token");
    let client =
        Grant::ClientCredentials { client_id: CLIENT.into(), client_secret: CLIENT_SECRET.into(), scope: None };
    world.oauth.token(TOKEN_URL, &client).await.expect("a token");
    let bodies: Vec<_> = world.stand_ins.record().of(TOKENS).into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies[1], "grant_type=client_credentials&client_id=js1&client_secret=v4secret");
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_forgotten() {
    let world = World::new().await;
    let token = world.oauth.token(TOKEN_URL, &password()).await.expect("a token");
    world.oauth.forget(&token).await;
    world.oauth.token(TOKEN_URL, &password()).await.expect("a token");
    assert_eq!(world.asked(TOKENS), 2);
}

#[tokio::test]
async fn without_a_token_the_reason_is_said_and_no_credentials() {
    let world = World::new().await;
    let status = |status| Fault::Status { status, retry_after: None };
    for (fault, may_pass) in
        [(Fault::Down, true), (Fault::Garbage, true), (status(429), true), (status(503), true), (status(401), false)]
    {
        world.stand_ins.script().plan(TOKENS, fault, 1);
        let error = world.oauth.token(TOKEN_URL, &password()).await.expect_err("no token");
        assert_eq!(error.may_pass(), may_pass, "{fault:?}: {error}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
    let wrong = Grant::ClientCredentials { client_id: CLIENT.into(), client_secret: "wrong".into(), scope: None };
    let refused = AuthError::Refused(StatusCode::BAD_REQUEST);
    assert_eq!(world.oauth.token(TOKEN_URL, &wrong).await, Err(refused));
    let elsewhere = world.oauth.token("https://169.254.169.254/token", &password()).await.expect_err("refused");
    assert!(matches!(elsewhere, AuthError::NotAsked(_)) && !elsewhere.may_pass(), "{elsewhere}");
}

#[tokio::test]
async fn keys_and_bearer_tokens_are_headers_for_one_host() {
    let world = World::new().await;
    let key = Credential::api_key("X-Api-Key", "hush".into()).expect("a header");
    for (credential, header, value) in
        [(key.clone(), "x-api-key", "hush"), (Credential::bearer(&"hush".into()), "authorization", "Bearer hush")]
    {
        let call = credential.of_call(Call::get(TOKEN_URL), HOST).expect("a header");
        world.guard.send(&call).await.expect("an answer");
        let asked = world.stand_ins.record().of(TOKENS).pop().expect("a call");
        assert_eq!(asked.headers[header], value);
    }
    let foreign = key.of_call(Call::get(TOKEN_URL), "other.example").expect("a header");
    assert!(world.guard.send(&foreign).await.is_err());
    assert_eq!(world.asked(TOKENS), 2);
    assert!(Credential::api_key("X Key", "hush".into()).is_err());
    let broken = Credential::bearer(&Secret::from("a\r\nX-Evil: b"));
    assert!(broken.of_call(Call::get(TOKEN_URL), HOST).is_err());
}
