//! The layer inside of a container image: the Dockerfile of `docs/living-with/containers.md`, carried out without a container.

use std::fs;
use std::path::Path;
use std::process::Command;

use lambda_local::FunctionConfig;
use serde_json::json;
use tempfile::TempDir;

use super::assert_is_reference;
use super::stage::{Stage, Subject, layer, python, source, variable};

const PAGE: &str = include_str!("../../docs/living-with/containers.md");

/// What the page's last Dockerfile says after `word`, for each of its lines that begin with it.
fn instructions(word: &str) -> Vec<&'static str> {
    let dockerfile = PAGE.rsplit("```dockerfile\n").next().and_then(|rest| rest.split("```").next()).unwrap();
    let lines = dockerfile.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    lines.collect()
}

/// The words of an instruction in its JSON form.
fn words(instruction: &str) -> Vec<String> {
    serde_json::from_str(instructions(instruction)[0]).unwrap()
}

/// The image's `/opt`, made by the page's `COPY` of a build context that has the layer in `layer/`.
fn opt() -> TempDir {
    let (context, opt) = (layer(), tempfile::tempdir().unwrap());
    let copied: Vec<_> = instructions("COPY").iter().filter_map(|copy| copy.strip_suffix(" /opt/")).collect();
    assert_eq!(copied, ["layer/"]);
    let copy = Command::new("cp")
        .args(["--recursive", "--dereference"])
        .arg(context.path().join("."))
        .arg(opt.path())
        .status();
    assert!(copy.unwrap().success());
    opt
}

/// The function: nothing but the image's entry point, which the image's own Lambda does not change.
fn function(opt: &Path) -> FunctionConfig {
    let [command, handler] = [words("ENTRYPOINT"), words("CMD")];
    let command = command.into_iter().map(|word| match word.strip_prefix("/opt/") {
        Some(path) => opt.join(path).to_str().unwrap().to_owned(),
        None if word == "python" => variable("LRAP_TEST_PYTHON"),
        None => word,
    });
    let command = Some(command.collect());
    let handler = Some(handler[0].replace("app.", "subject."));
    FunctionConfig { command, handler, managed: Some(false), ..python(&source("tests/runtimes/python"), "") }
}

#[tokio::test]
async fn the_image_of_the_page_runs_through_its_entry_point() {
    let opt = opt();
    assert!(fs::metadata(opt.path().join("extensions/lrap")).is_ok());
    let image = function(opt.path());
    let mut sandbox = Stage::of(opt, [(Subject::Python, image)], &[]).await;
    let state = sandbox.answer(Subject::Python, json!({ "do": "grow", "bytes": 300_000 })).await;
    assert_is_reference(&state["text"]);
    sandbox.assert_arrives(Subject::Python, &state["text"], &"x".repeat(300_000)).await;
    sandbox.assert_proxied(1);
}
