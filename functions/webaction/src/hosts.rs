//! The hosts that may be asked: those that are named, and no others.

use std::str::FromStr;

use http_guard::{AllowedHosts, NotAHost};

/// `ALLOWED_HOSTS`. Without it no host is allowed.
pub(crate) struct NamedHosts(pub(crate) AllowedHosts);

impl FromStr for NamedHosts {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        AllowedHosts::listed(text).map(Self)
    }
}

impl Default for NamedHosts {
    fn default() -> Self {
        Self(AllowedHosts::Listed(vec![]))
    }
}
