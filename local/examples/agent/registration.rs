//! What stacks would leave behind: tables, the model's row and its key, and by the registries' own functions the tools and the agent.

use crate::clients::Clients;
use crate::functions::{AGENT_REGISTRY, SECRET, TABLES, TOOL_REGISTRY, tool_arn};
use crate::model::Model;
use crate::site;
use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};

/// The agent's name in the registry.
pub(crate) const AGENT: &str = "document-reader";
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
        let mut create = clients.tables.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
        for (key, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
            create = create.attribute_definitions(text_attribute(key)?);
            create = create.key_schema(KeySchemaElement::builder().attribute_name(*key).key_type(kind).build()?);
        }
        create.send().await?;
    }
    Ok(())
}

fn text_attribute(name: &str) -> Result<AttributeDefinition> {
    let definition = AttributeDefinition::builder().attribute_name(name);
    Ok(definition.attribute_type(ScalarAttributeType::S).build()?)
}

async fn put_model(clients: &Clients, model: &Model) -> Result<()> {
    let mut put = clients.tables.put_item().table_name(TABLES[2].1);
    for (name, value) in model.item() {
        put = put.item(name, attribute(&value)?);
    }
    put.send().await?;
    if let Some((name, key)) = &model.key {
        let secret = json!({ *name: key }).to_string();
        clients.secrets.create_secret().name(SECRET).secret_string(secret).send().await?;
    }
    Ok(())
}

/// A text or a number in DynamoDB JSON.
fn attribute(value: &Value) -> Result<AttributeValue> {
    let text = |kind| value.get(kind).and_then(Value::as_str).map(str::to_owned);
    let value = text("S").map(AttributeValue::S).or_else(|| text("N").map(AttributeValue::N));
    value.context("an attribute is neither a text nor a number")
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
        "parameters": { "max_iterations": MAX_ITERATIONS, "timeout_seconds": 600, "temperature": 0.2, "max_tokens": 2048 },
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
    let invoke = clients.lambda.invoke().function_name(function).payload(Blob::new(event.to_string()));
    let invoked = invoke.send().await.map_err(aws_sdk_lambda::Error::from)?;
    let answer = invoked.payload().map(Blob::as_ref).unwrap_or_default();
    let status = serde_json::from_slice::<Value>(answer).ok().and_then(|answer| answer["statusCode"].as_u64());
    ensure!(status == Some(201), "{function} refused {path}: {}", String::from_utf8_lossy(answer));
    Ok(())
}
