//! Where the command line is the user's own: the Dockerfile of `docs/living-with/containers.md`, carried out without a
//! container, and the `bootstrap` of `layer/README.md`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use lambda_local::FunctionConfig;
use serde_json::json;
use tempfile::TempDir;

use super::assert_is_reference;
use super::stage::{Stage, Subject, built, layer, python, source, variable};

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

/// The image's `/opt`: the page's command unpacks the layer's zip into the build context, its `COPY` puts that in place.
fn opt() -> TempDir {
    let (layer, context, opt) = (layer(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let zip = context.path().join("target/layer/lrap-x86_64.zip");
    fs::create_dir_all(zip.parent().unwrap()).unwrap();
    let python = variable("LRAP_TEST_PYTHON");
    run(Command::new(python).current_dir(&layer).args(["-m", "zipfile", "-c"]).arg(&zip).arg("extensions"));
    let unzip = PAGE.lines().find(|line| line.starts_with("unzip ")).unwrap();
    run(Command::new("sh").current_dir(&context).args(["-c", unzip]));
    let copied: Vec<_> = instructions("COPY").iter().filter_map(|copy| copy.strip_suffix(" /opt/")).collect();
    assert_eq!(copied, ["layer/"]);
    run(Command::new("cp")
        .args(["--recursive", "--preserve=mode"])
        .arg(context.path().join("layer/."))
        .arg(opt.path()));
    opt
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
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
    let image = function(opt.path());
    let mut sandbox = Stage::of(opt, [(Subject::Python, image)], &[]).await;
    let state = sandbox.answer(Subject::Python, json!({ "do": "grow", "bytes": 300_000 })).await;
    assert_is_reference(&state["text"]);
    sandbox.assert_arrives(Subject::Python, &state["text"], &"x".repeat(300_000)).await;
    sandbox.assert_proxied(1);
}

#[tokio::test]
async fn the_bootstrap_of_the_page_goes_through_the_wrapper() {
    let (layer, folder) = (layer(), tempfile::tempdir().unwrap());
    let page = include_str!("../../layer/README.md");
    let (_, bootstrap) = page.split_once("```sh\n#!/bin/sh").and_then(|(_, rest)| rest.split_once('\n')).unwrap();
    let bootstrap = bootstrap.split("```").next().unwrap().replace("/opt/", &format!("{}/", layer.path().display()));
    let path = folder.path().join("bootstrap");
    fs::write(&path, format!("#!/bin/sh\n{bootstrap}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(built("runtime-rust"), folder.path().join("my-binary")).unwrap();

    let function = FunctionConfig { directory: folder.path().to_owned(), ..FunctionConfig::default() };
    // That program finds the proxy by itself when the first variable is set; the second names the processes of this layer.
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", ""), ("LAYER", "/opt/extensions")];
    let mut sandbox = Stage::of(layer, [(Subject::Rust, function)], &variables).await;
    assert_eq!(sandbox.answer(Subject::Rust, json!({ "still": "there" })).await, json!({ "still": "there" }));
    sandbox.assert_proxied(1);
}
