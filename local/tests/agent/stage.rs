//! The agent's state machine with stand-ins for its functions, and rows for its registries. Each agent has a state machine of its own.

use crate::stage::{end_of, function, handler, python_with_moto, sfn_client};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEventType};
use lambda_local::{Config, FunctionConfig, LambdaLocal, Logs, StateMachineConfig, StepFunctionsConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use test_kit::agent::{Approvals, FUNCTION, substitutions};

const ACCOUNT: &str = "arn:aws:states:us-east-1:123456789012";
const TABLES: [(&str, &[&str]); 3] =
    [("agents", &["agent_name", "version"]), ("tools", &["tool_name"]), ("models", &["pk"])];

/// Agents that differ in their model only: each model is one of `scripts`.
pub(crate) struct Agents {
    lambda: LambdaLocal,
    pub(crate) client: aws_sdk_sfn::Client,
    pub(super) tables: aws_sdk_dynamodb::Client,
    _folder: TempDir,
}

impl Agents {
    /// An agent for each script, by its name.
    pub(crate) async fn of(scripts: Value) -> Self {
        Self::changed(scripts, |definition| definition).await
    }

    /// The same with another definition than the one that is deployed.
    pub(super) async fn changed(scripts: Value, change: impl Fn(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let definition = folder.path().join("agent.asl.json");
        std::fs::write(&definition, change(definition_as_deployed())).unwrap();
        let names = scripts.as_object().unwrap().keys();
        let config = Config {
            region: Some("us-east-1".to_owned()),
            functions: functions(folder.path(), &scripts),
            step_functions: Some(step_functions(&definition, names)),
            ..Config::default()
        };
        let lambda = LambdaLocal::start_with_logs(config, Logs::channel().0).await.unwrap();
        let client = sfn_client(lambda.step_functions_endpoint().unwrap());
        let tables = crate::table::client(lambda.table());
        let agents = Self { lambda, client, tables, _folder: folder };
        agents.fill(scripts.as_object().unwrap().keys()).await;
        agents
    }

    async fn fill(&self, models: impl Iterator<Item = &String>) {
        for (table, keys) in TABLES {
            self.create(table, keys).await;
        }
        let foreign = json!({ "lambda_arn": format!("{FUNCTION}foreign") });
        let risky = json!({ "human_approval_required": true, "lambda_arn": format!("{FUNCTION}foreign") });
        let request = json!({ "human_approval_required": true });
        for (name, more) in [
            ("good", json!({})),
            ("foreign", foreign),
            ("risky", risky),
            ("http_request", request),
            ("other", json!({})),
        ] {
            self.put_tool(name, more).await;
        }
        for model in models {
            self.put("models", json!({ "pk": format!("stand-in#{model}"), "is_active": "true" })).await;
            self.put_agent(model, json!({ "max_iterations": 4, "timeout_seconds": 30 })).await;
        }
    }

    async fn create(&self, table: &str, keys: &[&str]) {
        let mut create = self.tables.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
            let definition =
                AttributeDefinition::builder().attribute_name(*name).attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder().attribute_name(*name).key_type(kind);
            create = create.attribute_definitions(definition.build().unwrap()).key_schema(key.build().unwrap());
        }
        create.send().await.unwrap();
    }

    /// A tool's row, as the registry writes it, with `more`.
    pub(super) async fn put_tool(&self, name: &str, more: Value) {
        let mut row = json!({
            "tool_name": name, "input_schema": r#"{"type":"object"}"#, "status": "active",
            "lambda_arn": format!("{FUNCTION}tool"),
        });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.put("tools", row).await;
    }

    /// An agent's row, as the registry writes the newest active one.
    pub(super) async fn put_agent(&self, model: &str, parameters: Value) {
        self.put_version(model, parameters, json!({})).await;
    }

    /// The same with other attributes.
    pub(crate) async fn put_version(&self, model: &str, parameters: Value, more: Value) {
        let tools = ["good", "foreign", "risky", "http_request", "gone"]
            .map(|name| json!({ "tool_name": name, "enabled": true }));
        let tools = [&tools[..], &[json!({ "tool_name": "other", "enabled": false })]].concat();
        let mut row = json!({
            "agent_name": model, "version": "latest", "resolved_version": "v1.0", "status": "active", "system_prompt": "You are one.",
            "llm_provider": "stand-in", "llm_model": model, "tools": json!(tools).to_string(), "parameters": parameters.to_string(),
        });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.put("agents", row).await;
    }

    pub(super) async fn put(&self, table: &str, row: Value) {
        let attribute = |value: &Value| match value {
            Value::Bool(flag) => AttributeValue::Bool(*flag),
            text => AttributeValue::S(text.as_str().unwrap().to_owned()),
        };
        let row = row.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        self.tables.put_item().table_name(table).set_item(Some(row)).send().await.unwrap();
    }

    /// Begins an execution of an agent.
    pub(crate) async fn begin(&self, agent: &str, input: &Value) -> String {
        let machine = format!("{ACCOUNT}:stateMachine:{agent}");
        let start = self.client.start_execution().state_machine_arn(machine).input(input.to_string());
        start.send().await.unwrap().execution_arn
    }

    /// The address of the page that shows its executions.
    pub(crate) fn page(&self) -> String {
        self.lambda.page()
    }

    /// Asks the agent with this model and waits for the end.
    pub(crate) async fn ask(&self, model: &str) -> DescribeExecutionOutput {
        self.run(model, &json!({ "question": format!("To {model}?") })).await
    }

    pub(crate) async fn run(&self, agent: &str, input: &Value) -> DescribeExecutionOutput {
        let arn = self.begin(agent, input).await;
        self.end_of(&arn).await
    }

    pub(super) async fn end_of(&self, arn: &str) -> DescribeExecutionOutput {
        end_of(arn, &self.lambda, &self.client).await
    }

    /// How often tasks have failed in an execution.
    pub(super) async fn failures(&self, described: &DescribeExecutionOutput) -> usize {
        let history = self.client.get_execution_history().execution_arn(&described.execution_arn).max_results(1000);
        let events = history.send().await.unwrap().events;
        events.iter().filter(|event| event.r#type == HistoryEventType::TaskFailed).count()
    }

    /// A person who is asked about every call from now on.
    pub(super) async fn approvals(&self) -> Approvals {
        Approvals::of(self.lambda.step_functions_endpoint().unwrap()).await
    }

    /// How many events an execution has.
    pub(super) async fn events(&self, described: &DescribeExecutionOutput) -> usize {
        let history = self.client.get_execution_history().execution_arn(&described.execution_arn).max_results(1000);
        history.send().await.unwrap().events.len()
    }
}

/// The definition, before its placeholders are replaced.
pub(super) fn definition_as_deployed() -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/statemachines/agent.asl.json");
    std::fs::read_to_string(source).unwrap()
}

fn functions(folder: &Path, scripts: &Value) -> BTreeMap<String, FunctionConfig> {
    let function = FunctionConfig {
        command: Some(vec!["python3".to_owned(), handler("agent.py")]),
        directory: folder.to_owned(),
        environment: [("SCRIPTS".to_owned(), scripts.to_string())].into(),
        ..function()
    };
    ["llm", "tool", "foreign"].map(|name| (name.to_owned(), function.clone())).into()
}

fn step_functions<'a>(definition: &Path, agents: impl Iterator<Item = &'a String>) -> StepFunctionsConfig {
    let machine = |name: &String| {
        (name.clone(), StateMachineConfig { definition: definition.to_owned(), substitutions: substitutions(name) })
    };
    StepFunctionsConfig {
        python: python_with_moto(),
        topics: vec!["approvals".to_owned()],
        state_machines: agents.map(machine).collect(),
        ..StepFunctionsConfig::default()
    }
}

/// The output of an execution that has succeeded.
pub(super) fn output(described: &DescribeExecutionOutput) -> Value {
    let (error, cause) = (described.error(), described.cause());
    assert_eq!(described.status, ExecutionStatus::Succeeded, "{error:?}: {cause:?}");
    serde_json::from_str(described.output().unwrap()).unwrap()
}
