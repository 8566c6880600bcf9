//! Credentials: fixed ones, or those of a container credentials endpoint, which Lambda offers to functions with `SnapStart`.
//! Credentials of an endpoint are kept, and fetched again before they expire.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials as AccessKeys;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION};
use http::{HeaderValue, Request, StatusCode, Uri};
use serde::Deserialize;
use tokio::net::lookup_host;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::super::settings::{Authorization, CredentialsSource};
use super::super::settings_error::SettingsError;
use super::connector::Http1Connector;

/// Characters of an endpoint's reason that are logged.
const MAX_REASON: usize = 200;

/// How long before they expire credentials are fetched again. No request takes so long.
const REFRESH: Duration = Duration::from_mins(1);

/// How long credentials without an expiry are kept.
const UNTOLD: Duration = Duration::from_mins(15);

/// How long an answer may take. The endpoint is in the sandbox, and every request that needs keys waits for it.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// After a failed attempt, no request is sent to the endpoint for this long.
const PAUSE: Duration = Duration::from_millis(250);

/// Why there are no credentials. The text contains neither the endpoint's answer nor a parser's message about it, because
/// both may contain a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// A retry does not help until something is changed by hand.
    #[error("the container credentials endpoint refuses, or its authorization token cannot be read")]
    Refused,
    /// A retry may help.
    #[error("the container credentials endpoint does not answer with credentials")]
    Unavailable,
    /// The endpoint's name leads to an address that plain HTTP must not be used for.
    #[error("the container credentials endpoint is on another machine, and its URL is not https")]
    Elsewhere,
    /// They contain characters that a header cannot have.
    #[error("the credentials cannot be sent in a header")]
    Unusable,
}

/// Where a client gets its keys from. `Debug` does not show the keys.
pub(crate) enum Credentials {
    Fixed(Result<AccessKeys, CredentialsError>),
    Container(Box<ContainerCredentials>),
}

impl Credentials {
    /// The credentials of a source. `connector` sends the requests to a container endpoint.
    pub(crate) fn new(source: CredentialsSource, connector: Http1Connector) -> Result<Self, SettingsError> {
        Ok(match source {
            CredentialsSource::Static { access_key_id, secret_access_key, session_token } => Self::Fixed(usable(
                AccessKeys::new(access_key_id, secret_access_key, session_token, None, "environment"),
            )),
            CredentialsSource::Container { uri, authorization } => {
                let uri = checked(&uri)?;
                let last = Mutex::default();
                Self::Container(Box::new(ContainerCredentials { uri, authorization, connector, last }))
            }
        })
    }

    /// Keys that are valid for a while.
    pub(crate) async fn keys(&self) -> Result<AccessKeys, CredentialsError> {
        match self {
            Self::Fixed(keys) => keys.clone(),
            Self::Container(container) => container.keys().await,
        }
    }

    /// Notes that these keys were refused. Returns whether there may be others.
    pub(crate) async fn forget(&self, keys: &AccessKeys) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Container(container) => {
                container.last.lock().await.held.take_if(|held| held.keys == *keys);
                true
            }
        }
    }

    /// A provider of the same keys for the SDK, which does not cache them.
    pub(crate) fn provider(self: &Arc<Self>) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Provider(Arc::clone(self)))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed(…)",
            Self::Container(_) => "Container(…)",
        })
    }
}

#[derive(Debug)]
struct Provider(Arc<Credentials>);

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match &*self.0 {
            Credentials::Fixed(Ok(keys)) => future::ProvideCredentials::ready(Ok(keys.clone())),
            credentials => future::ProvideCredentials::new(async move {
                credentials.keys().await.map_err(provider::error::CredentialsError::provider_error)
            }),
        }
    }
}

/// Keys that can be sent.
fn usable(keys: AccessKeys) -> Result<AccessKeys, CredentialsError> {
    let parts = [Some(keys.access_key_id()), keys.session_token()];
    let can_be_sent = parts.into_iter().flatten().all(|part| HeaderValue::from_str(part).is_ok());
    if can_be_sent { Ok(keys) } else { Err(CredentialsError::Unusable) }
}

