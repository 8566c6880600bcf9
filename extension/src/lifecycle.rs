//! The extension's own life, over the Extensions API: register, wait for SHUTDOWN, or report why it cannot start.
//!
//! Registered for SHUTDOWN only: INVOKE would cost a round trip per invocation, and Lambda Managed Instances refuse it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::io;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use long_content::store::dynamodb::SettingsError;

use crate::config::{Config, ConfigError};
use crate::error::error_document;
use crate::runtime_api::{RuntimeApi, UpstreamError, full};

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";
const INIT_ERROR: &str = "/2020-01-01/extension/init/error";

/// Lambda starts the file `/opt/extensions/lrap`, and the name must be the file's.
const NAME: &str = "lrap";
const NAME_HEADER: &str = "lambda-extension-name";
const ID_HEADER: &str = "lambda-extension-identifier";
const ERROR_TYPE_HEADER: &str = "lambda-extension-function-error-type";

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
    Status(StatusCode),
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
    identifier: HeaderValue,
}

impl<'a> Registration<'a> {
    /// Registers for SHUTDOWN. Lambda starts the runtime once every extension has, so the listener is bound before.
    pub async fn new(api: &'a RuntimeApi) -> Result<Self, LifecycleError> {
        let mut request = Request::post(REGISTER).body(full(&br#"{"events":["SHUTDOWN"]}"#[..])).expect("BUG: valid");
        request.headers_mut().insert(NAME_HEADER, HeaderValue::from_static(NAME));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = success(api.send(request).await?)?;
        let identifier = response.headers().get(ID_HEADER).cloned().ok_or(LifecycleError::NoIdentifier)?;
        drain(response).await;
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

    async fn next(&self) -> Result<bytes::Bytes, LifecycleError> {
        let request = Request::get(NEXT).header(ID_HEADER, &self.identifier).body(()).expect("BUG: valid");
        let response = success(self.api.get(&request.into_parts().0).await?)?;
        Ok(drain(response).await)
    }

    /// Tells Lambda why we cannot start.
    pub async fn init_error(&self, error: &InitError) -> Result<(), LifecycleError> {
        let body = error_document(error.error_type, &error.message);
        let mut request = Request::post(INIT_ERROR).body(full(body)).expect("BUG: valid");
        request.headers_mut().insert(ID_HEADER, self.identifier.clone());
        request.headers_mut().insert(ERROR_TYPE_HEADER, HeaderValue::from_static(error.error_type));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        drain(success(self.api.send(request).await?)?).await;
        Ok(())
    }
}

fn success(response: Response<Incoming>) -> Result<Response<Incoming>, LifecycleError> {
    let status = response.status();
    if status.is_success() { Ok(response) } else { Err(LifecycleError::Status(status)) }
}

/// The body read to its end, so that the connection serves again; empty when it broke off.
async fn drain(response: Response<Incoming>) -> bytes::Bytes {
    response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}

fn is_shutdown(event: &[u8]) -> bool {
    let event: Option<serde_json::Value> = serde_json::from_slice(event).ok();
    event.is_some_and(|event| event["eventType"] == "SHUTDOWN")
}
