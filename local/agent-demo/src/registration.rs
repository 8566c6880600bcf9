//! What stacks would leave behind: tables, the model's row and its key, and by the registries' own functions the tools and the agent.

use crate::agent::Agent;
use crate::arguments::Arguments;
use crate::clients::Clients;
use crate::functions::{AGENT_REGISTRY, SECRET, TABLES, TOOL, TOOL_REGISTRY, lambda_arn};
use crate::model::Model;
use crate::site;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::process::Command;

/// So many calls of the model a run may take.
const MAX_ITERATIONS: u32 = 12;

/// Registers everything for one run.
pub(crate) async fn register(clients: &Clients, arguments: &Arguments, agent: &Agent, model: &Model) -> Result<()> {
    create_tables(clients).await.context("cannot create the tables")?;
    put_model(clients, model).await.context("cannot write the model's row")?;
    let shipped = described(Command::new(arguments.programs.join(TOOL)).arg("--describe"))?;
    for tool in shipped.into_iter().filter(|tool| agent.tools.iter().any(|name| tool["name"] == **name)) {
        post(clients, TOOL_REGISTRY, "/tools", &row(tool, TOOL)).await?;
    }
    let mut tools: Vec<Value> = agent.tools.iter().map(|name| json!(name)).collect();
    for own in &agent.own_tools {
        for tool in described(&mut own.describe(arguments)?)? {
            tools.push(tool["tool_name"].clone());
            post(clients, TOOL_REGISTRY, "/tools", &row(tool, &own.function())).await?;
        }
    }
    post(clients, AGENT_REGISTRY, "/agents", &agent_row(agent, &tools, model)).await
}

/// The tools that a program prints.
fn described(program: &mut Command) -> Result<Vec<Value>> {
    let output = program.output().with_context(|| format!("cannot run {program:?}"))?;
    ensure!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).with_context(|| format!("{program:?} does not print a list of tools"))
}

/// With their keys only: nobody lists anything here, which is what the indexes are for.
async fn create_tables(clients: &Clients) -> Result<()> {
    let keys: [&[&str]; 4] = [&["agent_name", "version"], &["tool_name"], &["pk"], &["id"]];
    for ((_, table), keys) in TABLES.into_iter().zip(keys) {
        let definition = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": keys.iter().map(|key| json!({ "AttributeName": key, "AttributeType": "S" })).collect::<Value>(),
            "KeySchema": keys.iter().zip(["HASH", "RANGE"]).map(|(key, kind)| json!({ "AttributeName": key, "KeyType": kind })).collect::<Value>(),
        });
        clients.tables.call("DynamoDB_20120810.CreateTable", &definition).await?;
    }
    Ok(())
}

async fn put_model(clients: &Clients, model: &Model) -> Result<()> {
    let row = json!({ "TableName": TABLES[2].1, "Item": model.item() });
    clients.tables.call("DynamoDB_20120810.PutItem", &row).await?;
    if let Some((name, key)) = &model.key {
        let secret = json!({
            "Name": SECRET,
            "SecretString": json!({ *name: key }).to_string(),
            // The SDKs make one for each request; a service may insist.
            "ClientRequestToken": "local-agent-demonstration-secret-1",
        });
        clients.secrets.call("secretsmanager.CreateSecret", &secret).await?;
    }
    Ok(())
}

/// A tool as a program describes it, with the function that runs it.
fn row(mut described: Value, function: &str) -> Value {
    // The functions call its name differently: for models, and for registries.
    let name = described["name"].take();
    let name = if name.is_null() { described["tool_name"].take() } else { name };
    json!({
        "tool_name": name, "description": described["description"], "input_schema": described["input_schema"],
        "output_schema": described["output_schema"],
        "lambda_arn": lambda_arn(function), "lambda_function_name": function,
        "language": described["language"].as_str().unwrap_or("rust"),
    })
}

fn agent_row(agent: &Agent, tools: &[Value], model: &Model) -> Value {
    let tools: Value =
        tools.iter().map(|name| json!({ "tool_name": name, "enabled": true, "version": "latest" })).collect();
    let mut parameters = json!({ "max_iterations": MAX_ITERATIONS, "timeout_seconds": 600, "max_tokens": 2048 });
    for (name, value) in &agent.parameters {
        parameters[name] = value.clone();
    }
    json!({
        "agent_name": agent.name,
        "description": agent.description,
        "system_prompt": agent.prompt(site::URL),
        "llm_provider": model.provider,
        "llm_model": model.id,
        "tools": tools,
        "parameters": parameters,
    })
}

/// A request of the HTTP API in front of a registry.
async fn post(clients: &Clients, function: &str, path: &str, body: &Value) -> Result<()> {
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "content-type": "application/json" },
        "requestContext": { "stage": "$default", "http": { "method": "POST", "path": path } },
        "body": body.to_string(),
        "isBase64Encoded": false,
    });
    let answer = clients.lambda.invoke(function, event.to_string()).await?.payload;
    let status = serde_json::from_slice::<Value>(&answer).ok().and_then(|answer| answer["statusCode"].as_u64());
    ensure!(status == Some(201), "{function} refused {path}: {}", String::from_utf8_lossy(&answer));
    Ok(())
}
