//! An agent of one machine: its model follows a script, its tools are a function of somebody else's without the layer, and `tool`.

use super::super::stage::{built, layer, source, variable};
use super::LIMIT;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sfn::types::HistoryEvent;
use aws_types::SdkConfig;
use lambda_local::table::Meter;
use lambda_local::{Config, FunctionConfig, LambdaLocal, Logs, StateMachineConfig, StepFunctionsConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tempfile::TempDir;
use test_kit::agent::{Approvals, FUNCTION, substitutions};

/// A run of a hundred turns on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(10);

/// The agent of tests that need only one, and its model.
const TALKER: &str = "talker";
/// The provider of models whose rows name none.
const SCRIPTED: &str = "scripted";

/// A machine and the table behind it.
pub(super) struct Talk {
    lambda: LambdaLocal,
    _layer: TempDir,
}

/// What came of a run.
pub(super) struct Ended {
    pub(super) output: Value,
    pub(super) table: Meter,
    pub(super) events: usize,
    /// Bytes of every input, output, parameter and result of its states.
    sizes: Vec<usize>,
}

impl Ended {
    pub(super) fn assert_fits(&self) {
        let largest = self.sizes.iter().max().unwrap();
        println!("{} events, {largest} bytes at most", self.events);
        assert!(*largest <= LIMIT, "a state held {largest} bytes");
    }
}

impl Talk {
    /// The agent whose model follows `script`. Its tools are `note`, and `ask`, which a person must approve.
    pub(super) async fn of(script: &Value) -> Self {
        Self::with(&json!({ "request_transformer": "scripted_v1", "response_transformer": "scripted_v1", "script": script.to_string() })).await
    }

    /// The same whose model is asked at a provider of the Messages API.
    pub(super) async fn at(endpoint: &str) -> Self {
        Self::with(&json!({ "request_transformer": "anthropic_v1", "response_transformer": "anthropic_v1", "endpoint": endpoint })).await
    }

    async fn with(model: &Value) -> Self {
        Self::of_agents(&[(TALKER.to_owned(), model.clone())].into()).await
    }

    /// Agents by their names, each with a state machine of its own and with what its model's row says beyond the usual.
    pub(super) async fn of_agents(models: &BTreeMap<String, Value>) -> Self {
        let layer = layer();
        let lambda = LambdaLocal::start_with_logs(config(&layer, models.keys()), Logs::channel().0).await.unwrap();
        let talk = Self { lambda, _layer: layer };
        talk.fill(models).await;
        talk
    }

    async fn fill(&self, models: &BTreeMap<String, Value>) {
        let tables: [(&str, &[&str]); 3] =
            [("agents", &["agent_name", "version"]), ("tools", &["tool_name"]), ("models", &["pk"])];
        for (table, keys) in tables {
            create(&self.tables(), table, keys).await;
        }
        for (name, approval) in [("note", false), ("weather", false), ("ask", true)] {
            self.put_tool(name, "", json!({ "type": "object" }), approval).await;
        }
        for (agent, more) in models {
            self.put_model(agent, more).await;
            self.put_agent(agent, provider_of(more), "", &["note", "weather", "ask", "print_output"]).await;
        }
    }

    /// The model of one agent, which has the agent's name.
    async fn put_model(&self, agent: &str, more: &Value) {
        let provider = provider_of(more);
        let mut model = json!({ "provider": provider, "is_active": "true" });
        model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        model["model_id"] = json!(agent);
        model["pk"] = json!(format!("{provider}#{agent}"));
        self.put("models", &model).await;
    }

    /// Makes the agent as large as the registry lets it be.
    pub(super) async fn enlarge(&self) {
        let names: Vec<_> = (0..9).map(|n| format!("note_{n}")).collect();
        for name in names.iter().map(String::as_str).chain(["note"]) {
            let schema = json!({ "type": "object", "description": "d".repeat(3900) });
            self.put_tool(name, &"x".repeat(100), schema, false).await;
        }
        let names: Vec<_> = names.iter().map(String::as_str).chain(["note"]).collect();
        self.put_agent(TALKER, SCRIPTED, &"p".repeat(16 * 1024), &names).await;
    }

    async fn put_tool(&self, name: &str, description: &str, schema: Value, approval: bool) {
        let tool = json!({
            "tool_name": name, "description": description, "input_schema": schema.to_string(), "status": "active",
            "lambda_arn": format!("{FUNCTION}note"), "human_approval_required": approval,
        });
        self.put("tools", &tool).await;
    }

    async fn put_agent(&self, name: &str, provider: &str, prompt: &str, tools: &[&str]) {
        let tool = |name: &&str| match *name {
            "print_output" => json!({ "tool_name": name, "enabled": true, "input_schema": { "type": "object" } }),
            name => json!({ "tool_name": name, "enabled": true }),
        };
        let tools: Value = tools.iter().map(tool).collect();
        let agent = json!({
            "agent_name": name, "version": "latest", "status": "active", "system_prompt": prompt,
            "llm_provider": provider, "llm_model": name, "tools": tools.to_string(), "parameters": r#"{"max_iterations":100,"timeout_seconds":900}"#,
        });
        self.put("agents", &agent).await;
    }

    async fn put(&self, table: &str, row: &Value) {
        let attribute = |value: &Value| match value {
            Value::Bool(truth) => AttributeValue::Bool(*truth),
            Value::Number(number) => AttributeValue::N(number.to_string()),
            Value::Object(_) | Value::Array(_) => panic!("{value} is no value of a row of these tests"),
            text => AttributeValue::S(text.as_str().unwrap().to_owned()),
        };
        let row = row.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        self.tables().put_item().table_name(table).set_item(Some(row)).send().await.unwrap();
    }

    /// How many contents are stored.
    pub(super) async fn items(&self) -> usize {
        self.lambda.table().items().await.unwrap().len()
    }

    fn tables(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&aws(&self.lambda.table().endpoint()))
    }

    pub(super) fn state_machines(&self) -> aws_sdk_sfn::Client {
        aws_sdk_sfn::Client::new(&aws(self.lambda.step_functions_endpoint().unwrap()))
    }

    /// A person who is asked about every call from now on.
    pub(super) async fn approvals(&self) -> Approvals {
        Approvals::of(self.lambda.step_functions_endpoint().unwrap()).await
    }

    pub(super) async fn begin(&self, input: &Value) -> String {
        self.begin_as(TALKER, input).await
    }

    pub(super) async fn begin_as(&self, agent: &str, input: &Value) -> String {
        let machine = format!("arn:aws:states:us-east-1:123456789012:stateMachine:{agent}");
        let start = self.state_machines().start_execution().state_machine_arn(machine).input(input.to_string());
        start.send().await.unwrap().execution_arn
    }

    /// The output of an execution, or the error that it failed with.
    pub(super) async fn outcome_of(&self, arn: &str) -> Result<Value, String> {
        tokio::time::timeout(TIMEOUT, self.lambda.execution_ended(arn)).await.expect("an end").unwrap();
        let end = self.state_machines().describe_execution().execution_arn(arn).send().await.unwrap();
        match end.output() {
            Some(output) => Ok(serde_json::from_str(output).unwrap()),
            None => Err(end.error().unwrap_or_default().to_owned()),
        }
    }

    /// What came of an execution.
    pub(super) async fn end_of(&self, arn: &str) -> Ended {
        tokio::time::timeout(TIMEOUT, self.lambda.execution_ended(arn)).await.expect("an end").unwrap();
        let (client, table) = (self.state_machines(), self.lambda.table().meter());
        let (events, sizes) = sizes(&client, arn).await;
        Ended { output: output(&client, arn).await, table, events, sizes }
    }

    pub(super) async fn run(&self, input: &Value) -> Ended {
        let arn = self.begin(input).await;
        self.end_of(&arn).await
    }
}

