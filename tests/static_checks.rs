//! A8: what the layout promises, checked on the sources: who reads the environment, and that planning never waits.

use std::fs;
use std::path::{Path, PathBuf};

fn extension() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => vec![],
        })
        .collect()
}

/// The code of a file: without comments, and without its unit tests, which are at the end.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
    lines.map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Whether `word` is in `code` as a separate word.
fn has_word(code: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(is_part)
            && !code[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

/// `file: word` for every file below `folder` that uses one of `words`.
fn uses(files: &[PathBuf], words: &[&str]) -> Vec<String> {
    let found = files.iter().flat_map(|path| {
        let code = code(path);
        let words = words.iter().filter(move |word| has_word(&code, word));
        words.map(move |word| format!("{}: {word}", path.display()))
    });
    found.collect()
}

#[test]
fn a8_only_config_reads_the_environment() {
    let config = extension().join("src/config.rs");
    let mut files = [sources(&extension().join("src")), sources(&extension().join("content/src"))].concat();
    assert!(files.contains(&config), "the check looks at the right folder");
    files.retain(|path| *path != config);
    assert_eq!(uses(&files, &["std::env", "env::var", "env::var_os", "env::vars", "env::vars_os", "var_os"]), [""; 0]);
}

#[test]
fn a8_config_reads_the_environment_where_the_check_can_see_it() {
    let config = vec![extension().join("src/config.rs")];
    assert!(!uses(&config, &["std::env", "env::vars", "env::vars_os", "env::var", "var_os"]).is_empty());
}

#[test]
fn a8_nobody_sets_the_environment() {
    let root = extension().parent().unwrap();
    let folders = ["extension/src", "extension/content/src", "wrapper/src", "local/src"];
    let files: Vec<_> = folders.iter().flat_map(|folder| sources(&root.join(folder))).collect();
    assert_eq!(uses(&files, &["set_var", "remove_var"]), [""; 0]);
}

#[test]
fn a8_planning_never_waits_and_knows_no_clock_and_no_io() {
    let content = extension().join("content/src");
    let mut files = sources(&content);
    assert!(files.contains(&content.join("offload.rs")) && files.contains(&content.join("hydrate.rs")));
    let waits = ["store", "signing"];
    files.retain(|path| {
        !waits.iter().any(|part| path.starts_with(content.join(part)) || *path == content.join(format!("{part}.rs")))
    });
    let forbidden = [
        "async",
        "await",
        "tokio",
        "std::time",
        "Instant",
        "SystemTime",
        "std::net",
        "std::fs",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
    ];
    assert_eq!(uses(&files, &forbidden), [""; 0]);
}

#[test]
fn a8_stores_never_parse() {
    let store = extension().join("content/src/store");
    let mut files = sources(&store);
    assert!(files.contains(&store.join("dynamodb.rs")));
    // What a container credentials endpoint answers is JSON; what the table answers the SDK parses.
    let credentials = store.join("dynamodb/protocol/credentials.rs");
    assert!(files.contains(&credentials));
    files.retain(|path| *path != credentials);
    assert_eq!(uses(&files, &["serde_json"]), [""; 0]);
}

#[test]
fn a8_the_check_sees_words_and_only_words() {
    assert!(has_word("use std::env;", "std::env") && has_word("async fn f()", "async"));
    assert!(!has_word("asynchronous", "async") && !has_word("my_async", "async"));
}
