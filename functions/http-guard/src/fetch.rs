//! [`Guard`]: one GET, redirects included, within limits.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::fetch_error::FetchError;
use crate::hosts::AllowedHosts;
use crate::network::Network;
use crate::target::Target;

/// A head larger than this is not read.
const MAX_HEAD: usize = 64 << 10;

/// What one fetch may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body; a longer one is an error, never cut.
    pub bytes: usize,
    /// From the first lookup to the body's last byte, redirects included.
    pub time: Duration,
    /// How many redirects are followed.
    pub redirects: usize,
}

/// Fetches what others name, from allowed public hosts.
#[derive(Debug, Clone)]
pub struct Guard {
    network: Network,
    hosts: AllowedHosts,
    limits: Limits,
}

/// What came back, whatever the status.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it was found in the end.
    pub url: String,
    /// Its status; never a redirect that has a `Location`.
    pub status: StatusCode,
    /// `Content-Type`, if there is one that is text.
    pub content_type: Option<String>,
    /// The body, whole.
    pub body: Bytes,
}

/// A server's answer: the end, or a `Location`.
enum Hop {
    Page(Page),
    Elsewhere(String),
}

impl Guard {
    /// A guard that lets these hosts be asked, within these limits.
    pub fn new(network: Network, hosts: AllowedHosts, limits: Limits) -> Self {
        Self { network, hosts, limits }
    }

    /// Fetches `url` with `headers`. They go wherever redirects lead, so they must hold no secret.
    pub async fn get(&self, url: &str, headers: &[(HeaderName, &'static str)]) -> Result<Page, FetchError> {
        let limit = self.limits.time;
        timeout(limit, self.follow(url, headers)).await.unwrap_or(Err(FetchError::Late(limit)))
    }

    async fn follow(&self, url: &str, headers: &[(HeaderName, &'static str)]) -> Result<Page, FetchError> {
        let mut target = Target::parse(url, &self.hosts)?;
        let mut answer = self.ask(&target, headers).await?;
        for _ in 0..self.limits.redirects {
            let Hop::Elsewhere(location) = &answer else { break };
            target = target.redirected(location, &self.hosts).map_err(FetchError::Redirected)?;
            answer = self.ask(&target, headers).await.map_err(FetchError::of_redirect)?;
        }
        match answer {
            Hop::Page(page) => Ok(page),
            Hop::Elsewhere(_) => Err(FetchError::TooManyRedirects(self.limits.redirects)),
        }
    }

    /// One request on a connection of its own, which ends with it.
    async fn ask(&self, target: &Target, headers: &[(HeaderName, &'static str)]) -> Result<Hop, FetchError> {
        let stream = self.network.connect(target).await?;
        let broken = |error: hyper::Error| FetchError::Answer(target.host().to_owned(), error.to_string());
        let mut client = http1::Builder::new();
        let handshake = client.max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(broken)?;
        let mut connections = JoinSet::new(); // Ends the connection when this function ends, whichever way.
        connections.spawn(connection);
        let response = sender.send_request(request(target, headers)).await.map_err(broken)?;
        match location(&response) {
            Some(location) => Ok(Hop::Elsewhere(location)),
            None => self.page(target, response).await.map(Hop::Page),
        }
    }

    async fn page(&self, target: &Target, response: Response<Incoming>) -> Result<Page, FetchError> {
        let (head, body) = response.into_parts();
        if head.headers.contains_key(header::CONTENT_ENCODING)
            && text(&head.headers, &header::CONTENT_ENCODING) != Some("identity")
        {
            return Err(FetchError::Compressed(target.host().to_owned()));
        }
        let body = self.body(target, body).await?;
        let content_type = text(&head.headers, &header::CONTENT_TYPE).map(str::to_owned);
        Ok(Page { url: target.as_str().to_owned(), status: head.status, content_type, body })
    }

    /// Too long a body is known by its announced length, or else when it has become too long.
    async fn body(&self, target: &Target, body: Incoming) -> Result<Bytes, FetchError> {
        let limit = self.limits.bytes;
        if body.size_hint().lower() > limit as u64 {
            return Err(FetchError::TooLarge(limit));
        }
        let collected = Limited::new(body, limit).collect().await.map_err(|error| {
            match error.downcast_ref::<LengthLimitError>() {
                Some(_) => FetchError::TooLarge(limit),
                None => FetchError::Answer(target.host().to_owned(), error.to_string()),
            }
        })?;
        Ok(collected.to_bytes())
    }
}

fn request(target: &Target, headers: &[(HeaderName, &'static str)]) -> Request<Empty<Bytes>> {
    let request = Request::get(target.origin_form())
        .header(header::HOST, target.host())
        .header(header::ACCEPT_ENCODING, "identity");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, HeaderValue::from_static(value)));
    request.body(Empty::new()).expect("BUG: a parsed URL is a request line")
}

/// Where a redirect leads.
fn location<B>(response: &Response<B>) -> Option<String> {
    let redirects = [301, 302, 303, 307, 308].contains(&response.status().as_u16());
    let location = text(response.headers(), &header::LOCATION).filter(|_| redirects);
    location.map(str::to_owned)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
