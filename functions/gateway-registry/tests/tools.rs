//! Tools: made of documents from everywhere, offered to agents, changed and deleted.

use crate::gateways::golf;
use crate::recorder::Crash;
use crate::site::{Authority, Site};
use crate::sources::token_provider;
use crate::world::{TOOLS, World};
use agentcore::{Ending, Fault};
use bytes::Bytes;
use http_body_util::Full;
use http_guard::Network;
use registries::tools::ToolStatus;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A document with two operations.
pub(crate) fn weather() -> Value {
    json!({
        "openapi": "3.0.3", "info": {"title": "Weather", "version": "1"}, "servers": [{"url": "https://weather.example"}],
        "paths": {
            "/forecast/{city}": {"get": {
                "operationId": "getForecast", "description": "The forecast of a city",
                "parameters": [
                    {"name": "city", "in": "path", "required": true, "schema": {"type": "string"}},
                    {"name": "days", "in": "query", "schema": {"$ref": "#/components/schemas/Days"}},
                ],
                "responses": {"200": {"description": "It"}},
            }},
            "/report": {"post": {
                "operationId": "sendReport", "responses": {"204": {"description": "Thanks"}},
                "requestBody": {"required": true, "content": {"application/json": {"schema": {
                    "type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}}}},
            }},
        },
        "components": {"schemas": {"Days": {"type": "integer", "minimum": 1, "maximum": 7}}},
    })
}

pub(crate) fn request(gateway: &str) -> Value {
    json!({
        "gateway_id": gateway, "tool_name": "weather", "openapi_spec": weather(), "request_id": "tool-1",
        "auth": {"type": "api_key", "provider_name": "weather-key",
            "config": {"api_key": "hush-hush", "api_key_param_name": "key", "api_key_location": "HEADER"}},
    })
}

/// The id of a gateway that is ready.
pub(crate) async fn gateway(world: &World) -> String {
    let (status, body) =
        world.ask("POST", "/gateways/no-auth", json!({"gateway_name": "golf", "request_id": "req-1"})).await;
    assert_eq!(status, 201, "{body}");
    body["gateway_id"].as_str().unwrap().to_owned()
}

/// Makes a tool of [`weather`]. Returns its path in the API.
async fn path_of_a_tool(world: &World) -> String {
    let id = gateway(world).await;
    let (_, made) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap())
}

/// Names and statuses as [`World::statuses`] has them.
fn named(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn a_tool_of_a_document_is_a_target_and_two_rows_of_agents() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let (status, body) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    assert_eq!(
        (status, &body["status"], &body["agentcore"]["status"]),
        (201, &json!("ACTIVE"), &json!("READY")),
        "{body}"
    );
    let target = &world.agentcore.targets()[0];
    let uri = target["targetConfiguration"]["mcp"]["openApiSchema"]["s3"]["uri"].as_str().unwrap();
    let (key, document) =
        world.documents.lock().unwrap().first_key_value().map(|(key, text)| (key.clone(), text.clone())).unwrap();
    assert_eq!((uri, serde_json::from_str::<Value>(&document).unwrap()), (format!("s3://{key}").as_str(), weather()));
    assert!(key.starts_with(&format!("specs/gateways/{id}/tools/weather/")), "{key}");
    let provider = &target["credentialProviderConfigurations"][0]["credentialProvider"]["apiKeyCredentialProvider"];
    assert_eq!(
        (&provider["credentialParameterName"], &provider["credentialLocation"]),
        (&json!("key"), &json!("HEADER"))
    );
    let rows = world.agents_tools().await;
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["weather_get_forecast", "weather_send_report"]);
    let row = &rows["weather_get_forecast"];
    assert_eq!(
        (&row["status"], &row["transport"], &row["remote_name"]),
        (&json!("active"), &json!("mcp"), &json!("weather___getForecast"))
    );
    let schema: Value = serde_json::from_str(row["input_schema"].as_str().unwrap()).unwrap();
    let days = json!({"type": "integer", "minimum": 1, "maximum": 7});
    assert_eq!((&schema["properties"]["days"], &schema["required"]), (&days, &json!(["city"])));
}

#[tokio::test]
async fn nothing_is_made_before_its_row_says_so() {
    let world = World::start().await;
    let id = gateway(&world).await;
    world.recorder.forget();
    world.ask("POST", "/tools/from-spec", request(&id)).await;
    let steps = world.recorder.steps();
    let at = |start: &str| {
        steps.iter().position(|step| step.starts_with(start)).unwrap_or_else(|| panic!("{start}: {steps:#?}"))
    };
    let targets =
        steps.iter().position(|step| step.starts_with("POST /gateways/") && step.ends_with("/targets")).unwrap();
    let row = at("PutItem Tools-dev PENDING");
    assert!(row < at("PUT /specs/") && at("PUT /specs/") < at("PutItem ToolRegistry-dev disabled"), "{steps:#?}");
    assert!(at("PutItem ToolRegistry-dev disabled") < at("POST /identities/CreateApiKey"), "{steps:#?}");
    assert!(
        at("POST /identities/CreateApiKey") < targets && targets < at("PutItem ToolRegistry-dev active"),
        "{steps:#?}"
    );
    assert!(at("PutItem ToolRegistry-dev active") < at("PutItem Tools-dev ACTIVE"), "{steps:#?}");
}

/// A person's decision outlasts a new document, an update that a reconciliation finishes, and a target that was changed by hand.
#[tokio::test]
async fn a_tool_that_a_person_has_disabled_stays_disabled() {
    let world = World::start().await;
    let path = path_of_a_tool(&world).await;
    world.set_status("weather_get_forecast", ToolStatus::Disabled).await;
    let kept = named(&[("weather_get_forecast", "disabled"), ("weather_send_report", "active")]);
    let mut document = weather();
    document["info"]["title"] = json!("Another title");
    assert_eq!(world.ask("PUT", &path, json!({"openapi_spec": document})).await.0, 200);
    assert_eq!(world.statuses().await, kept);
    world.agentcore.end("UpdateGatewayTarget", Ending::Slow(1000));
    document["info"]["title"] = json!("A third title");
    world.reconcile_to(&path, &document).await;
    assert_eq!(world.statuses().await, kept);
}

/// An operation that leaves the document and comes back is what it was.
#[tokio::test]
async fn a_tool_that_a_person_has_deprecated_is_deprecated_when_it_is_offered_again() {
    let world = World::start().await;
    let path = path_of_a_tool(&world).await;
    world.set_status("weather_send_report", ToolStatus::Deprecated).await;
    let mut document = weather();
    document["paths"].as_object_mut().unwrap().remove("/report").unwrap();
    for (document, status) in [(&document, "disabled"), (&weather(), "deprecated")] {
        assert_eq!(world.ask("PUT", &path, json!({"openapi_spec": document})).await.0, 200);
        let expected = named(&[("weather_get_forecast", "active"), ("weather_send_report", status)]);
        assert_eq!(world.statuses().await, expected);
    }
}

/// Agents keep what the target still has, and a change that lasts is offered by a reconciliation.
#[tokio::test]
async fn a_new_document_that_agentcore_refuses_or_is_slow_with_takes_no_tool_from_agents() {
    let world = World::start().await;
    let path = path_of_a_tool(&world).await;
    let mut document = weather();
    let mut report = document["paths"].as_object_mut().unwrap().remove("/report").unwrap();
    report["post"]["operationId"] = json!("sendNote");
    document["paths"]["/note"] = report;
    world.agentcore.fail("UpdateGatewayTarget", Fault::Error("ValidationException"));
    assert_eq!(world.ask("PUT", &path, json!({"openapi_spec": document})).await.0, 400);
    let kept =
        [("weather_get_forecast", "active"), ("weather_send_note", "disabled"), ("weather_send_report", "active")];
    assert_eq!(world.statuses().await, named(&kept));
    world.agentcore.end("UpdateGatewayTarget", Ending::Slow(1000));
    world.reconcile_to(&path, &document).await;
    let changed =
        [("weather_get_forecast", "active"), ("weather_send_note", "active"), ("weather_send_report", "disabled")];
    assert_eq!(world.statuses().await, named(&changed));
    assert_eq!(world.ask("POST", "/reconcile", Value::Null).await.1["actions"], json!([]));
}

#[tokio::test]
async fn a_deleted_tool_leaves_nothing_that_works() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let (_, made) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    let (status, body) = world.ask("DELETE", &path, Value::Null).await;
    assert_eq!((status, &body["status"]), (202, &json!("DELETED")), "{body}");
    assert!(world.agentcore.targets().is_empty() && world.agentcore.providers().is_empty());
    assert!(world.agents_tools().await.values().all(|row| row["status"] == "disabled"));
    assert_eq!(world.ask("GET", &path, Value::Null).await.0, 404);
    // Its names are free for the next one.
    let mut again = request(&id);
    again["request_id"] = json!("tool-2");
    assert_eq!(world.ask("POST", "/tools/from-spec", again).await.0, 201);
}

#[tokio::test]
async fn a_gateway_is_deleted_with_its_tools() {
    let world = World::start().await;
    let id = gateway(&world).await;
    world.ask("POST", "/tools/from-spec", request(&id)).await;
    let (status, body) = world.ask("DELETE", &format!("/gateways/{id}"), Value::Null).await;
    assert_eq!(
        (status, &body["status"], &world.tool_row().await["status"]),
        (202, &json!("DELETED"), &json!("DELETED")),
        "{body}"
    );
    assert!(world.agentcore.gateways().is_empty() && world.agentcore.providers().is_empty());
}

#[tokio::test]
async fn a_failed_tool_leaves_no_provider() {
    for (operation, fault) in [
        ("CreateGatewayTarget", Some("ValidationException")),
        ("CreateGatewayTarget", None),
        ("CreateApiKeyCredentialProvider", Some("AccessDeniedException")),
    ] {
        let world = World::start().await;
        let id = gateway(&world).await;
        match fault {
            Some(error) => world.agentcore.fail(operation, Fault::Error(error)),
            None => world.agentcore.end(operation, Ending::Failed(vec!["the document cannot be read".to_owned()])),
        }
        let (status, body) = world.ask("POST", "/tools/from-spec", request(&id)).await;
        assert!((400..=502).contains(&status) && body["status"] == "FAILED", "{operation}: {status} {body}");
        assert!(world.agentcore.providers().is_empty() && world.agentcore.targets().is_empty(), "{operation}");
        assert!(world.agents_tools().await.values().all(|row| row["status"] == "disabled"), "{operation}");
    }
}

#[tokio::test]
async fn no_key_is_in_a_table_or_a_reply() {
    let world = World::start().await;
    let id = gateway(&world).await;
    world.agentcore.fail("CreateApiKeyCredentialProvider", Fault::Error("ValidationException"));
    let (_, failed) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    let mut other = request(&id);
    other["request_id"] = json!("tool-2");
    let (_, made) = world.ask("POST", "/tools/from-spec", other).await;
    let tables = [world.rows(TOOLS).await, world.rows(crate::world::AGENTS_TOOLS).await];
    let everything = json!([failed, made, tables]).to_string();
    assert!(!everything.contains("hush-hush"), "{everything}");
}

#[tokio::test]
async fn a_name_that_agents_have_already_is_refused() {
    let world = World::start().await;
    let id = gateway(&world).await;
    assert_eq!(world.ask("POST", "/tools/from-spec", request(&id)).await.0, 201);
    let (_, other) = world.ask("POST", "/gateways/no-auth", json!({"gateway_name": "other"})).await;
    let mut same = request(other["gateway_id"].as_str().unwrap());
    same["auth"]["provider_name"] = json!("other-key");
    let (status, body) = world.ask("POST", "/tools/from-spec", same).await;
    assert_eq!(
        (status, &body["status"], &body["last_error"]["operation"]),
        (409, &json!("FAILED"), &json!("RegisterTool")),
        "{body}"
    );
    assert_eq!(world.agentcore.targets().len(), 1);
}

#[tokio::test]
async fn an_api_without_a_key_gets_a_placeholder() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let info = json!({"method": "GET", "url": "https://weather.example/now", "description": "The weather now"});
    let body = json!({"gateway_id": id, "tool_name": "now", "api_info": info});
    let (status, made) = world.ask("POST", "/tools/from-api-info", body).await;
    assert_eq!((status, &made["operations"][0]["remote_name"]), (201, &json!("now___now__now")), "{made}");
    assert_eq!(made["operations"][0]["tool_name"], "now_now_now");
    assert!(world.agentcore.providers()[0].starts_with("dev-now-placeholder-apikey-"));
    let target = &world.agentcore.targets()[0];
    let provider = &target["credentialProviderConfigurations"][0]["credentialProvider"]["apiKeyCredentialProvider"];
    assert_eq!(provider["credentialParameterName"], "X-Placeholder-Auth");
}

