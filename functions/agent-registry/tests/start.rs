//! The real program without its variables.

use test_kit::refuses_to_start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_agent-registry");

#[tokio::test]
async fn a_missing_variable_stops_the_start_and_is_named_in_one_line() {
    let variables = [("TOOL_REGISTRY_TABLE_NAME", "tools"), ("STAGE", "dev")];
    refuses_to_start(PROGRAM, &variables, "the variable AGENT_REGISTRY_TABLE_NAME is not set").await;
}
