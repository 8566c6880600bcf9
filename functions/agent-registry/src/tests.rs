//! What the registry answers over HTTP and to stacks, on real tables by the real SDK. Each test is named after its rule.

use crate::entrances::{Bucket, context, request, stack_event};
use crate::registry::Agents;
use crate::tables::{AGENTS, COSTS, TOOLS, Tables};
use functions_shared::{Clock, Context, LambdaEvent, Variables};
use model::budget::{Account, Budget, Charge};
use model::prices::{MicroDollars, Tokens};
use registries::custom_resource::Stacks;
use registries::entrances::answer;
use registries::tools::{FunctionArn, Tool, ToolRegistry, ToolStatus};
use serde_json::{Value, json};

const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:tool-weather-dev";

struct World {
    agents: Agents,
    tables: Tables,
    tools: ToolRegistry,
}

impl World {
    /// Both tables; the tool `get_weather` is there.
    async fn start() -> Self {
        let tables = Tables::start().await;
        let variables = Variables::from([
            ("STAGE", "dev"),
            ("AGENT_REGISTRY_TABLE_NAME", AGENTS),
            ("TOOL_REGISTRY_TABLE_NAME", TOOLS),
            ("COST_TABLE_NAME", COSTS),
        ]);
        let agents = Agents::with(&variables, &tables.client).unwrap();
        let tools = ToolRegistry::new(tables.client.clone(), TOOLS);
        let tool = json!({"tool_name": "get_weather", "input_schema": {"type": "object"}, "lambda_arn": FUNCTION});
        tools.create(Tool::registered(tool, &FunctionArn::read("arn", FUNCTION).unwrap()).unwrap()).await.unwrap();
        Self { agents, tables, tools }
    }

    async fn invoke(&self, event: Value) -> Value {
        let stacks = Stacks::default().without_pauses();
        answer(&self.agents, &stacks, LambdaEvent::new(event, context())).await.unwrap()
    }

    /// Status and body of one request.
    async fn ask(&self, method: &str, path: &str, body: Value) -> (u64, Value) {
        let response = self.invoke(request(method, path, &body)).await;
        let body = response["body"].as_str().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
        (response["statusCode"].as_u64().unwrap(), body)
    }