#[tokio::test]
async fn a_change_keeps_document_and_key_unless_it_brings_others() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let (_, made) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    let (status, body) = world.ask("PUT", &path, json!({"description": "Better"})).await;
    assert_eq!((status, &body["openapi_spec_path"]), (200, &made["openapi_spec_path"]), "{body}");
    let before = world.agentcore.targets()[0].clone();
    assert_eq!(
        (&before["description"], before["credentialProviderConfigurations"].is_array()),
        (&json!("Better"), true)
    );
    let mut document = weather();
    document["paths"].as_object_mut().unwrap().remove("/report");
    let (status, body) = world.ask("PUT", &path, json!({"openapi_spec": document})).await;
    assert_eq!((status, body["openapi_spec_path"] == made["openapi_spec_path"]), (200, false), "{body}");
    let rows = world.agents_tools().await;
    assert_eq!(
        (&rows["weather_get_forecast"]["status"], &rows["weather_send_report"]["status"]),
        (&json!("active"), &json!("disabled"))
    );
}

#[tokio::test]
async fn a_key_that_is_kept_goes_to_no_other_host() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let (_, made) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    let before = world.agentcore.targets();
    let mut moved = weather();
    moved["servers"] = json!([{"url": "https://evil.example"}]);
    let mut more = weather();
    more["paths"]["/report"]["servers"] = moved["servers"].clone();
    for document in [&moved, &more] {
        let (status, refused) = world.ask("PUT", &path, json!({"openapi_spec": document})).await;
        assert_eq!((status, &refused["field"]), (400, &json!("openapi_spec")), "{refused}");
        assert!(refused["error"].as_str().unwrap().contains("evil.example"), "{refused}");
    }
    assert_eq!((world.agentcore.targets(), world.documents.lock().unwrap().len()), (before, 1));
    // A request that has the key may send it elsewhere.
    let change = json!({"openapi_spec": moved, "auth": request(&id)["auth"]});
    let (status, changed) = world.ask("PUT", &path, change).await;
    assert_eq!((status, &changed["hosts"]), (200, &json!(["evil.example"])), "{changed}");
    let calls = world.agentcore.calls().into_iter().map(|call| call.operation);
    assert_eq!(calls.filter(|name| *name == "UpdateApiKeyCredentialProvider").count(), 1);
}

