//! A conversation with an agent, which finds a tee time and books it: over MCP, and in the name of the person whose credentials the stage has.

use crate::arguments::Arguments;
use crate::machine::Machine;
use crate::story::{Story, line};
use anyhow::{Context, Result, ensure};
use demo::aws::Service;
use serde_json::{Value, json};

const AGENT: &str = "golf-agent";
const SEARCH: &str = "mcp_golf_search_tee_times";
const BOOK: &str = "mcp_golf_book_tee_time";

/// The whole scene.
pub(crate) async fn booking(story: &Story<'_>, arguments: &Arguments) -> Result<()> {
    story.machine.register_mcp_tools(arguments).await?;
    agent(story.machine).await?;
    story
        .scene("5. A conversation: API, agent, MCP client, MCP server, OAuth, and the golf provider, where it books")?;
    let found = ask(story, "What is free on Wednesday from half past eight?", None).await?;
    let booked = ask(story, "Book the one at ten past nine for two.", found["session_id"].as_str()).await?;
    story.calls()?;
    for answer in [&found, &booked] {
        line("the agent answers", first_line(answer)?)?;
    }
    ensure!(first_line(&booked)?.contains("Confirmation number"), "nothing was booked: {booked}");
    ensure!(
        story.machine.outside.golf().reservations().len() == 1,
        "the golf provider does not have exactly one reservation"
    );
    Ok(())
}

async fn ask(story: &Story<'_>, question: &str, session: Option<&str>) -> Result<Value> {
    line("POST /agent", question)?;
    let mut body = json!({ "message": question, "agent_name": AGENT });
    if let Some(session) = session {
        body["session_id"] = session.into();
    }
    story.api.post("/agent", &body).await
}

fn first_line(answer: &Value) -> Result<&str> {
    let message = answer["message"].as_str().context("the answer has no message")?;
    Ok(message.lines().next().unwrap_or_default())
}

/// The rows of an agent and of its model, which follows a script.
async fn agent(machine: &Machine) -> Result<()> {
    let search = json!({ "course_id": 1, "date": "2025-10-29", "from": "08:30" });
    let book = json!({ "course_id": 1, "tee_sheet_id": 1002, "players": 2 });
    let script = json!([
        { "tool_calls": [{ "name": SEARCH, "input": search }] }, { "text": "{{document}}" },
        { "tool_calls": [{ "name": BOOK, "input": book }] }, { "text": "{{document}}" },
    ]);
    let model = [
        ("pk", format!("scripted#{AGENT}")),
        ("provider", "scripted".to_owned()),
        ("model_id", AGENT.to_owned()),
        ("is_active", "true".to_owned()),
        ("request_transformer", "scripted_v1".to_owned()),
        ("response_transformer", "scripted_v1".to_owned()),
        ("script", script.to_string()),
    ];
    let tools = json!([
        { "tool_name": SEARCH, "version": "latest", "enabled": true },
        { "tool_name": BOOK, "version": "latest", "enabled": true },
    ]);
    let row = [
        ("agent_name", AGENT.to_owned()),
        ("version", "v1.0".to_owned()),
        ("status", "active".to_owned()),
        ("system_prompt", "You book tee times.".to_owned()),
        ("description", "Books tee times".to_owned()),
        ("llm_provider", "scripted".to_owned()),
        ("llm_model", AGENT.to_owned()),
        ("tools", tools.to_string()),
        ("parameters", "{}".to_owned()),
        ("observability", "{}".to_owned()),
        ("metadata", "{}".to_owned()),
    ];
    put(machine, "SharedLLMTable-local", &model).await?;
    put(machine, "AgentRegistry-local", &row).await
}

async fn put(machine: &Machine, table: &str, row: &[(&str, String)]) -> Result<()> {
    let item: serde_json::Map<String, Value> =
        row.iter().map(|(name, text)| ((*name).to_owned(), json!({ "S": text }))).collect();
    let tables = Service::at(&machine.endpoint(), "dynamodb");
    tables.call("DynamoDB_20120810.PutItem", &json!({ "TableName": table, "Item": item })).await?;
    Ok(())
}
