//! AWS on this machine with the stacks of messages, and the stand-ins around it.

use crate::arguments::Arguments;
use crate::secrets::{self, AGENT_KEYS, MCP_HOST, MCP_KEY, MCP_TOKEN};
use anyhow::{Context, Result, ensure};
use lambda_local::{Config, EngineConfig, LambdaLocal, LogLine, Logs};
use stand_ins::StandIns;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::process::Command;
use tokio::sync::mpsc::UnboundedReceiver;

const REGION: &str = "us-east-1";
const STAGE: &str = "local";
/// What has to do with messages, as `ONLY=` names it.
const STACKS: &str = "layer shared-infrastructure agent-registry shared-llm tools messaging functions operations";
/// The topic that ntfy is sent to: in real life a secret.
const TOPIC: &str = "platform";

/// Everything that runs.
pub(crate) struct Machine {
    lambda: LambdaLocal,
    pub(crate) outside: StandIns,
    log: Arc<Mutex<String>>,
}

impl Machine {
    pub(crate) async fn start(arguments: &Arguments) -> Result<Self> {
        let outside = StandIns::start().await?;
        let (logs, lines) = Logs::channel();
        let config = Config {
            region: Some(REGION.to_owned()),
            engine: Some(EngineConfig { python: std::path::absolute(&arguments.engine)? }),
            variables: variables(&outside),
            ..Config::default()
        };
        let lambda = LambdaLocal::start_with_logs(config, logs).await.context("cannot start AWS on this machine")?;
        outside.relay_to(&lambda.invoke_endpoint());
        Ok(Self { lambda, outside, log: gather(lines) })
    }

    /// The stacks, as `make deploy` deploys them; the URL of the API.
    pub(crate) async fn deploy(&self, arguments: &Arguments) -> Result<String> {
        secrets::make(&self.endpoint()).await?;
        let zip = |architecture| arguments.zips.join(format!("lrap-{architecture}.zip"));
        let mut deploy = self.delivery(arguments, "deploy");
        deploy.arg(zip("x86_64")).arg(zip("arm64")).args(["--only", STACKS]).arg("--zips").arg(&arguments.zips);
        deploy.arg(format!("--parameter=NtfyUrl={}/{TOPIC}", self.outside.url()));
        deploy.arg(format!("--parameter=AgentApiKeySecret={AGENT_KEYS}"));
        deploy.arg(format!("--parameter=McpApiKeySecret={MCP_KEY}"));
        deploy.arg(format!("--parameter=McpClientAllowedHosts={MCP_HOST}"));
        let said = said("make deploy", &deploy.output().await.context("cannot run make deploy")?)?;
        let server = output(&said, "McpServerUrl")?;
        let host = server.trim_start_matches("https://").trim_start_matches("http://").split('/').next();
        self.outside.mcp_is_at(host.unwrap_or_default());
        Ok(output(&said, "WebApiUrl")?.to_owned())
    }

    /// `make mcp-tools`: the tools of the stage's MCP server are tools for agents.
    pub(crate) async fn register_mcp_tools(&self, arguments: &Arguments) -> Result<()> {
        let mut command = self.delivery(arguments, "mcp-tools");
        command.arg(format!("https://{MCP_HOST}/mcp"));
        command.args(["--auth", &format!("header:x-api-key:{MCP_TOKEN}"), "--prefix", "mcp_"]);
        said("make mcp-tools", &command.output().await.context("cannot run make mcp-tools")?).map(drop)
    }

    /// `make redrive`.
    pub(crate) async fn redrive(&self, arguments: &Arguments, queue: &str) -> Result<String> {
        let redriven = self.delivery(arguments, "redrive").arg(queue).output().await;
        said("make redrive", &redriven.context("cannot run make redrive")?)
    }

    fn delivery(&self, arguments: &Arguments, verb: &str) -> Command {
        let mut command = Command::new(&arguments.delivery);
        command.env("PYTHONPATH", &arguments.layer).env("AWS_ENDPOINT_URL", self.endpoint()).env("AWS_REGION", REGION);
        command.args(["-m", "delivery", verb, "--stage", STAGE]);
        command
    }

    pub(crate) fn endpoint(&self) -> String {
        self.lambda.invoke_endpoint()
    }

    /// Where a person can look at what ntfy was sent.
    pub(crate) fn phone(&self) -> String {
        format!("{}/{TOPIC}/json?poll=1", self.outside.url())
    }

    /// What a person's phone shows: titles and texts.
    pub(crate) fn shown(&self) -> Vec<String> {
        let shown = self.outside.ntfy().shown(TOPIC);
        let text = |title: Option<String>, message: &str| {
            title.map_or(message.to_owned(), |title| format!("{title}: {message}"))
        };
        shown.into_iter().map(|one| text(one.title, &one.message)).collect()
    }

    /// What the functions have logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn end(self) {
        self.lambda.shutdown().await;
    }
}

/// The way to the stand-ins, and of all that is asked of AWS through their relay.
fn variables(outside: &StandIns) -> BTreeMap<String, String> {
    let relay = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"].map(|name| (name, outside.relay_url()));
    relay.into_iter().chain(outside.variables()).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn gather(mut lines: UnboundedReceiver<LogLine>) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let gathered = Arc::clone(&log);
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            writeln!(gathered, "{line}").expect("BUG: a String takes everything");
        }
    });
    log
}

/// What a stack says of itself.
fn output<'a>(said: &'a str, name: &str) -> Result<&'a str> {
    let value = said.lines().find_map(|line| Some(line.split_once(&format!("{name} is "))?.1));
    value.with_context(|| format!("the output of make deploy does not name {name}"))
}

fn said(what: &str, output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{what} failed:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(said)
}