#[tokio::test]
async fn a_tool_without_a_key_may_move() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let mut body = request(&id);
    body.as_object_mut().unwrap().remove("auth");
    let (_, made) = world.ask("POST", "/tools/from-spec", body).await;
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    let mut moved = weather();
    moved["servers"] = json!([{"url": "https://other.example"}]);
    assert_eq!(world.ask("PUT", &path, json!({"openapi_spec": moved})).await.0, 200);
    // Once it has a key, it may not.
    let key = json!({"type": "api_key", "provider_name": "weather-placeholder-apikey", "config": {"api_key": "hush"}});
    assert_eq!(world.ask("PUT", &path, json!({"auth": key})).await.0, 200);
    assert_eq!(world.ask("PUT", &path, json!({"openapi_spec": weather()})).await.0, 400);
}

/// The first was throttled before it had a provider, and the second has taken the name meanwhile.
#[tokio::test]
async fn a_tool_never_takes_the_provider_of_another_whose_name_is_the_same() {
    for is_sent_again in [true, false] {
        let world = World::start().await;
        let id = gateway(&world).await;
        let named = |tool: &str, request_id: &str| {
            let mut body = request(&id);
            (body["tool_name"], body["request_id"]) = (json!(tool), json!(request_id));
            body
        };
        world.agentcore.fail("CreateApiKeyCredentialProvider", Fault::Error("ThrottlingException"));
        let (status, first) = world.ask("POST", "/tools/from-spec", named("first", "tool-1")).await;
        assert_eq!((status, &first["status"]), (503, &json!("PENDING")), "{first}");
        let (status, second) = world.ask("POST", "/tools/from-spec", named("second", "tool-2")).await;
        assert_eq!(status, 201, "{second}");
        if is_sent_again {
            assert_eq!(world.ask("POST", "/tools/from-spec", named("first", "tool-1")).await.0, 201);
        } else {
            world.ask("POST", "/reconcile", Value::Null).await;
        }
        let path = format!("/gateways/{id}/tools/{}", first["tool_id"].as_str().unwrap());
        world.ask("DELETE", &path, Value::Null).await;
        assert_eq!(world.agentcore.providers(), [second["api_key"]["provider_name"].as_str().unwrap()]);
        assert_eq!(world.agentcore.targets().len(), 1);
    }
}

