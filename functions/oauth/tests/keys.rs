//! Keys of issuers: fetched once an hour, and for an unknown key once a minute.

use oauth::{AuthError, Golfer, TokenProblem};
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
