//! Tools of a file, and of the registry of this product's own tools.

use crate::tools::{gateway, weather};
use crate::world::{TOOLS, World};
use serde_json::{Value, json};

const AUTH: &str = r#"{"type": "api_key", "provider_name": "weather-key",
    "config": {"api_key": "hush-hush", "api_key_param_name": "key", "api_key_location": "HEADER"}}"#;

/// The weather's document as people write it.
const YAML: &str = "
openapi: 3.1.0
info: {title: Trees, version: '1'}
servers: [{url: https://trees.example}]
paths:
  /trees: &trees
    get: {operationId: listTrees, summary: All trees, responses: {'200': {description: They}}}
";

#[tokio::test]
async fn a_file_in_yaml_becomes_a_document_in_json() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let parts = [("gateway_id", id.as_str()), ("tool_name", "trees"), ("file", YAML)];
    let (status, made) = world.upload("/tools", &parts).await;
    assert_eq!((status, &made["status"], &made["source"]), (201, &json!("ACTIVE"), &json!("file")), "{made}");
    assert_eq!(world.agents_tools().await.keys().collect::<Vec<_>>(), ["trees_list_trees"]);
    let text = world.documents.lock().unwrap().values().next().unwrap().clone();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["paths"]["/trees"]["get"]["operationId"], "listTrees");
}

#[tokio::test]
async fn a_file_comes_with_a_key_that_is_in_no_table() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let text = weather().to_string();
    let parts = [
        ("gateway_id", id.as_str()),
        ("tool_name", "weather"),
        ("file", &text),
        ("auth", AUTH),
        ("request_id", "file-1"),
    ];
    let (status, made) = world.upload("/tools", &parts).await;
    let name = made["api_key"]["provider_name"].as_str().unwrap();
    assert!(status == 201 && name.starts_with("dev-weather-key-"), "{made}");
    assert_eq!(world.agentcore.providers(), [name]);
    assert!(!json!([made, world.rows(TOOLS).await]).to_string().contains("hush-hush"));
    // The same form again is the same tool, with another key too: the key is no part of what it is known by.
    let other = AUTH.replace("hush-hush", "other");
    let again = [parts[0], parts[1], parts[2], ("auth", other.as_str()), parts[4]];
    assert_eq!(world.upload("/tools", &again).await, (201, made));
}

#[tokio::test]
async fn a_form_that_is_wrong_is_refused_by_its_part() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let of = |name: &'static str, text: &'static str| (name, text);
    for (part, field) in [
        (of("file", "swagger: '2.0'"), "file/swagger"),
        (of("file", "<html></html>"), "file"),
        (of("auth", "hush-hush"), "auth"),
        (of("tool_name", "the_weather"), "tool_name"),
        (of("description", "@content:dynamodb:table:record-3f0e6c8e-6f2b-4a8c-9d2f-0a7c1c7f5b11"), "description"),
    ] {
        let mut parts = vec![("gateway_id", id.as_str()), ("tool_name", "trees"), ("file", YAML)];
        parts.retain(|(name, _)| *name != part.0);
        parts.push(part);
        let (status, answer) = world.upload("/tools", &parts).await;
        assert_eq!((status, &answer["field"]), (400, &json!(field)), "{answer}");
        assert!(!answer.to_string().contains("hush"), "{answer}");
    }
    let (status, answer) = world.upload("/tools", &[("gateway_id", id.as_str()), ("tool_name", "trees")]).await;
    assert_eq!((status, &answer["field"]), (400, &json!("file")), "{answer}");
    assert!(world.rows(TOOLS).await.is_empty());
}

/// A row as the registry of tools holds one of this product's own.
fn own(name: &str, status: &str) -> Value {
    let schema =
        json!({"type": "object", "required": ["url"], "properties": {"url": {"type": "string", "format": "uri"}}});
    json!({
        "tool_name": name, "description": "Fetches a page", "input_schema": schema.to_string(), "output_schema": "{}",
        "lambda_arn": "arn:aws:lambda:eu-central-1:123456789012:function:tool-dev", "lambda_function_name": "tool-dev",
        "language": "rust", "tags": "[]", "status": status, "author": "system", "human_approval_required": false,
        "version": "latest", "created_at": "2026-11-29T00:00:00Z", "updated_at": "2026-11-29T00:00:00Z",
    })
}

