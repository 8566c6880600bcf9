//! The functions that are zips of their source (`functions/`), as `functions/package` makes those zips and as their templates
//! configure them, behind the layer: what `make package-python-consumer` and `make package-node-consumer` are for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lambda_local::FunctionConfig;
use serde_json::{Value, json};

use super::stage::{Stage, Subject, node, python, variable};
use super::{assert_is_reference, odd_text};

fn functions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions")
}

/// The MCP server of row S3-04.
pub(super) fn mcp(folder: &Path) -> FunctionConfig {
    let mut function = as_deployed("spec3-mcp", folder, python);
    function.environment.insert("STAGE".to_owned(), "dev".to_owned());
    function
}

/// The function that cuts documents.
pub(super) fn splitter(folder: &Path) -> FunctionConfig {
    as_deployed("document-splitter", folder, node)
}

/// The example of a tool in Python.
pub(super) fn word_counter(folder: &Path) -> FunctionConfig {
    as_deployed("word-counter", folder, python)
}

/// The example of a tool in Node.js.
pub(super) fn sentence_counter(folder: &Path) -> FunctionConfig {
    as_deployed("sentence-counter", folder, node)
}

/// A function from its zip, with the handler, the memory and the time of its template.
fn as_deployed(name: &str, folder: &Path, runtime: fn(&Path, &str) -> FunctionConfig) -> FunctionConfig {
    let template = fs::read_to_string(functions().join(format!("stacks/{name}.yaml"))).unwrap();
    let property = |name: &str| {
        let mut lines = template.lines().filter_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(": "));
        lines.next().unwrap_or_else(|| panic!("the template has no {name}")).to_owned()
    };
    let timeout = Duration::from_secs(property("Timeout").parse().unwrap());
    let memory = property("MemorySize").parse().unwrap();
    FunctionConfig { timeout, memory, ..runtime(&unpacked(name, folder), &property("Handler")) }
}

/// What is in a function's zip, unpacked.
fn unpacked(name: &str, folder: &Path) -> PathBuf {
    let (zip, code) = (folder.join(format!("{name}.zip")), folder.join(name));
    run(Command::new(variable("LRAP_TEST_PYTHON"))
        .arg(functions().join("package"))
        .arg(functions().join(name))
        .arg(&zip));
    run(Command::new(variable("LRAP_TEST_PYTHON")).args(["-m", "zipfile", "-e"]).args([&zip, &code]));
    code
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Has the document of this content read behind the layer: the state of a workflow, which holds a reference in place of it.
async fn read(lambda: &mut Stage, content: &str) -> Value {
    fs::write(lambda.documents.path().join("report.txt"), content).unwrap();
    let state = lambda.answer(Subject::Reader, json!({ "path": "report.txt" })).await;
    assert_is_reference(&state["text"]);
    state
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

/// The text that a tool answered with.
fn result(answer: &Value) -> &Value {
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(7), &Value::Null), "{answer}");
    &answer["result"]["content"][0]["text"]
}

#[tokio::test]
async fn s3_04_the_python_function_is_given_and_gives_long_texts() {
    let mut lambda = Stage::with(&[Subject::Reader, Subject::Mcp, Subject::Python]).await;
    let document = format!("{}\nthe one line\n{}", odd_text(400_000), odd_text(200_000));
    let text = read(&mut lambda, &document).await["text"].clone();

    let found =
        lambda.answer(Subject::Mcp, call("search_text", &json!({ "text": text, "query": "the one line" }))).await;
    let line = document.split('\n').position(|line| line == "the one line").unwrap() + 1;
    assert_eq!(result(&found), &json!(format!("{line}: the one line")), "a short answer stays as it is");

    let changed = call("replace_text", &json!({ "text": text, "old": "the one line", "new": "another one" }));
    let changed = lambda.answer(Subject::Mcp, changed).await;
    assert_is_reference(result(&changed));
    let expected = document.replace("the one line", "another one");
    lambda.assert_arrives(Subject::Python, result(&changed), &expected).await;
    lambda.assert_proxied(3);
}

