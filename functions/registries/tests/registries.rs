//! The registries on real tables, by the real SDK.

#![allow(clippy::unwrap_used)]

mod tables;

use crate::tables::{AGENTS, TOOLS, Tables};
use aws_sdk_dynamodb::types::AttributeValue;
use functions_shared::Refusal;
use registries::agents::{Agent, AgentDefaults, AgentRegistry, AgentStatus, Version};
use registries::pages::Page;
use registries::tools::{FunctionArn, Tool, ToolRegistry, ToolStatus};
use serde_json::{Value, json};

const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:tool-weather-dev";

fn agent(version: &str) -> Agent {
    let body = json!({"agent_name": "golf-agent", "version": version, "system_prompt": "You …", "description": "Golf",
        "tools": [{"tool_name": "get_weather"}]});
    let defaults = AgentDefaults { stage: "dev".into(), llm_provider: "anthropic".into(), llm_model: "model-1".into() };
    Agent::registered(body, &defaults).unwrap()
}

fn version(text: &str) -> Version {
    Version::read("version", text).unwrap()
}

async fn agents() -> (AgentRegistry, Tables) {
    let tables = Tables::start().await;
    (AgentRegistry::new(tables.client.clone(), AGENTS), tables)
}

/// What a state machine finds: the version that the copy is of.
async fn latest(tables: &Tables) -> Option<String> {
    let copy = tables.row(AGENTS, &[("agent_name", "golf-agent"), ("version", "latest")]).await?;
    Some(copy["resolved_version"].as_str().unwrap().to_owned())
}

fn tool(name: &str) -> Tool {
    let body = json!({"tool_name": name, "input_schema": {"type": "object"}, "lambda_arn": FUNCTION});
    Tool::registered(body, &FunctionArn::read("arn", FUNCTION).unwrap()).unwrap()
}

fn tool_of_a_server(name: &str) -> Tool {
    let body = json!({"tool_name": name, "input_schema": {"type": "object"}, "lambda_arn": FUNCTION, "transport": "mcp",
        "endpoint": "https://mcp.example.com/mcp", "auth": {"type": "bearer", "secret_name": "a"}, "remote_name": "getWeather"});
    Tool::registered(body, &FunctionArn::read("arn", FUNCTION).unwrap()).unwrap()
}

#[tokio::test]
async fn a_row_of_an_mcp_server_is_read_as_it_was_written() {
    let tables = Tables::start().await;
    let registry = ToolRegistry::new(tables.client.clone(), TOOLS);
    let made = registry.create(tool_of_a_server("get_weather")).await.unwrap();
    assert_eq!(registry.get("get_weather").await.unwrap().row, made);
    let mut row = tables.row(TOOLS, &[("tool_name", "get_weather")]).await.unwrap();
    let auth: Value = serde_json::from_str(row["auth"].as_str().unwrap()).unwrap();
    assert_eq!(auth, json!({"type": "bearer", "secret_name": "a", "secret_key": "token"}));
    assert_eq!(row["remote_digest"].take().as_str().map(str::len), Some(32));
    assert_eq!((&row["transport"], &row["endpoint"]), (&json!("mcp"), &json!("https://mcp.example.com/mcp")));
    registry.create(tool("get_wind")).await.unwrap();
    assert_eq!(registry.get("get_wind").await.unwrap().row.remote, None);
}

#[tokio::test]
async fn an_agents_row_is_what_a_state_machine_reads() {
    let (registry, tables) = agents().await;
    registry.create(agent("v1.0"), None).await.unwrap();
    let mut row = tables.row(AGENTS, &[("agent_name", "golf-agent"), ("version", "v1.0")]).await.unwrap();
    for changing in ["created_at", "updated_at", "revision"] {
        let text = row.as_object_mut().unwrap().remove(changing).unwrap();
        assert!(text.as_str().unwrap().len() >= "2024-01-15T12:00:00.000Z".len(), "{changing}: {text}");
    }
    for nested in ["tools", "parameters", "observability", "metadata"] {
        // JSON text in the row, whose members may be in any order.
        row[nested] = serde_json::from_str(row[nested].as_str().unwrap()).unwrap();
    }
    let expected = json!({
        "agent_name": "golf-agent", "version": "v1.0", "status": "active", "system_prompt": "You …", "description": "Golf",
        "llm_provider": "anthropic", "llm_model": "model-1", "deployment_env": "dev",
        "tools": [{"enabled": true, "tool_name": "get_weather", "version": "latest"}],
        "parameters": {"max_iterations": 10, "max_tokens": 4096, "timeout_seconds": 300},
        "observability": {"log_level": "INFO", "metrics_namespace": "AI-Agents", "trace_enabled": true},
        "metadata": {"created_by": "system", "tags": []},
    });
    assert_eq!(row, expected);
}

