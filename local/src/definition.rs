//! What a sandbox is a sandbox of: a function as it is configured, on its host.

use crate::account::ACCOUNT;
use crate::config::FunctionConfig;
use crate::host::Host;
use crate::log::SandboxLog;
use crate::platform_log::LogFormat;
use std::sync::Arc;

/// A function's name and configuration, and what it shares with others.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) config: FunctionConfig,
    pub(crate) host: Arc<Host>,
}

impl Definition {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", self.host.inherited.region, self.name)
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
