//! The services as their clients see them, over connections.

use serde_json::{Value, json};
use stand_ins::{Fault, StandIns};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request on a separate connection; the status, and the rest of the answer.
async fn ask(services: &StandIns, method: &str, path: &str, headers: &str, body: &str) -> io::Result<(u16, String)> {
    let address = services.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await?;
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}");
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no answer"))?;
    Ok((status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}

async fn publish(services: &StandIns, headers: &str, message: &str) -> io::Result<(u16, String)> {
    ask(services, "POST", "/topic", headers, message).await
}

#[tokio::test]
async fn of_two_with_one_sequence_id_the_last_is_shown() {
    let services = StandIns::start().await.unwrap();
    for message in ["first", "second"] {
        assert_eq!(publish(&services, "X-Sequence-ID: one\r\nTags: a,b\r\n", message).await.unwrap().0, 200);
    }
    publish(&services, "", "another").await.unwrap();
    let shown = services.ntfy().shown("topic");
    let messages: Vec<_> = shown.iter().map(|one| one.message.as_str()).collect();
    assert_eq!((messages, &shown[0].tags), (vec!["second", "another"], &vec!["a".to_owned(), "b".to_owned()]));
    let (_, polled) = ask(&services, "GET", "/topic/json?poll=1", "", "").await.unwrap();
    assert_eq!(polled.lines().count(), 2, "{polled}");
}

#[tokio::test]
async fn calls_are_recorded_and_faults_planned_over_http() {
    let services = StandIns::start().await.unwrap();
    let fault =
        json!({ "service": "ntfy", "fault": { "kind": "status", "status": 429, "retry_after": 7 }, "times": 1 });
    let json = "content-type: application/json\r\n";
    let planned = ask(&services, "POST", "/_stand-ins/faults", json, &fault.to_string()).await.unwrap();
    assert_eq!(planned.0, 204);
    assert_eq!(publish(&services, "", "m").await.unwrap().0, 429);
    assert_eq!(publish(&services, "", "m").await.unwrap().0, 200);
    let (_, calls) = ask(&services, "GET", "/_stand-ins/calls", "", "").await.unwrap();
    let calls: Value = serde_json::from_str(&calls).unwrap();
    let seen = |number: usize| json!([calls[number]["service"], calls[number]["body"], calls[number]["status"]]);
    assert_eq!((seen(0), seen(1)), (json!(["ntfy", "m", 429]), json!(["ntfy", "m", 200])));
}

#[tokio::test]
async fn what_is_lost_was_done_and_what_is_down_did_nothing() {
    let services = StandIns::start().await.unwrap();
    services.script().plan("ntfy", Fault::Lost, 1);
    services.script().plan("ntfy", Fault::Down, 1);
    for message in ["lost", "down"] {
        assert!(publish(&services, "", message).await.is_err(), "{message}");
    }
    let shown = services.ntfy().shown("topic");
    assert_eq!(shown.iter().map(|one| one.message.as_str()).collect::<Vec<_>>(), ["lost"]);
    assert_eq!(services.record().of("ntfy").iter().map(|call| call.status).collect::<Vec<_>>(), [None, None]);
}

#[tokio::test]
async fn a_test_can_wait_for_a_call() {
    let services = StandIns::start().await.unwrap();
    let called = services.record().until(|calls| calls.iter().any(|call| call.body == "m"));
    let ((), published) = tokio::join!(called, publish(&services, "", "m"));
    assert_eq!(published.unwrap().0, 200);
}
