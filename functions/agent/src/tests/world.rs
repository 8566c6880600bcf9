//! The tables of a stage, in this process, and functions that use them.

use super::stand_ins::Functions;
use crate::agent::Agent;
use crate::caller::Callers;
use crate::handler::{State, handle};
use crate::results::Results;
use crate::sessions::Sessions;
use crate::workflow::Workflow;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use functions_content::ContentTable;
use functions_shared::{Clock, LambdaEvent, Variables};
use http_api::streaming::{Answer, Streamed};
use lambda_local::table::{ContentTable as Table, TableConfig};
use model::budget::Budget;
use registries::agents::AgentRegistry;
use registries::tools::ToolRegistry;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

const CONTENTS: &str = "AgentContext-test";
const TABLES: [(&str, &[&str]); 6] = [
    ("agents", &["agent_name", "version"]),
    ("tools", &["tool_name"]),
    ("models", &["pk"]),
    ("sessions", &["session_id"]),
    ("costs", &["id"]),
    ("messages", &["id"]),
];
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:";

/// The tables.
pub(super) struct World {
    pub(super) table: Table,
    pub(super) tables: Client,
    hands: Arc<Mutex<SystemTime>>,
}

/// What one request gets.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: String,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Events and their data, in order.
    pub(super) fn events(&self) -> Vec<(String, Value)> {
        let event = |block: &str| {
            let (name, data) = block.split_once("\ndata: ").unwrap();
            (name.strip_prefix("event: ").unwrap().to_owned(), serde_json::from_str(data).unwrap())
        };
        self.text.split("\n\n").filter(|block| !block.is_empty()).map(event).collect()
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let config = TableConfig { name: CONTENTS.to_owned(), sweep_interval: 0, ..TableConfig::default() };
        let table = Table::start(config).await.unwrap();
        let tables = dynamodb(&table.endpoint());
        for (name, keys) in TABLES {
            create(&tables, name, keys).await;
        }
        Self { table, tables, hands: Arc::new(Mutex::new(SystemTime::now())) }
    }

    /// The clock of sessions and budgets.
    pub(super) fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.hands);
        Clock::from_fn(move || *hands.lock().unwrap())
    }

    pub(super) fn wait(&self, seconds: u64) {
        *self.hands.lock().unwrap() += std::time::Duration::from_secs(seconds);
    }

    pub(super) fn contents(&self) -> Arc<ContentTable> {
        let endpoint = self.table.endpoint();
        let variables = Variables::from([
            ("AGENT_CONTEXT_TABLE", CONTENTS),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str()),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]);
        Arc::new(ContentTable::from_variables(&variables).unwrap().unwrap())
    }

    /// A function of these tables, whose agent is called so.
    pub(super) fn function<M>(&self, agent: &str, model: M) -> Function<M> {
        self.function_with(agent, model, None)
    }

    pub(super) fn function_with<M>(&self, agent: &str, model: M, budget: Option<Budget>) -> Function<M> {
        self.function_of(agent, model, budget, None)
    }

    /// A function that may hand questions over to a state machine.
    pub(super) fn function_of<M>(
        &self,
        agent: &str,
        model: M,
        budget: Option<Budget>,
        workflow: Option<Workflow>,
    ) -> Function<M> {
        let contents = self.contents();
        let agent = Agent {
            model,
            functions: Functions::default(),
            agents: AgentRegistry::new(self.tables.clone(), "agents"),
            registry: ToolRegistry::new(self.tables.clone(), "tools"),
            sessions: Sessions::new(self.tables.clone(), "sessions", Arc::clone(&contents), self.clock()),
            results: Results(contents),
            budget,
            workflow,
            tool_function: Some(format!("{FUNCTION}tool")),
            name: agent.to_owned(),
        };
        Function(Arc::new(State { agent: Arc::new(agent), callers: Callers { keys: None }, queue: None }))
    }

    /// The tools of the scenarios.
    pub(super) async fn put_tools(&self) {
        let risky = json!({ "human_approval_required": true });
        for (name, more) in [
            ("good", json!({})),
            ("foreign", json!({})),
            ("risky", risky.clone()),
            ("http_request", risky),
            ("other", json!({})),
        ] {
            self.put_tool(name, &more).await;
        }
    }

    /// A tool's row with `more`.
    pub(super) async fn put_tool(&self, name: &str, more: &Value) {
        let function = if name == "http_request" { "tool" } else { name };
        let mut row = json!({
            "tool_name": name, "input_schema": r#"{"type":"object"}"#, "status": "active",
            "lambda_arn": format!("{FUNCTION}{function}"), "output_schema": "{}", "tags": "[]",
        });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.put("tools", &row).await;
    }

    /// An agent whose model has its name.
    pub(super) async fn put_agent(&self, name: &str, provider: &str, parameters: &Value) {
        let row = json!({
            "agent_name": name, "version": "v1.0", "status": "active", "system_prompt": "You are one.",
            "llm_provider": provider, "llm_model": name, "tools": test_kit::scenarios::tools().to_string(),
            "parameters": parameters.to_string(), "observability": "{}", "metadata": "{}",
        });
        self.put("agents", &row).await;
    }

    pub(super) async fn put(&self, table: &str, row: &Value) {
        let attribute = |value: &Value| match value {
            Value::Bool(truth) => AttributeValue::Bool(*truth),
            Value::Number(number) => AttributeValue::N(number.to_string()),
            text => AttributeValue::S(text.as_str().unwrap().to_owned()),
        };
        let row = row.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        self.tables.put_item().table_name(table).set_item(Some(row)).send().await.unwrap();
    }

    /// A session's row.
    pub(super) async fn session(&self, id: &str) -> std::collections::HashMap<String, AttributeValue> {
        let key = AttributeValue::S(id.to_owned());
        let got = self.tables.get_item().table_name("sessions").key("session_id", key).consistent_read(true).send();
        got.await.unwrap().item.unwrap_or_default()
    }
}