    async fn get(&self, path: &str) -> (u64, Value) {
        self.ask("GET", path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> (u64, Value) {
        self.ask("POST", path, body).await
    }

    async fn row(&self, version: &str) -> Option<Value> {
        self.tables.row(AGENTS, &[("agent_name", "golf-agent"), ("version", version)]).await
    }
}

fn golf(change: Value) -> Value {
    let mut body = json!({"agent_name": "golf-agent", "system_prompt": "You are …", "description": "Plays golf",
        "tools": ["get_weather"]});
    let Value::Object(change) = change else { panic!("an object") };
    body.as_object_mut().unwrap().extend(change);
    body
}

#[tokio::test]
async fn a_new_agent_is_201_and_its_row_is_there() {
    let world = World::start().await;
    let (status, body) = world.post("/agents", golf(json!({}))).await;
    assert_eq!((status, &body["version"], &body["status"]), (201, &json!("v1.0"), &json!("active")));
    assert_eq!(world.row("v1.0").await.unwrap()["system_prompt"], "You are …");
    assert_eq!(world.get("/agents/golf-agent").await, (200, body));
}

#[tokio::test]
async fn get_is_the_newest_active_version_by_number() {
    let world = World::start().await;
    for version in ["v9.0", "v10.0", "v11.0"] {
        assert_eq!(world.post("/agents", golf(json!({"version": version}))).await.0, 201);
    }
    assert_eq!(world.post("/agents/golf-agent/versions/v11.0/deprecate", Value::Null).await.0, 200);
    assert_eq!(world.get("/agents/golf-agent").await.1["version"], "v10.0");
    assert_eq!(world.get("/agents/golf-agent?version=v9.0").await.1["version"], "v9.0");
    assert_eq!(world.row("latest").await.unwrap()["resolved_version"], "v10.0");
    world.post("/agents/golf-agent/activate", json!({"version": "v11.0"})).await;
    assert_eq!(world.get("/agents/golf-agent").await.1["version"], "v11.0");
}

#[tokio::test]
async fn a_change_of_a_base_version_is_a_new_row() {
    let world = World::start().await;
    world.post("/agents", golf(json!({"parameters": {"max_tokens": 99}}))).await;
    let change = json!({"base_version": "v1.0", "changes": {"parameters": {"max_iterations": 9}}});
    let (status, body) = world.post("/agents/golf-agent/versions", change.clone()).await;
    assert_eq!((status, &body["version"]), (201, &json!("v1.1")));
    let parameters: Value =
        serde_json::from_str(world.row("v1.1").await.unwrap()["parameters"].as_str().unwrap()).unwrap();
    assert_eq!((&parameters["max_tokens"], &parameters["max_iterations"]), (&json!(99), &json!(9)));
    assert_eq!(world.post("/agents/golf-agent/versions", change).await.0, 409);
    let missing = json!({"base_version": "v7.0", "changes": {}});
    assert_eq!(world.post("/agents/golf-agent/versions", missing).await.0, 404);
}

#[tokio::test]
async fn of_concurrent_creates_one_is_201_and_one_409() {
    let world = World::start().await;
    let create = || world.post("/agents", golf(json!({})));
    let (one, other) = tokio::join!(create(), create());
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let change = json!({"base_version": "v1.0", "changes": {"description": "Plays well"}});
    let derive = || world.post("/agents/golf-agent/versions", change.clone());
    let (one, other) = tokio::join!(derive(), derive());
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn an_unknown_or_disabled_tool_is_422_and_named() {
    let world = World::start().await;
    let (status, body) = world.post("/agents", golf(json!({"tools": ["get_weather", "get_wind"]}))).await;
    assert_eq!((status, &body["error"]), (422, &json!("tools[1].tool_name: the tool get_wind is not registered")));
    world.tools.set_status("get_weather", ToolStatus::Disabled).await.unwrap();
    let (status, body) = world.post("/agents", golf(json!({}))).await;
    assert_eq!((status, &body["error"]), (422, &json!("tools[0].tool_name: the tool get_weather is disabled")));
    assert_eq!(
        world.post("/agents", golf(json!({"tools": [{"tool_name": "get_weather", "enabled": false}]}))).await.0,
        201
    );
}

#[tokio::test]
async fn print_output_needs_a_schema_and_no_function() {
    let world = World::start().await;
    let schema = json!({"type": "object", "properties": {"total": {"type": "integer"}}});
    let tools = json!(["get_weather", {"tool_name": "print_output", "input_schema": schema}]);
    assert_eq!(world.post("/agents", golf(json!({"tools": tools}))).await.0, 201);
    let row = world.row("latest").await.unwrap();
    let tools: Value = serde_json::from_str(row["tools"].as_str().unwrap()).unwrap();
    assert_eq!(tools[1]["input_schema"], schema, "as the state machine offers it");
    let (status, body) = world.post("/agents", golf(json!({"version": "v2.0", "tools": ["print_output"]}))).await;
    assert_eq!((status, &body["field"]), (422, &json!("tools[0].tool_name")));
}

#[tokio::test]
async fn a_prompt_and_tools_that_a_state_has_no_room_for_are_422() {
    let world = World::start().await;
    // A quotation mark is two bytes of JSON.
    let (status, body) = world.post("/agents", golf(json!({"system_prompt": "\"".repeat(33_000)}))).await;
    assert_eq!((status, &body["field"]), (422, &json!("system_prompt")));
    assert!(body["error"].as_str().unwrap().contains("the state has room for 65536"), "{body}");
    let schema = json!({"type": "object", "description": "x".repeat(20_000)});
    let heavy = json!({"tool_name": "heavy_tool", "input_schema": schema, "lambda_arn": FUNCTION});
    world.tools.create(Tool::registered(heavy, &FunctionArn::read("arn", FUNCTION).unwrap()).unwrap()).await.unwrap();
    let prompt = "x".repeat(50_000);
    let with = |tool: Value| golf(json!({"system_prompt": prompt, "tools": [tool]}));
    assert_eq!(world.post("/agents", with(json!("heavy_tool"))).await.0, 422);
    assert_eq!(world.post("/agents", with(json!({"tool_name": "heavy_tool", "enabled": false}))).await.0, 201);
}

#[tokio::test]
async fn what_is_wrong_is_400_in_one_line_that_names_the_field() {
    let world = World::start().await;
    let long = "x".repeat(3000);
    let cases = [
        (golf(json!({"agent_name": "Golf"})), "agent_name"),
        (golf(json!({"system_prompt": null})), "system_prompt"),
        (golf(json!({"description": ""})), "description"),
        (golf(json!({"version": "latest"})), "version"),
        (golf(json!({"status": "on"})), "status"),
        (golf(json!({"parameters": "{"})), "parameters"),
        (golf(json!({"parameters": {"max_iterations": 101}})), "parameters.max_iterations"),
        (golf(json!({"system_prompt": r#"["\u0040content:1:dynamodb:s:60:x:1"]"#})), "system_prompt"),
        (golf(json!({"deployment_env": long})), "deployment_env"),
        (golf(json!({"llm_provider": "a b"})), "llm_provider"),
        (
            golf(json!({"metadata": {"note": "@content:dynamodb:table:record-3f0e6c8e-6f2b-4a8c-9d2f-0a7c1c7f5b11"}})),
            "metadata.note",
        ),
        (json!([]), "body"),
    ];
    for (body, field) in cases {
        let (status, answer) = world.post("/agents", body).await;
        assert_eq!((status, &answer["field"]), (400, &json!(field)), "{answer}");
        assert!(!answer["error"].as_str().unwrap().contains('\n'), "{answer}");
    }
    let unparsable = json!({"rawPath": "/agents", "body": "{", "requestContext": {"http": {"method": "POST"}}});
    assert_eq!(world.invoke(unparsable).await["statusCode"], 400);
}

#[tokio::test]
async fn no_request_is_answered_by_500() {
    let world = World::start().await;
    let long = "x".repeat(5000);
    let cases = [
        ("GET", format!("/agents/{long}"), 404),
        ("GET", format!("/agents/{long}/versions"), 404),
        ("GET", "/agents/golf-agent".to_owned(), 404),
        ("GET", "/agents/golf-agent/versions/v1.0".to_owned(), 404),
        ("GET", "/agents/golf-agent/versions/one".to_owned(), 400),
        ("DELETE", "/agents/golf-agent/versions/v1.0".to_owned(), 404),
        ("POST", "/agents/golf-agent/versions/v1.0/activate".to_owned(), 404),
        ("POST", "/agents/golf-agent/activate".to_owned(), 400),
        ("GET", "/agents?limit=0".to_owned(), 400),
        ("GET", "/agents?status=on".to_owned(), 400),
        ("GET", "/agents?next_token=e30x".to_owned(), 400),
        ("GET", "/agents?next_token=eyJhIjoiYiJ9".to_owned(), 400),
        ("GET", "/usage?day=yesterday".to_owned(), 400),
        ("GET", "/usage?day=2026-11-31".to_owned(), 400),
        ("GET", "/usage/2026-11-21".to_owned(), 404),
        ("GET", "/".to_owned(), 404),
        ("GET", "/agent".to_owned(), 404),
        ("GET", "/agents/a/b/c/d/e".to_owned(), 404),
    ];
    for (method, path, expected) in cases {
        assert_eq!(world.ask(method, &path, Value::Null).await.0, expected, "{method} {path:.60}");
    }
    let long = golf(json!({"system_prompt": "x".repeat(400 << 10)}));
    assert_eq!(world.post("/agents", long).await.0, 422, "more than an execution has room for");
    let long = golf(json!({"description": "x".repeat(400 << 10)}));
    assert_eq!(world.post("/agents", long).await.0, 413, "more than a row of the table");
}

#[tokio::test]
async fn another_method_is_405_and_the_right_ones_are_named() {
    let world = World::start().await;
    for (path, allowed) in [
        ("/usage", "GET"),
        ("/agents", "GET, POST"),
        ("/agents/golf-agent", "GET"),
        ("/agents/golf-agent/versions", "GET, POST"),
        ("/agents/golf-agent/versions/v1.0", "DELETE, GET"),
        ("/agents/golf-agent/versions/v1.0/activate", "POST"),
        ("/agents/golf-agent/deprecate", "POST"),
    ] {
        let response = world.invoke(request("PATCH", path, &Value::Null)).await;
        assert_eq!((&response["statusCode"], &response["headers"]["allow"]), (&json!(405), &json!(allowed)), "{path}");
    }
}

#[tokio::test]
async fn lists_are_in_pages_and_by_status() {
    let world = World::start().await;
    for name in ["golf-agent", "tennis-agent", "chess-agent"] {
        world.post("/agents", golf(json!({"agent_name": name}))).await;
    }
    world.post("/agents/chess-agent/versions/v1.0/deprecate", Value::Null).await;
    let first = world.get("/agents?limit=2").await.1;
    let second = world.get(&format!("/agents?limit=2&next_token={}", first["next_token"].as_str().unwrap())).await.1;
    assert_eq!((first["agents"].as_array().unwrap().len(), second["agents"].as_array().unwrap().len()), (2, 1));
    assert_eq!(second["next_token"], Value::Null);
    assert_eq!(world.get("/agents?status=deprecated").await.1["agents"][0]["agent_name"], "chess-agent");
    assert_eq!(world.get("/agents?status=active").await.1["agents"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn versions_are_in_pages_newest_first() {
    let world = World::start().await;
    for version in ["v9.0", "v10.0", "v1.0"] {
        world.post("/agents", golf(json!({"version": version}))).await;
    }
    let (mut versions, mut path) = (Vec::new(), "/agents/golf-agent/versions?limit=1".to_owned());
    loop {
        let page = world.get(&path).await.1;
        versions.extend(page["agents"].as_array().unwrap().iter().map(|agent| agent["version"].clone()));
        let Some(token) = page["next_token"].as_str() else { break };
        path = format!("/agents/golf-agent/versions?limit=1&next_token={token}");
    }
    assert_eq!(versions, ["v10.0", "v9.0", "v1.0"]);
}

#[tokio::test]
async fn a_deleted_version_is_gone() {
    let world = World::start().await;
    world.post("/agents", golf(json!({}))).await;
    assert_eq!(world.ask("DELETE", "/agents/golf-agent/versions/v1.0", Value::Null).await.0, 204);
    assert_eq!((world.row("v1.0").await, world.row("latest").await), (None, None));
}

#[tokio::test]
async fn a_stacks_create_update_and_delete_may_come_twice() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    let id = Some("golf-agent/v1.0");
    for (kind, physical_id, prompt) in
        [("Create", None, "One"), ("Create", None, "One"), ("Update", id, "Two"), ("Update", id, "Two")]
    {
        let properties = golf(json!({"system_prompt": prompt, "parameters": {"max_iterations": "7"}}));
        world.invoke(stack_event(&url, kind, "a", physical_id, properties)).await;
        let answer = bucket.last();
        assert_eq!(
            (&answer["Status"], &answer["PhysicalResourceId"]),
            (&json!("SUCCESS"), &json!("golf-agent/v1.0")),
            "{answer}"
        );
        assert_eq!(world.row("v1.0").await.unwrap()["system_prompt"], prompt);
        assert_eq!(world.row("latest").await.unwrap()["system_prompt"], prompt);
    }
    for _ in 0..2 {
        world.invoke(stack_event(&url, "Delete", "a", id, golf(json!({})))).await;
        assert_eq!((&bucket.last()["Status"], world.row("v1.0").await), (&json!("SUCCESS"), None));
    }
}

#[tokio::test]
async fn an_update_of_a_stack_does_not_activate_a_version_that_a_person_has_deprecated() {
    let (world, (_bucket, url)) = (World::start().await, Bucket::start(0).await);
    world.invoke(stack_event(&url, "Create", "a", None, golf(json!({})))).await;
    assert_eq!(world.ask("POST", "/agents/golf-agent/versions/v1.0/deprecate", Value::Null).await.0, 200);
    for (change, status) in [
        (json!({"system_prompt": "Two"}), "deprecated"),
        (json!({"system_prompt": "Three", "status": "active"}), "active"),
    ] {
        world.invoke(stack_event(&url, "Update", "a", Some("golf-agent/v1.0"), golf(change.clone()))).await;
        let row = world.row("v1.0").await.unwrap();
        assert_eq!((&row["system_prompt"], &row["status"]), (&change["system_prompt"], &json!(status)));
    }
}

/// What the template registers, as CloudFormation sends it: the tests of the templates keep it written down.
#[tokio::test]
async fn the_repositorys_own_agent_is_one() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    let template: Value = serde_json::from_str(include_str!("../../../layer/tests/expected/agent.dev.json")).unwrap();
    let mut properties = template["Resources"]["Registration"]["Properties"].clone();
    properties["tool_configs"] = json!(["get_weather"]);
    world.invoke(stack_event(&url, "Create", "a", None, properties)).await;
    assert_eq!((&bucket.last()["Status"], &bucket.last()["Reason"]), (&json!("SUCCESS"), &Value::Null));
    let row = world.tables.row(AGENTS, &[("agent_name", "document-agent"), ("version", "latest")]).await.unwrap();
    assert!(row["parameters"].as_str().unwrap().contains(r#""max_iterations":10"#), "{row}");
}

#[tokio::test]
async fn a_stack_is_answered_as_cloudformation_wants_it() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    world.invoke(stack_event(&url, "Create", "a", None, golf(json!({})))).await;
    let expected = json!({
        "Status": "SUCCESS", "PhysicalResourceId": "golf-agent/v1.0", "StackId": "arn:aws:cloudformation:::stack/a/1",
        "RequestId": "request-1", "LogicalResourceId": "Agent", "Data": {"agent_name": "golf-agent", "version": "v1.0"},
    });
    assert_eq!(bucket.last(), expected);
    let headers = &bucket.came()[0].headers;
    assert!(headers.get("content-type").is_none() && headers.get("content-length").is_some(), "{headers:?}");
}

#[tokio::test]
async fn a_failure_reaches_the_stack_with_its_reason() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    world.invoke(stack_event(&url, "Create", "a", None, golf(json!({"tools": ["get_wind"]})))).await;
    let answer = bucket.last();
    assert_eq!(answer["Status"], "FAILED");
    assert_eq!(answer["Reason"], "tools[0].tool_name: the tool get_wind is not registered");
    let never_made = answer["PhysicalResourceId"].as_str().unwrap().to_owned();
    world.invoke(stack_event(&url, "Delete", "a", Some(&never_made), golf(json!({})))).await;
    assert_eq!(bucket.last()["Status"], "SUCCESS");
}

#[tokio::test]
async fn a_stack_neither_takes_over_nor_deletes_what_is_anothers() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    world.invoke(stack_event(&url, "Create", "a", None, golf(json!({})))).await;
    world.invoke(stack_event(&url, "Create", "b", None, golf(json!({"system_prompt": "Mine"})))).await;
    assert_eq!(
        (&bucket.last()["Status"], &bucket.last()["Reason"]),
        (&json!("FAILED"), &json!("agent golf-agent v1.0 already exists"))
    );
    world.invoke(stack_event(&url, "Delete", "b", Some("golf-agent/v1.0"), golf(json!({})))).await;
    assert_eq!(
        (&bucket.last()["Status"], &world.row("v1.0").await.unwrap()["system_prompt"]),
        (&json!("SUCCESS"), &json!("You are …"))
    );
}

#[tokio::test]
async fn both_keys_of_a_deletion_count() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    for version in ["v1.0", "v2.0"] {
        world.invoke(stack_event(&url, "Create", "a", None, golf(json!({"version": version})))).await;
    }
    world.invoke(stack_event(&url, "Delete", "a", Some("golf-agent/v2.0"), golf(json!({"version": "v2.0"})))).await;
    assert_eq!(bucket.last()["PhysicalResourceId"], "golf-agent/v2.0");
    assert!(world.row("v1.0").await.is_some() && world.row("v2.0").await.is_none());
    assert_eq!(world.row("latest").await.unwrap()["resolved_version"], "v1.0");
}

#[tokio::test]
async fn versions_of_one_stack_may_be_made_at_once() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    let create = |version| world.invoke(stack_event(&url, "Create", "a", None, golf(json!({ "version": version }))));
    tokio::join!(create("v1.0"), create("v2.0"), create("v3.0"));
    assert!(bucket.came().iter().all(|answer| answer.json()["Status"] == "SUCCESS"));
    assert_eq!(world.row("latest").await.unwrap()["resolved_version"], "v3.0");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_sent_again() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(3).await);
    world.invoke(stack_event(&url, "Create", "a", None, golf(json!({})))).await;
    assert_eq!((bucket.came().len(), &bucket.last()["Status"]), (4, &json!("SUCCESS")));
}

#[tokio::test]
async fn work_without_time_is_a_failure_that_the_stack_hears_of() {
    let (world, (bucket, url)) = (World::start().await, Bucket::start(0).await);
    let event = LambdaEvent::new(stack_event(&url, "Create", "a", None, golf(json!({}))), Context::default());
    answer(&world.agents, &Stacks::default().without_pauses(), event).await.unwrap();
    assert_eq!(
        (&bucket.last()["Status"], &bucket.last()["Reason"]),
        (&json!("FAILED"), &json!("it was not completed within 0ns"))
    );
}

#[tokio::test]
async fn an_event_of_another_kind_is_none() {
    let world = World::start().await;
    let event = LambdaEvent::new(json!({"Records": []}), context());
    assert_eq!(answer(&world.agents, &Stacks::default(), event).await.unwrap_err().name(), "InvalidEvent");
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_503_and_no_secret() {
    let world = World::start().await;
    world.tables.client.delete_table().table_name(AGENTS).send().await.unwrap();
    let (status, body) = world.get("/agents/golf-agent").await;
    assert_eq!((status, &body["error"]), (503, &json!("the registry's table does not answer, try again later")));
}

#[test]
fn a_missing_variable_is_named() {
    let client = crate::tables::client("http://127.0.0.1:1");
    let all = [("STAGE", "dev"), ("AGENT_REGISTRY_TABLE_NAME", "a"), ("TOOL_REGISTRY_TABLE_NAME", "b")];
    assert!(Agents::with(&Variables::from(all), &client).is_ok());
    for (index, (missing, _)) in all.iter().enumerate() {
        let mut left = all;
        left[index].1 = "";
        let error = Agents::with(&Variables::from(left), &client).unwrap_err();
        assert_eq!(error.to_string(), format!("the variable {missing} is not set"));
    }
}

#[tokio::test]
async fn usage_is_what_models_have_cost_by_agent_and_model() {
    let mut world = World::start().await;
    let noon = Clock::from_fn(|| "2026-11-21T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into());
    world.agents.usage.as_mut().unwrap().clock = noon.clone();
    let budget = Budget::new(world.tables.client.clone(), COSTS, "dev", MicroDollars(10_000_000), noon);
    for (agent, cost, is_estimate) in [("golf", 1092, false), ("golf", 500, true), ("weather", 70, false)] {
        let account = Account { agent: agent.into(), provider: "anthropic".into(), model: "claude".into() };
        let tokens = if is_estimate {
            Tokens::default()
        } else {
            Tokens { input: 812, cache_read: 500, output: 96, ..Tokens::default() }
        };
        let reservation = budget.reserve(MicroDollars(5000)).await.unwrap();
        budget.settle(reservation, &account, Charge { cost: MicroDollars(cost), tokens, is_estimate }).await.unwrap();
    }
    let _ = budget.reserve(MicroDollars(40)).await.unwrap();

    let numbers = |spent: u64, unconfirmed: u64, requests: u64, answered: u64| {
        json!({
            "spent_micro_usd": spent, "unconfirmed_micro_usd": unconfirmed, "requests": requests,
            "input_tokens": 812 * answered, "output_tokens": 96 * answered,
            "cache_read_tokens": 500 * answered, "cache_write_tokens": 0,
        })
    };
    let with = |mut numbers: Value, more: Value| {
        numbers.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        numbers
    };
    let golf = with(numbers(1592, 500, 2, 1), json!({"agent": "golf", "provider": "anthropic", "model": "claude"}));
    let weather = with(numbers(70, 0, 1, 1), json!({"agent": "weather", "provider": "anthropic", "model": "claude"}));
    let day = with(
        numbers(1702, 500, 4, 2),
        json!({"day": "2026-11-21", "stage": "dev", "by_agent_and_model": [golf, weather]}),
    );
    assert_eq!(world.get("/usage").await, (200, day.clone()));
    assert_eq!(world.get("/usage?day=2026-11-21").await, (200, day));

    let (status, empty) = world.get("/usage?day=2026-11-20").await;
    assert_eq!((status, &empty["spent_micro_usd"], &empty["by_agent_and_model"]), (200, &json!(0), &json!([])));
}