/// The rule of every AWS SDK: over plain HTTP, credentials are taken only from this machine and from the addresses that ECS
/// and EKS give their agents. A name is looked up when a request is sent to the endpoint.
fn checked(text: &str) -> Result<Uri, SettingsError> {
    let uri: Uri = text.parse().map_err(|_| SettingsError::CredentialsUri)?;
    let is_trusted = match uri.scheme_str() {
        Some("https") => !host(&uri).is_empty(),
        Some("http") => host(&uri).parse().map_or(!host(&uri).is_empty(), is_trusted),
        _ => false,
    };
    if is_trusted { Ok(uri) } else { Err(SettingsError::CredentialsUri) }
}

/// The host of a URL, an address of IPv6 without its brackets.
fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_matches(['[', ']'])
}

fn is_trusted(address: IpAddr) -> bool {
    const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
    address.is_loopback() || AGENTS.iter().any(|agent| agent.parse() == Ok(address))
}

fn all_trusted(addresses: impl IntoIterator<Item = IpAddr>) -> Result<(), CredentialsError> {
    if addresses.into_iter().all(is_trusted) { Ok(()) } else { Err(CredentialsError::Elsewhere) }
}

/// A container credentials endpoint, and its last answer.
pub(crate) struct ContainerCredentials {
    uri: Uri,
    authorization: Option<Authorization>,
    connector: Http1Connector,
    last: Mutex<Last>,
}

/// The outcome of requests to the endpoint.
#[derive(Default)]
struct Last {
    held: Option<Held>,
    failed: Option<(Instant, CredentialsError)>,
}

impl fmt::Debug for ContainerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContainerCredentials")
    }
}

/// Keys, and when they expire.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    keys: AccessKeys,
    until: SystemTime,
}

impl Held {
    fn are_good_for(&self, time: Duration) -> bool {
        SystemTime::now() + time < self.until
    }
}

/// The answer of the endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

impl ContainerCredentials {
    /// Fetches keys from the endpoint if they have to be refreshed; concurrent callers wait for the same answer. If that
    /// fails, keys that are still valid are used.
    async fn keys(&self) -> Result<AccessKeys, CredentialsError> {
        let mut last = self.last.lock().await;
        if let Some(held) = last.held.as_ref().filter(|held| held.are_good_for(REFRESH)) {
            return Ok(held.keys.clone());
        }
        let error = match last.failed {
            Some((at, error)) if at.elapsed() < PAUSE => error,
            _ => match timeout(ANSWER_TIME, self.load()).await.unwrap_or(Err(CredentialsError::Unavailable)) {
                Ok(loaded) => return Ok(last.held.insert(loaded).keys.clone()),
                Err(error) => {
                    tracing::debug!(%error, "no new credentials");
                    last.failed = Some((Instant::now(), error));
                    error
                }
            },
        };
        let held = last.held.as_ref().filter(|held| held.are_good_for(Duration::ZERO));
        held.map(|held| held.keys.clone()).ok_or(error)
    }

