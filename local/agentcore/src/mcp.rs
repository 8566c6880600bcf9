//! The MCP endpoint of each gateway, over Streamable HTTP without sessions: its tools, and calls of them.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::access::may_call;
use crate::account::AgentCore;
use crate::call_error::CallError;
use crate::means::Outcome;
use crate::offers::{Offer, Served, served};

/// What the paths of gateways begin with.
pub const PREFIX: &str = "/_agentcore";
/// The newest version of the protocol that gateways speak, and the others.
const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// An error of JSON-RPC.
struct RpcError {
    code: i32,
    message: String,
}

type Reply = Result<Value, RpcError>;

pub(crate) fn router() -> Router<AgentCore> {
    let endpoint: MethodRouter<AgentCore> = post(answer);
    Router::new().route(&format!("{PREFIX}/{{gateway}}/mcp"), endpoint)
}

async fn answer(
    State(agentcore): State<AgentCore>,
    Path(gateway): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let targets = match agentcore.open_gateway(&gateway, &headers) {
        Ok(targets) => targets,
        Err(status) => return (status, Json(json!({ "message": status.canonical_reason() }))).into_response(),
    };
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return rpc(&Value::Null, Err(RpcError::new(-32700, "the request is not JSON")));
    };
    // A notification has no id, and no reply.
    let Some(id) = request.get("id") else { return StatusCode::ACCEPTED.into_response() };
    let called = Called { agentcore: &agentcore, gateway: &gateway, targets };
    rpc(id, called.reply(&request).await)
}

fn rpc(id: &Value, reply: Reply) -> Response {
    let mut body = json!({ "jsonrpc": "2.0", "id": id });
    match reply {
        Ok(result) => body["result"] = result,
        Err(error) => body["error"] = json!({ "code": error.code, "message": error.message }),
    }
    Json(body).into_response()
}

impl AgentCore {
    /// The targets of a gateway that this request may call.
    fn open_gateway(&self, id: &str, headers: &HeaderMap) -> Result<Vec<Served>, StatusCode> {
        let store = self.store();
        let gateway = store.gateways.get(id).ok_or(StatusCode::NOT_FOUND)?;
        let is_up = ["READY", "UPDATING", "UPDATE_UNSUCCESSFUL"].contains(&gateway.thing.status.as_str());
        match (is_up, may_call(&gateway.thing.asked, headers)) {
            (false, _) => Err(StatusCode::NOT_FOUND),
            (true, false) => Err(StatusCode::UNAUTHORIZED),
            (true, true) => Ok(served(&store, gateway)),
        }
    }
}

/// A gateway while one request is answered.
struct Called<'a> {
    agentcore: &'a AgentCore,
    gateway: &'a str,
    targets: Vec<Served>,
}

impl Called<'_> {
    async fn reply(&self, request: &Value) -> Reply {
        let parameters = &request["params"];
        match request["method"].as_str() {
            Some("initialize") => Ok(self.greeting(parameters)),
            Some("ping") => Ok(json!({})),
            Some("tools/list") => {
                let offers = self.offers().await?;
                Ok(json!({ "tools": offers.iter().map(|offer| &offer.listed).collect::<Vec<_>>() }))
            }
            Some("tools/call") => self.call(parameters).await,
            _ => Err(RpcError::new(-32601, "gateways have no such method")),
        }
    }

    fn greeting(&self, parameters: &Value) -> Value {
        let asked = parameters["protocolVersion"].as_str();
        let version = VERSIONS.into_iter().find(|version| asked == Some(*version)).unwrap_or(VERSIONS[0]);
        json!({
            "protocolVersion": version, "capabilities": { "tools": { "listChanged": false } },
            "serverInfo": { "name": self.gateway, "version": "1.0.0" },
        })
    }

    async fn offers(&self) -> Result<Vec<Offer>, CallError> {
        let outside = self.agentcore.outside().ok_or(CallError::Alone)?;
        let mut offers = vec![];
        for target in &self.targets {
            offers.extend(target.offers(outside).await?);
        }
        Ok(offers)
    }

    async fn call(&self, parameters: &Value) -> Reply {
        let name = parameters["name"].as_str().unwrap_or_default();
        let offers = self.offers().await?;
        let offer = offers.iter().find(|offer| offer.listed["name"] == name);
        let offer = offer.ok_or_else(|| RpcError::new(-32602, format!("Unknown tool: {name}")))?;
        let none = Map::new();
        let arguments = parameters["arguments"].as_object().unwrap_or(&none);
        let outside = self.agentcore.outside().ok_or(CallError::Alone)?;
        // What a tool cannot do is for the model to read.
        let outcome = offer.means.call(outside, self.gateway, name, arguments).await;
        let outcome = outcome.unwrap_or_else(|error| Outcome { text: error.to_string(), is_error: true });
        Ok(json!({ "content": [{ "type": "text", "text": outcome.text }], "isError": outcome.is_error }))
    }
}

impl RpcError {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        Self::new(-32603, error.to_string())
    }
}