#[tokio::test]
async fn a_key_is_replaced_by_either_name_of_its_provider() {
    let world = World::start().await;
    let id = gateway(&world).await;
    let (_, made) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    let path = format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap());
    let mut auth = request(&id)["auth"].take();
    for name in [json!("weather-key"), made["api_key"]["provider_name"].clone()] {
        auth["provider_name"] = name;
        let (status, changed) = world.ask("PUT", &path, json!({"auth": auth})).await;
        assert_eq!((status, &changed["api_key"]), (200, &made["api_key"]), "{changed}");
    }
    auth["provider_name"] = json!("other-key");
    assert_eq!(world.ask("PUT", &path, json!({"auth": auth})).await.1["field"], "auth.provider_name");
}

#[tokio::test]
async fn what_is_wrong_is_400_before_any_write() {
    let world = World::start().await;
    let id = gateway(&world).await;
    world.recorder.forget();
    let mut nameless = weather();
    nameless["paths"]["/report"]["post"].as_object_mut().unwrap().remove("operationId");
    for (change, field) in [
        (json!({"tool_name": "the_weather"}), "tool_name"),
        (json!({"openapi_spec": {"swagger": "2.0"}}), "openapi_spec/swagger"),
        (json!({"openapi_spec": nameless}), "openapi_spec/paths/~1report/post/operationId"),
        (json!({"openapi_spec": "<html></html>"}), "openapi_spec"),
        (json!({"auth": {"type": "api_key", "provider_name": "p"}}), "auth.config"),
        (json!({"description": "x".repeat(201)}), "description"),
    ] {
        let mut body = request(&id);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, answer) = world.ask("POST", "/tools/from-spec", body).await;
        assert_eq!((status, &answer["field"]), (400, &json!(field)), "{answer}");
    }
    assert!(world.recorder.steps().iter().all(|step| !step.starts_with("PutItem")), "{:?}", world.recorder.steps());
}

