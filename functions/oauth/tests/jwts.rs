//! The table of tokens that are refused.

use oauth::{AuthError, Golfer, TokenProblem};
use serde_json::{Value, json};
use stand_ins::oauth::{KEYS, SigningKey, is_signed_by, sign_by_hmac, unsigned};

use crate::world::{HOST, TOKEN_URL, World, issuer, password};

/// The claims of the provider, with one changed, or left out if it is `null`.
fn claims(world: &World, name: &str, value: Value) -> Value {
    let mut claims = world.provider().claims(HOST);
    claims[name] = value;
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims
}

fn header(algorithm: &str, kid: &str) -> Value {
    json!({ "alg": algorithm, "typ": "JWT", "kid": kid })
}

#[tokio::test]
async fn a_token_of_the_provider_says_who_plays() {
    let world = World::new().await;
    let token = world.oauth.token(TOKEN_URL, &password()).await.expect("a token");
    assert!(is_signed_by(&world.provider().key(), token.expose()), "as another program sees it");
    let golfer: Golfer = world.oauth.verified(token.expose(), &issuer()).await.expect("believed");
    let known = Golfer { golfer_id: "40712".into(), acct: "A-17".into(), email: "golfer@example.com".into() };
    assert_eq!(golfer, known);
    let many = json!(["another", "onlinereservation"]);
    let token = world.provider().key().sign(&claims(&world, "aud", many));
    assert!(world.oauth.verified::<Golfer>(&token, &issuer()).await.is_ok(), "one of several audiences");
}

#[tokio::test]
async fn what_is_no_token_of_the_provider_is_refused() {
    let world = World::new().await;
    let key = world.provider().key();
    let good = world.provider().claims(HOST);
    let now = good["nbf"].as_u64().expect("seconds");
    let missing = |name: &str| TokenProblem::Claims(format!("it has no claim `{name}`"));
    let other_type = |name: &str| TokenProblem::Claims(format!("its claim `{name}` is not of its type"));
    let changed = |name: &str, value: Value| key.sign(&claims(&world, name, value));
    let genuine = key.sign(&good);
    let (signed, signature) = genuine.rsplit_once('.').expect("three parts");
    let (_, other_claims) = unsigned(&json!({}), &claims(&world, "golferId", json!(1)))
        .split_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("two parts");
    let swapped = format!("{}.{other_claims}.{signature}", signed.split('.').next().expect("a header"));
    let public_key = key.public().to_string();
    let table = [
        ("signed by another key", SigningKey::new(&key.kid, 1).sign(&good), TokenProblem::Signature),
        ("other claims under its signature", swapped, TokenProblem::Signature),
        ("without a signature", format!("{signed}."), TokenProblem::Signature),
        ("alg none", format!("{}.", unsigned(&header("none", &key.kid), &good)), TokenProblem::NotAJwt),
        ("alg none, signed", key.sign_with(&header("none", &key.kid), &good), TokenProblem::NotAJwt),
        (
            "HS256 with the public key as its secret",
            sign_by_hmac(public_key.as_bytes(), &header("HS256", &key.kid), &good),
            TokenProblem::Algorithm,
        ),
        ("RS512 in the header", key.sign_with(&header("RS512", &key.kid), &good), TokenProblem::Algorithm),
        ("an unknown key", SigningKey::new("unknown", 0).sign(&good), TokenProblem::UnknownKey),
        ("no key", key.sign_with(&json!({ "alg": "RS256" }), &good), TokenProblem::NoKeyId),
        (
            "a key of its own in the header",
            key.sign_with(&json!({ "alg": "RS256", "jwk": key.public() }), &good),
            TokenProblem::NoKeyId,
        ),
        ("expired", changed("exp", json!(now - 300)), TokenProblem::Expired),
        ("not yet valid", changed("nbf", json!(now + 300)), TokenProblem::NotYetValid),
        ("another audience", changed("aud", json!("another")), TokenProblem::Audience),
        ("another issuer", changed("iss", json!("https://evil.example/identityapi")), TokenProblem::Issuer),
        ("no golferId", changed("golferId", Value::Null), missing("golferId")),
        ("no acct", changed("acct", Value::Null), missing("acct")),
        ("no email", changed("email", Value::Null), missing("email")),
        ("no exp", changed("exp", Value::Null), missing("exp")),
        ("an nbf that is no number", changed("nbf", json!("now")), other_type("nbf")),
        ("an exp that is no number", changed("exp", json!("never")), missing("exp")),
        ("no aud", changed("aud", Value::Null), missing("aud")),
        ("no iss", changed("iss", Value::Null), missing("iss")),
        ("no JWT", "a.b".to_owned(), TokenProblem::NotAJwt),
        ("nothing", String::new(), TokenProblem::NotAJwt),
    ];
    for (what, token, problem) in table {
        let outcome = world.oauth.verified::<Golfer>(&token, &issuer()).await;
        assert_eq!(outcome, Err(AuthError::Token(problem)), "{what}");
    }
    assert_eq!(world.asked(KEYS), 2, "once, and once for the unknown key");
}

#[tokio::test]
async fn a_claim_of_another_type_is_not_quoted() {
    let world = World::new().await;
    let token = world.provider().key().sign(&claims(&world, "email", json!({ "secret": "hush" })));
    let error = world.oauth.verified::<Golfer>(&token, &issuer()).await.expect_err("refused");
    assert!(!format!("{error:?}").contains("hush"), "{error:?}");
}

/// RFC 7519, section 4.1: all claims are optional. These three many issuers leave out.
#[tokio::test]
async fn a_token_without_optional_claims_is_believed() {
    let world = World::new().await;
    for name in ["nbf", "iat", "jti"] {
        let token = world.provider().key().sign(&claims(&world, name, Value::Null));
        assert!(world.oauth.verified::<Golfer>(&token, &issuer()).await.is_ok(), "{name}");
    }
}
