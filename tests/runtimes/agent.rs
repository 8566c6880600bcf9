//! An agent behind the real layer: `make agent` as a program, and what a long conversation costs the state and the table.

use super::stage::{built, layer, source, variable};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sfn::types::HistoryEvent;
use lambda_local::table::Meter;
use lambda_local::{Config, FunctionConfig, LambdaLocal, Logs, StateMachineConfig, StepFunctionsConfig};
use serde_json::{Value, json};
use std::process::Output;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// What a state may hold.
const LIMIT: usize = 262_144;
/// A run of hundreds of turns on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);

/// Runs the demonstration with the default document.
async fn demonstrated(more: &[&str]) -> (Output, Value) {
    let layer = layer();
    let mut command = Command::new(built("agent-demo"));
    command.arg("--layer").arg(layer.path()).arg("--programs").arg(built("llm").parent().unwrap());
    command.args(["--interpreter", &variable("LRAP_TEST_MOTO")]);
    command.arg("--state-machine").arg(source("functions/statemachines").join("agent.asl.json"));
    // No key of this machine may choose the model.
    command.env_clear().envs(["PATH", "HOME"].map(|name| (name, variable(name))));
    let output = command.arg("--json").args(more).kill_on_drop(true).output().await.unwrap();
    let figures = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, figures)
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn e1_an_agent_answers_about_five_megabytes_and_no_state_holds_more_than_its_limit() {
    let (output, figures) = demonstrated(&["--question", "What is queued?"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert!(figures["document"]["bytes"].as_u64().unwrap() > 4_000_000, "{figures}");
    assert_eq!(figures["tools"], json!(["http_get", "document_search", "document_search"]));
    assert_eq!((&figures["turns"], &figures["output"]["status"]), (&json!(4), &json!("completed")));
    assert!(figures["output"]["answer"].as_str().unwrap().contains("What is queued?"), "{figures}");
    assert!(figures["states"]["largest"].as_u64().unwrap() <= LIMIT as u64, "{figures}");
    assert!(figures["states"]["bytes_by_reference"].as_u64().unwrap() > 4_000_000, "{figures}");
}

#[tokio::test]
async fn e1_without_the_layer_the_same_run_exceeds_the_limit() {
    let (output, figures) = demonstrated(&["--detached"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert_eq!((&figures["status"], &figures["error"]), (&json!("FAILED"), &json!("States.DataLimitExceeded")));
    assert_eq!(figures["tools"], json!([]), "the first tool's result is what does not fit");
}

/// An agent whose model calls one tool again and again.
struct Talk {
    lambda: LambdaLocal,
    _layer: TempDir,
}

/// What came of a talk.
struct Ended {
    output: Value,
    table: Meter,
    /// Bytes of every input, output, parameter and result of its states.
    sizes: Vec<usize>,
}

impl Talk {
    /// `turns` calls of a tool that returns `bytes` bytes.
    async fn of(turns: usize, bytes: usize) -> Self {
        let layer = layer();
        let config = config(&layer, bytes);
        let lambda = LambdaLocal::start_with_logs(config, Logs::channel().0).await.unwrap();
        let talk = Self { lambda, _layer: layer };
        talk.fill(turns).await;
        talk
    }

    async fn fill(&self, turns: usize) {
        let tables: [(&str, &[&str]); 3] =
            [("agents", &["agent_name", "version"]), ("tools", &["tool_name"]), ("models", &["pk"])];
        for (table, keys) in tables {
            create(&self.tables(), table, keys).await;
        }
        let script = json!([{ "tool_calls": [{ "name": "note", "input": {} }], "repeat": turns }, { "text": "Done." }]);
        let model = json!({
            "pk": "scripted#talk", "provider": "scripted", "model_id": "talk", "is_active": "true",
            "request_transformer": "scripted_v1", "response_transformer": "scripted_v1", "script": script.to_string(),
        });
        let agent = json!({
            "agent_name": "talker", "version": "latest", "system_prompt": "", "llm_provider": "scripted", "llm_model": "talk",
            "tools": r#"[{"tool_name":"note","enabled":true}]"#, "parameters": r#"{"max_iterations":1000,"timeout_seconds":900}"#,
        });
        let tool = json!({
            "tool_name": "note", "input_schema": r#"{"type":"object"}"#,
            "lambda_arn": "arn:aws:lambda:us-east-1:123456789012:function:note",
        });
        for (table, row) in [("models", model), ("agents", agent), ("tools", tool)] {
            let text = |value: &Value| AttributeValue::S(value.as_str().unwrap().to_owned());
            let row = row.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect();
            self.tables().put_item().table_name(table).set_item(Some(row)).send().await.unwrap();
        }
    }

    fn tables(&self) -> aws_sdk_dynamodb::Client {
        let credentials = aws_sdk_dynamodb::config::Credentials::new("local", "local", None, None, "test");
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(self.lambda.table().endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    fn state_machines(&self) -> aws_sdk_sfn::Client {
        let credentials = aws_sdk_sfn::config::Credentials::new("local", "local", None, None, "test");
        let config = aws_sdk_sfn::Config::builder()
            .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
            .region(aws_sdk_sfn::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(self.lambda.step_functions_endpoint().unwrap())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        aws_sdk_sfn::Client::from_conf(config.build())
    }

    async fn run(&self) -> Ended {
        let client = self.state_machines();
        let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:agent";
        let input = json!({ "agent_name": "talker", "question": "Well?" }).to_string();
        let arn = client.start_execution().state_machine_arn(machine).input(input).send().await.unwrap().execution_arn;
        tokio::time::timeout(PATIENCE, self.lambda.execution_ended(&arn)).await.expect("an end").unwrap();
        let table = self.lambda.table().meter();
        Ended { output: output(&client, &arn).await, table, sizes: sizes(&client, &arn).await }
    }
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

/// `llm` behind the layer with the settings of an agent's functions, and the tool without it.
fn config(layer: &TempDir, bytes: usize) -> Config {
    let mut config = Config { region: Some("us-east-1".to_owned()), ..Config::default() };
    let variables = [
        ("LLM_TABLE_NAME", "models"),
        ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/extensions/lrap-wrapper/wrapper"),
        ("AGENT_CONTEXT_TABLE", &config.table.name),
        ("MAX_CONTENT_SIZE", "1024"),
        ("MAX_PAYLOAD_SIZE", "131072"),
        ("LRAP_KEEP", "/function_calls /text"),
    ];
    let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let llm = FunctionConfig {
        layer: Some(layer.path().to_owned()),
        environment,
        ..function(built("llm").to_str().unwrap())
    };
    let note = source("tests/runtimes/agent").join("note.py");
    let environment = [("RESULT_BYTES".to_owned(), bytes.to_string())].into();
    let note = FunctionConfig { environment, ..function(note.to_str().unwrap()) };
    config.functions = [("llm".to_owned(), llm), ("note".to_owned(), note)].into();
    config.step_functions = Some(step_functions());
    config
}

fn function(program: &str) -> FunctionConfig {
    let command = Some(vec![program.to_owned()]);
    FunctionConfig { command, memory: 1024, timeout: Duration::from_mins(1), ..FunctionConfig::default() }
}

fn step_functions() -> StepFunctionsConfig {
    let substitutions = [
        ("AgentRegistryTableName", "agents"),
        ("ToolRegistryTableName", "tools"),
        ("LlmTableName", "models"),
        ("LlmFunctionArn", "arn:aws:lambda:us-east-1:123456789012:function:llm"),
        ("ApprovalActivityArn", "arn:aws:states:us-east-1:123456789012:activity:approvals"),
    ];
    let machine = StateMachineConfig {
        definition: source("functions/statemachines").join("agent.asl.json"),
        substitutions: substitutions.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    StepFunctionsConfig {
        python: variable("LRAP_TEST_MOTO").into(),
        state_machines: [("agent".to_owned(), machine)].into(),
        ..StepFunctionsConfig::default()
    }
}

async fn output(client: &aws_sdk_sfn::Client, arn: &str) -> Value {
    let end = client.describe_execution().execution_arn(arn).send().await.unwrap();
    let output = end.output().unwrap_or_else(|| panic!("{:?}: {:?}", end.error(), end.cause()));
    serde_json::from_str(output).unwrap()
}

async fn sizes(client: &aws_sdk_sfn::Client, arn: &str) -> Vec<usize> {
    let history = client.get_execution_history().execution_arn(arn).max_results(200);
    let (mut sizes, mut token) = (Vec::new(), None);
    loop {
        let page = history.clone().set_next_token(token).send().await.unwrap();
        sizes.extend(page.events.iter().filter_map(held).map(str::len));
        token = page.next_token;
        if token.is_none() {
            return sizes;
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

/// Runs a talk of so many turns, and checks what every long talk has to keep to.
async fn talk(turns: usize, bytes: usize) -> Ended {
    let talk = Talk::of(turns, bytes).await;
    let ended = talk.run().await;
    assert_eq!((&ended.output["status"], &ended.output["iterations"]), (&json!("completed"), &json!(turns + 1)));
    let largest = ended.sizes.iter().max().unwrap();
    assert!(*largest <= LIMIT, "a state held {largest} bytes");
    // Of each turn only the tool's result is long enough to be stored.
    assert_eq!(ended.table.items_written, turns as u64, "each message is written once");
    assert_eq!(talk.lambda.table().items().await.unwrap().len(), turns, "and none of them again");
    let usd = (ended.table.write_units * 0.625 + ended.table.read_units * 0.125) / 1e6;
    println!(
        "{turns} turns of {bytes} bytes: {} states' data, {largest} bytes at most, {} bytes written, {} items read, ${usd:.6}",
        ended.sizes.len(),
        ended.table.bytes_written,
        ended.table.items_read,
    );
    ended
}

#[tokio::test]
async fn e2_twenty_turns_write_each_message_once() {
    let ended = talk(20, 20 * 1024).await;
    assert!(ended.table.bytes_written < 20 * (20 * 1024 + 300), "{} bytes", ended.table.bytes_written);
}

#[tokio::test]
async fn e2_two_hundred_turns_of_four_kibibytes_fit_the_state() {
    let ended = talk(200, 4096).await;
    assert!(ended.table.bytes_written < 200 * (4096 + 300), "{} bytes", ended.table.bytes_written);
}
