//! State machines through the real Step Functions client: moto's interpreter over the functions and the table here.

use crate::stage::{end_of, function, python_with_moto, sfn_client};
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::ProvideErrorMetadata;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent, HistoryEventType};
use lambda_local::{
    Config, FunctionConfig, LambdaLocal, Logs, StartError, StateMachineConfig, StepFunctionsConfig, StepFunctionsError,
};
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

const ACCOUNT: &str = "arn:aws:states:us-east-1:123456789012";
/// The most that a state may be given or give.
const LIMIT: usize = 262_144;

/// The function `f` and the state machine `m`.
struct Machine {
    lambda: LambdaLocal,
    client: Client,
    _folder: TempDir,
}

fn config(folder: &TempDir, definition: &Value) -> Config {
    let file = folder.path().join("m.asl.json");
    std::fs::write(&file, definition.to_string()).unwrap();
    let function = FunctionConfig { directory: folder.path().to_owned(), ..function() };
    let table = [("Table".to_owned(), "long-content".to_owned())].into();
    let machine = StateMachineConfig { definition: file, substitutions: table };
    let step_functions = StepFunctionsConfig {
        python: python_with_moto(),
        activities: vec!["approvals".to_owned()],
        state_machines: [("m".to_owned(), machine)].into(),
        ..StepFunctionsConfig::default()
    };
    Config {
        region: Some("us-east-1".to_owned()),
        functions: [("f".to_owned(), function)].into(),
        step_functions: Some(step_functions),
        ..Config::default()
    }
}

async fn start(config: Config) -> Result<LambdaLocal, StartError> {
    LambdaLocal::start_with_logs(config, Logs::channel().0).await
}

impl Machine {
    async fn of(definition: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lambda = start(config(&folder, definition)).await.unwrap();
        let client = sfn_client(lambda.step_functions_endpoint().unwrap());
        Self { lambda, client, _folder: folder }
    }

    /// One state, which is the last.
    async fn of_state(mut state: Value) -> Self {
        state["End"] = json!(true);
        Self::of(&json!({ "StartAt": "S", "States": { "S": state } })).await
    }

    async fn begin(&self, input: &str) -> String {
        let machine = format!("{ACCOUNT}:stateMachine:m");
        self.client.start_execution().state_machine_arn(machine).input(input).send().await.unwrap().execution_arn
    }

    /// Runs it to its end.
    async fn run(&self, input: &Value) -> DescribeExecutionOutput {
        let arn = self.begin(&input.to_string()).await;
        self.end_of(&arn).await
    }

    async fn end_of(&self, arn: &str) -> DescribeExecutionOutput {
        end_of(arn, &self.lambda, &self.client).await
    }

    async fn history(&self, arn: &str) -> Vec<HistoryEvent> {
        self.client.get_execution_history().execution_arn(arn).max_results(1000).send().await.unwrap().events
    }
}

fn output(described: &DescribeExecutionOutput) -> Value {
    assert_eq!(described.status, ExecutionStatus::Succeeded, "{described:?}");
    serde_json::from_str(described.output().unwrap()).unwrap()
}

/// Invokes `f`, which gives its event back or does what the event says.
fn invoke() -> Value {
    json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": "f", "Payload.$": "$" },
        "ResultSelector": { "answer.$": "$.Payload" },
    })
}

#[tokio::test]
async fn tasks_reach_the_functions_and_the_table() {
    let put = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": { "TableName": "${Table}", "Item": { "id": { "S.$": "$.answer.id" } } },
        "ResultPath": null,
        "Next": "Get",
    });
    let get = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:getItem",
        "Parameters": { "TableName": "${Table}", "Key": { "id": { "S.$": "$.answer.id" } } },
        "End": true,
    });
    let mut first = invoke();
    first["Next"] = json!("Put");
    let states = json!({ "Invoke": first, "Put": put, "Get": get });
    let machine = Machine::of(&json!({ "StartAt": "Invoke", "States": states })).await;
    let described = machine.run(&json!({ "id": "a" })).await;
    assert_eq!(output(&described)["Item"], json!({ "id": { "S": "a" } }));
    assert!(machine.lambda.table().get_raw("a").await.unwrap().is_some());

    let listed = machine.client.list_executions().state_machine_arn(format!("{ACCOUNT}:stateMachine:m")).send().await;
    assert_eq!(listed.unwrap().executions[0].execution_arn, described.execution_arn);
}

