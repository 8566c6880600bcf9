//! Credentials that do not change: a header and its value.

use http::header::{self, HeaderName, HeaderValue};
use http_guard::Call;
use secrets::Secret;

/// A header that says who asks.
#[derive(Debug, Clone)]
pub struct Credential {
    name: HeaderName,
    value: Secret,
}

/// A name or a value that no header can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credentials cannot be sent in a header: they hold characters that headers cannot have")]
pub struct NotAHeader;

impl Credential {
    /// `Authorization: Bearer …` (RFC 6750).
    pub fn bearer(token: &Secret) -> Self {
        Self { name: header::AUTHORIZATION, value: Secret::from(format!("Bearer {}", token.expose()).as_str()) }
    }

    /// A key in a header of this name.
    ///
    /// # Errors
    /// If it is no header's name.
    pub fn api_key(header: &str, key: Secret) -> Result<Self, NotAHeader> {
        let name = HeaderName::try_from(header).map_err(|_| NotAHeader)?;
        Ok(Self { name, value: key })
    }

    /// The call with this header, for `host` and no other.
    ///
    /// # Errors
    /// If the value cannot be a header's.
    pub fn of_call(&self, call: Call, host: &str) -> Result<Call, NotAHeader> {
        let value = HeaderValue::from_str(self.value.expose()).map_err(|_| NotAHeader)?;
        Ok(call.secret(host, self.name.clone(), value))
    }
}
