//! An AWS service whose operations are JSON over POST, signed: `DynamoDB`, and Secrets Manager.
//!
//! The SDK's client does the same with many times the instructions, and would be half of a binary that every cold start
//! loads.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri};
use serde::Deserialize;

use super::super::settings::{CredentialsSource, SettingsError};
use super::connector::{ConnectorError, Http1Connector, host};
use super::credentials::{Credentials, CredentialsError, Keys};
use super::signature::{Signable, Signer};
use super::tls::TlsRoots;

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const X_AMZN_ERRORTYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What shows in AWS's logs of who asked.
const AGENT: &str = concat!("lrap/", env!("CARGO_PKG_VERSION"));

/// The longest name of an error that is passed on.
const MAX_CODE: usize = 64;

/// How a service is spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    /// Its name in signatures.
    pub(crate) service: &'static str,
    /// What the names of operations follow in `x-amz-target`.
    pub(crate) prefix: &'static str,
    pub(crate) content_type: &'static str,
}

/// One service in one region, by somebody's credentials. Clones share connections and keys.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    protocol: Protocol,
    url: Uri,
    /// The header `Host`.
    host: String,
    signer: Arc<Signer>,
    credentials: Arc<Credentials>,
    way: Way,
}

/// Where requests go.
#[derive(Clone)]
enum Way {
    Network(Http1Connector),
    /// Nowhere: this is the answer to all of them.
    Rehearsal(&'static str),
}

/// Why an operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("there are no credentials")]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Connection(#[from] ConnectorError),
    #[error("the service refuses")]
    Refused(Refusal),
}

/// An answer that is an error. `Debug` shows no more of it than its name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The error's name, such as `ThrottlingException`; empty if it has none.
    pub(crate) code: String,
    pub(crate) body: Bytes,
}

impl Refusal {
    /// Whether other keys may do.
    fn is_of_keys(&self) -> bool {
        matches!(self.code.as_str(), "ExpiredTokenException" | "UnrecognizedClientException")
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").field("status", &self.status).field("code", &self.code).finish_non_exhaustive()
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network(_) => "Network",
            Self::Rehearsal(_) => "Rehearsal",
        })
    }
}

impl Service {
    /// The service at `url` in `region`. Checks the settings and reads the certificates of [`TlsRoots::File`] if there
    /// is anything to use them for; connects when first asked.
    pub(crate) fn new(
        protocol: Protocol,
        url: &str,
        region: &str,
        credentials: CredentialsSource,
        roots: &TlsRoots,
    ) -> Result<Self, SettingsError> {
        let url = checked(url)?;
        let needs_tls = is_https(&url) || needs_tls(&credentials);
        let connector = Http1Connector::new(needs_tls.then(|| roots.client()).transpose()?);
        let credentials = Credentials::new(credentials, connector.clone())?;
        Ok(Self {
            protocol,
            host: url.authority().map(|authority| host(is_https(&url), authority).to_owned()).unwrap_or_default(),
            url,
            signer: Arc::new(Signer::new(protocol.service, region)),
            credentials: Arc::new(credentials),
            way: Way::Network(connector),
        })
    }

    /// The same service, of which nothing is really asked: `answer` is what it says to everything.
    pub(crate) fn rehearsing(&self, answer: &'static str) -> Self {
        Self { way: Way::Rehearsal(answer), ..self.clone() }
    }

    pub(crate) fn is_rehearsing(&self) -> bool {
        matches!(self.way, Way::Rehearsal(_))
    }

    /// Calls an operation with its JSON; the JSON of its answer. Keys that are refused are replaced once, where others
    /// can be had.
    pub(crate) async fn call(&self, operation: &str, body: Vec<u8>) -> Result<Bytes, CallError> {
        let (body, keys) = (Bytes::from(body), self.credentials.keys().await?);
        match self.call_with(&keys, operation, body.clone()).await {
            Err(CallError::Refused(refusal)) if refusal.is_of_keys() && self.credentials.forget(&keys).await => {
                let others = self.credentials.keys().await?;
                self.call_with(&others, operation, body).await
            }
            outcome => outcome,
        }
    }