#[tokio::test]
async fn a_gateway_that_tokens_open_has_agents_use_a_secret() {
    let world = World::start().await;
    let (_, made) = world.ask("POST", "/gateways", golf()).await;
    world.ask("POST", "/tools/from-spec", request(made["gateway_id"].as_str().unwrap())).await;
    let auth: Value =
        serde_json::from_str(world.agents_tools().await["weather_get_forecast"]["auth"].as_str().unwrap()).unwrap();
    assert_eq!(auth, json!({"type": "bearer", "secret_name": "/ai-agent/gateways/dev-golf", "secret_key": "token"}));
}

/// The role is the one of `functions/stacks/functions.yaml`, as the tests of templates know it.
#[tokio::test]
async fn the_client_of_gateways_may_read_the_secrets_that_rows_name() {
    let world = World::start().await;
    let (_, made) = world.ask("POST", "/gateways", golf()).await;
    world.ask("POST", "/tools/from-spec", request(made["gateway_id"].as_str().unwrap())).await;
    let auth = world.agents_tools().await["weather_get_forecast"]["auth"].as_str().unwrap().to_owned();
    let auth: Value = serde_json::from_str(&auth).unwrap();
    let stack = std::fs::read_to_string("../../layer/tests/expected/functions.dev.json").unwrap();
    let stack: Value = serde_json::from_str(&stack).unwrap();
    let policy = &stack["Resources"]["McpClientRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    let statements = policy["Statement"].as_array().unwrap().iter();
    let mut tokens = statements.filter(|statement| statement["Sid"] == "Tokens");
    let patterns = tokens.next().unwrap()["Resource"].as_array().unwrap().clone();
    let may_read = |name: &str| {
        // Secrets Manager puts six characters behind a name.
        let arn = format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-Ab1Cd2");
        patterns.iter().any(|pattern| fits(pattern.as_str().unwrap().as_bytes(), arn.as_bytes()))
    };
    let name = auth["secret_name"].as_str().unwrap();
    assert!(may_read(name) && may_read("/ai-agent/tools/mcp-example/dev"), "{name}: {patterns:?}");
    assert!(!may_read(&name.replace("dev-", "prod-")) && !may_read("/ai-agent/llm-secrets/dev"), "{patterns:?}");
}

/// As IAM reads `*` and `?`.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        Some((b'?', rest)) => !text.is_empty() && fits(rest, &text[1..]),
        Some((byte, rest)) => text.first() == Some(byte) && fits(rest, &text[1..]),
    }
}

