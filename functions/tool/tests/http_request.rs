//! Requests to the hosts that a function may ask.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use functions_shared::Clock;
use secrets::Secrets;
use serde_json::json;
use test_kit::{Exchange, Peer};

use crate::site::{Asked, Reply, elsewhere, page, status};
use crate::world::{Function, TABLE, World};

const URL: &str = "https://documents.test/things";

fn site(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/things" => page("application/json", r#"{"ok": true}"#),
        "/moved" => elsewhere(307, "https://documents.test/things"),
        "/away" => elsewhere(307, "https://other.test/things"),
        "/picture" => page("image/png", &b"\x89PNG\xff"[..]),
        _ => status(404),
    }
}

/// Secrets of a stand-in of Secrets Manager that has one.
fn secrets(manager: &Peer) -> Secrets {
    let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
    let config = config.credentials_provider(Credentials::new("a", "b", None, None, "test"));
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    Secrets::new(Client::from_conf(config.endpoint_url(manager.url()).build()), Clock::system())
}

/// A function that may ask `documents.test`, and has a key for it.
async fn function(world: &World) -> (Function, Peer) {
    let secret = json!({"Name": "requests", "SecretString": json!({"DOCUMENTS": "hush"}).to_string()}).to_string();
    let manager = Peer::start(move |_: &Exchange| Some(test_kit::Reply::new(200, secret.clone()))).await;
    let hosts = [("HTTP_REQUEST_HOSTS", "documents.test=X-Api-Key:DOCUMENTS"), ("AGENT_CONTEXT_TABLE", TABLE)];
    let Function(state) = world.function_with(hosts);
    (Function(state.with_request_secret(secrets(&manager), "requests".to_owned())), manager)
}

#[tokio::test]
async fn a_request_has_the_credential_of_its_host() {
    let world = World::new(site).await;
    let (function, _manager) = function(&world).await;
    let input = json!({"url": URL, "method": "POST", "body": "{}", "headers": "Accept: application/json\nX-Trace: 7"});
    let text = function.text("http_request", input).await;
    assert_eq!(text, "200 OK\nContent-Type: application/json\n\n{\"ok\": true}");
    let asked = world.site.asked();
    let header = |name: &str| asked[0].headers[name].to_str().expect("text").to_owned();
    assert_eq!(
        (header("x-api-key"), header("x-trace"), header("content-type")),
        ("hush".into(), "7".into(), "application/json".into())
    );
    let text = function.text("http_request", json!({"url": "https://documents.test/nothing"})).await;
    assert!(text.starts_with("404 Not Found"), "{text}");
}

#[tokio::test]
async fn a_model_names_no_credential_and_no_other_host() {
    let world = World::new(site).await;
    let (function, _manager) = function(&world).await;
    let cases = [
        (json!({"url": URL, "headers": "Authorization: Bearer x"}), "`authorization` is set by this function"),
        (json!({"url": URL, "headers": "cookie: a=b"}), "`cookie` is set by this function"),
        (json!({"url": URL, "headers": "HOST: other.test"}), "`host` is set by this function"),
        (json!({"url": URL, "headers": "X-API-KEY: mine"}), "`x-api-key` is set by this function"),
        (
            json!({"url": URL, "headers": "X-HTTP-Method-Override: DELETE"}),
            "`x-http-method-override` is set by this function",
        ),
        (json!({"url": URL, "headers": "x-http-method: PUT"}), "`x-http-method` is set by this function"),
        (json!({"url": URL, "headers": "X-Method-Override: PUT"}), "`x-method-override` is set by this function"),
        (json!({"url": URL, "headers": "no colon"}), "a line that is not `Name: value`"),
        (json!({"url": URL, "method": "post"}), "`method` is not one of"),
        (json!({"url": "https://other.test/"}), "`other.test` is not among the hosts"),
        (json!({"url": "http://documents.test/"}), "only https://"),
        (json!({"url": "https://10.0.0.5/"}), "the IP address"),
        (json!({"url": "https://documents.test/away"}), "redirects to a URL that is refused"),
        (json!({"url": "https://documents.test/moved", "method": "DELETE"}), "redirects"),
        (json!({"url": "https://documents.test/picture"}), "with a body that is not text"),
    ];
    for (input, reason) in cases {
        let error = function.error("http_request", input.clone()).await;
        assert!(error.contains(reason) && !error.contains("hush"), "{input}: {error}");
    }
}

#[tokio::test]
async fn a_function_without_hosts_has_no_such_tool() {
    let world = World::new(site).await;
    let error = world.function().error("http_request", json!({ "url": URL })).await;
    assert!(error.contains("there is no tool `http_request`"), "{error}");
}
