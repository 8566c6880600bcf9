//! [`Call`]: what a server is asked, and the credentials that only the first server is given.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
use http_body_util::Full;

use crate::compression::ACCEPTED;
use crate::target::{Refusal, Target};

/// Headers that say where a request ends: hyper writes them, and nobody else.
const FRAMING: [HeaderName; 4] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE];

/// A request as it leaves.
pub(crate) type Outgoing = Request<Full<Bytes>>;

/// One request.
///
/// Headers go wherever redirects lead, so they must hold no secret; credentials are given by [`Call::secret`]. A POST is sent once, and
/// never to where a redirect leads.
#[derive(Clone)]
pub struct Call {
    method: Method,
    url: String,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    body: Bytes,
}

/// A header for one host.
#[derive(Clone)]
struct Secret {
    host: String,
    name: HeaderName,
    value: HeaderValue,
}

impl Call {
    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url.into(), Bytes::new())
    }

    /// A POST of a body of this type.
    pub fn post(url: impl Into<String>, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let content_type = HeaderValue::from_static(content_type);
        Self::new(Method::POST, url.into(), body.into()).header(header::CONTENT_TYPE, content_type)
    }

    /// A request of any method. Only GET and HEAD are repeated, and go to where redirects lead.
    pub fn of(method: Method, url: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::new(method, url.into(), body.into())
    }

    fn new(method: Method, url: String, body: Bytes) -> Self {
        Self { method, url, headers: HeaderMap::new(), secrets: vec![], body }
    }

    /// With a header that may go anywhere. Of two with one name the last counts.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a header that goes to `host` and to no other, and not to where `host` redirects. The call is refused if its URL is of
    /// another host.
    #[must_use]
    pub fn secret(mut self, host: impl Into<String>, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.secrets.push(Secret { host: host.into(), name, value });
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether a server may get it twice.
    pub(crate) fn may_be_repeated(&self) -> bool {
        [Method::GET, Method::HEAD].contains(&self.method)
    }

    /// The first request, with the credentials, if they are for the target's host.
    pub(crate) fn first(&self, target: &Target) -> Result<Outgoing, Refusal> {
        let mut request = self.redirected(target);
        for Secret { host, name, value } in &self.secrets {
            if host != target.host() {
                return Err(Refusal::ForeignSecret { of: host.clone(), host: target.host().to_owned() });
            }
            request.headers_mut().insert(name, value.clone());
        }
        Ok(request)
    }

    /// A request to where a server redirected: without credentials.
    pub(crate) fn redirected(&self, target: &Target) -> Outgoing {
        let request = Request::builder().method(&self.method).uri(target.origin_form());
        let mut request = request.body(Full::new(self.body.clone())).expect("BUG: a parsed URL is a request line");
        let host = HeaderValue::from_str(target.host()).expect("BUG: a host's name is a header's value");
        *request.headers_mut() = self.headers.clone();
        for name in &FRAMING {
            request.headers_mut().remove(name);
        }
        request.headers_mut().insert(header::HOST, host);
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
        request
    }
}

/// Neither the URL's path, which may hold a token, nor values.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::AllowedHosts;

    #[test]
    fn nothing_of_a_call_is_printed_that_may_be_secret() {
        let token = HeaderValue::from_static("Bearer hush");
        let call = Call::post("https://example.com/hush", "text/plain", "hush");
        let call = call.secret("example.com", header::AUTHORIZATION, token);
        assert!(!format!("{call:?}").contains("hush"), "{call:?}");
        let target = Target::parse(call.url(), &AllowedHosts::AnyPublic).expect("a target");
        let request = call.first(&target).expect("its own host");
        assert!(request.headers()[header::AUTHORIZATION].is_sensitive());
    }
}
