//! The real program without its variables.

use test_kit::refuses_to_start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_processor");

#[tokio::test]
async fn a_missing_variable_stops_the_start_and_is_named_in_one_line() {
    refuses_to_start(PROGRAM, &[("STAGE", "dev")], "the variable DYNAMODB_TABLE_NAME is not set").await;
    let variables = [("STAGE", "dev"), ("DYNAMODB_TABLE_NAME", "messages")];
    refuses_to_start(PROGRAM, &variables, "the variable NTFY_URL is not set").await;
}

/// Its value is a secret.
#[tokio::test]
async fn a_wrong_topic_is_not_repeated() {
    let variables = [("STAGE", "dev"), ("DYNAMODB_TABLE_NAME", "messages"), ("NTFY_URL", "ftp://ntfy.sh/hush")];
    let reason = "the variable NTFY_URL is not valid: it must begin with https:// (http:// is only for this machine)";
    refuses_to_start(PROGRAM, &variables, reason).await;
}
