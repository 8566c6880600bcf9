//! Packaging refuses a program with the feature `test-endpoints`: the marker stands in it. `src/endpoints.rs` has the
//! other half.

use http_guard::{ENDPOINTS_MARKER, Network};

#[test]
fn a_program_with_test_endpoints_holds_the_marker() {
    let error = Network::from_variables(|_| Some("nonsense".to_owned())).expect_err("no entry");
    assert!(error.to_string().contains(ENDPOINTS_MARKER), "{error}");
    assert!(error.to_string().starts_with("TEST_ENDPOINTS: "), "{error}");
}
