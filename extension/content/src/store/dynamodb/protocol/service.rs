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

    /// Calls an operation with its JSON; the JSON of its answer.
    pub(crate) async fn call(&self, operation: &str, body: Vec<u8>) -> Result<Bytes, CallError> {
        let keys = self.credentials.keys().await?;
        let request = self.request(operation, body.into(), &keys, SystemTime::now());
        let answer = self.send(request.ok_or(CredentialsError::Refused)?).await?;
        if answer.status().is_success() { Ok(answer.into_body()) } else { Err(CallError::Refused(refusal(answer))) }
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

/// A URL that a service can be at: of a host and maybe a path, which is a folder's.
fn checked(url: &str) -> Result<Uri, SettingsError> {
    match format!("{}/", url.trim_end_matches('/')).parse::<Uri>() {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none() => Ok(uri),
        _ => Err(SettingsError::Endpoint(url.to_owned())),
    }
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

fn refusal(answer: Response<Bytes>) -> Refusal {
    /// An error as these services spell it: `{"__type":"com.amazon…#AccessDeniedException",…}`.
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "__type")]
        kind: String,
    }
    let (status, body) = (answer.status(), answer.into_body());
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    let code = problem.map(|problem| word(&problem.kind)).unwrap_or_default();
    Refusal { status: status.as_u16(), code, body }
}

/// The name in an error's type. Whatever else stands there is not passed on.
fn word(kind: &str) -> String {
    let name = kind.rsplit('#').next().unwrap_or_default();
    name.chars().take_while(char::is_ascii_alphanumeric).take(MAX_CODE).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_server::TestServer;
    use super::*;

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
        assert_eq!(lines, ["post / http/1.1", "post / http/1.1", "post /folder/ http/1.1", "post /folder/ http/1.1"]);
        let agent = format!("user-agent: {AGENT}\r\n");
        assert!(heads.iter().all(|head| head.contains(&agent) && head.contains("x-amz-target: p.operation\r\n")));
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_name() {
        for (body, code) in [
            (r#"{"__type":"com.amazon.coral#AccessDeniedException","message":"arn:…"}"#, "AccessDeniedException"),
            (r#"{"__type":"ThrottlingException"}"#, "ThrottlingException"),
            (r#"{"__type":"a b\nc"}"#, "a"),
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
    async fn credentials_that_cannot_stand_in_a_header_are_refused() {
        let server = TestServer::start(|_| (200, String::new())).await;
        let error = service(&server.url, Some("two\nlines")).unwrap().call("Operation", Vec::new()).await.unwrap_err();
        assert!(matches!(error, CallError::Credentials(CredentialsError::Refused)), "{error:?}");
        assert!(server.heads().is_empty());
    }

    #[test]
    fn an_endpoint_is_a_url_of_a_host_and_a_folder() {
        for wrong in ["", "localhost:8000", "ftp://x", "http//x", "http://x/?query", "http://x y"] {
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