#[tokio::test]
async fn s3_04_beside_it_the_function_for_the_node_client_is_given_and_gives_long_texts() {
    let mut lambda = Stage::with(&[Subject::Reader, Subject::Splitter, Subject::Python]).await;
    let document = odd_text(500_000);
    let mut state = read(&mut lambda, &document).await;
    state["max_bytes"] = json!(120_000);

    let answer = lambda.answer(Subject::Splitter, state).await;
    let mut rest = document.as_str();
    for part in answer["parts"].as_array().unwrap() {
        assert_is_reference(&part["text"]);
        let (text, after) = rest.split_at(usize::try_from(part["bytes"].as_u64().unwrap()).unwrap());
        assert!(text.len() <= 120_000, "{part}");
        lambda.assert_arrives(Subject::Python, &part["text"], text).await;
        rest = after;
    }
    assert_eq!((rest, answer["parts"].as_array().unwrap().len() >= 5), ("", true));
    lambda.assert_proxied(3);
}

/// What a tool returns for a document that the state holds by reference, and for a call that is wrong.
async fn called(subject: Subject, name: &str, document: &str, more: &Value) -> (Value, Value) {
    let mut lambda = Stage::with(&[Subject::Reader, subject]).await;
    let mut input = more.clone();
    input["text"] = read(&mut lambda, document).await["text"].clone();
    let right = lambda.answer(subject, json!({ "name": name, "id": "tu_1", "input": input })).await;
    let wrong = lambda.answer(subject, json!({ "name": name, "id": "tu_2", "input": { "test": 1 } })).await;
    lambda.assert_proxied(2);
    (right, wrong)
}

#[tokio::test]
async fn a_tool_in_python_is_given_a_long_text_in_place_of_its_reference() {
    let document = format!("{} Reactor, reactor.", odd_text(400_000));
    let (right, wrong) = called(Subject::WordCounter, "count_word", &document, &json!({ "word": "reactor" })).await;
    assert_eq!(right, json!({ "type": "tool_result", "name": "count_word", "tool_use_id": "tu_1", "content": "2" }));
    assert_eq!(wrong["is_error"], true);
    assert_eq!(wrong["content"], "`text` is missing; `word` is missing; `test` is not a parameter of this tool");
}

#[tokio::test]
async fn a_tool_for_the_node_client_is_given_a_long_text_in_place_of_its_reference() {
    let document = "It is said. It is dry. ".repeat(10_000);
    let (right, wrong) = called(Subject::SentenceCounter, "count_sentences", &document, &json!({})).await;
    assert_eq!(right["content"], "20000");
    assert_eq!((&wrong["is_error"], &wrong["tool_use_id"]), (&json!(true), &json!("tu_2")));
}

#[test]
fn the_templates_of_the_examples_register_what_the_tools_describe() {
    for (name, tool) in [("word-counter", described_in_python()), ("sentence-counter", described_in_node())] {
        let template = fs::read_to_string(functions().join(format!("stacks/{name}.yaml"))).unwrap();
        let (schema, description) = (&tool["input_schema"], tool["description"].as_str().unwrap());
        let registered = template.lines().find_map(|line| line.trim_start().strip_prefix("input_schema: "));
        let registered: Value = serde_json::from_str(registered.unwrap().trim_matches('\'')).unwrap();
        assert_eq!(
            (&registered, template.contains(&format!("description: '{description}'"))),
            (schema, true),
            "{name}"
        );
        assert!(template.contains(&format!("tool_name: {}\n", tool["tool_name"].as_str().unwrap())), "{name}");
    }
}

/// The first tool that a program prints.
fn first(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()[0].take()
}

fn described_in_python() -> Value {
    let mut command = Command::new(variable("LRAP_TEST_PYTHON"));
    command.args(["-m", "lrap_tools", "count_word"]).current_dir(functions().join("word-counter/src"));
    first(command.env("PYTHONPATH", functions().join("lrap-tools/python/src")).env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// From the zip, because Node finds packages by where a module is.
fn described_in_node() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let code = unpacked("sentence-counter", folder.path());
    let describe = code.join("node_modules/lrap-tools/src/describe.mjs");
    first(Command::new("node").arg(describe).arg(code.join("count_sentences.mjs")))
}
