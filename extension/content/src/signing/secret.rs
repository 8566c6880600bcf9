//! The signing keys' secret in AWS Secrets Manager.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;

use crate::keys::Keyring;
use crate::store::dynamodb::protocol::client::{Access, OwnUserAgent};
use crate::store::dynamodb::retry::{Attempts, Failure, judge};
use crate::store::dynamodb::{ServiceAccess, SettingsError};
use crate::store::settings::addresses::is_label;

const OPERATION: &str = "GetSecretValue";
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The longest time for reading the previous version, which may also take at most half of the time that is left: most
/// references need only the current version.
const PREVIOUS_TIMEOUT: Duration = Duration::from_secs(2);

/// The ARN of a secret, which says where it is: `arn:aws:secretsmanager:eu-central-1:123456789012:secret:name-a1b2c3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretArn {
    text: String,
    region: String,
}

/// A text that is not the ARN of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the ARN of a Secrets Manager secret")]
pub struct NotASecret;

impl FromStr for SecretArn {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        match text.splitn(7, ':').collect::<Vec<_>>()[..] {
            ["arn", partition, "secretsmanager", region, _, "secret", name]
                if is_label(partition) && is_label(region) && !name.is_empty() =>
            {
                Ok(Self { text: text.to_owned(), region: region.to_owned() })
            }
            _ => Err(NotASecret),
        }
    }
}

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl SecretArn {
    /// The region that the secret is in.
    pub fn region(&self) -> &str {
        &self.region
    }
}

/// Where the signing keys' secret is, and how to reach it.
#[derive(Debug, Clone)]
pub struct SecretSettings {
    /// Which secret.
    pub arn: SecretArn,
    /// How Secrets Manager is reached.
    pub access: ServiceAccess,
}

/// Why the secret could not be read. The text is the last error, and never contains the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signing keys cannot be read: {0}")]
pub struct SecretError(String);

/// The keys in a secret, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKeys {
    /// The keys.
    pub keys: Keyring,
    /// Why the version `AWSPREVIOUS` could not be read, if it may exist: an unknown key may be in it.
    pub unread: Option<SecretError>,
}

/// The secret that holds the signing keys.
pub struct SigningSecret {
    arn: SecretArn,
    access: Access,
    client: LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>,
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningSecret").field(&self.arn.text).finish()
    }
}

impl SigningSecret {
    /// Checks the settings and reads the certificates of [`TlsRoots::File`]. Everything else is set up on first use.
    pub fn new(settings: SecretSettings) -> Result<Self, SettingsError> {
        let SecretSettings { arn, access } = settings;
        let ServiceAccess { endpoint, fips, dual_stack, tls_roots, credentials, connections } = access;
        let access = Access::new(endpoint.as_deref(), credentials, &tls_roots, connections)?;
        let config = access.config(&arn.region);
        let client = LazyLock::new(Box::new(move || {
            let is_given = endpoint.is_some();
            let mut config = Builder::from(&config).interceptor(OwnUserAgent);
            config.set_endpoint_url(endpoint);
            Client::from_conf(config.use_fips(fips && !is_given).use_dual_stack(dual_stack && !is_given).build())
        }) as Box<dyn FnOnce() -> Client + Send>);
        Ok(Self { arn, access, client })
    }

    /// The keys in the secret. If the secret is one key as plain text, the key that it replaced (the version `AWSPREVIOUS`)
    /// is added, if there is such a version. If the secret names several keys, or is JSON, it has no other keys.
    pub async fn keys(&self, until: Instant) -> Result<SecretKeys, SecretError> {
        let current = self.version(CURRENT, until).await.map_err(SecretError)?;
        let text = current.ok_or_else(|| SecretError("the secret has no text".to_owned()))?;
        let keys = Keyring::from_secret(&text).map_err(|error| SecretError(format!("the secret {error}")))?;
        if keys.len() > 1 || text.trim_start().starts_with('{') {
            return Ok(SecretKeys { keys, unread: None });
        }
        let now = Instant::now();
        let timeout = PREVIOUS_TIMEOUT.min(until.saturating_duration_since(now) / 2);
        Ok(match self.version(PREVIOUS, now + timeout).await {
            // What is not there, or holds no key, cannot be what a reference was signed with.
            Ok(previous) => match previous.and_then(|text| Keyring::from_secret(&text).ok()) {
                Some(previous) => SecretKeys { keys: keys.followed_by(&previous), unread: None },
                None => SecretKeys { keys, unread: None },
            },
            Err(heard) => SecretKeys { keys, unread: Some(SecretError(format!("its version {PREVIOUS}: {heard}"))) },
        })
    }

