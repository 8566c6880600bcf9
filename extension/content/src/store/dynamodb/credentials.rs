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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::table;
    use super::super::test_server::TestServer;
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    const ANSWER: &str =
        r#"{"AccessKeyId":"AKID","SecretAccessKey":"SECRET","Token":"TOKEN","Expiration":"2027-01-15T08:00:01Z"}"#;

    fn container(uri: &str, authorization: Option<Authorization>) -> Result<SharedCredentialsProvider, SettingsError> {
        let source = CredentialsSource::Container { uri: uri.to_owned(), authorization };
        provider(source, table::connector(None)?)
    }

    async fn load(server: &TestServer, authorization: Option<Authorization>) -> Result<Credentials, CredentialsError> {
        let uri = format!("{}/2021-04-23/credentials", server.url);
        container(&uri, authorization).unwrap().provide_credentials().await
    }

    #[tokio::test]
    async fn a_container_endpoint_is_asked_with_the_token() {
        let server = TestServer::start(|_| (200, ANSWER.to_owned())).await;
        let credentials = load(&server, Some(Authorization::Token("the-token".into()))).await.unwrap();
        assert_eq!(credentials.access_key_id(), "AKID");
        assert_eq!(credentials.secret_access_key(), "SECRET");
        assert_eq!(credentials.session_token(), Some("TOKEN"));
        assert_eq!(credentials.expiry(), Some(UNIX_EPOCH + Duration::from_secs(1_800_000_001)));
        let head = server.heads().remove(0);
        assert!(head.starts_with("get /2021-04-23/credentials http/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: the-token\r\n"), "{head}");
    }

    #[tokio::test]
    async fn a_token_file_is_read_at_every_refresh() {
        let server = TestServer::start(|_| (200, ANSWER.to_owned())).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        let provider = container(&server.url, Some(Authorization::File(file.path().to_owned()))).unwrap();
        for token in ["first", "second"] {
            std::fs::write(file.path(), format!("{token}\n")).unwrap();
            provider.provide_credentials().await.unwrap();
        }
        let heads = server.heads();
        assert!(heads[0].contains("authorization: first\r\n") && heads[1].contains("authorization: second\r\n"));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_worth_another_attempt_or_not() {
        let transient = |error| matches!(error, CredentialsError::ProviderError(_));
        for (status, body, again) in
            [(500, ANSWER, true), (429, ANSWER, true), (403, ANSWER, false), (200, "SECRET", true), (200, "{}", true)]
        {
            let server = TestServer::start(move |_| (status, body.to_owned())).await;
            let error = load(&server, None).await.unwrap_err();
            assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
            assert_eq!(transient(error), again, "{status} {body}");
        }
        let server = TestServer::start(|_| (200, ANSWER.to_owned())).await;
        let gone = load(&server, Some(Authorization::File("/nowhere".into())));
        assert!(!transient(gone.await.unwrap_err()));
    }

    #[test]
    fn credentials_over_plain_http_come_from_this_machine_only() {
        let trusted = [
            "http://127.0.0.1:9001/x",
            "http://127.8.8.8/",
            "http://[::1]:80/",
            "http://169.254.170.2/v2",
            "http://169.254.170.23/v1",
            "http://[fd00:ec2::23]/v1",
            "https://anywhere.example/x",
        ];
        for uri in trusted {
            assert!(container(uri, None).is_ok(), "{uri}");
        }
        let refused = [
            "http://169.254.169.254/",
            "http://10.0.0.1/",
            "http://localhost/",
            "http://example.com/",
            "http://[fd00:ec2::24]/",
            "ftp://127.0.0.1/",
            "/relative",
            "127.0.0.1",
            "",
            "http://127.0.0.1.example.com/",
        ];
        for uri in refused {
            assert_eq!(container(uri, None).unwrap_err(), SettingsError::CredentialsUri, "{uri}");
        }
    }
}
