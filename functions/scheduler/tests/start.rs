//! The real program without its variables.

use test_kit::refuses_to_start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_scheduler");

#[tokio::test]
async fn a_missing_variable_stops_the_start_and_is_named_in_one_line() {
    refuses_to_start(PROGRAM, &[], "the variable DYNAMODB_TABLE_NAME is not set").await;
    let variables = [("STAGE", "dev"), ("DYNAMODB_TABLE_NAME", "messages")];
    refuses_to_start(PROGRAM, &variables, "the variable SCHEDULES_TABLE_NAME is not set").await;
}
