//! Amazon Bedrock AgentCore's gateways: a program of this workspace, in a separate process, so that only those who want it build it.

use crate::child_program::{ChildProgram, NotRunning};
use crate::config::GatewaysConfig;
use crate::mark::Mark;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio::process::Command;

/// What the paths of gateways begin with.
pub(crate) const PREFIX: &str = "/_agentcore/";

/// Why there are no gateways.
#[derive(Debug, thiserror::Error)]
pub enum GatewaysError {
    /// The process cannot be started.
    #[error("cannot start the gateways by {}: {source}", program.display())]
    Start {
        /// The program that was asked for.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended before it served.
    #[error("the gateways exited at start; check that {} is the program `agentcore`", program.display())]
    Ended {
        /// The program that was asked for.
        program: PathBuf,
    },
    /// It cannot do what it was told.
    #[error("the gateways: {0}")]
    Refused(String),
}

/// What the gateways have around them.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) region: &'a str,
    /// The one endpoint of all services.
    pub(crate) services: String,
    pub(crate) variables: &'a BTreeMap<String, String>,
    pub(crate) mark: &'a Mark,
}

pub(crate) async fn start(
    config: &GatewaysConfig,
    surroundings: &Surroundings<'_>,
) -> Result<ChildProgram, GatewaysError> {
    let services = &surroundings.services;
    let settings = json!({
        "region": surroundings.region,
        "services": services,
        "gateways": config.url.clone().unwrap_or_else(|| format!("{services}{}", PREFIX.trim_end_matches('/'))),
        "variables": surroundings.variables,
    });
    let program = config.program.clone();
    let started = ChildProgram::start(&mut Command::new(&program), surroundings.mark, &settings).await;
    started.map(|(running, _)| running).map_err(|why| match why {
        NotRunning::Start(source) => GatewaysError::Start { program, source },
        NotRunning::Ended => GatewaysError::Ended { program },
        NotRunning::Refused(error) => GatewaysError::Refused(error),
    })
}
