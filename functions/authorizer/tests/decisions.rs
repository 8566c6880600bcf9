//! The table of who is let in.

use crate::world::{KEY, SecretsManager, World, refused, token};
use serde_json::{Value, json};

const DENIED: (bool, Option<String>) = (false, None);

#[tokio::test]
async fn a_key_lets_its_owner_in() {
    let world = World::start().await;
    assert_eq!(world.decide(&json!({"x-api-key": KEY})).await, (true, Some("key:ann".to_owned())));
}

/// Tokens by what is wrong with them are in the tests of `oauth`; here nobody answers for the issuer.
#[tokio::test]
async fn everything_else_is_denied() {
    let world = World::start().await;
    let bearer = |token: &str| json!({ "authorization": format!("Bearer {token}") });
    for headers in [
        json!({}),
        json!({"x-api-key": ""}),
        json!({"x-api-key": "too-short"}),
        json!({"x-api-key": &KEY[1..]}),
        json!({"x-api-key": format!("{KEY} ")}),
        json!({"x-api-key": format!("{KEY},{KEY}")}),
        json!({"x-api-key": "ann"}),
        json!({"authorization": KEY}),
        json!({"authorization": token("RS256")}),
        json!({"authorization": format!("Basic {}", token("RS256"))}),
        json!({"authorization": "Bearer "}),
        json!({"authorization": "Bearer"}),
        bearer(KEY),
        bearer(&token("none")),
        bearer(&token("HS256")),
        bearer(&token("RS256")),
    ] {
        assert_eq!(world.decide(&headers).await, DENIED, "{headers}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_denied() {
    let world = World::start().await;
    let lists = json!({"headers": {"x-api-key": [KEY]}});
    for event in [Value::Null, json!([]), json!({}), json!({"headers": null}), lists] {
        assert_eq!(world.decide_about(event.clone()).await, DENIED, "{event}");
    }
}

#[tokio::test]
async fn nobody_is_let_in_while_the_secret_cannot_be_read() {
    let world = World::start().await;
    world.secrets(SecretsManager::Refuses(500));
    assert_eq!(world.decide(&json!({"x-api-key": KEY})).await, DENIED);
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
