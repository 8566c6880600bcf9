//! What stacks would leave behind: tables, the model's row and its key, and by the registries' own functions the tools and the agent.

use crate::clients::Clients;
use crate::functions::{AGENT, AGENT_REGISTRY, SECRET, TABLES, TOOL_REGISTRY, tool_arn};
use crate::model::Model;
use crate::site;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// So many calls of the model a run may take.
const MAX_ITERATIONS: u32 = 12;

/// Registers everything for one run.
pub(crate) async fn register(clients: &Clients, model: &Model) -> Result<()> {
    create_tables(clients).await.context("cannot create the tables")?;
    put_model(clients, model).await.context("cannot write the model's row")?;
    for tool in tools() {
        post(clients, TOOL_REGISTRY, "/tools", &tool).await?;
    }
    post(clients, AGENT_REGISTRY, "/agents", &agent(model)).await
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

fn tools() -> [Value; 2] {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let content =
        json!({ "type": "string", "format": "content", "description": "The text, or the handle that stands for it" });
    [
        tool(
            "http_get",
            "Fetches a web page as text. A long one is given as its beginning and a handle.",
            &json!({
                "type": "object", "properties": { "url": text("The page's address, https only") }, "required": ["url"],
            }),
        ),
        tool(
            "document_search",
            "Finds the passages of a long text that have most to do with a query.",
            &json!({
                "type": "object",
                "properties": {
                    "document": content,
                    "query": text("Words to look for"),
                    "max_passages": { "type": "integer", "minimum": 1, "maximum": 8 },
                },
                "required": ["document", "query"],
            }),
        ),
    ]
}

fn tool(name: &str, description: &str, input_schema: &Value) -> Value {
    json!({
        "tool_name": name, "description": description, "input_schema": input_schema,
        "lambda_arn": tool_arn(), "lambda_function_name": "tool", "language": "rust",
    })
}

fn agent(model: &Model) -> Value {
    let prompt = format!(
        "You answer questions about one document, which is at {}. Fetch it with http_get. It is far too long to read: find passages by \
         document_search, giving it the handle, as often as you need. Quote what you answer from.",
        site::URL
    );
    json!({
        "agent_name": AGENT,
        "description": "Answers questions about one long document",
        "system_prompt": prompt,
        "llm_provider": model.provider,
        "llm_model": model.id,
        "tools": [
            { "tool_name": "http_get", "enabled": true, "version": "latest" },
            { "tool_name": "document_search", "enabled": true, "version": "latest" },
        ],
        "parameters": { "max_iterations": MAX_ITERATIONS, "timeout_seconds": 600, "max_tokens": 2048 },
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
