//! The basis of the SDK's clients for `DynamoDB` and Secrets Manager, and of our client for S3: one connector and one set of
//! credentials. The SDK does not retry, does not wait, and does not evaluate for each request what is the same for every
//! request. `retry` decides when to retry, within the invocation's deadline.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as AccessKeys;
use aws_runtime::user_agent::UserAgentInterceptor;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, disable_interceptor, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use bytes::Bytes;
use http::header::{DATE, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt;

use super::super::settings::CredentialsSource;
use super::super::settings_error::SettingsError;
use super::connector::{self, Http1Connector, PendingOutcome};
use super::credentials::{Credentials, CredentialsError};
use super::pool::Connections;
use super::tls::TlsRoots;

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");

/// The user agent, which AWS's logs show as the caller.
pub(crate) const AGENT: &str = concat!("lrap/", env!("CARGO_PKG_VERSION"));

/// If a request was signed at a time that differs from the server's by this much, that may be why it was refused. It is the
/// SDK's own limit.
const SKEW: Duration = Duration::from_mins(4);

/// A connector and credentials for it. Clones share connections and keys.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    connector: Http1Connector,
    credentials: Arc<Credentials>,
}

impl Access {
    /// Access to `endpoint`, or to AWS's own endpoint without one. Reads the certificates of [`TlsRoots::File`] if TLS is
    /// used. Connects on first use.
    pub(crate) fn new(
        endpoint: Option<&str>,
        credentials: CredentialsSource,
        roots: &TlsRoots,
        connections: Connections,
    ) -> Result<Self, SettingsError> {
        let endpoint = endpoint.map(checked).transpose()?;
        let needs_tls = endpoint.as_ref().is_none_or(is_https) || needs_tls(&credentials);
        let connector = Http1Connector::new(needs_tls.then(|| roots.client()).transpose()?, connections);
        let credentials = Arc::new(Credentials::new(credentials, connector.clone())?);
        Ok(Self { connector, credentials })
    }

    /// The configuration of a client in `region`.
    pub(crate) fn config(&self, region: &str) -> SdkConfig {
        let carrier = SharedHttpConnector::new(Carrier(self.connector.clone()));
        SdkConfig::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(http_client_fn(move |_, _| carrier.clone()))
            .credentials_provider(self.credentials.provider())
            .identity_cache(IdentityCache::no_cache()) // the credentials are kept by their provider
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_dynamodb::config::StalledStreamProtectionConfig::disabled())
            .build()
    }

    /// Sends a request. If its keys are refused and there are others, it is sent once more with them.
    pub(crate) async fn call<O, E, F>(&self, send: impl Fn() -> F) -> Result<O, SdkError<E, HttpResponse>>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    {
        let keys = self.credentials.keys().await.map_err(SdkError::construction_failure)?;
        match send().await {
            Err(error) if are_refused(&error) && self.credentials.forget(&keys).await => send().await,
            outcome => outcome,
        }
    }

    /// Keys to sign a request with.
    pub(crate) async fn keys(&self) -> Result<AccessKeys, CredentialsError> {
        self.credentials.keys().await
    }

    /// Notes that these keys were refused. Returns whether there may be others.
    pub(crate) async fn forget(&self, keys: &AccessKeys) -> bool {
        self.credentials.forget(keys).await
    }

    /// Sends a request that is signed already.
    pub(crate) fn send(&self, request: Request<Bytes>) -> PendingOutcome<'_> {
        self.connector.call(request)
    }

    /// Sends a request to a URL without a signature. Returns whether there was an answer.
    pub(crate) async fn ping(&self, url: &str) -> bool {
        match Request::get(url).body(Bytes::new()) {
            Ok(request) => self.connector.call(request).await.is_ok(),
            Err(_) => false,
        }
    }
}

/// Whether an error says that the keys were refused, so that other keys may be accepted.
fn are_refused<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    const REFUSED: [&str; 4] =
        ["ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId"];
    error.as_service_error().and_then(ProvideErrorMetadata::code).is_some_and(|code| REFUSED.contains(&code))
}

/// Connects the SDK to our connector, and sets our user agent. The SDK would compose its own user agent for each request,
/// and would read the environment for that.
#[derive(Debug, Clone)]
struct Carrier(Http1Connector);

impl HttpConnector for Carrier {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move { carry(&connector, request).await })
    }
}

