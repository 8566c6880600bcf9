//! Every input that the fuzzers found worth keeping runs through the same functions, as an ordinary test.

use std::path::Path;

use crate::fuzz;

/// Runs `target` on every file of its corpus.
fn run(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 20, "{} is not the corpus", folder.display());
    for file in files {
        let input = std::fs::read(&file).unwrap();
        let outcome = std::panic::catch_unwind(|| target(&input));
        assert!(outcome.is_ok(), "{name} fails on {}", file.display());
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