    async fn call_with(&self, keys: &Keys, operation: &str, body: Bytes) -> Result<Bytes, CallError> {
        let request = self.request(operation, body, keys, SystemTime::now()).ok_or(CredentialsError::Unusable)?;
        let answer = self.send(request).await?;
        if answer.status().is_success() { Ok(answer.into_body()) } else { Err(CallError::Refused(refusal(&answer))) }
    }

    /// Asks for `path`, which begins with no slash, without a signature and without an operation; whether there was an answer.
    pub(crate) async fn ping(&self, path: &str) -> bool {
        match Request::get(format!("{}{path}", self.url)).body(Bytes::new()) {
            Ok(request) => self.send(request).await.is_ok(),
            Err(_) => false,
        }
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        match &self.way {
            Way::Network(connector) => connector.call(request).await,
            Way::Rehearsal(answer) => Ok(Response::new(Bytes::from_static(answer.as_bytes()))),
        }
    }

    /// The signed request; `None` when the credentials cannot stand in headers.
    fn request(&self, operation: &str, body: Bytes, keys: &Keys, now: SystemTime) -> Option<Request<Bytes>> {
        let Protocol { prefix, content_type, .. } = self.protocol;
        let target = format!("{prefix}.{operation}");
        let signable = Signable { host: &self.host, path: self.url.path(), content_type, target: &target, body: &body };
        let signature = self.signer.sign(&signable, keys, now);
        let mut request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static(content_type))
            .header(USER_AGENT, HeaderValue::from_static(AGENT))
            .header(X_AMZ_TARGET, target)
            .header(X_AMZ_DATE, signature.date)
            .header(AUTHORIZATION, signature.authorization);
        if let Some(token) = &keys.session_token {
            request = request.header(X_AMZ_SECURITY_TOKEN, token);
        }
        request.body(body).ok()
    }
}

/// A URL that a service can be at: of a host and maybe a folder, whose name is signed as it stands.
fn checked(url: &str) -> Result<Uri, SettingsError> {
    match format!("{}/", url.trim_end_matches('/')).parse::<Uri>() {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) && is_plain(&uri) => Ok(uri),
        _ => Err(SettingsError::Endpoint(url.to_owned())),
    }
}

/// Whether a path has nothing that would be escaped or left out in what is signed (RFC 3986, sections 2.3 and 5.2.4).
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

/// An error as these services spell it: `{"__type":"com.amazon…#AccessDeniedException",…}`. What stands in front of some
/// of them says it in a header or as `code`.
fn refusal(answer: &Response<Bytes>) -> Refusal {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "__type")]
        kind: Option<String>,
        code: Option<String>,
    }
    let header = answer.headers().get(X_AMZN_ERRORTYPE).and_then(|kind| kind.to_str().ok());
    let problem: Option<Problem> = serde_json::from_slice(answer.body()).ok();
    let told = problem.and_then(|problem| problem.code.or(problem.kind));
    let code = header.or(told.as_deref()).map(error_name).unwrap_or_default();
    Refusal { status: answer.status().as_u16(), code, body: answer.body().clone() }
}

