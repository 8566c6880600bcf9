//! Packaging refuses a program with the feature `test-endpoints` by the text that it contains. This crate's own tests have the
//! feature, or have not: both are built by the gate.

/// Part of every binary that has the feature `test-endpoints` and uses a [`Network`](crate::Network), and in no other.
pub const ENDPOINTS_MARKER: &str = "http-guard:test-endpoints";

#[cfg(test)]
mod tests {
    #[cfg(feature = "test-endpoints")]
    use super::ENDPOINTS_MARKER;
    use crate::network::Network;

    /// Put together here: with the whole text here, every program would contain it.
    fn marker() -> String {
        ["http-guard", "test-endpoints"].join(":")
    }

    #[test]
    fn the_marker_stands_in_a_program_with_the_feature_and_in_no_other() {
        let network = Network::from_variables(|_| None);
        assert!(network.is_ok(), "a network is part of this program");
        let program = std::env::current_exe().and_then(std::fs::read).expect("this program");
        let marker = marker();
        let is_marked = program.windows(marker.len()).any(|bytes| bytes == marker.as_bytes());
        assert_eq!(is_marked, cfg!(feature = "test-endpoints"));
    }

    #[cfg(feature = "test-endpoints")]
    #[test]
    fn the_marker_is_what_is_looked_for() {
        assert_eq!(ENDPOINTS_MARKER, marker());
        let error = Network::from_variables(|_| Some("nonsense".to_owned())).expect_err("no entry").to_string();
        assert!(error.starts_with("TEST_ENDPOINTS: ") && error.contains(ENDPOINTS_MARKER), "{error}");
    }
}
