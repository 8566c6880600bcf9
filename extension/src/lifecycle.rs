//! The extension's lifecycle in the Extensions API: it registers and waits for SHUTDOWN, or reports why it cannot start.
//!
//! It registers for SHUTDOWN only: INVOKE would cost a round trip per invocation, and Lambda Managed Instances refuse it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::io;
use std::time::Duration;

use bytes::Bytes;
use long_content::store::dynamodb::SettingsError;

use crate::config::{Config, Mistakes};
use crate::error::error_document;
use crate::payload::Payload;
use crate::runtime_api::{Reply, RuntimeApi, UpstreamError};
use crate::wire::WireError;

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";
const INIT_ERROR: &str = "/2020-01-01/extension/init/error";

/// The extension's name. Lambda starts the file `/opt/extensions/lrap`, and the name must be that of the file.
const NAME: &str = "lrap";
const NAME_HEADER: &str = "Lambda-Extension-Name";
const ID_HEADER: &str = "Lambda-Extension-Identifier";
const ERROR_TYPE_HEADER: &str = "Lambda-Extension-Function-Error-Type";
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Bytes of an error's body that are read. [`REASON`] is how many characters of it are logged.
const EXCERPT: usize = 4 << 10;
const REASON: usize = 400;

/// The first pause after a poll that fails. Pauses grow, so that an API that is down costs little.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why a call of the Extensions API failed.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// No answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// An answer that is not a success.
    #[error("the Extensions API answered {status} to {path}{reason}")]
    Status {
        /// Its status.
        status: u16,
        /// The path of the request.
        path: &'static str,
        /// A colon and the message in its body; empty if there is none.
        reason: String,
    },
    /// An answer that broke off.
    #[error(transparent)]
    Answer(#[from] WireError),
    /// A success without the identifier that every later call needs.
    #[error("the Extensions API answered without the header {ID_HEADER}")]
    NoIdentifier,
}

/// Why the extension cannot start, as Lambda shows it.
#[derive(Debug, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct InitError {
    error_type: &'static str,
    message: String,
}

impl From<Mistakes> for InitError {
    fn from(error: Mistakes) -> Self {
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
    /// Registers for SHUTDOWN. Lambda starts the runtime when every extension has registered, so the listener must be bound
    /// before.
    pub async fn new(api: &'a RuntimeApi) -> Result<Self, LifecycleError> {
        let events = Payload::from(Bytes::from_static(br#"{"events":["SHUTDOWN"]}"#));
        let reply = success(REGISTER, api.call("POST", REGISTER, &[(NAME_HEADER, NAME), JSON], &events).await?).await?;
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
        let reply = self.api.call("GET", NEXT, &[(ID_HEADER, &self.identifier)], &Payload::default()).await?;
        let reply = success(NEXT, reply).await?;
        let (_, event) = reply.gather(|_| false).await?;
        Ok(event.whole())
    }

    /// Tells Lambda why we cannot start.
    pub async fn init_error(&self, error: &InitError) -> Result<(), LifecycleError> {
        let body = Payload::from(error_document(error.error_type, &error.message));
        let fields = [(ID_HEADER, &*self.identifier), (ERROR_TYPE_HEADER, error.error_type), JSON];
        success(INIT_ERROR, self.api.call("POST", INIT_ERROR, &fields, &body).await?).await?.drain().await;
        Ok(())
    }
}

async fn success<'a>(path: &'static str, reply: Reply<'a>) -> Result<Reply<'a>, LifecycleError> {
    if reply.head.is_success() {
        return Ok(reply);
    }
    let status = reply.head.status;
    Err(LifecycleError::Status { status, path, reason: reason(&reply.excerpt(EXCERPT).await) })
}

/// A colon and the message in an error's body: type and message if the body has the Runtime API's form, otherwise its text.
/// It is one line, and short.
fn reason(body: &[u8]) -> String {
    #[derive(Default, serde::Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Document {
        error_type: String,
        error_message: String,
    }
    let document: Document = serde_json::from_slice(body).unwrap_or_default();
    let parts = [document.error_type, document.error_message];
    let said = parts.iter().filter(|part| !part.is_empty()).fold(String::new(), |said, part| said + ": " + part);
    let said = if said.is_empty() { format!(": {}", String::from_utf8_lossy(body).trim()) } else { said };
    let printable = |character: char| if character.is_control() { ' ' } else { character };
    if said == ": " { String::new() } else { said.chars().take(REASON).map(printable).collect() }
}

fn is_shutdown(event: &[u8]) -> bool {
    let event: Option<serde_json::Value> = serde_json::from_slice(event).ok();
    event.is_some_and(|event| event["eventType"] == "SHUTDOWN")
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_reason_is_what_the_body_says() {
        for (body, said) in [
            (r#"{"errorMessage":"no such name","errorType":"Extension.Unknown"}"#, ": Extension.Unknown: no such name"),
            (r#"{"errorMessage":"no such name"}"#, ": no such name"),
            ("Forbidden\r\n", ": Forbidden"),
            ("[1,\n2]", ": [1, 2]"),
            ("", ""),
            (" \n", ""),
        ] {
            assert_eq!(reason(body.as_bytes()), said, "{body}");
        }
        assert_eq!(reason(&[0xff; 4096]).chars().count(), super::REASON);
    }
}
