//! Keys of issuers: fetched once an hour, and for an unknown key once a minute.

use oauth::{AuthError, Golfer, Issuer, TokenProblem};
use serde_json::{Value, json};
use stand_ins::Fault;
use stand_ins::oauth::{KEYS, SigningKey};

use crate::world::{HOST, World, issuer};

async fn verify(world: &World, token: &str) -> Result<Golfer, AuthError> {
    world.oauth.verified(token, &issuer()).await
}

#[tokio::test]
async fn keys_are_fetched_once_for_a_thousand_tokens_of_an_hour() {
    let world = World::new().await;
    let token = world.provider().key().sign(&world.provider().claims(HOST));
    for _ in 0..1000 {
        verify(&world, &token).await.expect("believed");
        world.pass(3);
    }
    assert_eq!(world.asked(KEYS), 1);
    world.pass(600);
    verify(&world, &token).await.expect("believed");
    assert_eq!(world.asked(KEYS), 2, "after an hour");
}

#[tokio::test]
async fn a_new_key_is_found_and_made_up_ones_are_asked_for_once_a_minute() {
    let world = World::new().await;
    let claims = world.provider().claims(HOST);
    verify(&world, &world.provider().key().sign(&claims)).await.expect("believed");
    world.provider().rotate();
    let rotated = world.provider().key().sign(&claims);
    verify(&world, &rotated).await.expect("the new key");
    assert_eq!(world.asked(KEYS), 2);

    let unknown = Err(AuthError::Token(TokenProblem::UnknownKey));
    let made_up = |name: &str| SigningKey::new(name, 0).sign(&claims);
    for (passing, name, asked) in [(0, "a", 3), (0, "b", 3), (59, "c", 3), (1, "d", 4), (0, "e", 4)] {
        world.pass(passing);
        assert_eq!(verify(&world, &made_up(name)).await, unknown);
        assert_eq!(world.asked(KEYS), asked, "{name}");
    }
    verify(&world, &rotated).await.expect("made-up keys do not keep from a known one");
}

#[tokio::test]
async fn an_outage_of_the_keys_is_not_noticed_until_the_hour_ends() {
    let world = World::new().await;
    let token = world.provider().key().sign(&world.provider().claims(HOST));
    verify(&world, &token).await.expect("believed");
    world.stand_ins.script().always(KEYS, Fault::Down);
    world.pass(3599);
    verify(&world, &token).await.expect("still believed");
    let unknown = SigningKey::new("unknown", 0).sign(&world.provider().claims(HOST));
    assert!(matches!(verify(&world, &unknown).await, Err(AuthError::NoKeys(_))), "nobody knows");
    verify(&world, &token).await.expect("the keys are not forgotten for that");
    world.pass(1);
    let error = verify(&world, &token).await.expect_err("no keys");
    assert!(matches!(error, AuthError::NoKeys(_)) && error.may_pass(), "{error}");
    world.stand_ins.script().clear();
    verify(&world, &token).await.expect("believed again");
}

#[tokio::test]
async fn what_is_published_in_place_of_keys_is_an_error() {
    let world = World::new().await;
    let token = world.provider().key().sign(&world.provider().claims(HOST));
    for fault in [Fault::Garbage, Fault::Status { status: 500, retry_after: None }] {
        world.stand_ins.script().plan(KEYS, fault, 1);
        assert!(matches!(verify(&world, &token).await, Err(AuthError::NoKeys(_))), "{fault:?}");
    }
}

/// An issuer whose tokens need not name their key.
fn lenient() -> Issuer {
    Issuer { must_name_key: false, ..issuer() }
}

/// A token of the provider's present key that does not name it.
fn nameless(world: &World) -> String {
    world.provider().key().sign_with(&json!({ "alg": "RS256" }), &world.provider().claims(HOST))
}

fn without_name(key: &SigningKey) -> Value {
    let mut key = key.public();
    key.as_object_mut().expect("an object").remove("kid");
    key
}

async fn leniently(world: &World, token: &str) -> Result<Golfer, AuthError> {
    world.oauth.verified(token, &lenient()).await
}

#[tokio::test]
async fn a_token_without_a_name_of_its_key_is_signed_by_the_only_one() {
    let world = World::new().await;
    let key = world.provider().key();
    leniently(&world, &nameless(&world)).await.expect("believed");
    let forged = SigningKey::new("b", 1).sign_with(&json!({ "alg": "RS256" }), &world.provider().claims(HOST));
    assert_eq!(leniently(&world, &forged).await, Err(AuthError::Token(TokenProblem::Signature)));
    world.provider().publish(vec![key.public(), SigningKey::new("b", 1).public()]);
    world.pass(3600);
    assert_eq!(leniently(&world, &nameless(&world)).await, Err(AuthError::Token(TokenProblem::NoKeyId)));
    assert_eq!(verify(&world, &nameless(&world)).await, Err(AuthError::Token(TokenProblem::NoKeyId)));
}

#[tokio::test]
async fn a_key_without_a_name_is_meant_if_it_is_the_only_one() {
    let world = World::new().await;
    let key = world.provider().key();
    world.provider().publish(vec![without_name(&key)]);
    for token in [nameless(&world), key.sign(&world.provider().claims(HOST))] {
        leniently(&world, &token).await.expect("believed");
    }
    assert_eq!(world.asked(KEYS), 1);
}

#[tokio::test]
async fn another_key_in_place_of_the_only_one_is_found_once_a_minute() {
    let world = World::new().await;
    leniently(&world, &nameless(&world)).await.expect("believed");
    let forged = SigningKey::new("b", 1).sign_with(&json!({ "alg": "RS256" }), &world.provider().claims(HOST));
    world.provider().rotate();
    leniently(&world, &nameless(&world)).await.expect("the new key");
    assert_eq!(world.asked(KEYS), 2);
    let old = SigningKey::new("a", 0).sign_with(&json!({ "alg": "RS256" }), &world.provider().claims(HOST));
    for (passing, asked) in [(0, 2), (59, 2), (1, 3), (0, 3)] {
        world.pass(passing);
        assert_eq!(leniently(&world, &old).await, Err(AuthError::Token(TokenProblem::Signature)));
        assert_eq!(world.asked(KEYS), asked);
    }
    leniently(&world, &forged).await.expect("signed by the key that is published now");
}

/// RFC 7517, section 5: keys that are not understood are ignored.
#[tokio::test]
async fn keys_that_are_not_understood_are_ignored() {
    let world = World::new().await;
    let key = world.provider().key();
    let others =
        [json!({ "kty": "EC", "crv": "P-256" }), json!({ "kid": 5 }), json!("key"), json!({ "kty": "RSA", "n": 1 })];
    world.provider().publish(others.into_iter().chain([key.public()]).collect());
    verify(&world, &key.sign(&world.provider().claims(HOST))).await.expect("believed");
}