/// What the state machine reads behind `prefix`: names, and the types it expects (`S`, `BOOL`) if it says so.
fn read_behind(prefix: &str) -> Vec<(String, String)> {
    let definition = include_str!("../../statemachines/agent.asl.json");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let paths = definition.split(prefix).skip(1).map(|rest| rest.split(|c| !is_part(c)).next().unwrap());
    let mut read: Vec<_> = paths.map(|path| path.split_once('.').unwrap_or((path, ""))).collect();
    read.sort_unstable();
    read.dedup();
    assert!(!read.is_empty(), "the state machine reads something behind {prefix}");
    read.into_iter().map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// The row has all that is read of it, in the types in which it is read.
async fn holds_all(tables: &Tables, table: &str, key: &[(&str, &str)], prefixes: &[&str]) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let key = key.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
    let row = tables.client.get_item().table_name(table).set_key(Some(key)).send().await.unwrap().item.unwrap();
    for (name, kind) in prefixes.iter().flat_map(|prefix| read_behind(prefix)) {
        let is_there = row.get(&name).is_some_and(|value| match kind.as_str() {
            "S" => value.is_s(),
            "BOOL" => value.is_bool(),
            other => panic!("{name} is read as {other:?}"),
        });
        assert!(is_there, "{name} as {kind} in {row:?}");
    }
}

#[tokio::test]
async fn the_state_machine_finds_what_it_reads() {
    let (agents, tables) = agents().await;
    let definition: Value = serde_json::from_str(include_str!("../../statemachines/agent.asl.json")).unwrap();
    let defaults = &definition["States"]["Defaults"]["Assign"]["parameters"];
    let parameters = agents.create(agent("v1.0"), None).await.unwrap().parameters;
    let key = [("agent_name", "golf-agent"), ("version", "latest")];
    holds_all(&tables, AGENTS, &key, &["$.row.", "$.agent.Item."]).await;
    for (name, _) in read_behind("$parameters.") {
        assert!(defaults.get(&name).is_some(), "a default for {name}");
        assert!(parameters.get(&name).is_none_or(Value::is_number), "{name}");
    }
    // The row of an MCP server's tool has all that any row has, and this one needs approval of reads too.
    let tool = Tool { reads_need_approval: true, ..tool_of_a_server("get_weather") };
    ToolRegistry::new(tables.client.clone(), TOOLS).create(tool).await.unwrap();
    holds_all(&tables, TOOLS, &[("tool_name", "get_weather")], &["$.Item.", "$.tool.Item.", "$.registered."]).await;
}

#[tokio::test]
async fn the_copy_is_the_whole_row() {
    let (registry, tables) = agents().await;
    registry.create(agent("v1.0"), None).await.unwrap();
    let row = async |version| tables.row(AGENTS, &[("agent_name", "golf-agent"), ("version", version)]).await.unwrap();
    let (mut original, mut copy) = (row("v1.0").await, row("latest").await);
    assert_eq!(copy["resolved_version"].take(), "v1.0");
    for row in [&mut original, &mut copy] {
        row.as_object_mut()
            .unwrap()
            .retain(|name, _| !["version", "revision", "resolved_version"].contains(&name.as_str()));
    }
    assert_eq!(original, copy);
}

#[tokio::test]
async fn newest_is_numeric_and_active() {
    let (registry, tables) = agents().await;
    for text in ["v9.0", "v10.0", "v11.0"] {
        registry.create(agent(text), None).await.unwrap();
    }
    assert_eq!(registry.newest_active("golf-agent").await.unwrap().version, version("v11.0"));
    for (text, left) in [("v11.0", Some("v10.0")), ("v10.0", Some("v9.0")), ("v9.0", None)] {
        registry.set_status("golf-agent", &version(text), AgentStatus::Deprecated).await.unwrap();
        assert_eq!(latest(&tables).await.as_deref(), left);
        let newest = registry.newest_active("golf-agent").await.ok().map(|agent| agent.version.to_string());
        assert_eq!(newest.as_deref(), left);
    }
    registry.set_status("golf-agent", &version("v10.0"), AgentStatus::Active).await.unwrap();
    assert_eq!(latest(&tables).await.as_deref(), Some("v10.0"));
}