#[tokio::test]
async fn a_functions_error_is_retried_and_caught_by_its_name() {
    let mut task = invoke();
    task["Retry"] = json!([{ "ErrorEquals": ["Own"], "IntervalSeconds": 1, "MaxAttempts": 1 }]);
    task["Catch"] = json!([{ "ErrorEquals": ["Own"], "Next": "Caught" }]);
    task["End"] = json!(true);
    let states = json!({ "S": task, "Caught": { "Type": "Pass", "End": true } });
    let machine = Machine::of(&json!({ "StartAt": "S", "States": states })).await;
    for execution in ["first", "second"] {
        let described = machine.run(&json!({ "do": "error" })).await;
        assert_eq!(output(&described)["Error"], "Own");
        let events = machine.history(&described.execution_arn).await;
        let failures = events.iter().filter(|event| event.r#type == HistoryEventType::TaskFailed);
        assert_eq!(failures.count(), 2, "the {execution} execution tries twice");
    }
}

#[tokio::test]
async fn a_state_holds_262144_bytes_of_utf8_and_not_one_more() {
    let machine = Machine::of_state(json!({ "Type": "Pass", "Parameters": { "v.$": "$" } })).await;
    // {"v":"…"} is 6 bytes longer than "…", and an é has two.
    for (letter, bytes) in [("x", 1), ("é", 2)] {
        let largest = letter.repeat((LIMIT - 8) / bytes);
        let described = machine.run(&json!(largest)).await;
        assert_eq!(described.output().unwrap().len(), LIMIT);
        let described = machine.run(&json!(largest + "y")).await;
        assert_eq!(described.error(), Some("States.DataLimitExceeded"), "{letter}");
    }
}

#[tokio::test]
async fn a_tasks_parameters_and_its_result_are_limited_too() {
    let twice = json!({ "FunctionName": "f", "Payload": { "a.$": "$.x", "b.$": "$.x" } });
    for (what, parameters, event) in [
        ("parameters", twice, json!({ "x": "x".repeat(LIMIT / 2) })),
        ("result", invoke()["Parameters"].clone(), json!({ "do": "big", "bytes": LIMIT })),
    ] {
        let mut task = invoke();
        task["Parameters"] = parameters;
        task["ResultSelector"] = json!({});
        let described = Machine::of_state(task).await.run(&event).await;
        assert_eq!(described.error(), Some("States.DataLimitExceeded"), "{what}");
    }
}

#[tokio::test]
async fn states_all_does_not_catch_what_exceeds_the_limit() {
    for (caught, status) in
        [("States.ALL", ExecutionStatus::Failed), ("States.DataLimitExceeded", ExecutionStatus::Succeeded)]
    {
        let mut task = invoke();
        task["Retry"] = json!([{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 60 }]);
        task["Catch"] = json!([{ "ErrorEquals": [caught], "Next": "Caught" }]);
        task["End"] = json!(true);
        let states = json!({ "S": task, "Caught": { "Type": "Pass", "End": true } });
        let machine = Machine::of(&json!({ "StartAt": "S", "States": states })).await;
        assert_eq!(machine.run(&json!({ "do": "big", "bytes": LIMIT })).await.status, status, "{caught}");
    }
}

#[tokio::test]
async fn what_exceeds_the_limit_in_a_map_ends_the_execution_by_that_name() {
    let mut task = invoke();
    task["End"] = json!(true);
    let map = json!({
        "Type": "Map",
        "ItemProcessor": { "StartAt": "Inner", "States": { "Inner": task } },
        "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }],
        "End": true,
    });
    let states = json!({ "S": map, "Caught": { "Type": "Pass", "End": true } });
    let machine = Machine::of(&json!({ "StartAt": "S", "States": states })).await;
    let described = machine.run(&json!([{ "do": "big", "bytes": LIMIT }])).await;
    assert_eq!(described.error(), Some("States.DataLimitExceeded"));
}

#[tokio::test]
async fn an_executions_input_beyond_the_limit_is_refused() {
    let machine = Machine::of_state(json!({ "Type": "Pass" })).await;
    let start = machine.client.start_execution().state_machine_arn(format!("{ACCOUNT}:stateMachine:m"));
    let refused = start.input(format!("\"{}\"", "x".repeat(LIMIT))).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
}

#[tokio::test]
async fn variables_are_assigned_read_and_compared() {
    let begin = json!({ "Type": "Pass", "Assign": { "limits.$": "$", "n": 0 }, "Next": "Count" });
    let count = json!({ "Type": "Pass", "Assign": { "n.$": "States.MathAdd($n, 1)" }, "Next": "Enough" });
    let choice = json!({ "Variable": "$n", "NumericLessThanPath": "$limits.most", "Next": "Count" });
    let enough = json!({ "Type": "Choice", "Choices": [choice], "Default": "End" });
    let end = json!({ "Type": "Pass", "Parameters": { "n.$": "$n" }, "End": true });
    let states = json!({ "Begin": begin, "Count": count, "Enough": enough, "End": end });
    let machine = Machine::of(&json!({ "StartAt": "Begin", "States": states })).await;
    assert_eq!(output(&machine.run(&json!({ "most": 3 })).await), json!({ "n": 3 }));
}

#[tokio::test]
async fn an_activitys_worker_is_given_the_task_and_decides_how_it_ends() {
    let activity = format!("{ACCOUNT}:activity:approvals");
    let wait = json!({ "Type": "Task", "Resource": activity, "TimeoutSeconds": 300, "HeartbeatSeconds": 30 });
    let machine = Machine::of_state(wait).await;
    for approved in [true, false] {
        let execution = machine.begin(r#"{"tool":"t"}"#).await;
        let task = machine.client.get_activity_task().activity_arn(&activity).send().await.unwrap();
        assert_eq!(task.input(), Some(r#"{"tool":"t"}"#));
        let token = task.task_token().unwrap();
        machine.client.send_task_heartbeat().task_token(token).send().await.unwrap();
        if approved {
            machine.client.send_task_success().task_token(token).output(r#"{"yes":1}"#).send().await.unwrap();
            assert_eq!(output(&machine.end_of(&execution).await), json!({ "yes": 1 }));
        } else {
            machine.client.send_task_failure().task_token(token).error("No").cause("why").send().await.unwrap();
            let described = machine.end_of(&execution).await;
            assert_eq!((described.error(), described.cause()), (Some("No"), Some("why")));
        }
    }
}

/// Between the start of a task and the wait for its heartbeats: only the interpreter itself can be there in time.
#[test]
fn a_worker_that_answers_at_once_is_heard() {
    const EARLY: &str = "
import api
from moto.stepfunctions.parser.asl.eval.callback.callback import ActivityCallbackEndpoint, CallbackOutcomeSuccess
api.extend()
for answers in (True, False):
    endpoint = ActivityCallbackEndpoint('token', '{}')
    if answers:
        endpoint.notify(CallbackOutcomeSuccess('token', '{}'))
    assert endpoint.setup_heartbeat_endpoint(0).clear_and_wait() == answers, answers
";
    run_beside_the_interpreter(EARLY);
}

/// EC2 would take more than half of the start.
#[test]
fn the_interpreter_starts_without_ec2_and_still_has_batch() {
    const START: &str = "
import os, runpy, sys
runpy.run_path(os.environ['PYTHONPATH'] + '/__main__.py')
assert not any(name.startswith('moto.ec2') for name in sys.modules)
from moto.backends import get_backend
assert 'us-east-1' in get_backend('batch')['123456789012']
assert 'moto.ec2' in sys.modules
";
    run_beside_the_interpreter(START);
}

/// Runs Python that may import the interpreter's modules.
fn run_beside_the_interpreter(program: &str) {
    let interpreter = concat!(env!("CARGO_MANIFEST_DIR"), "/interpreter");
    let output =
        Command::new(python_with_moto()).args(["-c", program]).env("PYTHONPATH", interpreter).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_history_comes_in_pages_from_either_end() {
    let machine = Machine::of_state(json!({ "Type": "Pass" })).await;
    let arn = machine.run(&json!({ "x": 1 })).await.execution_arn;
    let ask = machine.client.get_execution_history().execution_arn(&arn).max_results(3);
    let first = ask.clone().send().await.unwrap();
    let rest = ask.clone().next_token(first.next_token().unwrap()).send().await.unwrap();
    let ids: Vec<_> = first.events.iter().chain(&rest.events).map(HistoryEvent::id).collect();
    assert_eq!((ids, rest.next_token()), (vec![1, 2, 3, 4], None));

    let newest = ask.clone().reverse_order(true).send().await.unwrap();
    assert_eq!(newest.events[0].r#type, HistoryEventType::ExecutionSucceeded);
    let input = |event: &HistoryEvent| event.state_entered_event_details().unwrap().input().map(str::to_owned);
    assert_eq!(input(&first.events[1]).as_deref(), Some(r#"{"x":1}"#));
    let bare = ask.include_execution_data(false).send().await.unwrap();
    assert_eq!(input(&bare.events[1]), None);
}

#[tokio::test]
async fn callers_that_wait_learn_of_every_kind_of_end() {
    for (state, status) in [
        (json!({ "Type": "Succeed" }), ExecutionStatus::Succeeded),
        (json!({ "Type": "Fail", "Error": "Own" }), ExecutionStatus::Failed),
        (json!({ "Type": "Wait", "Seconds": 60, "End": true }), ExecutionStatus::TimedOut),
    ] {
        let machine = Machine::of(&json!({ "StartAt": "S", "States": { "S": state }, "TimeoutSeconds": 1 })).await;
        let described = machine.run(&json!({})).await;
        assert_eq!(described.status, status);
        assert_eq!(machine.end_of(&described.execution_arn).await.status, status, "it stays ended");
    }
}

#[tokio::test]
async fn where_no_state_machines_are_there_is_no_end_to_wait_for() {
    let lambda = start(Config::default()).await.unwrap();
    let error = lambda.execution_ended(&format!("{ACCOUNT}:execution:m:e")).await.unwrap_err();
    assert!(matches!(error, StepFunctionsError::NotRunning), "{error}");
}

#[tokio::test]
async fn what_cannot_run_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let pass = json!({ "StartAt": "S", "States": { "S": { "Type": "Pass", "End": true } } });
    let with = |python: &str| {
        let mut config = config(&folder, &pass);
        config.step_functions.as_mut().unwrap().python = python.into();
        config
    };
    let error = start(with("no-such-python")).await.unwrap_err();
    assert!(matches!(error, StartError::StepFunctions(StepFunctionsError::Start { .. })), "{error}");
    let error = start(with("/bin/true")).await.unwrap_err();
    assert!(matches!(error, StartError::StepFunctions(StepFunctionsError::Ended { .. })), "{error}");
    let error = start(config(&folder, &json!({ "StartAt": "S" }))).await.unwrap_err();
    assert!(error.to_string().starts_with("step functions: state machine m: "), "{error}");
}

#[tokio::test]
async fn the_interpreter_ends_with_lambda_local() {
    let machine = Machine::of_state(json!({ "Type": "Pass" })).await;
    let address = machine.lambda.step_functions_endpoint().unwrap().strip_prefix("http://").unwrap().to_owned();
    tokio::net::TcpStream::connect(&address).await.unwrap();
    machine.lambda.shutdown().await;
    tokio::net::TcpStream::connect(&address).await.unwrap_err();
}
