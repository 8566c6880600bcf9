//! The table of results of web actions.

use crate::tables::{at, start, variables};
use records::{ActionResult, RESULT_LIFE, ResultStatus, Results, id, moment, results};

fn result(message_id: &str, status: ResultStatus) -> ActionResult {
    ActionResult {
        id: id::result_of(message_id),
        message_id: message_id.to_owned(),
        action: "golf".to_owned(),
        url: None,
        status,
        response_code: Some(200),
        response_body: Some("{}".to_owned()),
        response_body_ref: None,
        error_message: None,
        execution_time_ms: 12,
        created_date: moment::text(at(0)),
        ttl: moment::expiry(at(0), RESULT_LIFE),
    }
}

#[tokio::test]
async fn what_is_started_is_recorded_once_and_finished_once() {
    let table = results(&variables(), start().await).unwrap();
    let started = result("msg_1", ResultStatus::Started);
    assert_eq!(table.create(&started).await, Ok(true));
    assert_eq!(table.create(&started).await, Ok(false));
    let completed = result("msg_1", ResultStatus::Completed);
    assert_eq!(table.finish(&completed).await, Ok(true));
    assert_eq!(table.finish(&result("msg_1", ResultStatus::Failed)).await, Ok(false));
    assert_eq!(table.get("result_1").await, Ok(Some(completed)));
    assert_eq!(table.finish(&result("msg_2", ResultStatus::Completed)).await, Ok(false));
}

#[tokio::test]
async fn the_results_of_a_message_are_found() {
    let table = results(&variables(), start().await).unwrap();
    for message in ["msg_1", "msg_2"] {
        table.create(&result(message, ResultStatus::Completed)).await.unwrap();
    }
    assert_eq!(table.of_message("msg_2").await, Ok(vec![result("msg_2", ResultStatus::Completed)]));
    assert_eq!(table.of_message("msg_3").await, Ok(vec![]));
    assert_eq!(table.of_message("").await, Ok(vec![]));
}