    async fn load(&self) -> Result<Held, CredentialsError> {
        self.look_up().await?;
        // Asked once in hours: on a connection that was kept for so long, it might wait in vain for all of its time.
        let alone = HeaderValue::from_static("close");
        let mut request = Request::get(self.uri.clone()).header(ACCEPT, "application/json").header(CONNECTION, alone);
        if let Some(token) = self.token().await? {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request.body(Bytes::new()).map_err(|_| CredentialsError::Refused)?;
        let answer = self.connector.call(request).await.map_err(|_| CredentialsError::Unavailable)?;
        if answer.status() != StatusCode::OK {
            let (status, reason) = (answer.status().as_u16(), reason(answer.body()));
            tracing::warn!(status, reason, "the container credentials endpoint did not give credentials");
        }
        held(answer.status(), answer.body())
    }

    /// Whether the name of an endpoint without TLS leads to trusted addresses only.
    async fn look_up(&self) -> Result<(), CredentialsError> {
        let host = host(&self.uri);
        if self.uri.scheme_str() == Some("https") || host.parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        let found = lookup_host((host, 0)).await.map_err(|_| CredentialsError::Unavailable)?;
        all_trusted(found.map(|address| address.ip()))
    }

    async fn token(&self) -> Result<Option<String>, CredentialsError> {
        match &self.authorization {
            None => Ok(None),
            Some(Authorization::Token(token)) => Ok(Some(token.clone())),
            Some(Authorization::File(path)) => {
                let token = tokio::fs::read_to_string(path).await.map_err(|_| CredentialsError::Refused)?;
                Ok(Some(token.trim().to_owned()))
            }
        }
    }
}

fn held(status: StatusCode, body: &[u8]) -> Result<Held, CredentialsError> {
    match status.as_u16() {
        200 => {}
        400..=499 if status != StatusCode::TOO_MANY_REQUESTS => return Err(CredentialsError::Refused),
        _ => return Err(CredentialsError::Unavailable),
    }
    let answer: Document = serde_json::from_slice(body).map_err(|_| CredentialsError::Unavailable)?;
    let until = answer.expiration.map(|text| time(&text).ok_or(CredentialsError::Unavailable)).transpose()?;
    let until = until.unwrap_or_else(|| SystemTime::now() + UNTOLD);
    let keys = AccessKeys::new(answer.access_key_id, answer.secret_access_key, answer.token, Some(until), "container");
    Ok(Held { keys: usable(keys)?, until })
}

/// Why an endpoint refuses: `code` and `message` of its answer, on one line and of limited length. Nothing else of the
/// answer may be logged.
fn reason(body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        code: String,
        message: String,
    }
    let Refusal { code, message } = serde_json::from_slice(body).unwrap_or_default();
    let is_printable = |character: &char| !character.is_control();
    format!("{code} {message}").trim().chars().filter(is_printable).take(MAX_REASON).collect()
}

