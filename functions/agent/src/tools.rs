//! The tools of an agent: which ones the model is told of, and what comes of its calls. Whatever goes wrong with a call is a result that
//! the model reads.

use crate::events::{Event, Watchers};
use crate::invocation::Invoking;
use crate::progress::{MOST_AT_ONCE, PRINT_OUTPUT, too_many, unknown};
use crate::results::Results;
use functions_content::{ContentError, unmarked};
use functions_shared::Refusal;
use futures_util::future::join_all;
use model::{FunctionCall, ToolOffer, ToolResult};
use registries::agents::Agent;
use registries::tools::{Remote, Tool, ToolRegistry, ToolStatus};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The tools that an agent offers.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    offers: Vec<ToolOffer>,
    /// Those that have a function.
    rows: BTreeMap<String, Tool>,
}

/// The error of a function whose layer cannot reach the content table, and how long it is waited for.
const STORE_UNAVAILABLE: &str = "LongContent.StoreUnavailable";
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];

/// What is said of a call that wants a person's approval.
const NEEDS_APPROVAL: &str =
    "needs a person's approval, for which only the workflow of this agent waits. It was not run. Say so.";

impl Tools {
    /// Those of the agent's row that the registry has and that are not disabled.
    pub(crate) async fn of(agent: &Agent, registry: &ToolRegistry) -> Result<Self, Refusal> {
        let enabled = agent.tools.iter().filter(|tool| tool.enabled);
        let mut reading = JoinSet::new();
        let mut order = Vec::new();
        let mut tools = Self::default();
        for tool in enabled {
            order.push(tool.tool_name.clone());
            match &tool.input_schema {
                Some(schema) if tool.tool_name == PRINT_OUTPUT => tools.offers.push(print_output(schema)),
                _ => drop(reading.spawn(found(registry.clone(), tool.tool_name.clone()))),
            }
        }
        while let Some(read) = reading.join_next().await {
            let row = read.map_err(|_| Refusal::Unavailable("a tool's row was not read".to_owned()))??;
            tools.add(row);
        }
        // As the agent's row lists them: the provider caches what is the same from call to call.
        tools.offers.sort_by_key(|offer| order.iter().position(|name| *name == offer.name));
        Ok(tools)
    }

    fn add(&mut self, row: Option<Tool>) {
        let Some(row) = row.filter(|row| row.status != ToolStatus::Disabled) else { return };
        self.offers.push(ToolOffer {
            name: row.tool_name.clone(),
            description: Some(row.description.clone()),
            input_schema: Some(row.input_schema.clone()),
        });
        self.rows.insert(row.tool_name.clone(), row);
    }

    /// What the model is told.
    pub(crate) fn offers(&self) -> &[ToolOffer] {
        &self.offers
    }

    /// Whether the model may answer in the form of a schema.
    pub(crate) fn print(&self) -> bool {
        self.offers.iter().any(|offer| offer.name == PRINT_OUTPUT)
    }

    /// Those that have a function, by name.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Tool> {
        self.rows.values()
    }
}

fn print_output(schema: &Value) -> ToolOffer {
    ToolOffer {
        name: PRINT_OUTPUT.to_owned(),
        description: Some(
            "Gives the answer, in the form of this schema. Call it once, when the answer is complete.".to_owned(),
        ),
        input_schema: Some(schema.clone()),
    }
}

async fn found(registry: ToolRegistry, name: String) -> Result<Option<Tool>, Refusal> {
    Ok(registry.find(&name).await?.map(|stored| stored.row))
}

/// The calls of one answer.
pub(crate) struct Calls<'a, F> {
    pub(crate) tools: &'a Tools,
    pub(crate) functions: &'a F,
    pub(crate) results: &'a Results,
    pub(crate) watchers: &'a Watchers,
    /// The function whose `http_request` needs no approval where it only reads.
    pub(crate) tool_function: Option<&'a str>,
    /// The handles of the conversation's long results, oldest first.
    pub(crate) handles: &'a [String],
    /// What no other answer has: the turn, and how many answers there were before.
    pub(crate) key: String,
    pub(crate) until: Instant,
}

