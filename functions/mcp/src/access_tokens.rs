//! Access tokens: the server as a resource server of OAuth 2.1 (the authorization part of MCP), and the metadata by which clients find the
//! authorization server (RFC 9728).

use std::time::Duration;

use functions_shared::{Clock, VariableError, Variables};
use http_guard::{AllowedHosts, Guard, Limits, Network, Target};
use oauth::{AuthError, Issuer, OAuth};
use serde_json::{Map, Value, json};

use crate::denied::Denied;

/// The issuer of tokens, an `https://` URL; with it, the next one is required.
const ISSUER: &str = "MCP_JWT_ISSUER";
/// Where its keys are.
const JWKS_URL: &str = "MCP_JWT_JWKS_URL";
/// For whom tokens must be: by default the server's own address (RFC 8707).
const AUDIENCE: &str = "MCP_JWT_AUDIENCE";

/// A set of keys has some kilobytes.
const LIMITS: Limits = Limits { bytes: 1 << 20, time: Duration::from_secs(5), redirects: 0 };

/// Tokens of one issuer.
#[derive(Debug)]
pub(crate) struct AccessTokens {
    oauth: OAuth,
    issuer: Issuer,
}

impl AccessTokens {
    /// Reads `MCP_JWT_ISSUER`, `MCP_JWT_JWKS_URL` and `MCP_JWT_AUDIENCE`, if there is an issuer. Keys are asked of their own host only.
    pub(crate) fn from_variables(variables: &Variables, network: &Network) -> Result<Option<Self>, VariableError> {
        let Some(name) = variables.optional(ISSUER)? else { return Ok(None) };
        let jwks_url = variables.required(JWKS_URL)?;
        let target = Target::parse(jwks_url, &AllowedHosts::AnyPublic);
        let target = target.map_err(|refusal| VariableError::malformed(JWKS_URL, refusal))?;
        let hosts = AllowedHosts::listed(target.host()).map_err(|error| VariableError::malformed(JWKS_URL, error))?;
        let audience = variables.required(AUDIENCE)?.to_owned();
        let issuer = Issuer { jwks_url: jwks_url.to_owned(), name: name.to_owned(), audience, must_name_key: false };
        let oauth = OAuth::new(Guard::new(network.clone(), hosts, LIMITS), Clock::system());
        Ok(Some(Self { oauth, issuer }))
    }

    /// Lets the holder of a token in, or not.
    pub(crate) async fn admit(&self, token: &str) -> Result<(), Denied> {
        match self.oauth.verified::<Map<String, Value>>(token, &self.issuer).await {
            Ok(_) => Ok(()),
            Err(AuthError::Token(_)) => Err(Denied::Unauthenticated),
            Err(_) => Err(Denied::Unavailable),
        }
    }

    /// What clients are told (RFC 9728, section 2).
    pub(crate) fn metadata(&self) -> Value {
        json!({
            "resource": self.issuer.audience,
            "authorization_servers": [self.issuer.name],
            "bearer_methods_supported": ["header"],
        })
    }
}
