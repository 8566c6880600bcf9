//! A bucket in which faults happen: a relay like the table's, in front of another program's S3 on this machine.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::watch;

use super::clock;
use super::faults::{Fault, FaultScript, TableRequest};
use super::relay::{BreakableBody, Passage, SIGNATURE_LIFE, cut, signed_by};
use crate::http_server::{HttpServer, listen_on_loopback};

/// Requests that arrived, by operation.
type Requests = BTreeMap<String, u64>;

/// A bucket of an S3 that runs elsewhere on this machine. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct ContentBucket {
    name: String,
    upstream: SocketAddr,
    server: HttpServer,
    requests: watch::Receiver<Requests>,
    faults: FaultScript,
}

/// The signature of requests that this program sends itself. It is not checked, but another region would need a `LocationConstraint`.
const OWNER: &str =
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

struct Relay {
    upstream: SocketAddr,
    requests: watch::Sender<Requests>,
    faults: FaultScript,
}

/// An object: its headers, and its bytes.
pub type Object = (HeaderMap, Bytes);

impl ContentBucket {
    /// Makes the bucket in the S3 at `upstream`, and serves it on a free port.
    pub async fn start(name: &str, upstream: SocketAddr) -> io::Result<Self> {
        let (sender, requests) = watch::channel(Requests::default());
        let faults = FaultScript::default();
        let relay = Arc::new(Relay { upstream, requests: sender, faults: faults.clone() });
        let connection = move || {
            let (relay, passage) = (Arc::clone(&relay), Arc::new(Passage::new(relay.faults.open())));
            move |request| {
                let (relay, passage) = (Arc::clone(&relay), Arc::clone(&passage));
                async move { relay.answer(&passage, request).await }
            }
        };
        let server = HttpServer::serve(listen_on_loopback(0).await?, connection)?;
        let bucket = Self { name: name.to_owned(), upstream, server, requests, faults };
        bucket.ask(Method::PUT, "", HeaderMap::new(), Bytes::new()).await;
        Ok(bucket)
    }

    /// `http://127.0.0.1:port`, the value of `AWS_ENDPOINT_URL_S3`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The faults in force.
    pub fn faults(&self) -> &FaultScript {
        &self.faults
    }

    /// Requests of one operation so far, such as `PutObject`; `""` are those without a signature.
    pub fn requests_of(&self, operation: &str) -> u64 {
        self.requests.borrow().get(operation).copied().unwrap_or(0)
    }

    /// Requests of all operations so far.
    pub fn total_requests(&self) -> u64 {
        self.requests.borrow().iter().filter(|(operation, _)| !operation.is_empty()).map(|(_, count)| count).sum()
    }

    /// Waits until so many requests have come.
    pub async fn asked_times(&self, times: u64) {
        self.asked(|bucket| bucket.requests.borrow().values().sum::<u64>() >= times).await;
    }

    /// Waits until requests have come after which `is_so`.
    pub async fn asked(&self, is_so: impl Fn(&Self) -> bool) {
        let mut requests = self.requests.clone();
        while !is_so(self) {
            requests.changed().await.expect("BUG: the server lives as long as the bucket");
        }
    }

    /// Every key, past the relay: neither counted nor at fault.
    pub async fn keys(&self) -> Vec<String> {
        let (_, list) = self.ask(Method::GET, "?list-type=2", HeaderMap::new(), Bytes::new()).await;
        let list = String::from_utf8_lossy(&list).into_owned();
        list.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect()
    }

    /// An object as it is.
    pub async fn object(&self, key: &str) -> Object {
        self.ask(Method::GET, key, HeaderMap::new(), Bytes::new()).await
    }

    /// Puts an object in the place of another one: with its own metadata, of which `edit` may make something else.
    pub async fn edit(&self, key: &str, edit: impl FnOnce(&mut HeaderMap, &mut Vec<u8>)) {
        let (mut headers, bytes) = self.object(key).await;
        let mut bytes = bytes.to_vec();
        edit(&mut headers, &mut bytes);
        self.put(key, (headers, bytes.into())).await;
    }

    /// Puts an object; of its headers only the metadata.
    pub async fn put(&self, key: &str, (headers, bytes): Object) {
        let is_metadata = |(name, _): &(&http::HeaderName, &HeaderValue)| name.as_str().starts_with("x-amz-meta-");
        let metadata = headers.iter().filter(is_metadata).map(|(name, value)| (name.clone(), value.clone())).collect();
        self.ask(Method::PUT, key, metadata, bytes).await;
    }

    /// Deletes an object.
    pub async fn delete(&self, key: &str) {
        self.ask(Method::DELETE, key, HeaderMap::new(), Bytes::new()).await;
    }

