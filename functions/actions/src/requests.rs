//! The hosts that `http_request` may ask, and which key of the function's secret goes to which of them, in which header.
//!
//! Who deploys the function says so; the model names neither. A key goes to the one host that it is for, and never to where that host
//! redirects.

use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use http_guard::{AllowedHosts, Call, Guard, Limits, Network};
use secrets::Secrets;

use crate::tool_error::ToolError;

pub(crate) const LIMITS: Limits = Limits { bytes: 8 << 20, time: Duration::from_secs(20), redirects: 3 };

/// The hosts of a list such as `status.example.com, api.example.com=x-api-key:EXAMPLE_KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHosts(Vec<RequestHost>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct RequestHost {
    name: String,
    credential: Option<Credential>,
}

/// A key of the secret, and the header that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Credential {
    header: HeaderName,
    key: String,
}

/// An entry of the list that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an entry: give `host` or `host=Header:KEY`, with a whole name as host and the name of a key in the secret"
)]
pub struct NotARequestHost(String);

/// What `http_request` needs.
pub struct Requests {
    pub(crate) guard: Guard,
    hosts: RequestHosts,
    secrets: Option<(Secrets, String)>,
}

impl Requests {
    /// Requests to these hosts, with keys of no secret.
    pub fn new(network: &Network, hosts: RequestHosts) -> Self {
        let names: Vec<_> = hosts.0.iter().map(|host| host.name.as_str()).collect();
        let allowed: AllowedHosts = names.join(",").parse().expect("BUG: each was parsed as a host");
        Self { guard: Guard::new(network.clone(), allowed, LIMITS), hosts, secrets: None }
    }

    /// With the secret that has the keys.
    #[must_use]
    pub fn with_secret(self, secrets: Secrets, name: String) -> Self {
        Self { secrets: Some((secrets, name)), ..self }
    }

    /// Whether a host has a credential, so that a secret is needed.
    pub fn need_a_secret(&self) -> bool {
        self.hosts.0.iter().any(|host| host.credential.is_some())
    }

    /// The header of a host's credential. A model may not send it.
    pub(crate) fn bound_header(&self, host: &str) -> Option<&HeaderName> {
        self.credential(host).map(|credential| &credential.header)
    }

    /// The call with the credential of the host that it is for.
    pub(crate) async fn signed(&self, call: Call, host: &str) -> Result<Call, ToolError> {
        let Some(Credential { header, key }) = self.credential(host) else { return Ok(call) };
        let missing = || ToolError::new(format!("the credential for `{host}` cannot be read now; try again later"));
        let (secrets, name) = self.secrets.as_ref().ok_or_else(missing)?;
        let secret = secrets.key(name, key).await.map_err(|error| {
            tracing::warn!(%error, host, "the credential of a host cannot be read");
            missing()
        })?;
        let value = HeaderValue::from_str(secret.expose()).map_err(|_| missing())?;
        Ok(call.secret(host, header.clone(), value))
    }

    fn credential(&self, host: &str) -> Option<&Credential> {
        self.hosts.0.iter().find(|listed| listed.name == host)?.credential.as_ref()
    }
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl FromStr for RequestHosts {
    type Err = NotARequestHost;

    fn from_str(text: &str) -> Result<Self, NotARequestHost> {
        let entries = text.split([',', ' ', '\n']).filter(|entry| !entry.is_empty());
        entries.map(RequestHost::from_str).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for RequestHost {
    type Err = NotARequestHost;

    fn from_str(entry: &str) -> Result<Self, NotARequestHost> {
        let wrong = || NotARequestHost(entry.to_owned());
        let (name, credential) = entry.split_once('=').map_or((entry, None), |(name, rest)| (name, Some(rest)));
        let name = name.to_ascii_lowercase();
        if name.contains('*') || name.parse::<AllowedHosts>().is_err() {
            return Err(wrong());
        }
        let credential = credential.map(|credential| {
            let (header, key) = credential.split_once(':').filter(|(_, key)| !key.is_empty()).ok_or_else(wrong)?;
            Ok(Credential { header: header.parse().map_err(|_| wrong())?, key: key.to_owned() })
        });
        Ok(Self { name, credential: credential.transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_binds_keys_to_hosts_and_headers() {
        let RequestHosts(hosts) = "Status.example.com, api.example.com=X-Api-Key:EXAMPLE".parse().expect("a list");
        assert_eq!((hosts[0].name.as_str(), &hosts[0].credential), ("status.example.com", &None));
        let credential = hosts[1].credential.as_ref().expect("a credential");
        assert_eq!((credential.header.as_str(), credential.key.as_str()), ("x-api-key", "EXAMPLE"));
    }

    #[test]
    fn what_is_no_entry_is_a_mistake() {
        for entry in [
            "*.example.com",
            "example.com=X-Key",
            "example.com=X Key:a",
            "example.com=X-Key:",
            "10.0.0.1",
            "https://a.test",
        ] {
            assert!(entry.parse::<RequestHosts>().is_err(), "{entry}");
        }
    }
}