    /// The text of one version, if it is text; `None` if there is no such version.
    async fn version(&self, stage: &str, until: Instant) -> Result<Option<String>, String> {
        let mut attempts = Attempts::until(until);
        loop {
            if let Some(text) = attempts.attempt(self.get(stage)).await? {
                return Ok(text);
            }
        }
    }

    async fn get(&self, stage: &str) -> Result<Option<String>, Failure> {
        let send = || self.client.get_secret_value().secret_id(&self.arn.text).version_stage(stage).send();
        match self.access.call(send).await {
            Ok(answer) => Ok(answer.secret_string),
            Err(error) if stage == PREVIOUS && is_absent(error.as_service_error()) => Ok(None),
            Err(error) => Err(judge(OPERATION, hint, error)),
        }
    }
}

/// Whether Secrets Manager says that there is no such version.
fn is_absent(error: Option<&GetSecretValueError>) -> bool {
    error.is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// What an operator should check when Secrets Manager refuses. Its message is not passed on, because it may contain the
/// request.
fn hint(_: &str, code: &str) -> Option<String> {
    let needed = "the function's role needs secretsmanager:GetSecretValue, and kms:Decrypt with its own key";
    (code == "AccessDeniedException").then(|| needed.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::dynamodb::CredentialsSource;
    use crate::store::dynamodb::protocol::test_server::TestServer;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const ARN: &str = "arn:aws:secretsmanager:us-west-2:123456789012:secret:lrap/signing-a1b2c3";
    const A: &str = "first-key-of-16-";
    const B: &str = "second-key-of-17-";

    fn secret(url: &str) -> SigningSecret {
        let credentials = CredentialsSource::Static {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "SECRET".to_owned(),
            session_token: Some("TOKEN".to_owned()),
        };
        let settings =
            SecretSettings { arn: ARN.parse().unwrap(), access: ServiceAccess::new(Some(url.to_owned()), credentials) };
        SigningSecret::new(settings).unwrap()
    }

    async fn keys(server: &TestServer) -> Result<Keyring, SecretError> {
        secret(&server.url).keys(Instant::now() + Duration::from_secs(5)).await.map(|read| {
            assert_eq!(read.unread, None);
            read.keys
        })
    }

    fn answer(text: &str) -> (u16, String) {
        (200, json!({"ARN": ARN, "SecretString": text}).to_string())
    }

    const NOT_FOUND: &str = r#"{"__type":"ResourceNotFoundException","Message":"no such version"}"#;

    #[tokio::test]
    async fn the_request_is_signed_for_the_secrets_region() {
        let server = TestServer::start(|_| answer(&format!("{A} {B}"))).await;
        assert_eq!(keys(&server).await.unwrap(), format!("{A} {B}").parse().unwrap());
        let heads = server.heads();
        assert_eq!(heads.len(), 1);
        for part in [
            "POST / HTTP/1.1\r\n",
            "x-amz-target: secretsmanager.GetSecretValue\r\n",
            "content-type: application/x-amz-json-1.1\r\n",
            "x-amz-security-token: TOKEN\r\n",
            "/us-west-2/secretsmanager/aws4_request, SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target,",
        ] {
            assert!(heads[0].contains(part), "{part} in {}", heads[0]);
        }
    }

    #[tokio::test]
    async fn one_plain_key_is_followed_by_the_one_it_replaced() {
        let asked = AtomicUsize::new(0);
        let server = TestServer::start(move |_| answer(if asked.fetch_add(1, Ordering::SeqCst) == 0 { B } else { A }));
        let server = server.await;
        assert_eq!(keys(&server).await.unwrap(), format!("{B} {A}").parse().unwrap());
    }

    #[tokio::test]
    async fn a_secret_that_never_rotated_has_one_key() {
        let asked = AtomicUsize::new(0);
        let server = TestServer::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => answer(A),
            _ => (400, NOT_FOUND.to_owned()),
        });
        assert_eq!(keys(&server.await).await.unwrap(), A.parse().unwrap());
    }

    /// H5: a previous key that cannot be read may be the one that signed a good reference.
    #[tokio::test]
    async fn h5_a_previous_version_that_cannot_be_read_is_not_taken_for_absent() {
        for (status, body) in [
            (500, r#"{"__type":"InternalServiceError"}"#),
            (400, r#"{"__type":"DecryptionFailure"}"#),
            (400, r#"{"__type":"AccessDeniedException"}"#),
        ] {
            let asked = AtomicUsize::new(0);
            let server = TestServer::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
                0 => answer(A),
                _ => (status, body.to_owned()),
            });
            let server = server.await;
            let begun = Instant::now();
            let read = secret(&server.url).keys(begun + Duration::from_millis(600)).await.unwrap();
            assert_eq!(read.keys, A.parse().unwrap(), "{body}");
            let unread = read.unread.unwrap().to_string();
            assert!(unread.contains("AWSPREVIOUS"), "{unread}");
        }
    }

    #[tokio::test]
    async fn json_that_names_one_key_revokes_all_others() {
        let server = TestServer::start(|_| answer(&json!({"current": A}).to_string())).await;
        assert_eq!(keys(&server).await.unwrap(), A.parse().unwrap());
        assert_eq!(server.heads().len(), 1);
    }

    #[tokio::test]
    async fn a_service_that_is_busy_is_asked_again() {
        let asked = AtomicUsize::new(0);
        let server = TestServer::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => (500, r#"{"__type":"InternalServiceError"}"#.to_owned()),
            1 => (400, r#"{"__type":"ThrottlingException"}"#.to_owned()),
            _ => answer(&format!("{A} {B}")),
        });
        let server = server.await;
        assert_eq!(keys(&server).await.unwrap().len(), 2);
        assert_eq!(server.heads().len(), 3);
    }

    #[tokio::test]
    async fn refusals_say_what_to_look_at_and_tell_no_secret() {
        let denied = r#"{"__type":"x#AccessDeniedException","Message":"arn:aws:iam::1:role/secret"}"#;
        let cases = [
            (400, denied, "secretsmanager:GetSecretValue"),
            (400, NOT_FOUND, "ResourceNotFoundException"),
            (400, "", "status 400"),
        ];
        for (status, body, named) in cases {
            let server = TestServer::start(move |_| (status, body.to_owned())).await;
            let error = keys(&server).await.unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains("role/"), "{error}");
            assert_eq!(server.heads().len(), 1);
        }
        let server = TestServer::start(|_| answer("too-short-SECRET")).await;
        assert!(keys(&server).await.is_ok());
        let server = TestServer::start(|_| answer("short-SECRET")).await;
        let error = keys(&server).await.unwrap_err().to_string();
        assert!(error.contains("fewer than 16 bytes") && !error.contains("SECRET"), "{error}");
    }

    #[test]
    fn the_arn_says_where_the_secret_is() {
        let china: SecretArn = "arn:aws-cn:secretsmanager:cn-north-1:1:secret:a:b".parse().unwrap();
        assert_eq!(china.region(), "cn-north-1");
        for wrong in ["", "name", "arn:aws:ssm:eu-west-1:1:parameter/a", "arn:aws:secretsmanager:x/y:1:secret:a"] {
            assert_eq!(wrong.parse::<SecretArn>(), Err(NotASecret), "{wrong}");
        }
    }
}