#[tokio::test]
async fn own_tools_become_one_target_of_a_function_without_a_key() {
    let world = World::start().await;
    let id = gateway(&world).await;
    world.register(own("http_get", "active")).await;
    let body = json!({"gateway_id": id, "tool_name": "own", "tools": ["http_get"]});
    let (status, made) = world.ask("POST", "/tools/from-registry", body).await;
    assert_eq!((status, &made["status"], &made["operations"]), (201, &json!("ACTIVE"), &json!([])), "{made}");
    let target = &world.agentcore.targets()[0];
    let lambda = &target["targetConfiguration"]["mcp"]["lambda"];
    assert_eq!(lambda["lambdaArn"], "arn:aws:lambda:eu-central-1:123456789012:function:tool-gateway-dev");
    assert_eq!(target["credentialProviderConfigurations"], json!([{"credentialProviderType": "GATEWAY_IAM_ROLE"}]));
    assert!(world.agentcore.providers().is_empty());
    let text = world.documents.lock().unwrap().values().next().unwrap().clone();
    let tools: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&tools[0]["name"], &tools[0]["inputSchema"]["properties"]["url"]["description"]),
        (&json!("http_get"), &json!("(format: uri)"))
    );
    // Agents have their own row already: nothing of it is changed.
    assert_eq!(world.agents_tools().await["http_get"]["status"], "active");
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    assert_eq!(world.ask("DELETE", &path, Value::Null).await.1["status"], "DELETED");
    assert_eq!(
        (world.agentcore.targets().len(), &world.agents_tools().await["http_get"]["status"]),
        (0, &json!("active"))
    );
}

#[tokio::test]
async fn a_tool_that_is_not_active_is_not_published() {
    let world = World::start().await;
    let id = gateway(&world).await;
    world.register(own("http_get", "disabled")).await;
    for names in [json!(["http_get"]), json!(["nothing"])] {
        let body = json!({"gateway_id": id, "tool_name": "own", "tools": names});
        let (status, answer) = world.ask("POST", "/tools/from-registry", body).await;
        assert_eq!((status, &answer["field"]), (422, &json!("tools[0]")), "{answer}");
    }
    assert!(world.rows(TOOLS).await.is_empty());
}

#[tokio::test]
async fn an_api_with_tokens_names_a_provider_that_is_never_made_or_deleted() {
    let world = World::start().await;
    let id = gateway(&world).await;
    token_provider(&world).await;
    let auth = |scopes: Value| json!({"type": "oauth", "provider_name": "corporate", "config": {"scopes": scopes}});
    let mut body =
        json!({"gateway_id": id, "tool_name": "weather", "openapi_spec": weather(), "auth": auth(json!(["read"]))});
    let (status, made) = world.ask("POST", "/tools/from-spec", body.take()).await;
    let arn =
        "arn:aws:bedrock-agentcore:eu-central-1:123456789012:token-vault/default/oauth2credentialprovider/corporate";
    let used = json!({"provider_name": "corporate", "provider_arn": arn, "scopes": ["read"]});
    assert_eq!((status, &made["oauth"]), (201, &used), "{made}");
    let credentials = |scopes: &[&str]| {
        let provider = json!({"oauthCredentialProvider": {"providerArn": arn, "scopes": scopes, "grantType": "CLIENT_CREDENTIALS"}});
        json!([{"credentialProviderType": "OAUTH", "credentialProvider": provider}])
    };
    assert_eq!(world.agentcore.targets()[0]["credentialProviderConfigurations"], credentials(&["read"]));
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    let (status, changed) = world.ask("PUT", &path, json!({"auth": auth(json!(["read", "write"]))})).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(world.agentcore.targets()[0]["credentialProviderConfigurations"], credentials(&["read", "write"]));
    let key = json!({"type": "api_key", "provider_name": "corporate", "config": {"api_key": "hush-hush"}});
    assert_eq!(world.ask("PUT", &path, json!({"auth": key})).await.1["field"], "auth.provider_name");
    let nowhere = json!({"type": "oauth", "provider_name": "nobodys", "config": {"scopes": []}});
    let (status, refused) = world.ask("PUT", &path, json!({"auth": nowhere})).await;
    assert_eq!(
        (status, &refused["last_error"]["operation"]),
        (404, &json!("GetOauth2CredentialProvider")),
        "{refused}"
    );
    world.ask("DELETE", &path, Value::Null).await;
    let calls = world.agentcore.calls().into_iter().map(|call| call.operation);
    let calls: Vec<_> = calls.filter(|name| name.contains("CredentialProvider")).collect();
    assert_eq!(calls[0], "CreateOauth2CredentialProvider");
    assert!(calls[1..].iter().all(|name| *name == "GetOauth2CredentialProvider"), "{calls:?}");
}