#[tokio::test]
async fn the_copy_follows_a_deleted_version() {
    let (registry, tables) = agents().await;
    registry.create(agent("v1.0"), None).await.unwrap();
    registry.create(agent("v2.0"), None).await.unwrap();
    registry.delete("golf-agent", &version("v2.0")).await.unwrap();
    assert_eq!(latest(&tables).await.as_deref(), Some("v1.0"));
    registry.delete("golf-agent", &version("v1.0")).await.unwrap();
    assert_eq!(latest(&tables).await, None);
}

#[tokio::test]
async fn of_two_creations_at_once_one_is_a_conflict() {
    let (registry, _tables) = agents().await;
    let (one, other) = tokio::join!(registry.create(agent("v1.0"), None), registry.create(agent("v1.0"), None));
    let results = [one, other];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(
        results.iter().filter_map(|result| result.as_ref().err()).map(Refusal::name).collect::<Vec<_>>(),
        ["Conflict"]
    );
}

/// Each pair of changes would leave a wrong copy if both were made from what was there before.
#[tokio::test]
async fn whatever_happens_at_once_the_copy_is_the_newest_active_version() {
    use AgentStatus::{Active, Deprecated};
    for (one, other) in [(("v1.0", Deprecated), ("v2.0", Deprecated)), (("v2.0", Deprecated), ("v3.0", Active))] {
        let (registry, tables) = agents().await;
        for text in ["v1.0", "v2.0", "v3.0"] {
            registry.create(agent(text), None).await.unwrap();
        }
        registry.set_status("golf-agent", &version("v3.0"), Deprecated).await.unwrap();
        let set = |(text, status)| {
            let registry = &registry;
            async move { registry.set_status("golf-agent", &version(text), status).await }
        };
        let (first, second) = tokio::join!(set(one), set(other));
        assert!(first.is_ok() || second.is_ok());
        for refusal in [first.err(), second.err()].into_iter().flatten() {
            assert!(matches!(refusal, Refusal::Overtaken(_)), "{refusal}");
        }
        let newest = registry.newest_active("golf-agent").await.ok().map(|agent| agent.version.to_string());
        assert_eq!(latest(&tables).await, newest);
    }
}

#[tokio::test]
async fn lists_hold_every_version_once_and_no_copy() {
    let (registry, _tables) = agents().await;
    for text in ["v1.0", "v2.0", "v3.0", "v4.0", "v5.0"] {
        registry.create(agent(text), None).await.unwrap();
    }
    registry.set_status("golf-agent", &version("v2.0"), AgentStatus::Deprecated).await.unwrap();
    for (status, count) in [(None, 5), (Some(AgentStatus::Active), 4), (Some(AgentStatus::Deprecated), 1)] {
        for limit in ["1", "2", "100"] {
            let (mut versions, mut token) = (Vec::new(), None::<String>);
            loop {
                let page = registry.list(status, Page::asked(Some(limit), token.as_deref()).unwrap()).await.unwrap();
                assert!(page.rows.len() <= limit.parse().unwrap());
                versions.extend(page.rows.into_iter().map(|agent| agent.version.to_string()));
                token = page.next_token;
                if token.is_none() {
                    break;
                }
            }
            versions.sort_unstable();
            versions.dedup();
            assert_eq!(versions.len(), count, "{status:?} by {limit}: {versions:?}");
        }
    }
}

#[tokio::test]
async fn another_lists_token_is_named() {
    let (registry, _tables) = agents().await;
    for text in ["v1.0", "v2.0"] {
        registry.create(agent(text), None).await.unwrap();
    }
    let first = registry.list(Some(AgentStatus::Active), Page::asked(Some("1"), None).unwrap()).await.unwrap();
    let page = Page::asked(None, first.next_token.as_deref()).unwrap();
    assert_eq!(registry.list(None, page).await.unwrap_err().field(), Some("next_token"));
}

#[tokio::test]
async fn who_uses_a_tool_is_known() {
    let (registry, _tables) = agents().await;
    registry.create(agent("v1.0"), None).await.unwrap();
    registry.create(agent("v2.0"), None).await.unwrap();
    registry.set_status("golf-agent", &version("v1.0"), AgentStatus::Deprecated).await.unwrap();
    assert_eq!(registry.users_of("get_weather").await.unwrap(), ["golf-agent v2.0"]);
    assert!(registry.users_of("get_wind").await.unwrap().is_empty());
}

