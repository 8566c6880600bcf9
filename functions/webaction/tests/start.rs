//! The real program without its variables.

use test_kit::refuses_to_start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_webaction");

#[tokio::test]
async fn a_missing_variable_stops_the_start_and_is_named_in_one_line() {
    let variables = [("STAGE", "dev"), ("AGENT_CONTEXT_TABLE", "contents")];
    refuses_to_start(PROGRAM, &variables, "the variable NOTIFICATIONS_TOPIC_ARN is not set").await;
}