impl<F: Invoking> Calls<'_, F> {
    /// The results of the calls, in their order. The first five are run, at the same time.
    pub(crate) async fn run(&self, calls: &[FunctionCall]) -> Vec<ToolResult> {
        let running = calls.iter().enumerate().map(|(index, call)| self.result(index, call));
        join_all(running).await
    }

    async fn result(&self, index: usize, call: &FunctionCall) -> ToolResult {
        let FunctionCall { id, name, input } = call.clone();
        self.watchers.tell(Event::Call { id, name, input });
        let (content, is_error) = match self.content(index, call).await {
            Ok(given) => given,
            Err(reason) => (Value::String(reason), true),
        };
        let (id, name) = (call.id.clone(), call.name.clone());
        self.watchers.tell(Event::Result { id, name, content: content.clone(), is_error });
        ToolResult { kind: None, tool_use_id: call.id.clone(), name: Some(call.name.clone()), content, is_error }
    }

    /// What the tool returned, and whether that says what went wrong; or why it returned nothing.
    async fn content(&self, index: usize, call: &FunctionCall) -> Result<(Value, bool), String> {
        if index >= MOST_AT_ONCE {
            return Err(too_many());
        }
        let tool = self.tools.rows.get(&call.name).ok_or_else(|| unknown(call))?;
        if tool.needs_approval(&call.input, self.tool_function) {
            return Err(format!("{} {NEEDS_APPROVAL}", call.name));
        }
        let failed = |error: String| format!("{} failed: {error}", call.name);
        let input = self.input(tool, call).await.map_err(|error| failed(error.to_string()))?;
        let payload = payload(call, &input, &format!("{}/{index}", self.key), tool.remote.as_ref(), self.handles);
        let returned = self.returned(&tool.lambda_arn, payload).await.map_err(failed)?;
        self.results.given(returned, self.until).await.map_err(|error| failed(error.to_string()))
    }

    /// What the model wrote must open no content on the way: only handles do. Servers get what the model wrote.
    async fn input(&self, tool: &Tool, call: &FunctionCall) -> Result<Value, ContentError> {
        let input = unmarked(&call.input);
        match tool.remote {
            Some(_) => Ok(input),
            None => self.results.opened(input, &tool.input_schema, self.until).await,
        }
    }

    /// A function whose layer cannot reach the content table has not run, and is tried again.
    async fn returned(&self, function: &str, payload: Value) -> Result<Value, String> {
        for pause in PAUSES {
            match self.functions.invoke(function, payload.clone(), self.left()).await {
                Err(error) if error == STORE_UNAVAILABLE => tokio::time::sleep(pause.min(self.left())).await,
                outcome => return outcome,
            }
        }
        self.functions.invoke(function, payload, self.left()).await
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// The call as every tool's function takes it.
fn payload(call: &FunctionCall, input: &Value, key: &str, remote: Option<&Remote>, handles: &[String]) -> Value {
    let mut payload = json!({ "name": call.name, "id": call.id, "input": input, "idempotency_key": key });
    if remote.is_none() {
        payload["handles"] = json!(handles);
    }
    if let Some(Remote { endpoint, auth, remote_name, remote_digest }) = remote {
        payload["endpoint"] = json!(endpoint);
        // As the row holds it, and as the state machine hands it over: JSON text.
        payload["auth"] = json!(json!(auth).to_string());
        payload["remote_name"] = json!(remote_name);
        payload["remote_digest"] = json!(remote_digest);
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use registries::tools::Auth;

    #[test]
    fn a_call_of_a_servers_tool_says_what_its_row_does() {
        let call = FunctionCall { id: "c".to_owned(), name: "forecast".to_owned(), input: json!({}) };
        let remote = Remote {
            endpoint: "https://mcp.example.com/mcp".to_owned(),
            auth: Auth::None,
            remote_name: "getForecast".to_owned(),
            remote_digest: "d".to_owned(),
        };
        let mut expected = payload(&call, &json!({}), "turn/1/0", None, &["h".to_owned()]);
        assert_eq!(expected["handles"], json!(["h"]));
        expected.as_object_mut().expect("an object").remove("handles");
        assert!(expected.get("endpoint").is_none(), "a function needs none of it");
        let of_row = json!({
            "endpoint": "https://mcp.example.com/mcp", "auth": r#"{"type":"none"}"#, "remote_name": "getForecast",
            "remote_digest": "d",
        });
        expected.as_object_mut().expect("an object").extend(of_row.as_object().expect("an object").clone());
        assert_eq!(payload(&call, &json!({}), "turn/1/0", Some(&remote), &[]), expected);
    }
}
