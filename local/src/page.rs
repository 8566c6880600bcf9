//! The page that shows executions: a few files, what Step Functions says of executions, and the contents that references in
//! a state stand for. It needs nothing from elsewhere, and its policy lets it ask nobody else.

mod contents;
mod executions;
mod files;
mod regions;
mod things;

pub(crate) use contents::Contents;
pub(crate) use executions::Executions;
pub(crate) use regions::Regions;
pub(crate) use things::Things;

use crate::answers::{ApiResponse, json_answer, not_found};
use bytes::Bytes;
use contents::Excerpt;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::net::IpAddr;

const HEADERS: [(HeaderName, &str); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
];

const FOREIGN: &str = "The page is for this machine only: open it by its IP address or as localhost.";
/// Bytes of what the page asks Step Functions.
const LONGEST_QUESTION: usize = 64 << 10;

/// Whether `path` is one of the page's.
pub(crate) fn has(path: &str) -> bool {
    path == "/page" || path.starts_with("/page/")
}

/// What the page shows.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) contents: Contents,
    pub(crate) executions: Executions,
    pub(crate) regions: Regions,
    pub(crate) things: Things,
}

impl Page {
    /// Answers a request for one of the page's paths.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> ApiResponse {
        let (head, body) = request.into_parts();
        if !is_addressed_here(&head.headers) {
            return text(StatusCode::FORBIDDEN, "text/plain", FOREIGN);
        }
        let query = head.uri.query().unwrap_or_default();
        match (&head.method, head.uri.path()) {
            (&Method::POST, "/page/executions") => self.ask(&self.regions.named_in(query), &head.headers, body).await,
            (&Method::GET, "/page/regions") => json(&json!({ "regions": self.regions.all() })),
            (&Method::GET, "/page/content") => self.content(query).await,
            (&Method::GET, path) if files::find(path).is_some() => file(path),
            (&Method::GET, path) => self.thing(path, query).await,
            (_, path) => not_found(path),
        }
    }

    async fn ask(&self, region: &str, headers: &HeaderMap, body: Incoming) -> ApiResponse {
        let body = match Limited::new(body, LONGEST_QUESTION).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return text(StatusCode::BAD_REQUEST, "text/plain", error.to_string()),
        };
        match self.executions.ask(region, headers, body).await {
            Ok((status, answer)) => json_answer(status, answer),
            Err(error) => json_answer(StatusCode::BAD_GATEWAY, json!({ "message": error.to_string() }).to_string()),
        }
    }

    async fn thing(&self, path: &str, query: &str) -> ApiResponse {
        match self.things.part(path.trim_start_matches("/page/"), query).await {
            Ok(document) => json(&document),
            Err(error) => json_answer(error.status(), json!({ "message": error.to_string() }).to_string()),
        }
    }

    async fn content(&self, query: &str) -> ApiResponse {
        let excerpt = match Excerpt::of(query) {
            Ok(excerpt) => excerpt,
            Err(error) => return text(StatusCode::BAD_REQUEST, "text/plain", error.to_string()),
        };
        match self.contents.read(&excerpt).await {
            Ok(bytes) => text(StatusCode::OK, "application/octet-stream", bytes),
            Err(error) => text(StatusCode::NOT_FOUND, "text/plain", error.to_string()),
        }
    }
}

fn file(path: &str) -> ApiResponse {
    match files::find(path) {
        Some((kind, file)) => text(StatusCode::OK, kind, file),
        None => not_found(path),
    }
}

fn json(document: &Value) -> ApiResponse {
    text(StatusCode::OK, "application/json", document.to_string())
}

/// A foreign page whose name was made to resolve to this machine would be of another name.
fn is_addressed_here(headers: &HeaderMap) -> bool {
    let authority = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<http::uri::Authority>().ok());
    authority.is_some_and(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
    })
}

fn text(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> ApiResponse {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addressed_to(host: &'static str) -> bool {
        is_addressed_here(&HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]))
    }

    #[test]
    fn only_this_machine_is_addressed() {
        for host in ["127.0.0.1:3001", "localhost:3001", "LOCALHOST", "[::1]:3001", "192.168.1.7:3001"] {
            assert!(addressed_to(host), "{host}");
        }
        for host in ["attacker.example", "localhost.attacker.example:3001", "127.0.0.1.nip.example", ""] {
            assert!(!addressed_to(host), "{host}");
        }
        assert!(!is_addressed_here(&HeaderMap::new()));
    }
}
