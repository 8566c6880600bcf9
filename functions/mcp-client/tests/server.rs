//! A server that says what a test wants.

use serde_json::{Value, json};

use crate::site::{Asked, Reply, page, status};

/// What a server has and answers.
#[derive(Clone)]
pub struct Script {
    /// As `tools/list` gives it.
    pub tools: Value,
    /// The result of every call.
    pub result: Value,
    /// Whether responses are streams of events.
    pub streams: bool,
}

impl Script {
    /// A server with one tool, `readFile`, whose calls have this result.
    pub fn new(result: Value) -> Self {
        Self { tools: json!({ "tools": [tool("Reads a file.")] }), result, streams: false }
    }

    /// The answer to one request.
    pub fn answer(&self, asked: &Asked) -> Reply {
        let request: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let result = match request["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": request["params"]["protocolVersion"], "capabilities": { "tools": {} },
                "serverInfo": { "name": "scripted", "version": "1" },
            }),
            Some("tools/list") => self.tools.clone(),
            Some("tools/call") => self.result.clone(),
            _ => return status(202),
        };
        let message = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string();
        if self.streams {
            return page("text/event-stream", format!(": a comment\n\nevent: message\ndata: {message}\n\n"));
        }
        page("application/json", message)
    }
}

/// The tool of the server, described so.
pub fn tool(description: &str) -> Value {
    json!({ "name": "readFile", "description": description, "inputSchema": schema() })
}

pub fn schema() -> Value {
    json!({ "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] })
}

/// A result of one text.
pub fn text(text: impl Into<String>) -> Value {
    json!({ "content": [{ "type": "text", "text": text.into() }] })
}