/// Up to the very last byte a row and its copy are taken, or refused with their reason.
#[tokio::test]
async fn a_row_that_is_too_long_is_no_fault_of_the_table() {
    let (registry, _tables) = agents().await;
    let limit = 400 << 10;
    let mut refused = 0;
    for (number, bytes) in (limit - 900..limit).step_by(10).enumerate() {
        let name = format!("golf-agent-{number:02}");
        let long = Agent { agent_name: name, system_prompt: "x".repeat(bytes), ..agent("v1.0") };
        match registry.create(long, None).await {
            Ok(_) => assert_eq!(refused, 0, "{bytes}"),
            Err(Refusal::TooLarge(_)) => refused += 1,
            Err(refusal) => panic!("{bytes}: {refusal}"),
        }
    }
    assert!((1..90).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a_tools_row_is_what_a_state_machine_reads() {
    let tables = Tables::start().await;
    ToolRegistry::new(tables.client.clone(), TOOLS).create(tool("get_weather")).await.unwrap();
    let row = tables.row(TOOLS, &[("tool_name", "get_weather")]).await.unwrap();
    let expected = json!({
        "tool_name": "get_weather", "description": "", "input_schema": r#"{"type":"object"}"#, "output_schema": "{}",
        "lambda_arn": FUNCTION, "lambda_function_name": "tool-weather-dev", "language": "rust", "tags": "[]",
        "transport": "lambda", "status": "active", "author": "system", "human_approval_required": false, "version": "latest",
        "created_at": row["created_at"], "updated_at": row["updated_at"], "revision": row["revision"],
    });
    assert_eq!(row, expected);
}

#[tokio::test]
async fn of_two_changes_of_a_tool_one_is_a_conflict() {
    let tables = Tables::start().await;
    let registry = ToolRegistry::new(tables.client.clone(), TOOLS);
    assert!(registry.create(tool("get_weather")).await.is_ok());
    assert!(matches!(registry.create(tool("get_weather")).await, Err(Refusal::Conflict(_))));
    let there = registry.get("get_weather").await.unwrap();
    registry.set_status("get_weather", ToolStatus::Disabled).await.unwrap();
    assert!(matches!(registry.delete(&there).await, Err(Refusal::Overtaken(_))));
}

#[tokio::test]
async fn what_an_agent_must_know_of_a_tool_is_known_where_there_is_one() {
    let tables = Tables::start().await;
    let registry = ToolRegistry::new(tables.client.clone(), TOOLS);
    registry.create(tool("get_weather")).await.unwrap();
    let offers = registry.offers(&["get_weather", "get_wind"]).await.unwrap();
    let known: Vec<_> = offers.iter().map(|(name, offer)| (name.as_str(), offer.status)).collect();
    assert_eq!(known, [("get_weather", ToolStatus::Active)]);
    let told = registry.get("get_weather").await.unwrap().row;
    let spelt = told.tool_name.len() + json!(told.description).to_string().len() + told.input_schema.to_string().len();
    assert_eq!(offers["get_weather"].bytes, spelt);
}

#[tokio::test]
async fn tools_are_listed_in_pages() {
    let tables = Tables::start().await;
    let registry = ToolRegistry::new(tables.client.clone(), TOOLS);
    for name in ["one_tool", "two_tool", "three_tool"] {
        registry.create(tool(name)).await.unwrap();
    }
    for status in [None, Some(ToolStatus::Active)] {
        let first = registry.list(status, Page::asked(Some("2"), None).unwrap()).await.unwrap();
        let rest = Page::asked(Some("2"), first.next_token.as_deref()).unwrap();
        let second = registry.list(status, rest).await.unwrap();
        assert_eq!((first.rows.len(), second.rows.len(), second.next_token), (2, 1, None));
    }
    let none = registry.list(Some(ToolStatus::Disabled), Page::asked(None, None).unwrap()).await.unwrap();
    assert_eq!(none.rows, Vec::<Tool>::new());
}

#[tokio::test]
async fn a_row_that_somebody_else_wrote_can_be_changed() {
    let (registry, tables) = agents().await;
    let row: Value = json!({"agent_name": "golf-agent", "version": "v1.0", "status": "active", "system_prompt": "You …",
        "tools": "[]", "parameters": "{}", "updated_at": "2024-01-15T12:00:00Z"});
    let item = serde_dynamo::to_item(row).unwrap();
    tables.client.put_item().table_name(AGENTS).set_item(Some(item)).send().await.unwrap();
    registry.set_status("golf-agent", &version("v1.0"), AgentStatus::Testing).await.unwrap();
    assert!(registry.newest_active("golf-agent").await.is_err());
}