    async fn ask(&self, method: Method, target: &str, headers: HeaderMap, body: Bytes) -> Object {
        let uri = if target.is_empty() || target.starts_with('?') {
            format!("/{}{target}", self.name)
        } else {
            format!("/{}/{target}", self.name)
        };
        let mut request = Request::new(Full::new(body));
        *request.headers_mut() = headers;
        request.headers_mut().insert(http::header::HOST, HeaderValue::from_static("127.0.0.1"));
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(OWNER));
        (*request.method_mut(), *request.uri_mut()) = (method, uri.parse().expect("a path"));
        let (head, body) = Passage::new(0).send(self.upstream, request).await.expect("S3 on this machine answers");
        assert!(
            head.status.is_success() || head.status == StatusCode::NOT_FOUND,
            "S3 on this machine refuses: {}",
            head.status
        );
        (head.headers, body)
    }
}

impl Relay {
    /// Answers one request: counted first, so that who sees a fault sees it counted.
    async fn answer(&self, passage: &Passage, request: Request<Incoming>) -> Response<BreakableBody> {
        if self.faults.is_silent(passage.number()) {
            return std::future::pending().await;
        }
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return refusal(400, "IncompleteBody") };
        let operation = operation(&head);
        self.requests.send_modify(|requests| *requests.entry(operation.to_owned()).or_default() += 1);
        if operation.is_empty() {
            return refusal(403, "AccessDenied");
        }
        let body = body.to_bytes();
        let (access_key_id, region) = signed_by(&head).unwrap_or_default();
        let fault = self.faults.decide(&TableRequest { operation, body: &body, access_key_id, region });
        let request = Request::from_parts(head, Full::new(body));
        match fault {
            Fault::Throttle => refusal(503, "SlowDown"),
            Fault::InternalError => refusal(500, "InternalError"),
            Fault::DenyCredentials => refusal(403, "InvalidAccessKeyId"),
            Fault::NoTable => refusal(404, "NoSuchBucket"),
            Fault::Refuse(status, code) => refusal(status, code),
            Fault::Elsewhere(region) => {
                let mut moved = refusal(301, "PermanentRedirect");
                moved.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_static(region));
                moved
            }
            Fault::Clock(ahead) => self.pass_by_clock(passage, ahead, request).await,
            Fault::Hang => std::future::pending().await,
            Fault::Delay(duration) => {
                tokio::time::sleep(duration).await;
                self.pass(passage, request).await
            }
            Fault::Wait(gate) => {
                gate.opened().await;
                self.pass(passage, request).await
            }
            Fault::Reset => cut(self.pass(passage, request).await),
            // Reads are consistent, and nothing is left out.
            Fault::Pass | Fault::Stale | Fault::Unprocessed => self.pass(passage, request).await,
        }
    }

    async fn pass(&self, passage: &Passage, request: Request<Full<Bytes>>) -> Response<BreakableBody> {
        let is_head = request.method() == Method::HEAD;
        let Ok((mut head, answer)) = passage.send(self.upstream, request).await else {
            return refusal(502, "Unreachable");
        };
        if !is_head {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.len()));
        }
        head.headers.remove(http::header::TRANSFER_ENCODING);
        Response::from_parts(head, BreakableBody::whole(answer))
    }

    /// The answer of an S3 whose clock is so many seconds ahead.
    async fn pass_by_clock(
        &self,
        passage: &Passage,
        ahead: i64,
        request: Request<Full<Bytes>>,
    ) -> Response<BreakableBody> {
        let now = clock::now() + ahead;
        let signed = request.headers().get("x-amz-date").and_then(|date| clock::seconds_of(date.to_str().ok()?));
        let mut answer = match signed {
            Some(signed) if (signed - now).abs() <= SIGNATURE_LIFE => self.pass(passage, request).await,
            _ => refusal(403, "RequestTimeTooSkewed"),
        };
        answer.headers_mut().insert(DATE, clock::http_date(now));
        answer
    }
}

/// The name of a request in S3's API; none without a signature.
fn operation(head: &http::request::Parts) -> &'static str {
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let has_key = path.trim_matches('/').contains('/');
    match head.method {
        _ if !head.headers.contains_key(AUTHORIZATION) => "",
        Method::PUT if query.contains("partNumber=") => "UploadPart",
        Method::PUT => "PutObject",
        Method::POST if query.starts_with("uploads") => "CreateMultipartUpload",
        Method::POST => "CompleteMultipartUpload",
        Method::HEAD => "HeadObject",
        _ if has_key => "GetObject",
        _ => "ListObjectsV2",
    }
}

fn refusal(status: u16, code: &str) -> Response<BreakableBody> {
    let body = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>on purpose</Message></Error>");
    let mut response = Response::new(BreakableBody::whole(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