async fn carry(connector: &Http1Connector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let (mut head, body) = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    head.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let signed = head.headers.get(X_AMZ_DATE).cloned();
    let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
    let answer =
        connector.call(Request::from_parts(head, body)).await.map_err(|error| ConnectorError::io(error.into()))?;
    // An operation answers with JSON. What the SDK would read from nothing is a success.
    if answer.status().is_success() && answer.body().is_empty() {
        return Err(ConnectorError::io(connector::ConnectorError::BrokenOff(answer.status().as_u16()).into()));
    }
    let is_skewed = answer.status().is_client_error() && is_skewed(signed.as_ref(), answer.headers());
    let mut answer = response(answer)?;
    if is_skewed {
        answer.add_extension(SignedAtAnotherTime);
    }
    Ok(answer)
}

fn response(answer: Response<Bytes>) -> Result<HttpResponse, ConnectorError> {
    HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
}

/// Marks the refusal of a request that was signed at a time more than [`SKEW`] from the time in the answer. The SDK
/// remembers by how much our clock is off, and signs the next request with the server's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedAtAnotherTime;

fn is_skewed(signed: Option<&HeaderValue>, answer: &HeaderMap) -> bool {
    let signed = signed.and_then(|date| basic_time(date.to_str().ok()?));
    let answered = answer.get(DATE).and_then(|date| time(date.to_str().ok()?, Format::HttpDate));
    let Some((signed, answered)) = signed.zip(answered) else { return false };
    signed.duration_since(answered).unwrap_or_else(|earlier| earlier.duration()) > SKEW
}

/// The time in `20261128T182853Z`.
fn basic_time(text: &str) -> Option<SystemTime> {
    let part = |range: std::ops::Range<usize>| text.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute, second) = (part(9..11)?, part(11..13)?, part(13..15)?);
    time(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"), Format::DateTime)
}

fn time(text: &str, format: Format) -> Option<SystemTime> {
    DateTime::from_str(text, format).ok()?.try_into().ok()
}

/// Prevents the SDK from composing its user agent, which [`Carrier`] replaces.
#[derive(Debug)]
pub(crate) struct OwnUserAgent;

#[dyn_dispatch_hint]
impl Intercept for OwnUserAgent {
    fn name(&self) -> &'static str {
        "OwnUserAgent"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(disable_interceptor::<UserAgentInterceptor>("the connector names us"));
        Ok(())
    }
}

/// A URL that can be the endpoint of a service: a host, and perhaps a path.
fn checked(url: &str) -> Result<Uri, SettingsError> {
    match format!("{}/", url.trim_end_matches('/')).parse::<Uri>() {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) && is_plain(&uri) => Ok(uri),
        _ => Err(SettingsError::Endpoint(url.to_owned())),
    }
}

/// Whether nothing in a path would be escaped or left out when it is signed (RFC 3986, sections 2.3 and 5.2.4).
fn is_plain(url: &Uri) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.bytes().all(is_unreserved);
    let folders = url.path().trim_matches('/');
    url.query().is_none()
        && (url.path() == "/" || format!("/{folders}/") == url.path() && folders.split('/').all(is_name))
}

fn is_https(url: &Uri) -> bool {
    url.scheme() == Some(&Scheme::HTTPS)
}

fn needs_tls(credentials: &CredentialsSource) -> bool {
    match credentials {
        CredentialsSource::Container { uri, .. } => uri.parse().is_ok_and(|uri| is_https(&uri)),
        CredentialsSource::Static { .. } => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_of_a_host_and_a_folder() {
        let keys = || CredentialsSource::Static {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "SECRET".to_owned(),
            session_token: None,
        };
        for wrong in [
            "",
            "localhost:8000",
            "ftp://x",
            "http//x",
            "http://x/?query",
            "http://x y",
            "http://x/a//b",
            "http://x/../a",
            "http://x/a%20b",
        ] {
            let error = Access::new(Some(wrong), keys(), &TlsRoots::Amazon, Connections::default()).unwrap_err();
            assert_eq!(error, SettingsError::Endpoint(wrong.to_owned()));
        }
        assert!(Access::new(Some("http://x/folder/"), keys(), &TlsRoots::Amazon, Connections::default()).is_ok());
    }

    #[test]
    fn a_request_is_skewed_by_more_than_four_minutes() {
        let is_skewed = |signed: &str, answered: &str| {
            let mut answer = HeaderMap::new();
            answer.insert(DATE, answered.parse().unwrap());
            is_skewed(Some(&signed.parse().unwrap()), &answer)
        };
        for (answered, expected) in [
            ("Fri, 15 Jan 2027 08:00:00 GMT", false),
            ("Fri, 15 Jan 2027 08:04:00 GMT", false),
            ("Fri, 15 Jan 2027 08:04:01 GMT", true),
            ("Fri, 15 Jan 2027 07:55:59 GMT", true),
            ("yesterday", false),
        ] {
            assert_eq!(is_skewed("20270115T080000Z", answered), expected, "{answered}");
        }
        assert!(!is_skewed("today", "Fri, 15 Jan 2027 08:04:01 GMT"));
    }
}
