//! The table of who is let in.

use crate::world::{KEY, World, refused};
use serde_json::{Value, json};
use stand_ins::Fault;
use stand_ins::oauth::{KEYS, SigningKey};

const DENIED: (bool, Option<String>) = (false, None);

#[tokio::test]
async fn a_key_or_a_token_lets_its_owner_in() {
    let world = World::start().await;
    assert_eq!(world.decide(json!({"x-api-key": KEY})).await, (true, Some("key:ann".to_owned())));
    let token = world.token("scope", json!("any"));
    let bearer = world.decide(json!({"authorization": format!("Bearer {token}")})).await;
    assert_eq!(bearer, (true, Some("jwt:40712".to_owned())));
}

#[tokio::test]
async fn everything_else_is_denied() {
    let world = World::start().await;
    let good = world.token("scope", json!("any"));
    let other_key = SigningKey::new(&world.stand_ins.golf().oauth().key().kid, 1);
    let forged = other_key.sign(&world.stand_ins.golf().oauth().claims("birdsfoot.cps.golf"));
    let bearer = |token: &str| json!({ "authorization": format!("Bearer {token}") });
    for headers in [
        json!({}),
        json!({"x-api-key": ""}),
        json!({"x-api-key": "too-short"}),
        json!({"x-api-key": &KEY[1..]}),
        json!({"x-api-key": format!("{KEY} ")}),
        json!({"x-api-key": format!("{KEY},{KEY}")}),
        json!({"x-api-key": "ann"}),
        // A wrong key is not made good by a token: who sends both means both.
        json!({"x-api-key": "wrong", "authorization": format!("Bearer {good}")}),
        json!({"authorization": good}),
        json!({"authorization": format!("Basic {good}")}),
        json!({"authorization": "Bearer "}),
        json!({"authorization": "Bearer"}),
        json!({"authorization": format!("Bearer {KEY}")}),
        bearer(&forged),
        bearer(&world.token("exp", json!(1))),
        bearer(&world.token("nbf", json!(4_000_000_000_u64))),
        bearer(&world.token("aud", json!("another"))),
        bearer(&world.token("iss", json!("https://evil.example"))),
        bearer(&world.token("sub", json!(""))),
        bearer(&world.token("sub", Value::Null)),
    ] {
        assert_eq!(world.decide(headers.clone()).await, DENIED, "{headers}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_denied() {
    let world = World::start().await;
    for event in [Value::Null, json!([]), json!({}), json!({"headers": null}), json!({"headers": {"x-api-key": [KEY]}})]
    {
        assert_eq!(world.decide_about(event.clone()).await, DENIED, "{event}");
    }
}

#[tokio::test]
async fn nobody_is_let_in_while_nothing_can_be_checked() {
    let world = World::start().await;
    world.secrets_are_down();
    assert_eq!(world.decide(json!({"x-api-key": KEY})).await, DENIED);
    let token = world.token("scope", json!("any"));
    world.stand_ins.script().always(KEYS, Fault::Down);
    assert_eq!(world.decide(json!({"authorization": format!("Bearer {token}")})).await, DENIED);
}

#[test]
fn without_a_way_in_the_function_does_not_start() {
    for (variables, named) in [
        (&[] as &[(&str, &str)], "AUTHORIZER_KEYS_SECRET"),
        (&[("JWT_JWKS_URL", "https://a.example/jwks")], "JWT_ISSUER"),
        (&[("JWT_JWKS_URL", "https://a.example/jwks"), ("JWT_ISSUER", "a")], "JWT_AUDIENCE"),
        (&[("JWT_JWKS_URL", "http://a.example/jwks"), ("JWT_ISSUER", "a"), ("JWT_AUDIENCE", "b")], "JWT_JWKS_URL"),
    ] {
        let said = refused(variables).to_string();
        assert!(said.contains(named), "{said}");
    }
}
