//! [`Guard`]: one GET or POST, a GET's redirects included, within limits.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use crate::call::{Call, Outgoing};
use crate::compression::Compression;
use crate::fetch_error::FetchError;
use crate::hosts::AllowedHosts;
use crate::link::{Link, Unanswered};
use crate::network::Network;
use crate::target::Target;

/// What one fetch may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body, compressed or not; a longer one is an error, never cut.
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
    pub(crate) hosts: AllowedHosts,
    pub(crate) limits: Limits,
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
    /// The body, whole and not compressed.
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
        let with = |call: Call, (name, value): &(HeaderName, &'static str)| {
            call.header(name.clone(), HeaderValue::from_static(value))
        };
        self.send(&headers.iter().fold(Call::get(url), with)).await
    }

    /// Sends a call. If it is a POST, [`FetchError::may_have_arrived`] says of an error whether the server may have acted on it.
    pub async fn send(&self, call: &Call) -> Result<Page, FetchError> {
        let limit = self.limits.time;
        // Boxed: the futures of callers would be as large as this one and theirs.
        timeout(limit, Box::pin(self.follow(call))).await.unwrap_or(Err(FetchError::Late(limit)))
    }

    async fn follow(&self, call: &Call) -> Result<Page, FetchError> {
        let mut target = Target::parse(call.url(), &self.hosts)?;
        let mut answer = self.ask(&target, call.first(&target)?, call).await?;
        for _ in 0..self.limits.redirects {
            let Hop::Elsewhere(location) = &answer else { break };
            target = target.redirected(location, &self.hosts).map_err(FetchError::Redirected)?;
            answer = self.ask(&target, call.redirected(&target), call).await.map_err(FetchError::of_redirect)?;
        }
        match answer {
            Hop::Page(page) => Ok(page),
            Hop::Elsewhere(_) => Err(FetchError::TooManyRedirects(self.limits.redirects)),
        }
    }

    async fn ask(&self, target: &Target, request: Outgoing, call: &Call) -> Result<Hop, FetchError> {
        let (link, response) = self.exchange(target, request, call).await?;
        match location(&response) {
            Some(_) if !call.may_be_repeated() => Err(FetchError::PostRedirected(target.host().to_owned())),
            Some(location) => Ok(Hop::Elsewhere(location)),
            None => {
                let page = self.page(target, response).await?;
                self.network.keep(target, link);
                Ok(Hop::Page(page))
            }
        }
    }

    /// The name is looked up and its addresses are checked each time, also where a connection is there already. One that ended
    /// while it was idle is replaced, unless a POST may have arrived on it.
    pub(crate) async fn exchange(
        &self,
        target: &Target,
        request: Outgoing,
        call: &Call,
    ) -> Result<(Link, Response<Incoming>), FetchError> {
        let broken = |failed: Unanswered| FetchError::Answer(target.host().to_owned(), failed.error.to_string());
        let addresses = self.network.public_addresses(target.host()).await?;
        if let Some(mut link) = self.network.idle(target, &addresses).await {
            match link.send(request.clone()).await {
                Ok(response) => return Ok((link, response)),
                Err(failed) if failed.may_have_arrived && !call.may_be_repeated() => return Err(broken(failed)),
                Err(_) => {}
            }
        }
        let mut link = self.network.connect(target, &addresses).await?;
        let response = link.send(request).await.map_err(broken)?;
        Ok((link, response))
    }

    async fn page(&self, target: &Target, response: Response<Incoming>) -> Result<Page, FetchError> {
        let (head, body) = response.into_parts();
        let body = match text(&head.headers, &header::CONTENT_ENCODING) {
            None => self.body(target, body).await?,
            Some(encoding) if encoding.eq_ignore_ascii_case("identity") => self.body(target, body).await?,
            Some(encoding) => {
                let unknown = || FetchError::Compressed(target.host().to_owned());
                let compression = Compression::named(encoding).ok_or_else(unknown)?;
                let compressed = self.body(target, body).await?;
                // Answers to HEAD, and 204 and 304, say how a body would be compressed, and have none.
                if compressed.is_empty() { compressed } else { self.inflated(target, compression, &compressed)? }
            }
        };
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

    fn inflated(&self, target: &Target, compression: Compression, compressed: &[u8]) -> Result<Bytes, FetchError> {
        let limit = self.limits.bytes;
        let body = compression
            .inflated(compressed, limit)
            .map_err(|error| FetchError::Answer(target.host().to_owned(), error.to_string()))?;
        body.ok_or(FetchError::TooLarge(limit))
    }
}

/// Where a redirect leads.
pub(crate) fn location<B>(response: &Response<B>) -> Option<String> {
    let redirects = [301, 302, 303, 307, 308].contains(&response.status().as_u16());
    let location = text(response.headers(), &header::LOCATION).filter(|_| redirects);
    location.map(str::to_owned)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
