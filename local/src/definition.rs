//! What a sandbox is a sandbox of: a function as it is configured, on its host.

use crate::account::ACCOUNT;
use crate::config::FunctionConfig;
use crate::host::Host;
use crate::log::SandboxLog;
use crate::platform_log::LogFormat;
use std::sync::Arc;

/// The version that a function has without any.
pub(crate) const LATEST: &str = "$LATEST";

/// A function's name and configuration, and what it shares with others.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Without a qualifier.
    pub(crate) arn: String,
    pub(crate) config: FunctionConfig,
    pub(crate) host: Arc<Host>,
}

impl Definition {
    /// A function without versions, in the host's region.
    pub(crate) fn latest(name: String, config: FunctionConfig, host: Arc<Host>) -> Self {
        let arn = format!("arn:aws:lambda:{}:{ACCOUNT}:function:{name}", host.inherited.region);
        Self { name, version: LATEST.to_owned(), arn, config, host }
    }

    /// The ARN by which a caller invoked it.
    pub(crate) fn invoked_arn(&self, qualifier: Option<&str>) -> String {
        let qualifier = qualifier.map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
        format!("{}{qualifier}", self.arn)
    }

    pub(crate) fn handler(&self) -> &str {
        self.config.handler.as_deref().unwrap_or("bootstrap")
    }

    /// The log of one of its sandboxes.
    pub(crate) fn new_log(&self) -> SandboxLog {
        let format = if self.config.managed_instances.is_some() { LogFormat::Json } else { LogFormat::Text };
        SandboxLog::new(&self.name, self.host.logs.clone(), format)
    }
}
