//! A stage for one test: functions of the test handlers, lambda-local around them, the real SDK in front.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use lambda_local::{Config, FunctionConfig, LambdaLocal, LogLine, Logs};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

/// For an execution on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A running lambda-local with one function, `f`.
pub(crate) struct Stage {
    pub(crate) lambda: LambdaLocal,
    pub(crate) client: Client,
    pub(crate) lines: UnboundedReceiver<LogLine>,
    pub(crate) folder: TempDir,
}

/// The test runtime, with time enough for a slow machine.
pub(crate) fn function() -> FunctionConfig {
    FunctionConfig {
        command: Some(vec!["python3".into(), handler("runtime.py")]),
        timeout: Duration::from_secs(30),
        ..FunctionConfig::default()
    }
}

pub(crate) fn handler(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/handlers").join(file).to_str().unwrap().to_owned()
}

/// A layer with the test extension under these names.
pub(crate) fn layer(extensions: &[&str]) -> TempDir {
    let layer = tempfile::tempdir().unwrap();
    let folder = layer.path().join("extensions");
    fs::create_dir(&folder).unwrap();
    for name in extensions {
        // Copied with its permissions.
        fs::copy(handler("extension.py"), folder.join(name)).unwrap();
    }
    layer
}

pub(crate) fn with_layer(layer: &TempDir, environment: &[(&str, &str)]) -> FunctionConfig {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    FunctionConfig { layer: Some(layer.path().to_owned()), environment: environment.collect(), ..function() }
}

impl Stage {
    pub(crate) async fn with(function: FunctionConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let function = FunctionConfig { directory: folder.path().to_owned(), ..function };
        let config = Config { functions: [("f".to_owned(), function)].into(), ..Config::default() };
        let (logs, lines) = Logs::channel();
        let lambda = LambdaLocal::start_with_logs(config, logs).await.unwrap();
        let client = client(&lambda.invoke_endpoint());
        Self { lambda, client, lines, folder }
    }

    pub(crate) async fn invoke(&self, event: &Value) -> InvokeOutput {
        invoke(&self.client, event).await
    }

    /// Invokes, expects success, and gives back the response.
    pub(crate) async fn response(&self, event: &Value) -> Value {
        let output = self.invoke(event).await;
        assert_eq!(output.function_error(), None, "{:?}", document(&output));
        document(&output)
    }

    /// Waits for a log line that holds `text`.
    pub(crate) async fn line(&mut self, text: &str) -> LogLine {
        loop {
            let line = self.lines.recv().await.expect("the log ended without the line");
            if line.text.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub(crate) fn client(endpoint: &str) -> Client {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(crate::http_client())
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// A Python that has moto: the Makefile installs one.
#[expect(clippy::disallowed_methods, reason = "the one place where these tests read the environment")]
pub(crate) fn python_with_moto() -> PathBuf {
    std::env::var_os("LRAP_TEST_MOTO").expect("LRAP_TEST_MOTO names a Python that has moto, as `make test` does").into()
}

pub(crate) fn sfn_client(endpoint: &str) -> aws_sdk_sfn::Client {
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
        .region(aws_sdk_sfn::config::Region::new("us-east-1"))
        .credentials_provider(aws_sdk_sfn::config::Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(crate::http_client());
    aws_sdk_sfn::Client::from_conf(config.build())
}

/// What became of an execution, when it has ended.
pub(crate) async fn end_of(
    execution: &str,
    lambda: &LambdaLocal,
    client: &aws_sdk_sfn::Client,
) -> DescribeExecutionOutput {
    tokio::time::timeout(TIMEOUT, lambda.execution_ended(execution)).await.expect("an end").unwrap();
    client.describe_execution().execution_arn(execution).send().await.unwrap()
}

pub(crate) async fn invoke(client: &Client, event: &Value) -> InvokeOutput {
    client.invoke().function_name("f").payload(Blob::new(event.to_string())).send().await.unwrap()
}

pub(crate) fn document(output: &InvokeOutput) -> Value {
    serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap()
}

/// Whether the process is there and no zombie: the process that adopts orphans may be slow to reap them.
pub(crate) fn is_running(process: i64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with('Z'))
}
