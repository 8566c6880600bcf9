//! The page while things happen: executions that start and end, a server that goes and comes back, other regions.

use super::{Stage, WIDTHS, config};
use crate::browser::Browser;
use crate::stage::sfn_client;
use aws_sdk_sfn::config::Region;
use lambda_local::{Config, LambdaLocal, Logs};
use serde_json::json;
use std::net::SocketAddr;

const ROLE: &str = "arn:aws:iam::123456789012:role/any";

fn waiting() -> String {
    json!({ "StartAt": "Hold", "States": { "Hold": { "Type": "Wait", "Seconds": 3600, "End": true } } }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_an_execution_is_followed_from_its_start_to_its_end() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[0]).await;
    let page = &stage.browser;
    let client = sfn_client(stage.lambda.step_functions_endpoint().unwrap());
    let create = client.create_state_machine().name("waits").definition(waiting()).role_arn(ROLE);
    let machine = create.send().await.unwrap().state_machine_arn;
    let start = client.start_execution().state_machine_arn(machine).name("patient-one");
    let execution = start.send().await.unwrap().execution_arn;
    page.until("document.querySelector('.execution .name').textContent === 'patient-one'").await;
    let entry = page.value("document.querySelector('.execution').textContent").await;
    let entry = entry.as_str().unwrap();
    assert!(entry.contains("waits") && entry.contains("running") && entry.contains("so far"), "{entry}");
    page.click(".execution").await;
    page.until("document.querySelector('section.answer').textContent === 'running in Hold'").await;
    client.stop_execution().execution_arn(execution).error("Enough").cause("It took too long.").send().await.unwrap();
    page.until("document.querySelector('.head .status').textContent === 'stopped'").await;
    page.until("document.querySelector('.execution .status').textContent === 'stopped'").await;
    stage.end().await;
}

/// A task that fails at once, and is tried again after so many seconds.
fn patient(seconds: u32, attempts: u32) -> String {
    let get = json!({ "TableName": "nothing", "Key": { "id": { "S": "a" } } });
    let retry = json!([{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": seconds, "MaxAttempts": attempts,
        "BackoffRate": 1 }]);
    let read = json!({ "Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": get,
        "Retry": retry, "End": true });
    json!({ "StartAt": "Read", "States": { "Read": read } }).to_string()
}

