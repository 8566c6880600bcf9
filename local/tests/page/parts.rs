//! The page's other parts: their routes, and what a browser shows of them while it changes.

use super::{NOTHING_STICKS_OUT, WIDTHS, picture};
use crate::browser::Browser;
use crate::stage;
use lambda_local::{Config, EngineConfig, LambdaLocal, Logs};
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REGION: &str = "eu-central-1";

/// One request on a separate connection: the status, and the document of the answer.
async fn request(endpoint: &str, head: &str, body: &str) -> (u16, Value) {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let host = if head.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
    let text = format!("{head}\r\n{host}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}

async fn get(lambda: &LambdaLocal, path: &str) -> (u16, Value) {
    request(&lambda.invoke_endpoint(), &format!("GET {path} HTTP/1.1"), "").await
}

#[tokio::test]
async fn the_page_is_told_functions_logs_and_tables() {
    let stage = stage::Stage::with(stage::function()).await;
    let (_, before) = get(&stage.lambda, "/page/functions").await;
    assert_eq!((&before["functions"][0]["name"], &before["functions"][0]["invocations"]), (&json!("f"), &json!([])));
    stage.response(&json!({ "do": "print", "text": "a line for the page" })).await;
    let (_, functions) = get(&stage.lambda, "/page/functions").await;
    let invocation = &functions["functions"][0]["invocations"][0];
    assert!(invocation["error"].is_null() && invocation["init"].is_f64(), "{invocation}");
    assert!(invocation["log"].as_str().unwrap().contains("REPORT RequestId"), "{invocation}");
    let (_, logs) = get(&stage.lambda, "/page/logs?function=f").await;
    let lines: Vec<_> = logs["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert!(lines.iter().any(|line| line.starts_with("START")) && lines.contains(&"a line for the page"), "{lines:?}");
    assert_eq!(get(&stage.lambda, "/page/logs?function=other").await.1, json!({ "lines": [] }));

    stage.lambda.table().put_raw(json!({ "id": { "S": "one" }, "n": { "N": "7" } })).await.unwrap();
    let (_, tables) = get(&stage.lambda, "/page/tables").await;
    let table = &tables["tables"][0];
    assert_eq!((&table["name"], &table["rows"], &table["keys"]), (&json!("long-content"), &json!(1), &json!(["id"])));
    assert!(table["bytes"].as_u64().unwrap() > 5, "{table}");
    let (_, rows) = get(&stage.lambda, "/page/rows?table=long-content").await;
    assert_eq!(rows, json!({ "items": [{ "id": { "S": "one" }, "n": { "N": "7" } }] }));
}

#[tokio::test]
async fn what_is_not_here_is_named_and_other_sites_are_told_nothing() {
    let stage = stage::Stage::with(stage::function()).await;
    assert_eq!(get(&stage.lambda, "/page/parts").await.1, json!({ "parts": ["functions", "tables", "logs"] }));
    assert_eq!(get(&stage.lambda, "/page/regions").await.1, json!({ "regions": [stage.lambda.region()] }));
    for path in ["/page/queues", "/page/messages?queue=q", "/page/nothing", "/page/rows?table=nothing"] {
        let (status, answer) = get(&stage.lambda, path).await;
        assert!(status == 404 && answer["message"].is_string(), "{path}: {status} {answer}");
    }
    for path in ["/page/functions", "/page/logs", "/page/rows?table=long-content"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: attacker.example");
        assert_eq!(request(&stage.lambda.invoke_endpoint(), &head, "").await.0, 403, "{path}");
    }
}

/// lambda-local with an engine.
#[expect(clippy::disallowed_methods, reason = "how a test is told where the engine's Python is")]
async fn with_engine() -> LambdaLocal {
    let python: PathBuf =
        std::env::var_os("LRAP_TEST_ENGINE").expect("LRAP_TEST_ENGINE names a Python that has ministack").into();
    let config = Config { region: Some(REGION.to_owned()), engine: Some(EngineConfig { python }), ..Config::default() };
    LambdaLocal::start_with_logs(config, Logs::channel().0).await.unwrap()
}

/// A request that is signed for a service; `first` is its method and path.
async fn aws(lambda: &LambdaLocal, service: &str, first: &str, target: &str, body: &Value) -> Value {
    let scope = format!("Credential=local/20260101/{REGION}/{service}/aws4_request");
    let signed = format!("Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none");
    let kind = "Content-Type: application/x-amz-json-1.0";
    let head = format!("{first} HTTP/1.1\r\n{signed}\r\n{kind}\r\nX-Amz-Target: {target}");
    let (status, answer) = request(&lambda.invoke_endpoint(), &head, &body.to_string()).await;
    assert!((200..300).contains(&status), "{target}: {status} {answer}");
    answer
}

async fn send(lambda: &LambdaLocal, queue: &Value, body: &str) {
    let message = json!({ "QueueUrl": queue, "MessageBody": body });
    aws(lambda, "sqs", "POST /", "AmazonSQS.SendMessage", &message).await;
}

async fn fill(lambda: &LambdaLocal) -> Value {
    let queue = aws(lambda, "sqs", "POST /", "AmazonSQS.CreateQueue", &json!({ "QueueName": "jobs" })).await;
    send(lambda, &queue["QueueUrl"], r#"{"job":1}"#).await;
    let target = json!({ "Arn": format!("arn:aws:sqs:{REGION}:123456789012:jobs"), "RoleArn": "arn:aws:iam::123456789012:role/any" });
    let schedule =
        json!({ "ScheduleExpression": "rate(5 minutes)", "FlexibleTimeWindow": { "Mode": "OFF" }, "Target": target });
    aws(lambda, "scheduler", "POST /schedules/often", "none", &schedule).await;
    queue["QueueUrl"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_queues_and_schedules_are_shown_while_they_change() {
    let lambda = with_engine().await;
    let queue = fill(&lambda).await;
    let page = Browser::start().await;
    for width in WIDTHS {
        page.open(&format!("{}#queues", lambda.page()), width).await;
        page.until("document.querySelector('.row b')?.textContent === 'jobs'").await;
        page.click(".row").await;
        page.until("document.querySelector('.messages .json')?.textContent.includes('job: 1')").await;
        assert_eq!(page.value(NOTHING_STICKS_OUT).await, true, "{width}");
        page.page.screenshot(&picture(&format!("queues-{width}"))).await.unwrap();
    }
    send(&lambda, &queue, "second").await;
    page.until("document.querySelectorAll('.messages > li').length === 2").await;
    let (_, messages) = get(&lambda, &format!("/page/messages?queue=arn:aws:sqs:{REGION}:123456789012:jobs")).await;
    assert_eq!(messages["messages"][0]["receives"], 0, "looking is no receiving");
    page.value("location.hash = 'schedules'").await;
    page.until("document.querySelector('.rows:not([hidden]) td[data-title=\"Expression\"]')?.textContent.includes('rate(5 minutes)')").await;
    let (_, schedules) = get(&lambda, "/page/schedules").await;
    assert!(schedules["schedules"][0]["next"].is_f64(), "{schedules}");
    for part in ["functions", "topics", "routes", "tables", "logs"] {
        page.click(&format!("nav a[href='#{part}']")).await;
        page.until(&format!("document.querySelector('nav a[href=\"#{part}\"]').ariaCurrent === 'page'")).await;
        assert_eq!(page.value(NOTHING_STICKS_OUT).await, true, "{part}");
        assert_eq!(get(&lambda, &format!("/page/{part}")).await.0, 200, "{part}");
    }
    page.close().await;
    lambda.shutdown().await;
}