/// The name in an error's type, such as `com.amazon…#AccessDeniedException:http://…`. Whatever else stands there is not
/// passed on.
fn error_name(kind: &str) -> String {
    let qualified = kind.split(':').next().unwrap_or_default();
    let name = qualified.rsplit('#').next().unwrap_or_default();
    name.chars().take_while(char::is_ascii_alphanumeric).take(MAX_CODE).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_server::TestServer;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const PROTOCOL: Protocol = Protocol { service: "dynamodb", prefix: "P", content_type: "application/json" };

    fn service(url: &str, token: Option<&str>) -> Result<Service, SettingsError> {
        let credentials = CredentialsSource::Static {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "SECRET".to_owned(),
            session_token: token.map(str::to_owned),
        };
        Service::new(PROTOCOL, url, "eu-central-1", credentials, &TlsRoots::Amazon)
    }

    #[tokio::test]
    async fn a_request_says_who_asks_what() {
        let server = TestServer::start(|_| (200, "answer".to_owned())).await;
        for path in ["", "/", "/folder", "/folder/"] {
            let service = service(&format!("{}{path}", server.url), None).unwrap();
            assert_eq!(service.call("Operation", b"body".to_vec()).await.unwrap(), "answer");
        }
        assert_eq!(server.bodies(), [b"body"; 4]);
        let heads = server.heads();
        let lines: Vec<_> = heads.iter().map(|head| head.lines().next().unwrap()).collect();
        assert_eq!(lines, ["POST / HTTP/1.1", "POST / HTTP/1.1", "POST /folder/ HTTP/1.1", "POST /folder/ HTTP/1.1"]);
        let agent = format!("user-agent: {AGENT}\r\n");
        assert!(heads.iter().all(|head| head.contains(&agent) && head.contains("x-amz-target: P.Operation\r\n")));
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_name() {
        for (body, code) in [
            (r#"{"__type":"com.amazon.coral#AccessDeniedException","message":"arn:…"}"#, "AccessDeniedException"),
            (r#"{"__type":"ThrottlingException"}"#, "ThrottlingException"),
            (r#"{"__type":"ns#Throttled:http://x/#y"}"#, "Throttled"),
            (r#"{"__type":"other","code":"Throttled"}"#, "Throttled"),
            (r#"{"__type":"a b"}"#, "a"),
            (r#"{"message":"x"}"#, ""),
            ("<html>", ""),
        ] {
            let server = TestServer::start(move |_| (400, body.to_owned())).await;
            let error = service(&server.url, None).unwrap().call("Operation", Vec::new()).await.unwrap_err();
            let CallError::Refused(refusal) = &error else { panic!("{error}") };
            assert_eq!((refusal.status, refusal.code.as_str(), &refusal.body[..]), (400, code, body.as_bytes()));
            assert!(!format!("{error:?} {error}").contains("arn"));
        }
    }

    #[tokio::test]
    async fn refused_keys_of_a_container_are_replaced_once() {
        for (codes, asked, is_ok) in [(1, 4, true), (2, 4, false)] {
            let refused = AtomicUsize::new(0);
            let server = TestServer::start(move |head| match head.starts_with("GET") {
                true => (200, r#"{"AccessKeyId":"AKID","SecretAccessKey":"S"}"#.to_owned()),
                false if refused.fetch_add(1, Ordering::SeqCst) < codes => {
                    (400, r#"{"__type":"ExpiredTokenException"}"#.to_owned())
                }
                false => (200, String::new()),
            });
            let server = server.await;
            let credentials = CredentialsSource::Container { uri: server.url.clone(), authorization: None };
            let service = Service::new(PROTOCOL, &server.url, "eu-central-1", credentials, &TlsRoots::Amazon).unwrap();
            assert_eq!(service.call("Operation", Vec::new()).await.is_ok(), is_ok);
            assert_eq!(server.heads().len(), asked, "{:?}", server.heads());
        }
    }

    #[tokio::test]
    async fn credentials_that_cannot_stand_in_a_header_are_refused() {
        let server = TestServer::start(|_| (200, String::new())).await;
        let error = service(&server.url, Some("two\nlines")).unwrap().call("Operation", Vec::new()).await.unwrap_err();
        assert!(matches!(error, CallError::Credentials(CredentialsError::Unusable)), "{error:?}");
        assert!(server.heads().is_empty());
    }

    #[test]
    fn an_endpoint_is_a_url_of_a_host_and_a_folder() {
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
            assert_eq!(service(wrong, None).unwrap_err(), SettingsError::Endpoint(wrong.to_owned()));
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_in_a_rehearsal() {
        let server = TestServer::start(|_| (200, "real".to_owned())).await;
        let service = service(&server.url, None).unwrap().rehearsing("rehearsed");
        assert_eq!(service.call("Operation", Vec::new()).await.unwrap(), "rehearsed");
        assert!(server.heads().is_empty());
    }
}