/// A document may be another one by the time that its request is sent again.
#[tokio::test]
async fn a_document_with_other_servers_is_not_taken_in_place_of_the_first() {
    let authority = Authority::new();
    let is_moved = Arc::new(AtomicBool::new(false));
    let moved = Arc::clone(&is_moved);
    let site = Site::start(&authority, "api.test", move |_| {
        let mut document = weather();
        if moved.load(Ordering::SeqCst) {
            document["servers"] = json!([{"url": "https://evil.example"}]);
        }
        http::Response::new(Full::new(Bytes::from(document.to_string())))
    })
    .await;
    let world = World::to(network(&authority, &site)).await;
    let id = gateway(&world).await;
    token_provider(&world).await;
    let mut body = request(&id);
    body.as_object_mut().unwrap().remove("openapi_spec");
    body["openapi_spec_url"] = json!("https://api.test/api.json");
    body["auth"] = json!({"type": "oauth", "provider_name": "corporate", "config": {"scopes": []}});
    for step in 1.. {
        assert!(Box::pin(world.ask_and_crash(Crash::After(step), "POST", "/tools/from-url", body.clone())).await);
        if world.recorder.steps().last().unwrap() == "PutItem Tools-dev PENDING" {
            break;
        }
    }
    is_moved.store(true, Ordering::SeqCst);
    let (status, refused) = world.ask("POST", "/tools/from-url", body).await;
    assert_eq!((status, &refused["status"]), (409, &json!("FAILED")), "{refused}");
    assert!(world.documents.lock().unwrap().is_empty() && world.agentcore.targets().is_empty());
}

#[tokio::test]
async fn a_document_is_fetched_from_a_public_host_and_from_nowhere_else() {
    let authority = Authority::new();
    let site = Site::start(&authority, "api.test", |asked| {
        let body = if asked.path == "/api.json" { weather().to_string() } else { "<html></html>".to_owned() };
        http::Response::new(Full::new(Bytes::from(body)))
    })
    .await;
    let world = World::to(network(&authority, &site)).await;
    let id = gateway(&world).await;
    let from = |url: &str| json!({"gateway_id": id, "tool_name": "weather", "openapi_spec_url": url});
    for url in [
        "http://api.test/api.json",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/api.json",
        "https://localhost/api.json",
        "https://me:pw@api.test/api.json",
        "https://api.test:8443/api.json",
        "https://api.test/page.html",
    ] {
        let (status, body) = world.ask("POST", "/tools/from-url", from(url)).await;
        assert_eq!((status, &body["field"]), (400, &json!("openapi_spec_url")), "{url}: {body}");
    }
    assert_eq!((site.connections(), world.rows(TOOLS).await), (1, vec![]));
    let (status, body) = world.ask("POST", "/tools/from-url", from("https://api.test/api.json")).await;
    assert_eq!((status, &body["source"]), (201, &json!("url")), "{body}");
}

/// One in which `api.test` is that site.
fn network(authority: &Authority, site: &Site) -> Network {
    let (endpoints, file) = (site.named("api.test"), authority.path());
    let network = Network::from_variables(|name| match name {
        "TEST_ENDPOINTS" => Some(endpoints.clone()),
        "TEST_CA_FILE" => Some(file.clone()),
        _ => None,
    });
    network.unwrap()
}
