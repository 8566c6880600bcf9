//! One provider of cryptography: with two, rustls panics at the first connection of a program that has chosen none.

use serde_json::Value;
use std::process::Command;

/// What rustls calls the providers that are not ours, and what chooses one of them.
const OTHERS: [&str; 4] = ["aws-lc-rs", "aws_lc_rs", "fips", "prefer-post-quantum"];

#[test]
fn rustls_has_ring_and_no_other_provider() {
    let mut cargo = Command::new(env!("CARGO"));
    // Of the whole workspace, wherever in it this is run.
    cargo.args(["metadata", "--format-version=1", "--offline", "--all-features"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let metadata: Value = serde_json::from_slice(&cargo.output().expect("cargo").stdout).expect("JSON");
    let nodes = metadata["resolve"]["nodes"].as_array().expect("packages");
    let of_rustls = nodes.iter().filter(|node| node["id"].as_str().is_some_and(|id| id.contains("#rustls@")));
    let features: Vec<Vec<&str>> = of_rustls
        .map(|node| node["features"].as_array().expect("features").iter().filter_map(Value::as_str).collect())
        .collect();
    assert!(!features.is_empty(), "rustls is looked for under its own name");
    for features in features {
        assert!(features.contains(&"ring"), "{features:?}");
        assert!(!features.iter().any(|feature| OTHERS.contains(feature)), "{features:?}");
    }
}
