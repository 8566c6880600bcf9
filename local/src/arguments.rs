//! What the command line says, and the configuration that it makes.

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use lambda_local::{Config, EngineConfig, GatewaysConfig, StepFunctionsConfig};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The port that local Lambda endpoints commonly have.
const INVOKE_PORT: u16 = 3001;
/// The command by which lambda-local starts its sweeper.
pub(crate) const SWEEP: &str = "sweep";

/// AWS on one machine: invoke functions behind real layers with the AWS CLI and SDKs.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The file that configures the functions, the layer and the content table.
    #[arg(long, default_value = "lambda-local.toml")]
    config: PathBuf,
    /// The address of the Invoke API. Overrides the configuration file, whose default is 127.0.0.1:3001.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves every AWS service behind one endpoint on 127.0.0.1, for stacks to be deployed to.
    Up(Up),
    /// Ends the processes of another lambda-local when standard input ends.
    #[command(hide = true)]
    Sweep { mark: String },
}

#[derive(Args)]
pub(crate) struct Up {
    /// The port of the endpoint; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// A Python that has ministack: `make engine` installs it and prints its path.
    #[arg(long, value_name = "PYTHON")]
    engine: PathBuf,
    /// A Python that has moto, for state machines: `make moto` installs it and prints its path.
    #[arg(long, value_name = "PYTHON")]
    interpreter: Option<PathBuf>,
    /// The folder for the state that survives a restart, however this process ends. Without this option, no state survives.
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// The program `agentcore`, for AgentCore's gateways: `cargo build -p agentcore` makes it.
    #[arg(long, value_name = "PROGRAM")]
    gateways: Option<PathBuf>,
    /// The part of the gateways' URLs before their ids, if clients do not reach them by the name of this machine.
    #[arg(long, value_name = "URL", requires = "gateways")]
    gateways_url: Option<String>,
    /// The region of requests whose signature names no region. The default is the region of this environment.
    #[arg(long)]
    region: Option<String>,
    /// A variable that every function gets, such as `TEST_CA_FILE=ca.pem`; may be given several times.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
}

impl Arguments {
    /// The configuration of the file, or of the options of `up`.
    pub(crate) fn configuration(&self) -> anyhow::Result<Config> {
        match &self.command {
            Some(Command::Up(up)) => Ok(up.configuration()),
            _ => configuration_of_file(&self.config, self.listen),
        }
    }
}

impl Up {
    fn configuration(&self) -> Config {
        let interpreter = self.interpreter.clone();
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)),
            region: self.region.clone(),
            engine: Some(EngineConfig { python: self.engine.clone() }),
            step_functions: interpreter.map(|python| StepFunctionsConfig { python, ..StepFunctionsConfig::default() }),
            state: self.state.clone(),
            gateways: self.gateways.clone().map(|program| GatewaysConfig { program, url: self.gateways_url.clone() }),
            variables: self.variables.iter().cloned().collect(),
            ..Config::default()
        }
    }
}

fn variable(given: &str) -> Result<(String, String), String> {
    let (name, value) = given.split_once('=').ok_or_else(|| format!("{given} is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn configuration_of_file(path: &Path, listen: Option<SocketAddr>) -> anyhow::Result<Config> {
    let mut config =
        Config::from_file(path).with_context(|| format!("the configuration {} cannot be used", path.display()))?;
    if config.listen.port() == 0 {
        config.listen.set_port(INVOKE_PORT);
    }
    config.listen = listen.unwrap_or(config.listen);
    Ok(config)
}
