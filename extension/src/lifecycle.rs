//! The extension's own life, over the Extensions API: register, wait for SHUTDOWN, or report why it cannot start.
//!
//! Registered for SHUTDOWN only: INVOKE would cost a round trip per invocation, and Lambda Managed Instances refuse it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::io;
use std::time::Duration;

use bytes::Bytes;
use long_content::store::dynamodb::SettingsError;

use crate::config::{Config, ConfigError};
use crate::error::error_document;
use crate::payload::Payload;
use crate::runtime_api::{Reply, RuntimeApi, UpstreamError};
use crate::wire::WireError;

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";
const INIT_ERROR: &str = "/2020-01-01/extension/init/error";

/// Lambda starts the file `/opt/extensions/lrap`, and the name must be the file's.
const NAME: &str = "lrap";
const NAME_HEADER: &str = "Lambda-Extension-Name";
const ID_HEADER: &str = "Lambda-Extension-Identifier";
const ERROR_TYPE_HEADER: &str = "Lambda-Extension-Function-Error-Type";
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A pause that grows between polls that fail, so that a dead API costs nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why the Extensions API would not have us.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// No answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// An answer that is not a success.
    #[error("the Extensions API answered {0}")]
    Status(u16),
    /// An answer that broke off.
    #[error(transparent)]
    Answer(#[from] WireError),
    /// A success without the identifier that every later call needs.
    #[error("the Extensions API gave no {ID_HEADER}")]
    NoIdentifier,
}

/// Why the extension cannot start, as Lambda shows it.
#[derive(Debug, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct InitError {
    error_type: &'static str,
    message: String,
}

impl From<ConfigError> for InitError {
    fn from(error: ConfigError) -> Self {
        Self { error_type: "Extension.ConfigInvalid", message: error.to_string() }
    }
}

impl From<SettingsError> for InitError {
    fn from(error: SettingsError) -> Self {
        Self { error_type: "Extension.ConfigInvalid", message: error.to_string() }
    }
}

impl InitError {
    /// The proxy's port cannot be bound.
    pub fn port(config: &Config, error: &io::Error) -> Self {
        let Config { port, port_variable, .. } = config;
        let message = format!("cannot listen on 127.0.0.1:{port}: {error}; set {port_variable} to a free port");
        Self { error_type: "Extension.PortTaken", message }
    }
}

/// A registered extension.
#[derive(Debug)]
pub struct Registration<'a> {
    api: &'a RuntimeApi,
    identifier: String,
}

impl<'a> Registration<'a> {
    /// Registers for SHUTDOWN. Lambda starts the runtime once every extension has, so the listener is bound before.
    pub async fn new(api: &'a RuntimeApi) -> Result<Self, LifecycleError> {
        let events = Payload::from(Bytes::from_static(br#"{"events":["SHUTDOWN"]}"#));
        let reply = success(api.call("POST", REGISTER, &[(NAME_HEADER, NAME), JSON], &events).await?)?;
        let identifier = reply.head.fields.text(ID_HEADER).ok_or(LifecycleError::NoIdentifier)?.to_owned();
        reply.drain().await;
        Ok(Self { api, identifier })
    }

    /// Returns when Lambda ends the sandbox. The first poll also tells Lambda that our init is over.
    pub async fn shutdown(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.next().await {
                Ok(event) if is_shutdown(&event) => return,
                Ok(_) => pause = FIRST_PAUSE,
                Err(error) => {
                    tracing::warn!(%error, "cannot poll for SHUTDOWN");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn next(&self) -> Result<Bytes, LifecycleError> {
        let reply = success(self.api.call("GET", NEXT, &[(ID_HEADER, &self.identifier)], &Payload::default()).await?)?;
        let (_, event) = reply.gather(|_| false).await?;
        Ok(event.whole())
    }

    /// Tells Lambda why we cannot start.
    pub async fn init_error(&self, error: &InitError) -> Result<(), LifecycleError> {
        let body = Payload::from(error_document(error.error_type, &error.message));
        let fields = [(ID_HEADER, &*self.identifier), (ERROR_TYPE_HEADER, error.error_type), JSON];
        success(self.api.call("POST", INIT_ERROR, &fields, &body).await?)?.drain().await;
        Ok(())
    }
}

fn success(reply: Reply<'_>) -> Result<Reply<'_>, LifecycleError> {
    if reply.head.is_success() { Ok(reply) } else { Err(LifecycleError::Status(reply.head.status)) }
}

fn is_shutdown(event: &[u8]) -> bool {
    let event: Option<serde_json::Value> = serde_json::from_slice(event).ok();
    event.is_some_and(|event| event["eventType"] == "SHUTDOWN")
}