/// The time of a text in the form of RFC 3339, in any time zone.
fn time(text: &str) -> Option<SystemTime> {
    DateTime::from_str(text, Format::DateTimeWithOffset).ok()?.try_into().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::pool::Connections;
    use super::super::test_server::TestServer;
    use super::*;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::UNIX_EPOCH;

    #[test]
    fn the_reason_of_a_refusal_is_its_code_and_message_and_nothing_else() {
        for (body, expected) in [
            (r#"{"code":"InvalidToken","message":"it is\nexpired","Token":"SECRET"}"#, "InvalidToken it isexpired"),
            (r#"{"message":"no role"}"#, "no role"),
            (r#"{"SecretAccessKey":"SECRET"}"#, ""),
            ("SECRET", ""),
        ] {
            assert_eq!(reason(body.as_bytes()), expected, "{body}");
        }
        let long = json!({ "code": "x".repeat(1 << 20) }).to_string();
        assert_eq!(reason(long.as_bytes()).len(), MAX_REASON);
    }

    const ANSWER: &str =
        r#"{"AccessKeyId":"AKID","SecretAccessKey":"SECRET","Token":"TOKEN","Expiration":"2027-01-15T08:00:01Z"}"#;

    fn keys(id: &str) -> AccessKeys {
        AccessKeys::new(id, "S", None, None, "test")
    }

    fn container(uri: &str, authorization: Option<Authorization>) -> Result<Credentials, SettingsError> {
        let source = CredentialsSource::Container { uri: uri.to_owned(), authorization };
        Credentials::new(source, Http1Connector::new(None, Connections::default()))
    }

    fn endpoint(url: &str, authorization: Option<Authorization>) -> Box<ContainerCredentials> {
        match container(&format!("{url}/2021-04-23/credentials"), authorization).unwrap() {
            Credentials::Container(container) => container,
            Credentials::Fixed(_) => panic!("BUG: they come from an endpoint"),
        }
    }

    #[tokio::test]
    async fn a_container_endpoint_is_asked_with_the_token() {
        let server = TestServer::start(|_| (200, ANSWER.to_owned())).await;
        let token = Authorization::Token("the-token".to_owned());
        let held = endpoint(&server.url, Some(token)).load().await.unwrap();
        let Held { keys, .. } = &held;
        let parts = (keys.access_key_id(), keys.secret_access_key(), keys.session_token());
        assert_eq!(parts, ("AKID", "SECRET", Some("TOKEN")));
        assert_eq!(held.until, UNIX_EPOCH + Duration::from_secs(1_800_000_001));
        let asked = server.heads().remove(0);
        assert!(asked.starts_with("GET /2021-04-23/credentials HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("authorization: the-token\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn a_container_endpoint_may_be_named() {
        let server = TestServer::start(|_| (200, ANSWER.to_owned())).await;
        let container = endpoint(&server.url.replace("127.0.0.1", "localhost"), None);
        assert_eq!(container.keys().await.unwrap().access_key_id(), "AKID");
        let asked = server.heads().remove(0);
        assert!(asked.contains("host: localhost:"), "{asked}");
    }

    #[tokio::test]
    async fn a_name_must_lead_to_this_machine_and_nowhere_else() {
        let addresses = |ips: &[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(all_trusted(addresses(&["127.0.0.1", "::1", "169.254.170.2"])), Ok(()));
        assert_eq!(all_trusted(addresses(&["127.0.0.1", "10.0.0.1"])), Err(CredentialsError::Elsewhere));
        let container = endpoint("http://no-such-host.invalid:1", None);
        assert_eq!(container.keys().await.unwrap_err(), CredentialsError::Unavailable);
    }

    #[tokio::test]
    async fn keys_that_cannot_be_sent_are_told_apart() {
        let source = CredentialsSource::Static {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "S".to_owned(),
            session_token: Some("two\nlines".to_owned()),
        };
        let fixed = Credentials::new(source, Http1Connector::new(None, Connections::default())).unwrap();
        assert_eq!(fixed.keys().await.unwrap_err(), CredentialsError::Unusable);
        let answer = br#"{"AccessKeyId":"two\nlines","SecretAccessKey":"S"}"#;
        assert_eq!(held(StatusCode::OK, answer).unwrap_err(), CredentialsError::Unusable);
    }

    #[tokio::test]
    async fn a_token_file_is_read_at_every_refresh() {
        let server = TestServer::start(|_| (200, ANSWER.to_owned())).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        let container = endpoint(&server.url, Some(Authorization::File(file.path().to_owned())));
        for token in ["first", "second"] {
            std::fs::write(file.path(), format!("{token}\n")).unwrap();
            container.load().await.unwrap();
        }
        let heads = server.heads();
        assert!(heads[0].contains("authorization: first\r\n") && heads[1].contains("authorization: second\r\n"));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_worth_another_attempt_or_not() {
        use CredentialsError::{Refused, Unavailable};
        for (status, body, expected) in [
            (500, ANSWER, Unavailable),
            (429, ANSWER, Unavailable),
            (403, ANSWER, Refused),
            (200, "SECRET", Unavailable),
            (200, "{}", Unavailable),
        ] {
            let server = TestServer::start(move |_| (status, body.to_owned())).await;
            assert_eq!(endpoint(&server.url, None).keys().await.unwrap_err(), expected, "{status} {body}");
        }
        let server = TestServer::start(|_| (200, ANSWER.to_owned())).await;
        let gone = endpoint(&server.url, Some(Authorization::File("/nowhere".into())));
        assert_eq!(gone.keys().await.unwrap_err(), Refused);
        let broken = endpoint(&server.url, Some(Authorization::Token("two\nlines".to_owned())));
        assert_eq!(broken.keys().await.unwrap_err(), Refused);
    }

    /// An answer whose keys are valid for so many seconds and have a number in their name.
    fn good_for(seconds: i64, nth: usize) -> String {
        let expiration = DateTime::from_secs(DateTime::from(SystemTime::now()).secs() + seconds);
        let expiration = expiration.fmt(Format::DateTime).unwrap();
        json!({"AccessKeyId": format!("AKID{nth}"), "SecretAccessKey": "S", "Expiration": expiration}).to_string()
    }

    #[tokio::test]
    async fn keys_are_kept_until_shortly_before_they_expire() {
        for (seconds, asked) in [(3600, 1), (30, 3)] {
            let nth = AtomicUsize::new(0);
            let server = TestServer::start(move |_| (200, good_for(seconds, nth.fetch_add(1, Ordering::SeqCst))));
            let server = server.await;
            let container = endpoint(&server.url, None);
            for _ in 0..2 {
                container.keys().await.unwrap();
            }
            let last = container.keys().await.unwrap();
            assert_eq!(server.heads().len(), asked);
            assert_eq!(last.access_key_id(), format!("AKID{}", asked - 1));
        }
    }

    #[tokio::test]
    async fn keys_that_are_still_good_are_better_than_none() {
        for (seconds, is_kept) in [(30, true), (-30, false)] {
            let nth = AtomicUsize::new(0);
            let server = TestServer::start(move |_| match nth.fetch_add(1, Ordering::SeqCst) {
                0 => (200, good_for(seconds, 0)),
                _ => (500, String::new()),
            });
            let server = server.await;
            let container = endpoint(&server.url, None);
            container.keys().await.unwrap();
            assert_eq!(container.keys().await.is_ok(), is_kept, "{seconds}");
            assert_eq!(server.heads().len(), 2);
        }
    }

    /// If the server never answers, requests must not wait for it one after the other.
    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_hangs_is_given_up_soon_and_not_asked_by_everyone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let container = endpoint(&format!("http://{}", listener.local_addr().unwrap()), None);
        let soon = Held { keys: keys("old"), until: SystemTime::now() + Duration::from_secs(30) };
        container.last.lock().await.held = Some(soon.clone());
        let begun = tokio::time::Instant::now();
        for _ in 0..3 {
            assert_eq!(container.keys().await.unwrap(), soon.keys);
        }
        assert_eq!(begun.elapsed(), ANSWER_TIME);
    }

    #[tokio::test]
    async fn a_failure_is_everyones_for_a_moment() {
        let server = TestServer::start(|_| (500, String::new())).await;
        let container = endpoint(&server.url, None);
        let (first, second) = tokio::join!(container.keys(), container.keys());
        assert_eq!(
            (first.unwrap_err(), second.unwrap_err()),
            (CredentialsError::Unavailable, CredentialsError::Unavailable)
        );
        assert_eq!(server.heads().len(), 1);
    }

    #[tokio::test]
    async fn keys_whose_end_nobody_told_are_kept_for_a_while() {
        let answer = r#"{"AccessKeyId":"AKID","SecretAccessKey":"S"}"#;
        let held = held(StatusCode::OK, answer.as_bytes()).unwrap();
        assert!(held.are_good_for(UNTOLD / 2) && !held.are_good_for(UNTOLD));
    }

    #[tokio::test]
    async fn refused_keys_are_replaced_once() {
        let nth = AtomicUsize::new(0);
        let server = TestServer::start(move |_| (200, good_for(3600, nth.fetch_add(1, Ordering::SeqCst)))).await;
        let credentials = Credentials::Container(endpoint(&server.url, None));
        let first = credentials.keys().await.unwrap();
        assert!(credentials.forget(&first).await);
        let second = credentials.keys().await.unwrap();
        assert!(credentials.forget(&first).await, "there may be others");
        assert_eq!(credentials.keys().await.unwrap(), second);
        assert_eq!(server.heads().len(), 2);
        assert!(!Credentials::Fixed(Ok(first.clone())).forget(&first).await);
    }

    #[tokio::test]
    async fn who_comes_meanwhile_waits_for_the_same_answer() {
        let server = TestServer::start(|_| (200, good_for(3600, 0))).await;
        let container = endpoint(&server.url, None);
        let (first, second) = tokio::join!(container.keys(), container.keys());
        assert_eq!((first.unwrap(), server.heads().len()), (second.unwrap(), 1));
    }

    #[test]
    fn keys_do_not_show_in_debug_output() {
        let source = |secret: &str| CredentialsSource::Static {
            access_key_id: secret.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: Some(secret.to_owned()),
        };
        let credentials =
            Credentials::new(source("SECRET"), Http1Connector::new(None, Connections::default())).unwrap();
        assert!(!format!("{credentials:?}").contains("SECRET"));
        let token = Some(Authorization::Token("SECRET".to_owned()));
        assert!(!format!("{:?}", container("http://127.0.0.1/SECRET", token).unwrap()).contains("SECRET"));
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
            "http://localhost:9001/x",
        ];
        for uri in trusted {
            assert!(container(uri, None).is_ok(), "{uri}");
        }
        let refused = [
            "http://169.254.169.254/",
            "http://10.0.0.1/",
            "http://[fd00:ec2::24]/",
            "ftp://127.0.0.1/",
            "/relative",
            "127.0.0.1",
            "",
            "http:///path",
        ];
        for uri in refused {
            assert_eq!(container(uri, None).unwrap_err(), SettingsError::CredentialsUri, "{uri}");
        }
    }
}
