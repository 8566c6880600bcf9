//! The page of `lambda-local` (`local/README.md`), done as it says: its configuration, its command, and what it says to paste.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::assert_is_reference;
use super::stage::{built, layer, source, variable};
use test_kit::json::noise;
use test_kit::soon;

const PAGE: &str = include_str!("../../local/README.md");

/// The line of the page that begins with `command`.
fn typed(command: &str) -> &'static str {
    PAGE.lines().find(|line| line.starts_with(command)).unwrap_or_else(|| panic!("the page has no {command}"))
}

/// A folder that looks like this repository after a release build, with the configuration of the page.
fn checkout(layer: &TempDir) -> TempDir {
    let checkout = tempfile::tempdir().unwrap();
    let (root, release) = (checkout.path(), checkout.path().join("target/release"));
    fs::create_dir_all(&release).unwrap();
    let reader = "functions/document-reader/document_reader.py";
    fs::create_dir_all(root.join(reader).parent().unwrap()).unwrap();
    fs::copy(source(reader), root.join(reader)).unwrap();
    symlink(layer.path(), release.join("layer")).unwrap();
    for program in ["lambda-local", "document-analyser"] {
        symlink(built(program), release.join(program)).unwrap();
    }
    let configuration = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    // Its state machines need a separate interpreter, and are optional.
    let (functions, _) = configuration.split_once("[step_functions]").unwrap();
    fs::write(root.join("lambda-local.toml"), functions).unwrap();
    checkout
}

/// A shell in which `python3` has the runtime client, and `aws` is a stand-in for the AWS CLI.
#[expect(clippy::disallowed_methods, reason = "what this machine has is the test run's business, not the extension's")]
fn shell(script: &str, folder: &Path) -> Command {
    let python = Path::new(&variable("LRAP_TEST_PYTHON")).parent().unwrap().to_owned();
    let inherited = std::env::var_os("PATH").unwrap();
    let path = [source("tests/documentation"), python].into_iter().chain(std::env::split_paths(&inherited));
    let mut command = Command::new("bash");
    command.args(["-euc", script]).current_dir(folder).env_clear().env("PATH", std::env::join_paths(path).unwrap());
    command.kill_on_drop(true);
    command
}

/// Starts the tool; what it says to paste.
async fn serving(checkout: &TempDir) -> (Child, String) {
    // Not at the port that everybody else's would take.
    let script = format!("exec {} --listen 127.0.0.1:0", typed("target/release/lambda-local"));
    let mut tool = shell(&script, checkout.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tool.stdout.take().unwrap()).lines();
    let mut pasted = String::new();
    while let Some(line) = soon("its banner", lines.next_line()).await.unwrap() {
        if line.starts_with("Ctrl-C") {
            break;
        }
        pasted.extend(line.trim_start().starts_with("export ").then(|| line + "\n"));
    }
    (tool, pasted)
}

#[tokio::test]
async fn lambda_local_does_what_its_page_says() {
    let layer = layer();
    let checkout = checkout(&layer);
    fs::create_dir(checkout.path().join("docs")).unwrap();
    fs::write(checkout.path().join("docs/guide.md"), noise(50_000, 3)).unwrap();
    let (mut tool, pasted) = serving(&checkout).await;

    let invoke = format!("{pasted}{}\n{}", typed("echo '{"), typed("aws lambda invoke"));
    let output = soon("the invocation", shell(&invoke, checkout.path()).output()).await.unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["document"]["name"], "guide.md", "{answer}");
    assert_is_reference(&answer["text"]);

    let process = tool.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().await.unwrap().success());
    assert!(soon("its end", tool.wait()).await.unwrap().success());
}
