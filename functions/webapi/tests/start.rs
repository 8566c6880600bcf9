//! The real program without its variables.

use test_kit::refuses_to_start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_webapi");

#[tokio::test]
async fn a_missing_variable_stops_the_start_and_is_named_in_one_line() {
    refuses_to_start(PROGRAM, &[("STAGE", "dev")], "the variable DYNAMODB_TABLE_NAME is not set").await;
}