/// An execution of this name, of a new state machine, which the page shows first.
async fn retried(stage: &Stage, name: &str, definition: &str) {
    let client = sfn_client(stage.lambda.step_functions_endpoint().unwrap());
    let create = client.create_state_machine().name(name).definition(definition).role_arn(ROLE);
    let machine = create.send().await.unwrap().state_machine_arn;
    client.start_execution().state_machine_arn(machine).name(name).send().await.unwrap();
    let first = format!("document.querySelector('.execution .name').textContent === '{name}'");
    stage.browser.until(&first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_retry_that_waits_says_which_it_is_and_when_it_starts() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[0]).await;
    let page = &stage.browser;
    retried(&stage, "hourly", &patient(3600, 2)).await;
    page.click(".execution").await;
    page.until("document.querySelector('section.answer .waiting')").await;
    let answer = page.value("document.querySelector('section.answer').textContent").await;
    let answer = answer.as_str().unwrap();
    assert!(answer.contains("attempt 2 of at most 3 starts in 59 min"), "{answer}");
    let step = page.value("document.querySelector('.step').textContent").await;
    let step = step.as_str().unwrap();
    assert!(step.contains("waiting") && step.contains("attempt 2 in 59 min"), "{step}");
    page.click(".step").await;
    page.until("document.querySelectorAll('.side .attempts li').length === 2").await;
    let next = page.value("document.querySelector('.side .attempts li:last-child').textContent").await;
    assert!(next.as_str().unwrap().contains("attempt 2 of at most 3 starts in"), "{next}");
    retried(&stage, "soon", &patient(3, 1)).await;
    page.click(".execution").await;
    page.until("document.querySelector('section.answer .waiting')").await;
    page.until("document.querySelector('.head .status').textContent === 'failed'").await;
    assert_eq!(page.value("document.querySelectorAll('.run .waiting').length").await, 0);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_executions_are_sorted_as_one_wants() {
    let stage = Stage::start().await;
    let client = sfn_client(stage.lambda.step_functions_endpoint().unwrap());
    let create = client.create_state_machine().name("waits").definition(waiting()).role_arn(ROLE);
    let machine = create.send().await.unwrap().state_machine_arn;
    for name in ["run-10", "run-9"] {
        client.start_execution().state_machine_arn(&machine).name(name).send().await.unwrap();
    }
    stage.open(WIDTHS[0]).await;
    let page = &stage.browser;
    page.until("document.querySelectorAll('.execution').length === 3").await;
    let names = "[...document.querySelectorAll('.execution .name')].map((name) => name.textContent.slice(0, 6)).join()";
    for (order, begins) in [("name", 1), ("oldest", 0), ("newest", 2)] {
        let choose = format!(
            "(() => {{ const order = document.querySelector('.list select[aria-label=Sort]'); order.value = '{order}'; \
             order.dispatchEvent(new Event('change')); }})()"
        );
        page.value(&choose).await;
        let names = page.value(names).await;
        let names: Vec<&str> = names.as_str().unwrap().split(',').collect();
        let runs: Vec<&&str> = names.iter().filter(|name| name.starts_with("run-")).collect();
        let expected = if order == "oldest" { ["run-10", "run-9"] } else { ["run-9", "run-10"] };
        assert_eq!(runs, expected.iter().collect::<Vec<_>>(), "{order}");
        let own = names.iter().position(|name| !name.starts_with("run-"));
        assert!(order == "name" || own == Some(begins), "{order}: {names:?}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_server_that_is_gone_is_said_and_one_that_is_back_too() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[1]).await;
    let page = &stage.browser;
    let address: SocketAddr = stage.lambda.invoke_endpoint().trim_start_matches("http://").parse().unwrap();
    assert_eq!(page.value("document.querySelector('#gone').hidden").await, true);
    stage.lambda.shutdown().await;
    page.until("document.querySelector('#gone').checkVisibility()").await;
    let said = page.value("document.querySelector('#gone').textContent").await;
    assert!(said.as_str().unwrap().contains("lambda-local has not answered since"), "{said}");
    assert_eq!(
        page.value("document.querySelector('.head .status').textContent").await,
        "succeeded",
        "what is known stays"
    );
    assert_eq!(page.value(super::NOTHING_STICKS_OUT).await, true);
    let config = Config { listen: address, ..config() };
    let again = LambdaLocal::start_with_logs(config, Logs::channel().0).await.unwrap();
    page.until("document.querySelector('#gone').hidden").await;
    stage.browser.close().await;
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_executions_of_another_region_are_shown() {
    let config = Config { region: Some("eu-central-1".to_owned()), ..config() };
    let lambda = LambdaLocal::start_with_logs(config, Logs::channel().0).await.unwrap();
    let own = sfn_client(lambda.step_functions_endpoint().unwrap());
    let client = aws_sdk_sfn::Client::from_conf(own.config().to_builder().region(Region::new("eu-central-1")).build());
    let machines = client.list_state_machines().send().await.unwrap();
    let arn = machines.state_machines()[0].state_machine_arn();
    client.start_execution().state_machine_arn(arn).name("far-away").input(r#"{"document":""}"#).send().await.unwrap();
    let page = Browser::start().await;
    page.open(&lambda.page(), WIDTHS[0]).await;
    page.until("document.querySelector('.execution .name')?.textContent === 'far-away'").await;
    super::open_first(&page).await;
    let head = page.value("document.querySelector('.head').textContent").await;
    assert!(head.as_str().unwrap().contains("looping, eu-central-1"), "{head}");
    page.close().await;
    lambda.shutdown().await;
}
