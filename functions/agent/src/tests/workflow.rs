//! Questions that the state machine answers, with a stand-in of Step Functions.

use super::stand_ins::Script;
use super::world::{Function, World, event};
use crate::workflow::Workflow;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::config::{BehaviorVersion, Config, Credentials, Region};
use serde_json::{Value, json};
use test_kit::{Exchange, Peer, Reply};

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:golf-agent-dev";

/// Step Functions, where every execution has come to this.
async fn step_functions(described: Value) -> Peer {
    let reply = move |exchange: &Exchange| {
        let asked = exchange.json();
        let body = if exchange.headers.get("x-amz-target") == Some("AWSStepFunctions.StartExecution") {
            let arn = format!("{}:{}", MACHINE.replace("stateMachine", "execution"), asked["name"].as_str().unwrap());
            json!({ "executionArn": arn, "startDate": 1_700_000_000.5 })
        } else {
            let mut body = json!({
                "executionArn": asked["executionArn"], "stateMachineArn": MACHINE, "status": "RUNNING",
                "startDate": 1_700_000_000.5,
            });
            body.as_object_mut().unwrap().extend(described.as_object().unwrap().clone());
            body
        };
        Some(Reply::new(200, body.to_string()))
    };
    Peer::start(reply).await
}

async fn function_of(world: &World, machine: &Peer, mode: &Value) -> Function<Script> {
    world.put_tools().await;
    world.put_agent("golf-agent", "stand-in", mode).await;
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(machine.url());
    let workflow = Workflow { client: Client::from_conf(config.build()), arn: MACHINE.to_owned() };
    world.function_of("golf-agent", Script::of([]), None, Some(workflow))
}

#[tokio::test]
async fn a_question_in_the_mode_workflow_is_202_and_says_where_the_answer_will_be() {
    let output = json!({ "status": "completed", "answer": "Booked.", "iterations": 3 }).to_string();
    let world = World::new().await;
    let running = step_functions(json!({})).await;
    let function = function_of(&world, &running, &json!({})).await;
    let got = function.post(json!({ "message": "Book it.", "mode": "workflow" })).await;
    let (body, place) = (got.json(), got.header("location").unwrap().to_owned());
    assert_eq!((got.status, &body["mode"], &body["location"]), (202, &json!("workflow"), &json!(place)));
    assert!(body["execution_arn"].as_str().unwrap().contains(":execution:golf-agent-dev:"), "{body}");
    let found = function.get(&place).await;
    assert_eq!((found.status, found.header("retry-after")), (200, Some("2")));
    assert_eq!(
        (&found.json()["status"], &found.json()["started_at"]),
        (&json!("running"), &json!("2023-11-14T22:13:20.5Z"))
    );
    let ended = json!({ "status": "SUCCEEDED", "stopDate": 1_700_000_009, "output": output });
    let ended = step_functions(ended).await;
    let found = function_of(&world, &ended, &json!({})).await.get(&place).await.json();
    assert_eq!((&found["status"], &found["message"]), (&json!("succeeded"), &json!("Booked.")), "{found}");
    assert_eq!(found["metadata"], json!({ "status": "completed", "iterations": 3 }));
    let failed = step_functions(json!({ "status": "FAILED", "error": "Timeout", "cause": "of the operators" })).await;
    let found = function_of(&world, &failed, &json!({})).await.get(&place).await.json();
    assert_eq!((&found["status"], &found["error"]), (&json!("failed"), &json!("Timeout")));
    assert!(!found.to_string().contains("of the operators"), "{found}");
}

#[tokio::test]
async fn an_execution_is_not_there_for_another_caller() {
    let world = World::new().await;
    let machine = step_functions(json!({})).await;
    let function = function_of(&world, &machine, &json!({ "mode": "workflow" })).await;
    let got = function.post(json!({ "message": "By the row's mode." })).await;
    assert_eq!(got.status, 202, "{}", got.text);
    let place = got.header("location").unwrap();
    assert_eq!(function.get(place).await.status, 200);
    assert_eq!(function.request("mallory", "GET", place, Value::Null).await.status, 404);
    assert_eq!(function.get("/agent/executions/another").await.status, 404);
}

#[tokio::test]
async fn a_question_that_no_execution_can_hold_is_413() {
    let world = World::new().await;
    let machine = step_functions(json!({})).await;
    let function = function_of(&world, &machine, &json!({})).await;
    let got = function.post(json!({ "message": "x".repeat(262_144), "mode": "workflow" })).await;
    assert_eq!(got.status, 413, "{}", got.text);
}

/// What a function URL with `AWS_IAM` says of who has signed a request.
fn signed_by(name: &str, mut event: Value) -> Value {
    event["requestContext"]["authorizer"] = json!({ "iam": {
        "accessKey": "AKIDEXAMPLE", "accountId": "123456789012", "callerId": "AIDAEXAMPLE", "cognitoIdentity": null,
        "principalOrgId": null, "userArn": format!("arn:aws:iam::123456789012:user/{name}"), "userId": "AIDAEXAMPLE",
    } });
    event
}

#[tokio::test]
async fn callers_that_sign_their_requests_own_their_sessions_and_executions() {
    let world = World::new().await;
    let machine = step_functions(json!({})).await;
    world.put_tools().await;
    world.put_agent("golf-agent", "stand-in", &json!({})).await;
    let script = json!([{ "text": "First." }, { "text": "Second." }]);
    let talks = world.function("golf-agent", Script::of([("golf-agent".to_owned(), script)]));
    let works = function_of(&world, &machine, &json!({})).await;
    let host = "abc.lambda-url.eu-central-1.on.aws";
    let ask = |name: &str, method: &str, path: &str, body: Value| signed_by(name, event("", host, method, path, &body));
    for question in [json!({ "message": "One?", "session_id": "s" }), json!({ "message": "Two?", "session_id": "s" })] {
        assert_eq!(talks.serve(ask("ann", "POST", "/agent", question)).await.status, 200);
    }
    assert_eq!(world.session("s").await["caller"].as_s().unwrap(), "arn:aws:iam::123456789012:user/ann");
    assert_eq!(talks.serve(ask("ann", "GET", "/agent/sessions/s", Value::Null)).await.status, 200);
    assert_eq!(talks.serve(ask("bob", "GET", "/agent/sessions/s", Value::Null)).await.status, 404);
    let got = works.serve(ask("ann", "POST", "/agent", json!({ "message": "Later.", "mode": "workflow" }))).await;
    let place = got.header("location").unwrap();
    assert_eq!(works.serve(ask("ann", "GET", place, Value::Null)).await.status, 200);
    assert_eq!(works.serve(ask("bob", "GET", place, Value::Null)).await.status, 404);
}
