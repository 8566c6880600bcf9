//! The benchmark itself: that it measures what it says, not what comes out.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_lrap-bench");

/// The report of a small part of the whole, with `extension` as a lane of that name.
fn report(extension: &Path) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let ran = Command::new(BENCH)
        .args(["run", "--quick", "--pin", "one", "--scenario", "passthrough/1KiB"])
        .arg(format!("--extension=extension={}", extension.display()))
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap())
}

#[test]
fn every_lane_is_measured_in_every_scenario() {
    let extension = Path::new(BENCH).with_file_name("lrap");
    assert!(extension.exists(), "cargo build -p lrap first: {} is missing", extension.display());
    let report = report(&extension).unwrap();
    let measurements = report["measurements"].as_array().unwrap();
    let lanes: Vec<_> = measurements.iter().map(|one| one["lane"].as_str().unwrap()).collect();
    assert_eq!(lanes, ["direct", "relay", "splice", "gather", "extension"].repeat(2));
    for one in measurements {
        let figures = &one["figures"];
        assert!(figures["total_p50_us"].as_f64().unwrap() > 0.0, "{one}");
        assert_eq!(figures["cpu_us"].as_f64().is_some_and(|micros| micros > 0.0), one["lane"] != "direct", "{one}");
    }
}

#[test]
fn an_extension_that_does_not_start_is_an_error() {
    assert!(report(Path::new("/nowhere/lrap")).unwrap_err().contains("/nowhere/lrap"));
}