/// A function in a sandbox that has started.
pub(super) struct Function<M>(pub(super) Arc<State<M, Functions>>);

impl<M: crate::model_call::Answering> Function<M> {
    /// What Alice gets.
    pub(super) async fn post(&self, body: Value) -> Got {
        self.request("alice", "POST", "/agent", body).await
    }

    pub(super) async fn get(&self, path: &str) -> Got {
        self.request("alice", "GET", path, Value::Null).await
    }

    /// What somebody gets through an HTTP API.
    pub(super) async fn request(&self, caller: &str, method: &str, path: &str, body: Value) -> Got {
        self.serve(event(caller, "api.execute-api.eu-central-1.amazonaws.com", method, path, &body)).await
    }

    /// What Alice gets through a function URL that streams.
    pub(super) async fn stream(&self, body: Value) -> Got {
        self.serve(event("alice", "abc.lambda-url.eu-central-1.on.aws", "POST", "/agent", &body)).await
    }

    pub(super) async fn serve(&self, event: Value) -> Got {
        match self.answer(event).await {
            Answer::Whole(reply) => Got {
                status: u16::try_from(reply["statusCode"].as_u64().unwrap()).unwrap(),
                headers: headers(&reply["headers"]),
                text: reply["body"].as_str().unwrap().to_owned(),
            },
            Answer::Streamed(Streamed { status, headers, mut pieces }) => {
                let mut text = Vec::new();
                while let Some(piece) = pieces.next().await {
                    text.extend_from_slice(&piece);
                }
                let named = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
                let headers = named.collect();
                Got { status, headers, text: String::from_utf8(text).unwrap() }
            }
        }
    }

    pub(super) async fn answer(&self, event: Value) -> Answer {
        let context = functions_shared::Context::default();
        handle(Arc::clone(&self.0), LambdaEvent::new(event, context)).await.unwrap()
    }
}

fn headers(headers: &Value) -> Vec<(String, String)> {
    let headers = headers.as_object().unwrap().iter();
    headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// An event of HTTP.
pub(super) fn event(caller: &str, host: &str, method: &str, path: &str, body: &Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: serde_json::Map<String, Value> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "version": "2.0", "rawPath": path, "queryStringParameters": query, "headers": {},
        "body": if body.is_null() { Value::Null } else { body.to_string().into() }, "isBase64Encoded": false,
        "requestContext": {
            "stage": "$default", "domainName": host, "http": { "method": method },
            "authorizer": { "lambda": { "caller": caller } },
        },
    })
}

fn dynamodb(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

async fn create(tables: &Client, table: &str, keys: &[&str]) {
    let mut create = tables.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let definition = AttributeDefinition::builder().attribute_name(*name).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(*name).key_type(kind);
        create = create.attribute_definitions(definition.build().unwrap()).key_schema(key.build().unwrap());
    }
    create.send().await.unwrap();
}
