//! Commands of pages, run in a shell as they are there.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use super::pages::{named, root};
use test_kit::extension::tool;
use test_kit::{World, json};

/// A shell that knows the tool under its name, the stand-in for the AWS CLI, and what else is on this machine.
#[expect(clippy::disallowed_methods, reason = "what this machine has is the test run's business, not the extension's")]
fn shell(script: &str, folder: &Path) -> Command {
    let tool = tool().canonicalize().unwrap().parent().unwrap().to_owned();
    let ours = [root().join("tests/documentation"), tool];
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder).env_clear().env("PATH", path);
    command
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat()
}

/// Of every page that shows what comes out: `docs/cli.md`.
#[test]
fn the_examples_say_what_they_show() {
    let examples: Vec<_> = super::pages::all().iter().flat_map(|page| page.blocks_of("console")).collect();
    assert!(examples.len() >= 2, "{} examples", examples.len());
    for example in examples {
        let (line, shown) = example.split_once('\n').unwrap();
        let output = shell(line.strip_prefix("$ ").expect("a command line"), root()).output().unwrap();
        let said = said(&output);
        let unindented: Vec<_> = said.lines().map(str::trim_start).collect();
        similar_asserts::assert_eq!(unindented.join("\n"), shown, "{}", line);
    }
}

/// The commands of `docs/cli.md` one after the other, as an operator types them: credentials from the AWS CLI, then what the
/// output of a workflow holds. The AWS CLI is a stand-in (`documentation/aws`); the tool and `jq` are real.
#[tokio::test]
async fn the_commands_of_the_tools_page_find_what_a_state_holds() {
    let mut world = World::start().with_table().await;
    let content = json::text(9_000);
    let left = world.respond(json!({ "text": content }).to_string()).await.text();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("output.json"), left).unwrap();
    std::fs::write(folder.path().join("report.txt"), &content).unwrap();

    let script = named("docs/cli.md").blocks_of("sh").join("\n");
    let mut typed = shell(&script, folder.path());
    typed.env("AWS_REGION", "eu-central-1").env("AWS_ENDPOINT_URL_DYNAMODB", world.table().endpoint());
    typed.env("AGENT_CONTEXT_TABLE", world.table().name());
    typed.env("MACHINE", "arn:aws:states:eu-central-1:123456789012:stateMachine:book");
    typed.env("ARN", "arn:aws:states:eu-central-1:123456789012:execution:book:1").env("HOME", folder.path());
    let output = tokio::task::spawn_blocking(move || typed.output().unwrap()).await.unwrap();

    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("ok"), "verify found it: {}", said(&output));
    assert_eq!(std::fs::read_to_string(folder.path().join("text.txt")).unwrap(), content);
    let input = std::fs::read_to_string(folder.path().join("input.json")).unwrap();
    assert!(input.starts_with(r#"{"document": "@content:1:"#), "{input}");
    assert_eq!(world.deliver(input).await.text(), format!("{{\"document\": {}}}", json::quote(&content)));
}

/// Of `functions/README.md` what begins with `start`, but for what begins with `except`.
fn of_functions(start: &str, except: &str) -> String {
    let commands: Vec<_> = named("functions/README.md").blocks().iter().flat_map(super::Block::commands).collect();
    let wanted = commands.into_iter().filter(|command| command.starts_with(start) && !command.starts_with(except));
    wanted.collect::<Vec<_>>().join("\n")
}

#[test]
fn functions_are_packaged_as_their_page_says() {
    let output = shell(&of_functions("make package-", "make package-functions"), root()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    for name in ["spec3-mcp", "document-splitter", "llm-models"] {
        let zip = format!("target/functions/{name}.zip");
        assert!(said(&output).contains(&zip) && root().join(&zip).is_file(), "{}", said(&output));
    }
}

/// Every model becomes an item of the table; the stand-in says what it was given.
#[test]
fn models_are_put_as_the_page_of_functions_says() {
    let output = shell(&of_functions("jq ", "make "), root()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let models = std::fs::read(root().join("functions/llm-models/src/llm/models.json")).unwrap();
    let models: Vec<serde_json::Value> = serde_json::from_slice(&models).unwrap();
    let put: Vec<serde_json::Value> = said(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!models.is_empty() && put == models, "{put:?}");
}