fn provider_of(model: &Value) -> &str {
    model["provider"].as_str().unwrap_or(SCRIPTED)
}

/// A service that listens here.
fn aws(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

async fn create(client: &aws_sdk_dynamodb::Client, table: &str, keys: &[&str]) {
    let mut create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let attribute = AttributeDefinition::builder().attribute_name(*name).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(*name).key_type(kind);
        create = create.attribute_definitions(attribute.build().unwrap()).key_schema(key.build().unwrap());
    }
    create.send().await.unwrap();
}

/// `llm` and `tool` behind the layer with the settings of an agent's functions, and a tool without it.
fn config<'a>(layer: &TempDir, agents: impl Iterator<Item = &'a String>) -> Config {
    let mut config = Config { region: Some("us-east-1".to_owned()), ..Config::default() };
    let keep = "/function_calls/*/id /function_calls/*/name /text";
    let llm = [
        ("LLM_TABLE_NAME", "models"),
        ("MAX_CONTENT_SIZE", "1024"),
        ("MAX_PAYLOAD_SIZE", "131072"),
        ("LRAP_KEEP", keep),
    ];
    let tool = [("LRAP_KEEP", "/value /value/**")];
    let attached = |name: &str, variables: &[(&str, &str)]| {
        let usual = [
            ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/extensions/lrap-wrapper/wrapper"),
            ("AGENT_CONTEXT_TABLE", &config.table.name),
        ];
        let environment = usual.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = environment.collect();
        let layer = Some(layer.path().to_owned());
        (name.to_owned(), FunctionConfig { layer, environment, ..function(built(name).to_str().unwrap()) })
    };
    let note = function(source("tests/runtimes/agent").join("note.py").to_str().unwrap());
    config.functions = [attached("llm", &llm), attached("tool", &tool), ("note".to_owned(), note)].into();
    config.step_functions = Some(step_functions(agents));
    config
}