#[tokio::test]
async fn tokens_of_a_provider_go_to_no_host_that_the_stack_does_not_name() {
    let world = World::start().await;
    let id = gateway(&world).await;
    token_provider(&world).await;
    let evil = json!([{"url": "https://evil.example"}]);
    let (mut elsewhere, mut in_part) = (weather(), weather());
    elsewhere["servers"] = evil.clone();
    in_part["paths"]["/report"]["post"]["servers"] = evil;
    let auth = |name: &str| json!({"type": "oauth", "provider_name": name, "config": {"scopes": []}});
    let body = |document: &Value, provider: &str| json!({"gateway_id": id, "tool_name": "weather", "openapi_spec": document, "auth": auth(provider)});
    for (document, provider) in [(&elsewhere, "corporate"), (&in_part, "corporate"), (&weather(), "others")] {
        let (status, refused) = world.ask("POST", "/tools/from-spec", body(document, provider)).await;
        assert_eq!((status, &refused["field"]), (400, &json!("auth.provider_name")), "{refused}");
    }
    assert!(world.rows(TOOLS).await.is_empty() && world.documents.lock().unwrap().is_empty());
    let (_, made) = world.ask("POST", "/tools/from-spec", body(&weather(), "corporate")).await;
    assert_eq!((&made["status"], &made["hosts"]), (&json!("ACTIVE"), &json!(["weather.example"])), "{made}");
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    for change in [
        json!({"openapi_spec": in_part}),
        json!({"openapi_spec": in_part, "auth": auth("corporate")}),
        json!({"auth": auth("others")}),
    ] {
        let (status, refused) = world.ask("PUT", &path, change).await;
        assert_eq!((status, &refused["field"]), (400, &json!("auth.provider_name")), "{refused}");
    }
    assert_eq!(world.documents.lock().unwrap().len(), 1);
}

/// A provider of tokens, which somebody made in AgentCore.
pub(crate) async fn token_provider(world: &World) {
    let discovery = json!({"discoveryUrl": "https://tokens.example/.well-known/openid-configuration"});
    let config = json!({"oauthDiscovery": discovery, "clientId": "golf", "clientSecret": "hush-hush"});
    let body = json!({"name": "corporate", "credentialProviderVendor": "CustomOauth2",
        "oauth2ProviderConfigInput": {"customOauth2ProviderConfig": config}});
    world.by_hand("POST", "/identities/CreateOauth2CredentialProvider", body).await;
}

#[tokio::test]
async fn an_api_with_tokens_of_a_provider_that_is_not_there_leaves_nothing() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let auth = json!({"type": "oauth", "provider_name": "corporate", "config": {"scopes": []}});
    let body = json!({"gateway_id": id, "tool_name": "weather", "openapi_spec": weather(), "auth": auth});
    let (status, made) = world.ask("POST", "/tools/from-spec", body).await;
    assert_eq!(
        (status, &made["status"], &made["last_error"]["operation"]),
        (404, &json!("FAILED"), &json!("GetOauth2CredentialProvider")),
        "{made}"
    );
    assert!(world.agentcore.targets().is_empty());
    assert!(world.agents_tools().await.values().all(|row| row["status"] == "disabled"));
}

#[tokio::test]
async fn what_a_gateway_may_not_understand_is_said_with_its_place() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let mut document = weather();
    document["components"]["schemas"]["Days"] = json!({"oneOf": [{"type": "integer"}, {"type": "string"}]});
    let body = json!({"gateway_id": id, "tool_name": "weather", "openapi_spec": document});
    let (status, made) = world.ask("POST", "/tools/from-spec", body).await;
    let expected = json!(["/components/schemas/Days/oneOf: a gateway may not take it"]);
    assert_eq!((status, &made["warnings"]), (201, &expected), "{made}");
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    assert_eq!(world.ask("GET", &path, Value::Null).await.1["warnings"], expected);
    let (status, changed) = world.ask("PUT", &path, json!({"openapi_spec": weather()})).await;
    assert_eq!((status, &changed["warnings"]), (200, &json!([])), "{changed}");
}
