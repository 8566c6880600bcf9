//! What the registry answers over HTTP and to stacks, on real tables by the real SDK. Each test is named after its rule.

use crate::entrances::{Bucket, context, request, stack_event};
use crate::registry::{Site, Tools};
use crate::tables::{AGENTS, TOOLS, Tables};
use functions_shared::{LambdaEvent, Variables};
use registries::agents::{Agent, AgentDefaults, AgentRegistry, AgentStatus};
use registries::custom_resource::Stacks;
use registries::entrances::answer;
use serde_json::{Value, json};
use std::sync::Arc;

const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:tool-weather-dev";

struct World {
    tools: Arc<Tools>,
    tables: Tables,
    agents: AgentRegistry,
}

impl World {
    async fn start() -> Self {
        let tables = Tables::start().await;
        let variables = Variables::from([("AGENT_REGISTRY_TABLE_NAME", AGENTS), ("TOOL_REGISTRY_TABLE_NAME", TOOLS)]);
        let tools = Arc::new(Tools::with(&variables, &tables.client).unwrap());
        let agents = AgentRegistry::new(tables.client.clone(), AGENTS);
        Self { tools, tables, agents }
    }

    async fn invoke(&self, event: Value) -> Value {
        let event = LambdaEvent::new(event, context());
        let site = Site::of(&self.tools, &event.context).unwrap();
        answer(&site, &Stacks::default().without_pauses(), event).await.unwrap()
    }

    /// Status and body of one request.
    async fn ask(&self, method: &str, path: &str, body: Value) -> (u64, Value) {
        let response = self.invoke(request(method, path, &body)).await;
        let body = response["body"].as_str().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
        (response["statusCode"].as_u64().unwrap(), body)
    }

    async fn row(&self) -> Option<Value> {
        self.tables.row(TOOLS, &[("tool_name", "get_weather")]).await
    }

    /// An agent that may call the tool.
    async fn employ(&self, name: &str, status: AgentStatus) {
        let body = json!({"agent_name": name, "system_prompt": "You …", "description": "…", "tools": ["get_weather"],
            "status": status});
        let defaults = AgentDefaults { stage: "dev".into(), llm_provider: "a".into(), llm_model: "m".into() };
        self.agents.create(Agent::registered(body, &defaults).unwrap(), None).await.unwrap();
    }
}

fn weather(change: Value) -> Value {
    let mut body = json!({"tool_name": "get_weather", "description": "The weather", "lambda_arn": FUNCTION,
        "input_schema": {"type": "object", "properties": {"days": {"type": "integer"}}}});
    let Value::Object(change) = change else { panic!("an object") };
    body.as_object_mut().unwrap().extend(change);
    body
}

#[tokio::test]
async fn a_new_tool_is_201_and_its_row_is_there() {
    let world = World::start().await;
    let (status, body) = world.ask("POST", "/tools", weather(json!({}))).await;
    assert_eq!((status, &body["status"]), (201, &json!("active")));
    let row = world.row().await.unwrap();
    let schema: Value = serde_json::from_str(row["input_schema"].as_str().unwrap()).unwrap();
    assert_eq!(schema, json!({"type": "object", "properties": {"days": {"type": "integer"}}}));
    assert_eq!(world.ask("GET", "/tools/get_weather", Value::Null).await, (200, body));
}

