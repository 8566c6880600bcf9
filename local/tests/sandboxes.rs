//! Processes: extensions, environment, wrapper, shutdown, and that nothing is left behind.

use crate::stage::{self, Stage, document, function, is_running, layer, with_layer};
use lambda_local::FunctionConfig;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test]
async fn extensions_register_see_invocations_and_get_shutdown() {
    let layer = layer(&["watcher"]);
    let mut stage = Stage::with(with_layer(&layer, &[])).await;
    stage.response(&json!({})).await;
    let registered = stage.line("registered 200").await;
    assert_eq!(registered.source, "watcher");
    assert!(registered.text.contains("\"functionName\":\"f\""), "{registered}");
    stage.line("event INVOKE").await;
    let started = Instant::now();
    stage.lambda.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(2), "an extension that ends at once is not waited for");
    let mut texts = Vec::new();
    while let Ok(line) = stage.lines.try_recv() {
        texts.push(line.text);
    }
    assert!(texts.contains(&"event SHUTDOWN spindown".to_owned()), "{texts:?}");
}

#[tokio::test]
async fn an_extension_that_stays_is_killed_after_two_seconds() {
    let layer = layer(&["stubborn"]);
    let stage = Stage::with(with_layer(&layer, &[("EXTENSION", "stays")])).await;
    stage.response(&json!({})).await;
    let started = Instant::now();
    stage.lambda.shutdown().await;
    let took = started.elapsed();
    assert!((Duration::from_millis(1900)..Duration::from_secs(4)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn extensions_not_registered_for_invoke_do_not_see_it() {
    let layer = layer(&["quiet"]);
    let mut stage = Stage::with(with_layer(&layer, &[("EVENTS", "SHUTDOWN")])).await;
    stage.response(&json!({})).await;
    stage.lambda.shutdown().await;
    while let Ok(line) = stage.lines.try_recv() {
        assert!(!line.text.contains("event INVOKE"), "{line}");
    }
}

#[tokio::test]
async fn a_timeout_is_the_reason_that_extensions_see() {
    let layer = layer(&["watcher"]);
    let function = FunctionConfig { timeout: Duration::from_millis(300), ..with_layer(&layer, &[]) };
    let mut stage = Stage::with(function).await;
    stage.invoke(&json!({ "do": "sleep" })).await;
    stage.line("event SHUTDOWN timeout").await;
}

#[tokio::test]
async fn an_extensions_init_error_is_the_invocations() {
    let layer = layer(&["broken"]);
    let stage = Stage::with(with_layer(&layer, &[("EXTENSION", "error")])).await;
    let output = stage.invoke(&json!({})).await;
    assert_eq!(output.function_error(), Some("Unhandled"));
    let expected = json!({ "errorType": "Extension.ConfigInvalid", "errorMessage": "port 9009 is taken" });
    assert_eq!(document(&output), expected);
}

#[tokio::test]
async fn an_extension_that_crashes_is_replaced_with_its_sandbox() {
    let layer = layer(&["fragile"]);
    let stage = Stage::with(with_layer(&layer, &[("EXTENSION", "crashes")])).await;
    // The response was given before or after the crash; both are the first sandbox's last.
    let first = stage.invoke(&json!({ "do": "pid" })).await;
    let second = stage.invoke(&json!({ "do": "pid" })).await;
    assert_ne!(document(&first), document(&second));
}

#[tokio::test]
async fn only_executable_files_directly_in_extensions_are_started() {
    let layer = layer(&["one"]);
    let folder = layer.path().join("extensions");
    fs::create_dir(folder.join("a-folder")).unwrap();
    fs::copy(stage::handler("extension.py"), folder.join("a-folder/two")).unwrap();
    fs::write(folder.join("notes.txt"), "not executable").unwrap();
    let mut stage = Stage::with(with_layer(&layer, &[])).await;
    stage.response(&json!({})).await;
    stage.lambda.shutdown().await;
    let mut sources = Vec::new();
    while let Ok(line) = stage.lines.try_recv() {
        sources.push(line.source);
    }
    assert!(sources.contains(&"one".to_owned()));
    assert!(sources.iter().all(|source| ["one", "runtime", "platform"].contains(&source.as_str())), "{sources:?}");
}

#[tokio::test]
async fn processes_have_lambdas_environment_and_not_ours() {
    let stage = Stage::with(FunctionConfig { memory: 512, handler: Some("a.b".into()), ..function() }).await;
    let environment = stage.response(&json!({ "do": "env" })).await;
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("_HANDLER", "a.b"),
        ("TZ", ":UTC"),
        ("LAMBDA_TASK_ROOT", stage.folder.path().to_str().unwrap()),
        ("AWS_ENDPOINT_URL_DYNAMODB", &stage.lambda.table().endpoint()),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    assert!(environment["AWS_ACCESS_KEY_ID"].is_string());
    assert!(environment["CARGO_MANIFEST_DIR"].is_null(), "the test's own environment is not inherited");
    assert!(environment["LRAP_LISTENER_PORT"].is_null(), "without extensions there is no proxy");
    let arguments = stage.response(&json!({ "do": "arguments" })).await;
    assert_eq!(arguments, json!({ "arguments": ["a.b"], "directory": stage.folder.path() }));
}

#[tokio::test]
async fn concurrent_sandboxes_have_a_proxy_port_each() {
    let layer = layer(&["proxy"]);
    let stage = Stage::with(with_layer(&layer, &[])).await;
    let fifo = stage.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let meet = |mode: &str| json!({ "do": "meet", "fifo": fifo, "mode": mode });
    let (read, write) = (meet("r"), meet("w"));
    tokio::join!(stage.response(&read), stage.response(&write));
    stage.lambda.shutdown().await;
    let mut lines = stage.lines;
    let mut ports = Vec::new();
    while let Ok(line) = lines.try_recv() {
        ports.extend(line.text.strip_prefix("port ").map(|port| port.parse::<u16>().unwrap()));
    }
    assert_eq!(ports.len(), 2);
    assert_ne!(ports[0], ports[1]);
}

/// A layer whose wrapper leaves a mark in the runtime's environment.
fn layer_with_wrapper() -> tempfile::TempDir {
    let layer = layer(&[]);
    let folder = layer.path().join("extensions/lrap-wrapper");
    fs::create_dir(&folder).unwrap();
    let wrapper = folder.join("wrapper");
    fs::write(&wrapper, "#!/bin/sh\nWRAPPED=yes exec \"$@\"\n").unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    layer
}

#[tokio::test]
async fn a_managed_runtime_is_started_through_the_wrapper_and_an_os_only_one_is_not() {
    let layer = layer_with_wrapper();
    for (managed, expected) in [(true, json!("yes")), (false, json!(null))] {
        let wrapper = [("AWS_LAMBDA_EXEC_WRAPPER", "/opt/extensions/lrap-wrapper/wrapper")];
        let function = FunctionConfig { managed: Some(managed), ..with_layer(&layer, &wrapper) };
        let stage = Stage::with(function).await;
        let environment = stage.response(&json!({ "do": "env" })).await;
        assert_eq!(environment["WRAPPED"], expected);
        let path = layer.path().join("extensions/lrap-wrapper/wrapper");
        assert_eq!(environment["AWS_LAMBDA_EXEC_WRAPPER"], path.to_str().unwrap());
    }
}

#[tokio::test]
async fn an_unused_sandbox_is_shut_down() {
    let layer = layer(&["watcher"]);
    let function = FunctionConfig { idle_timeout: Duration::from_millis(50), ..with_layer(&layer, &[]) };
    let mut stage = Stage::with(function).await;
    let process = stage.response(&json!({ "do": "pid" })).await;
    stage.line("event SHUTDOWN spindown").await;
    assert_ne!(stage.response(&json!({ "do": "pid" })).await, process);
}

#[tokio::test]
async fn shutdown_leaves_no_process_behind() {
    let stage = Stage::with(function()).await;
    let processes = stage.response(&json!({ "do": "child" })).await;
    let processes: Vec<i64> = serde_json::from_value(processes).unwrap();
    assert!(processes.iter().all(|process| is_running(*process)));
    stage.lambda.shutdown().await;
    // All were killed; a busy system takes a moment to be rid of the child's child, for which nobody can wait.
    gone(&processes).await;
}

#[tokio::test]
async fn dropping_lambda_local_kills_every_process() {
    let stage = Stage::with(function()).await;
    let processes = stage.response(&json!({ "do": "child" })).await;
    let processes: Vec<i64> = serde_json::from_value(processes).unwrap();
    drop(stage.lambda);
    gone(&processes).await;
}

#[tokio::test]
async fn a_signal_to_the_tool_ends_it_and_its_processes() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lambda-local.toml");
    let text = format!("[functions.f]\ncommand = [\"python3\", \"{}\"]\n", stage::handler("runtime.py"));
    fs::write(&config, text).unwrap();
    let mut tool = tokio::process::Command::new(env!("CARGO_BIN_EXE_lambda-local"))
        .args(["--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tool.stdout.take().unwrap()).lines();
    let endpoint = loop {
        let line = lines.next_line().await.unwrap().expect("the banner names the endpoint");
        if let Some((_, endpoint)) = line.split_once("AWS_ENDPOINT_URL_LAMBDA=") {
            break endpoint.to_owned();
        }
    };
    let output = stage::invoke(&stage::client(&endpoint), &json!({ "do": "child" })).await;
    let processes: Vec<i64> = serde_json::from_value(document(&output)).unwrap();
    let id = rustix::process::Pid::from_raw(i32::try_from(tool.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    // Read to its end, so that the tool can write.
    while lines.next_line().await.unwrap().is_some() {}
    assert!(tool.wait().await.unwrap().success());
    gone(&processes).await;
}

/// Killed processes are gone within moments; there is nobody to tell us when, once nobody is their parent.
async fn gone(processes: &[i64]) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while processes.iter().any(|process| is_running(*process)) {
        assert!(Instant::now() < deadline, "{processes:?} are still running");
        tokio::task::yield_now().await;
    }
}
