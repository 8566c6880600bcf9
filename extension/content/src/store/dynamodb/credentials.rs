//! Credentials: fixed ones, or those of a container credentials endpoint, which Lambda offers to functions with
//! `SnapStart`. The SDK caches them and asks again before they expire.

use std::net::IpAddr;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use http::Uri;
use serde::Deserialize;

use super::settings::{Authorization, CredentialsSource, SettingsError};

/// The SDK's view of a source. `connector` carries the requests to a container endpoint.
pub(super) fn provider(
    source: CredentialsSource,
    connector: SharedHttpConnector,
) -> Result<SharedCredentialsProvider, SettingsError> {
    Ok(match source {
        CredentialsSource::Static { access_key_id, secret_access_key, session_token } => {
            SharedCredentialsProvider::new(Credentials::new(
                access_key_id,
                secret_access_key,
                session_token,
                None,
                "environment",
            ))
        }
        CredentialsSource::Container { uri, authorization } => {
            check_uri(&uri)?;
            SharedCredentialsProvider::new(ContainerCredentials { uri, authorization, connector })
        }
    })
}

/// The rule of every AWS SDK: over plain HTTP, credentials are taken only from this machine and from the addresses that
/// ECS and EKS give their agents.
fn check_uri(text: &str) -> Result<(), SettingsError> {
    let uri: Uri = text.parse().map_err(|_| SettingsError::CredentialsUri)?;
    let host = uri.host().unwrap_or_default();
    let trusted = match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => host.trim_matches(['[', ']']).parse().is_ok_and(is_trusted),
        _ => false,
    };
    if trusted { Ok(()) } else { Err(SettingsError::CredentialsUri) }
}

fn is_trusted(address: IpAddr) -> bool {
    const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
    address.is_loopback() || AGENTS.iter().any(|agent| agent.parse() == Ok(address))
}

/// A container credentials endpoint.
struct ContainerCredentials {
    uri: String,
    authorization: Option<Authorization>,
    connector: SharedHttpConnector,
}

/// The answer of the endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

impl ContainerCredentials {
    async fn load(&self) -> Result<Credentials, CredentialsError> {
        let mut request = HttpRequest::get(self.uri.as_str()).map_err(CredentialsError::invalid_configuration)?;
        request.headers_mut().insert("accept", "application/json");
        if let Some(token) = self.token().await? {
            let set = request.headers_mut().try_insert("authorization", token);
            set.map_err(|_| CredentialsError::invalid_configuration("the authorization token is not a header value"))?;
        }
        let response = self.connector.call(request).await.map_err(CredentialsError::provider_error)?;
        let status = response.status().as_u16();
        let body = ByteStream::new(response.into_body()).collect().await.map_err(CredentialsError::provider_error)?;
        credentials(status, &body.into_bytes())
    }

    async fn token(&self) -> Result<Option<String>, CredentialsError> {
        match &self.authorization {
            None => Ok(None),
            Some(Authorization::Token(token)) => Ok(Some(token.clone())),
            Some(Authorization::File(path)) => {
                let token = tokio::fs::read_to_string(path).await.map_err(CredentialsError::invalid_configuration)?;
                Ok(Some(token.trim().to_owned()))
            }
        }
    }
}

/// Neither the answer nor a parser's complaint about it goes into an error: both may hold a secret.
fn credentials(status: u16, body: &[u8]) -> Result<Credentials, CredentialsError> {
    match status {
        200 => {}
        400..=499 if status != 429 => {
            let reason = format!("the container credentials endpoint answered {status}");
            return Err(CredentialsError::invalid_configuration(reason));
        }
        _ => return Err(CredentialsError::provider_error(format!("the endpoint answered {status}"))),
    }
    let unreadable = || CredentialsError::provider_error("the endpoint's answer is not credentials");
    let answer: Answer = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let expiration = answer.expiration.map(|text| DateTime::from_str(&text, Format::DateTime));
    let expiration = expiration.transpose().map_err(|_| unreadable())?;
    let expires = expiration.map(TryInto::try_into).transpose().map_err(|_| unreadable())?;
    Ok(Credentials::new(answer.access_key_id, answer.secret_access_key, answer.token, expires, "container"))
}

impl ProvideCredentials for ContainerCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

impl std::fmt::Debug for ContainerCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContainerCredentials")
    }
}