#[tokio::test]
async fn of_concurrent_creates_one_is_201_and_one_409() {
    let world = World::start().await;
    let create = || world.ask("POST", "/tools", weather(json!({})));
    let (one, other) = tokio::join!(create(), create());
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn an_invalid_schema_is_400_with_the_path() {
    let world = World::start().await;
    for (schemas, field) in [
        (
            json!({"input_schema": {"type": "object", "properties": {"days": {"type": "int"}}}}),
            "input_schema/properties/days/type",
        ),
        (json!({"output_schema": {"required": 1}}), "output_schema/required"),
        (json!({"input_schema": "{"}), "input_schema"),
        (json!({"input_schema": {"type": "string"}}), "input_schema/type"),
    ] {
        let (status, body) = world.ask("POST", "/tools", weather(schemas)).await;
        assert_eq!((status, &body["field"]), (400, &json!(field)), "{body}");
    }
}

#[tokio::test]
async fn a_wrong_name_id_or_function_is_400_in_one_line() {
    let world = World::start().await;
    for (change, field) in [
        (json!({"tool_name": "get-weather"}), "tool_name"),
        (json!({"tool_name": "getWeather"}), "tool_name"),
        (json!({"tool_id": "get_weather"}), "tool_id"),
        (json!({"lambda_arn": FUNCTION.replace("123456789012", "999999999999")}), "lambda_arn"),
        (json!({"lambda_arn": FUNCTION.replace("eu-central-1", "us-east-1")}), "lambda_arn"),
        (json!({"description": "@content:dynamodb:table:record-3f0e6c8e-6f2b-4a8c-9d2f-0a7c1c7f5b11"}), "description"),
    ] {
        let (status, body) = world.ask("POST", "/tools", weather(change)).await;
        assert_eq!((status, &body["field"]), (400, &json!(field)), "{body}");
        assert!(!body["error"].as_str().unwrap().contains('\n'), "{body}");
    }
}

#[tokio::test]
async fn deleting_a_tool_of_an_active_agent_is_409_and_lists_the_agents() {
    let world = World::start().await;
    world.ask("POST", "/tools", weather(json!({}))).await;
    world.employ("golf-agent", AgentStatus::Active).await;
    world.employ("chess-agent", AgentStatus::Active).await;
    world.employ("old-agent", AgentStatus::Deprecated).await;
    let (status, body) = world.ask("DELETE", "/tools/get_weather", Value::Null).await;
    let reason = "tool get_weather is used by active agents: chess-agent v1.0, golf-agent v1.0";
    assert_eq!((status, &body["error"]), (409, &json!(reason)));
    assert!(world.row().await.is_some());
}

#[tokio::test]
async fn a_tool_that_nobody_uses_is_deleted() {
    let world = World::start().await;
    world.ask("POST", "/tools", weather(json!({}))).await;
    world.employ("old-agent", AgentStatus::Deprecated).await;
    assert_eq!(world.ask("DELETE", "/tools/get_weather", Value::Null).await.0, 204);
    assert_eq!(world.ask("DELETE", "/tools/get_weather", Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_tool_is_replaced_and_keeps_when_it_was_made() {
    let world = World::start().await;
    let made = world.ask("POST", "/tools", weather(json!({}))).await.1;
    let (status, body) = world.ask("PUT", "/tools/get_weather", weather(json!({"description": "Better"}))).await;
    assert_eq!((status, &body["description"], &body["created_at"]), (200, &json!("Better"), &made["created_at"]));
    assert_eq!(world.ask("PUT", "/tools/get_wind", weather(json!({}))).await.0, 400);
    assert_eq!(world.ask("PUT", "/tools/get_wind", weather(json!({"tool_name": "get_wind"}))).await.0, 404);
}

#[tokio::test]
async fn a_tool_that_is_replaced_keeps_its_status_unless_the_body_states_one() {
    let world = World::start().await;
    world.ask("POST", "/tools", weather(json!({}))).await;
    for (verb, status, body) in [
        ("disable", "disabled", json!({"description": "disable"})),
        ("deprecate", "deprecated", json!({"description": "deprecate", "status": null})),
    ] {
        world.ask("POST", &format!("/tools/get_weather/{verb}"), Value::Null).await;
        let kept = world.ask("PUT", "/tools/get_weather", weather(body)).await;
        assert_eq!((kept.0, &kept.1["status"], &kept.1["description"]), (200, &json!(status), &json!(verb)));
        assert_eq!(world.row().await.unwrap()["status"], json!(status));
    }
    let set = world.ask("PUT", "/tools/get_weather", weather(json!({"status": "active"}))).await.1;
    assert_eq!(set["status"], json!("active"));
}

#[tokio::test]
async fn a_status_is_changed_and_lists_go_by_it() {
    let world = World::start().await;
    for name in ["get_weather", "get_wind", "get_waves"] {
        world.ask("POST", "/tools", weather(json!({"tool_name": name}))).await;
    }
    for (verb, status) in [("disable", "disabled"), ("deprecate", "deprecated"), ("activate", "active")] {
        let changed = world.ask("POST", &format!("/tools/get_wind/{verb}"), Value::Null).await;
        assert_eq!((changed.0, &changed.1["status"]), (200, &json!(status)));
        let listed = world.ask("GET", &format!("/tools?status={status}"), Value::Null).await.1;
        assert!(listed["tools"].as_array().unwrap().iter().any(|tool| tool["tool_name"] == "get_wind"), "{listed}");
    }
    let first = world.ask("GET", "/tools?limit=2", Value::Null).await.1;
    let next = format!("/tools?limit=2&next_token={}", first["next_token"].as_str().unwrap());
    let second = world.ask("GET", &next, Value::Null).await.1;
    assert_eq!((first["tools"].as_array().unwrap().len(), second["tools"].as_array().unwrap().len()), (2, 1));
}

#[tokio::test]
async fn no_request_is_answered_by_500() {
    let world = World::start().await;
    let long = "x".repeat(5000);
    for (method, path, expected) in [
        ("GET", format!("/tools/{long}"), 404),
        ("DELETE", "/tools/get_weather".to_owned(), 404),
        ("PUT", "/tools/get_weather".to_owned(), 400),
        ("POST", "/tools".to_owned(), 400),
        ("POST", "/tools/get_weather/activate".to_owned(), 404),
        ("GET", "/tools?limit=many".to_owned(), 400),
        ("GET", "/tools?status=on".to_owned(), 400),
        ("GET", "/tools?next_token=eyJhIjoiYiJ9".to_owned(), 400),
        ("GET", "/".to_owned(), 404),
        ("GET", "/tools/get_weather/versions".to_owned(), 404),
    ] {
        assert_eq!(world.ask(method, &path, Value::Null).await.0, expected, "{method} {path:.60}");
    }
    let long = weather(json!({"description": "x".repeat(400 << 10)}));
    assert_eq!(world.ask("POST", "/tools", long).await.0, 413);
}

#[tokio::test]
async fn another_method_is_405_and_the_right_ones_are_named() {
    let world = World::start().await;
    for (path, allowed) in
        [("/tools", "GET, POST"), ("/tools/get_weather", "DELETE, GET, PUT"), ("/tools/get_weather/disable", "POST")]
    {
        let response = world.invoke(request("PATCH", path, &Value::Null)).await;
        assert_eq!((&response["statusCode"], &response["headers"]["allow"]), (&json!(405), &json!(allowed)), "{path}");
    }
}

#[tokio::test]
async fn a_stacks_create_update_and_delete_may_come_twice() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    let id = Some("get_weather");
    for (kind, physical_id, text) in
        [("Create", None, "One"), ("Create", None, "One"), ("Update", id, "Two"), ("Update", id, "Two")]
    {
        let properties = weather(json!({"description": text, "human_approval_required": "true"}));
        world.invoke(stack_event(&url, kind, "a", physical_id, properties)).await;
        let answer = bucket.last();
        assert_eq!(
            (&answer["Status"], &answer["PhysicalResourceId"]),
            (&json!("SUCCESS"), &json!("get_weather")),
            "{answer}"
        );
        let row = world.row().await.unwrap();
        assert_eq!((&row["description"], &row["human_approval_required"]), (&json!(text), &json!(true)));
    }
    for _ in 0..2 {
        world.invoke(stack_event(&url, "Delete", "a", id, weather(json!({})))).await;
        assert_eq!((&bucket.last()["Status"], world.row().await), (&json!("SUCCESS"), None));
    }
}

#[tokio::test]
async fn an_update_of_a_stack_does_not_activate_a_tool_that_a_person_has_disabled() {
    let (world, (_bucket, url)) = (World::start().await, Bucket::start(0).await);
    world.invoke(stack_event(&url, "Create", "a", None, weather(json!({})))).await;
    world.ask("POST", "/tools/get_weather/disable", Value::Null).await;
    for (change, status) in
        [(json!({"description": "Two"}), "disabled"), (json!({"description": "Three", "status": "active"}), "active")]
    {
        world.invoke(stack_event(&url, "Update", "a", Some("get_weather"), weather(change.clone()))).await;
        let row = world.row().await.unwrap();
        assert_eq!((&row["description"], &row["status"]), (&change["description"], &json!(status)));
    }
}

/// What the template registers, as CloudFormation sends it: the tests of the templates keep it written down.
#[tokio::test]
async fn the_repositorys_own_tools_are_ones() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    let template: Value = serde_json::from_str(include_str!("../../../layer/tests/expected/tools.dev.json")).unwrap();
    let resources = template["Resources"].as_object().unwrap().values();
    let tools: Vec<_> = resources.filter(|resource| resource["Type"] == "Custom::Tool").collect();
    assert!(tools.len() >= 5, "{}", tools.len());
    for tool in tools {
        let mut properties = tool["Properties"].clone();
        properties["lambda_arn"] = json!(FUNCTION);
        world.invoke(stack_event(&url, "Create", "a", None, properties)).await;
        assert_eq!((&bucket.last()["Status"], &bucket.last()["Reason"]), (&json!("SUCCESS"), &Value::Null));
    }
}

#[tokio::test]
async fn a_failure_reaches_the_stack_with_its_reason() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    world.invoke(stack_event(&url, "Create", "a", None, weather(json!({"input_schema": "{}"})))).await;
    let reason = "input_schema/type: must be \"object\": a tool takes named values";
    assert_eq!((&bucket.last()["Status"], &bucket.last()["Reason"]), (&json!("FAILED"), &json!(reason)));
    let never_made = bucket.last()["PhysicalResourceId"].as_str().unwrap().to_owned();
    world.invoke(stack_event(&url, "Delete", "a", Some(&never_made), weather(json!({})))).await;
    assert_eq!(bucket.last()["Status"], "SUCCESS");
}

#[tokio::test]
async fn a_stack_cannot_delete_a_tool_that_an_active_agent_uses() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    world.invoke(stack_event(&url, "Create", "a", None, weather(json!({})))).await;
    world.employ("golf-agent", AgentStatus::Active).await;
    world.invoke(stack_event(&url, "Delete", "a", Some("get_weather"), weather(json!({})))).await;
    let reason = "tool get_weather is used by active agents: golf-agent v1.0";
    assert_eq!((&bucket.last()["Status"], &bucket.last()["Reason"]), (&json!("FAILED"), &json!(reason)));
}

#[tokio::test]
async fn a_stack_neither_takes_over_nor_deletes_what_is_anothers() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    world.ask("POST", "/tools", weather(json!({}))).await;
    world.invoke(stack_event(&url, "Create", "b", None, weather(json!({})))).await;
    assert_eq!(
        (&bucket.last()["Status"], &bucket.last()["Reason"]),
        (&json!("FAILED"), &json!("tool get_weather already exists"))
    );
    world.invoke(stack_event(&url, "Delete", "b", Some("get_weather"), weather(json!({})))).await;
    assert!(bucket.last()["Status"] == "SUCCESS" && world.row().await.is_some());
}
