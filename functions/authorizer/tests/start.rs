//! The real program without its variables.

use test_kit::refuses_to_start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_authorizer");

#[tokio::test]
async fn without_a_way_in_the_function_does_not_start_and_says_so_in_one_line() {
    let reason = "set the variable AUTHORIZER_KEYS_SECRET or JWT_JWKS_URL: without both, no request is authorized";
    refuses_to_start(PROGRAM, &[("STAGE", "dev")], reason).await;
}
