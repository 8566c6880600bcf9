//! A request that is sent twice leads to one message.
//!
//! The client names the request: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), or `X-Request-Id` if that is missing. The
//! same name of the same sender with the same body is the same request, for a week ([`CLAIM_LIFE`]).

use functions_shared::Refusal;
use http_api::Request;
use jiff::Timestamp;
use records::{CLAIM_LIFE, Claim, moment};

const HEADERS: [&str; 2] = ["idempotency-key", "x-request-id"];
const LONGEST_KEY: usize = 255;

/// Longer names, which have a sender with a very long name, are filed under a hash: a key of a table has 2,048 bytes at most.
const LONGEST_REQUEST: usize = 1024;

/// A request that its client has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    request: String,
    fingerprint: String,
}

impl Named {
    /// The name of a request, if it has one.
    pub(crate) fn of(request: &Request) -> Result<Option<Self>, Refusal> {
        let header = HEADERS.iter().find_map(|name| Some((*name, request.header(name)?)));
        let Some((name, key)) = header else { return Ok(None) };
        if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::invalid(name, "must be 1 to 255 visible ASCII characters"));
        }
        let sender = request.sender.name().unwrap_or_default();
        let path = request.path.join("/");
        Ok(Some(Self {
            request: filed(format!("{sender} {path} {key}")),
            fingerprint: blake3::hash(request.body()).to_hex().to_string(),
        }))
    }

    /// The claim that this request has led to a message.
    pub(crate) fn claim(&self, message_id: &str, now: Timestamp) -> Claim {
        let (request, fingerprint) = (self.request.clone(), self.fingerprint.clone());
        Claim { request, message_id: message_id.to_owned(), fingerprint, ttl: moment::expiry(now, CLAIM_LIFE) }
    }

    /// What the claim is filed under.
    pub(crate) fn request(&self) -> &str {
        &self.request
    }

    /// Refuses another request of the same name.
    pub(crate) fn check(&self, first: &Claim) -> Result<(), Refusal> {
        if first.fingerprint == self.fingerprint {
            return Ok(());
        }
        Err(Refusal::Conflict("a request with this idempotency key and another body was sent before".to_owned()))
    }
}

fn filed(request: String) -> String {
    if request.len() <= LONGEST_REQUEST { request } else { blake3::hash(request.as_bytes()).to_hex().to_string() }
}