fn function(program: &str) -> FunctionConfig {
    let command = Some(vec![program.to_owned()]);
    FunctionConfig { command, memory: 1024, timeout: Duration::from_mins(1), ..FunctionConfig::default() }
}

fn step_functions<'a>(agents: impl Iterator<Item = &'a String>) -> StepFunctionsConfig {
    let definition = source("functions/statemachines").join("agent.asl.json");
    let machine = |agent| StateMachineConfig { definition: definition.clone(), substitutions: substitutions(agent) };
    StepFunctionsConfig {
        python: variable("LRAP_TEST_MOTO").into(),
        topics: vec!["approvals".to_owned()],
        state_machines: agents.map(|agent| (agent.clone(), machine(agent))).collect(),
        ..StepFunctionsConfig::default()
    }
}

async fn output(client: &aws_sdk_sfn::Client, arn: &str) -> Value {
    let end = client.describe_execution().execution_arn(arn).send().await.unwrap();
    let output = end.output().unwrap_or_else(|| panic!("{:?}: {:?}", end.error(), end.cause()));
    serde_json::from_str(output).unwrap()
}

/// How many events there are, and the bytes of what they hold.
async fn sizes(client: &aws_sdk_sfn::Client, arn: &str) -> (usize, Vec<usize>) {
    let history = client.get_execution_history().execution_arn(arn).max_results(200);
    let (mut events, mut sizes, mut token) = (0, Vec::new(), None);
    loop {
        let page = history.clone().set_next_token(token).send().await.unwrap();
        events += page.events.len();
        sizes.extend(page.events.iter().filter_map(held).map(str::len));
        token = page.next_token;
        if token.is_none() {
            return (events, sizes);
        }
    }
}

fn held(event: &HistoryEvent) -> Option<&str> {
    let entered = || event.state_entered_event_details()?.input();
    let exited = || event.state_exited_event_details()?.output();
    let scheduled = || Some(event.task_scheduled_event_details()?.parameters());
    let succeeded = || event.task_succeeded_event_details()?.output();
    entered().or_else(exited).or_else(scheduled).or_else(succeeded)
}
