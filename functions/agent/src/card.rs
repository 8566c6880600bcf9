//! What an agent can do, as programs read it that look for one: the names of A2A's agent card.
//! <https://a2a-protocol.org/latest/specification/>

use crate::tools::Tools;
use registries::agents::Agent;
use serde_json::{Value, json};

/// The card of an agent, which answers under the name `host`.
pub(crate) fn of(agent: &Agent, tools: &Tools, host: Option<&str>) -> Value {
    let skills: Vec<Value> = tools
        .rows()
        .map(|tool| {
            let (name, description) = (&tool.tool_name, &tool.description);
            json!({ "id": name, "name": name, "description": description, "tags": tool.tags })
        })
        .collect();
    json!({
        "name": agent.agent_name,
        "description": agent.description,
        "version": agent.version,
        "url": host.map(|host| format!("https://{host}/agent")),
        "capabilities": { "streaming": true, "pushNotifications": false, "stateTransitionHistory": false },
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain", "application/json"],
        "skills": skills,
    })
}
