//! Every input that the fuzzers found worth keeping runs through the same functions, as an ordinary test.

use test_kit::corpus::inputs;

use crate::fuzz;

/// Runs `target` on every input of its corpus.
fn run(name: &str, target: fn(&[u8])) {
    for input in inputs(name, 20) {
        let outcome = std::panic::catch_unwind(|| target(&input));
        assert!(outcome.is_ok(), "{name} fails on {}", input.escape_ascii());
    }
}

#[test]
fn scan() {
    run("scan", fuzz::scan);
}

#[test]
fn hydrate() {
    run("hydrate", fuzz::hydrate);
}

#[test]
fn sizes() {
    run("sizes", fuzz::sizes);
}

#[test]
fn offload() {
    run("offload", fuzz::offload);
}

#[test]
fn reference() {
    run("reference", fuzz::reference);
}
