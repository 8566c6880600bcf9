//! Who is let in, and who is not.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use stand_ins::oauth::SigningKey;

use crate::site::{page, status};
use crate::world::{DOMAIN, KEY, PREVIOUS_KEY, World, event, message};

fn ping() -> String {
    message("ping", &json!({}))
}

#[tokio::test]
async fn a_key_is_required_and_both_keys_of_the_secret_are_accepted() {
    let world = World::new(|_| status(404)).await;
    let server = world.server();
    let bearer = format!("Bearer {PREVIOUS_KEY}");
    for (headers, expected) in [
        (json!({ "x-api-key": KEY }), 200),
        (json!({ "x-api-key": PREVIOUS_KEY }), 200),
        (json!({ "authorization": bearer }), 200),
        (json!({}), 401),
        (json!({ "x-api-key": "" }), 401),
        (json!({ "x-api-key": format!("{KEY} ") }), 401),
        (json!({ "x-api-key": &KEY[1..] }), 401),
        (json!({ "authorization": KEY }), 401),
        (json!({ "authorization": "Basic dGVzdDp0ZXN0" }), 401),
    ] {
        assert_eq!(server.ask("POST", "/mcp", &headers, &ping()).await.0, expected, "{headers}");
    }
    let refused = server.invoke(&event("POST", "/mcp", &json!({}), &ping())).await;
    assert_eq!(refused["headers"]["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn nobody_is_let_in_while_the_key_cannot_be_checked() {
    let world = World::new(|_| status(404)).await;
    world.is_down.store(true, Ordering::SeqCst);
    assert_eq!(world.server().post(&ping()).await.0, 503);
}

#[tokio::test]
async fn without_a_key_aws_must_have_authenticated_the_caller() {
    let world = World::new(|_| status(404)).await;
    let server = world.server_with([]);
    let mut anonymous = event("POST", "/mcp", &json!({ "x-api-key": KEY }), &ping());
    assert_eq!(server.invoke(&anonymous).await["statusCode"], 401);
    let iam = json!({ "iam": { "accessKey": "AKIDEXAMPLE", "accountId": "111122223333", "userId": "example-user" } });
    anonymous["requestContext"]["authorizer"] = iam;
    assert_eq!(server.invoke(&anonymous).await["statusCode"], 200);
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let world = World::new(|_| status(404)).await;
    let from = |origin: &str| json!({ "x-api-key": KEY, "origin": origin });
    let nobody = world.server();
    for origin in ["https://evil.example", "null", "not an origin"] {
        assert_eq!(nobody.ask("POST", "/mcp", &from(origin), &ping()).await.0, 403, "{origin}");
    }
    let listed = [("MCP_API_KEY_SECRET", "mcp-key"), ("MCP_ALLOWED_ORIGINS", "https://app.example.com:443")];
    let server = world.server_with(listed);
    for (origin, expected) in [
        ("https://app.example.com", 200),
        ("https://app.example.com:444", 403),
        ("http://app.example.com", 403),
        ("https://app.example.com.evil.example", 403),
    ] {
        assert_eq!(server.ask("POST", "/mcp", &from(origin), &ping()).await.0, expected, "{origin}");
    }
}

#[tokio::test]
async fn a_host_that_aws_did_not_route_by_is_refused() {
    let world = World::new(|_| status(404)).await;
    let headers = json!({ "x-api-key": KEY, "host": "evil.example" });
    assert_eq!(world.server().ask("POST", "/mcp", &headers, &ping()).await.0, 403);
    let named = [("MCP_API_KEY_SECRET", "mcp-key"), ("MCP_SERVER_URL", "https://mcp.example.com/mcp")];
    let headers = json!({ "x-api-key": KEY, "host": "mcp.example.com" });
    assert_eq!(world.server_with(named).ask("POST", "/mcp", &headers, &ping()).await.0, 200);
}

#[tokio::test]
async fn the_path_may_have_the_stage_of_an_api_in_front() {
    let world = World::new(|_| status(404)).await;
    let server = world.server();
    for (path, stage, expected) in [
        ("/mcp", "$default", 200),
        ("/mcp/", "$default", 200),
        ("/", "$default", 200),
        ("/dev/mcp", "dev", 200),
        ("/dev/mcp", "$default", 404),
        ("/other", "$default", 404),
    ] {
        let mut event = event("POST", path, &json!({ "x-api-key": KEY }), &ping());
        event["requestContext"]["stage"] = json!(stage);
        let status: Value = server.invoke(&event).await["statusCode"].clone();
        assert_eq!(status, json!(expected), "{path} of {stage}");
    }
}

#[tokio::test]
async fn clients_find_the_authorization_server_and_a_token_that_is_none_is_refused() {
    let world = World::new(|_| status(404)).await;
    let tokens = [
        ("MCP_JWT_ISSUER", "https://issuer.example.com"),
        ("MCP_JWT_JWKS_URL", "https://documents.test/jwks"),
        ("MCP_JWT_AUDIENCE", "https://mcp.example.com/mcp"),
    ];
    let server = world.server_with(tokens);
    let path = "/.well-known/oauth-protected-resource/mcp";
    let (code, metadata) = server.ask("GET", path, &json!({}), "").await;
    assert_eq!((code, &metadata["authorization_servers"]), (200, &json!(["https://issuer.example.com"])));
    assert_eq!(metadata["resource"], "https://mcp.example.com/mcp");
    let refused = server.invoke(&event("POST", "/mcp", &json!({}), &ping())).await;
    let challenge = refused["headers"]["www-authenticate"].as_str().unwrap_or_default();
    assert_eq!(challenge, format!("Bearer resource_metadata=\"https://{DOMAIN}{path}\""));
    for token in ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        let headers = json!({ "authorization": format!("Bearer {token}") });
        assert_eq!(server.ask("POST", "/mcp", &headers, &ping()).await.0, 401, "{token}");
    }
    assert_eq!(world.server().ask("GET", path, &json!({}), "").await.0, 404);
}

#[tokio::test]
async fn a_valid_token_is_accepted_and_one_for_another_server_or_of_another_issuer_is_not() {
    let key = SigningKey::new("key-1", 0);
    let keys = json!({ "keys": [key.public()] }).to_string();
    let world = World::new(move |_| page("application/json", keys.clone())).await;
    let (issuer, audience) = ("https://issuer.example.com", "https://mcp.example.com/mcp");
    let tokens = [
        ("MCP_JWT_ISSUER", issuer),
        ("MCP_JWT_JWKS_URL", "https://documents.test/jwks"),
        ("MCP_JWT_AUDIENCE", audience),
    ];
    let server = world.server_with(tokens);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = json!({ "iss": issuer, "aud": audience, "nbf": now - 1, "exp": now + 600, "sub": "somebody" });
    let other = SigningKey::new("key-1", 1);
    for (token, expected) in [
        (key.sign(&claims), 200),
        (key.sign(&changed(&claims, "aud", "https://other.example.com/mcp")), 401),
        (key.sign(&changed(&claims, "iss", "https://evil.example.com")), 401),
        (key.sign(&changed(&claims, "exp", now - 600)), 401),
        (other.sign(&claims), 401),
    ] {
        let headers = json!({ "authorization": format!("Bearer {token}") });
        assert_eq!(server.ask("POST", "/mcp", &headers, &ping()).await.0, expected, "{claims}");
    }
}

fn changed(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}
