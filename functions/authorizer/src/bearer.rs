//! Bearer tokens (RFC 6750) that are JWTs.

use functions_shared::{Clock, Failure, Variables};
use http_guard::{AllowedHosts, Guard, Limits, Network, Target};
use oauth::{Issuer, OAuth};
use serde::Deserialize;
use std::time::Duration;

/// Of a request for the issuer's keys. API Gateway waits 10 seconds for a decision.
const LIMITS: Limits = Limits { bytes: 1 << 20, time: Duration::from_secs(5), redirects: 0 };

/// Verifies tokens of one issuer.
#[derive(Debug)]
pub(crate) struct Bearer {
    oauth: OAuth,
    issuer: Issuer,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Bearer {
    pub(crate) fn new(issuer: Issuer, variables: &Variables, clock: Clock) -> Result<Self, Failure> {
        let unusable = |reason: String| Failure::new("InvalidVariable", format!("the variable JWT_JWKS_URL: {reason}"));
        let target = Target::parse(&issuer.jwks_url, &AllowedHosts::AnyPublic);
        let host = target.map_err(|error| unusable(error.to_string()))?.host().to_owned();
        let hosts = host.parse().map_err(|_| unusable("its host is not a name".to_owned()))?;
        let text = |name: &'static str| variables.optional(name).ok().flatten().map(str::to_owned);
        let network = Network::from_variables(text).map_err(|error| unusable(error.to_string()))?;
        let guard = Guard::new(network, hosts, LIMITS);
        Ok(Self { oauth: OAuth::new(guard, clock), issuer })
    }

    /// The subject of the token in a header `authorization`.
    pub(crate) async fn caller(&self, header: &str) -> Option<String> {
        let (scheme, token) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let claims = self.oauth.verified::<Claims>(token.trim(), &self.issuer).await.ok()?;
        Some(claims.sub).filter(|subject| !subject.is_empty())
    }
}
