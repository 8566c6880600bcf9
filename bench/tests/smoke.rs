//! The benchmark itself: that it measures what it says, not what comes out.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_lrap-bench");

/// A program that lies beside the benchmark.
fn beside(name: &str) -> PathBuf {
    let path = Path::new(BENCH).with_file_name(name);
    assert!(path.exists(), "cargo build --workspace --bins first: {} is missing", path.display());
    path
}

/// The report of a small part of the whole, with `extension` as a lane of that name.
fn report(extension: &Path, scenario: &str) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let ran = Command::new(BENCH)
        .args(["run", "--quick", "--pin", "one", "--scenario", scenario])
        .arg(format!("--extension=extension={}", extension.display()))
        .arg("--hello")
        .arg(beside("hello-extension"))
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap())
}

/// Lanes with their figures.
fn measurements(report: &Value) -> impl Iterator<Item = (&str, &Value)> {
    report["measurements"].as_array().unwrap().iter().map(|one| (one["lane"].as_str().unwrap(), &one["figures"]))
}

#[test]
fn every_lane_is_measured_in_every_scenario() {
    let report = report(&beside("lrap-extension"), "passthrough/1KiB").unwrap();
    let lanes: Vec<_> = measurements(&report).map(|(lane, _)| lane).collect();
    assert_eq!(lanes, ["direct", "relay", "splice", "gather", "extension"].repeat(2));
    for (lane, figures) in measurements(&report) {
        assert!(figures["total_p50_us"].as_f64().unwrap() > 0.0, "{lane}: {figures}");
        assert_eq!(
            figures["cpu_us"].as_f64().is_some_and(|micros| micros > 0.0),
            lane != "direct",
            "{lane}: {figures}"
        );
    }
}

#[test]
fn the_first_offload_of_a_process_is_measured_at_both_latencies() {
    let report = report(&beside("lrap-extension"), "start").unwrap();
    for (lane, figures) in measurements(&report) {
        assert!(figures["polled_p50_us"].as_f64().unwrap() > 0.0, "{lane}: {figures}");
        for offload in ["first_offload_p50_us", "later_offload_p50_us", "paused_offload_p50_us"] {
            let micros = figures[offload].as_f64();
            assert_eq!(micros.is_some_and(|micros| micros > 0.0), lane != "hello", "{lane}: {figures}");
        }
    }
    let rows = report["acceptance"].as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap());
    let first: Vec<_> = rows.filter(|what| what.contains("first offload")).collect();
    let to = |delay| {
        ["those that follow at once", "one after a pause as long as before the first"]
            .map(|to| format!("start/{delay}: first offload, compared with {to}"))
    };
    assert_eq!(first, ["0ms", "5ms"].map(to).concat());
}

#[test]
fn an_extension_that_does_not_start_is_an_error() {
    assert!(report(Path::new("/nowhere/lrap"), "passthrough/1KiB").unwrap_err().contains("/nowhere/lrap"));
}

#[test]
fn a_neighbour_is_measured_alone_and_beside_claims() {
    let report = report(&beside("lrap-extension"), "neighbour").unwrap();
    let lanes: Vec<_> = measurements(&report).map(|(lane, _)| lane).collect();
    assert_eq!(lanes, ["extension, alone", "extension"]);
    assert!(measurements(&report).all(|(_, figures)| figures["total_p99_us"].as_f64().unwrap() > 0.0));
}

#[test]
fn both_stores_are_measured_at_both_latencies() {
    let ran = Command::new(BENCH).args(["stores", "--times", "1"]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let table = String::from_utf8(ran.stdout).unwrap();
    let rows: Vec<Vec<_>> = table.lines().skip(2).map(|row| row.split(['|', ',']).map(str::trim).collect()).collect();
    assert_eq!(rows.len(), 10, "{table}");
    for row in rows {
        let away: f64 = row[2].trim_end_matches(" ms").parse().unwrap();
        let figures = row[3..7].iter().map(|cell| cell.trim_end_matches(" ms").parse::<f64>().unwrap());
        assert!(figures.into_iter().all(|took| took >= away), "{row:?}");
    }
}
