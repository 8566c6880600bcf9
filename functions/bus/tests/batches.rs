//! What a failed record does to the others.

use bus::{SqsEvent, batch};
use functions_shared::Failure;
use serde_json::{Value, json};
use std::sync::Mutex;

fn event(records: &[(&str, &str)]) -> SqsEvent {
    let records: Vec<_> = records
        .iter()
        .map(|(id, body)| json!({"messageId": id, "body": body, "attributes": {"ApproximateReceiveCount": "2"}}))
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn failed(response: &bus::BatchResponse) -> Value {
    json!(response)
}

#[tokio::test]
async fn one_bad_record_fails_alone() {
    let records = [("1", "{\"id\":\"a\"}"), ("2", "not JSON"), ("3", "{\"id\":\"c\"}"), ("4", "panic")];
    let response = batch::run(event(&records), async |delivery: bus::Delivery| {
        assert_ne!(delivery.body, "panic");
        assert_eq!(delivery.receive_count, 2);
        let body: Result<Value, _> = serde_json::from_str(&delivery.body);
        body.map(|_| ()).map_err(|_| Failure::new("Malformed", "it is not JSON"))
    })
    .await;
    let expected = json!({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "4"}]});
    assert_eq!(failed(&response), expected);
}

#[tokio::test]
async fn nothing_fails_in_an_empty_event() {
    let response = batch::run(event(&[]), async |_| Err(Failure::new("Never", "not called"))).await;
    assert_eq!(failed(&response), json!({"batchItemFailures": []}));
}

/// If both ran at once, both would find the row unprocessed.
#[tokio::test]
async fn deliveries_of_one_message_are_handled_one_after_the_other() {
    let steps = Mutex::new(Vec::new());
    let records = [("1", "{\"id\":\"a\"}"), ("2", "{\"id\":\"b\"}"), ("3", "{\"id\":\"a\"}")];
    batch::run(event(&records), async |delivery: bus::Delivery| {
        steps.lock().unwrap().push(format!("{} begins", delivery.id));
        tokio::task::yield_now().await;
        steps.lock().unwrap().push(format!("{} ends", delivery.id));
        Ok(())
    })
    .await;
    let expected = ["1 begins", "2 begins", "1 ends", "3 begins", "2 ends", "3 ends"];
    assert_eq!(*steps.lock().unwrap(), expected);
}
