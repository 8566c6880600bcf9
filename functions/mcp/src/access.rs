//! Who may call: callers with the key or an access token, and those that AWS has authenticated. A caller is let in only by a check that succeeded.

use std::sync::Arc;

use blake3::Hash;
use functions_shared::{VariableError, Variables};
use http::{HeaderMap, HeaderName, header};
use http_guard::Network;
use lambda_http::request::RequestContext;
use secrets::{Secret, SecretError, Secrets};

use crate::access_tokens::AccessTokens;
use crate::denied::Denied;

/// The variable that names the secret with the key: a JSON object with `api_key` and, while a key is replaced, `previous_api_key`.
const API_KEY_SECRET: &str = "MCP_API_KEY_SECRET";
const KEYS: [&str; 2] = ["api_key", "previous_api_key"];
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const BEARER: &str = "bearer ";

/// How callers prove who they are.
#[derive(Debug)]
pub(crate) struct Access {
    /// By a key of a secret, as `x-api-key` or as a bearer token.
    key: Option<Keyed>,
    /// By an access token of an authorization server.
    pub(crate) tokens: Option<AccessTokens>,
}

/// Where the key is.
#[derive(Debug)]
struct Keyed {
    secret: String,
    secrets: Arc<Secrets>,
}

impl Access {
    /// Reads `MCP_API_KEY_SECRET`, and the variables of [`AccessTokens`]. With neither of them, callers are authenticated by AWS.
    pub(crate) fn new(variables: &Variables, secrets: Arc<Secrets>, network: &Network) -> Result<Self, VariableError> {
        let secret = variables.optional(API_KEY_SECRET)?.map(str::to_owned);
        let key = secret.map(|secret| Keyed { secret, secrets });
        Ok(Self { key, tokens: AccessTokens::from_variables(variables, network)? })
    }

    /// Lets a caller in, or not.
    pub(crate) async fn admit(&self, headers: &HeaderMap, context: Option<&RequestContext>) -> Result<(), Denied> {
        if self.key.is_none() && self.tokens.is_none() {
            return context.filter(|context| is_authenticated(context)).map(|_| ()).ok_or(Denied::Unauthenticated);
        }
        let given = given_key(headers).ok_or(Denied::Unauthenticated)?;
        match (&self.key, &self.tokens) {
            (Some(key), Some(tokens)) if is_jwt(given) => match tokens.admit(given).await {
                Err(Denied::Unauthenticated) => key.admit(given).await,
                outcome => outcome,
            },
            (Some(key), _) => key.admit(given).await,
            (None, Some(tokens)) => tokens.admit(given).await,
            (None, None) => Err(Denied::Unauthenticated),
        }
    }
}

/// Three parts in base64url (RFC 7519, section 3). A key of this form is compared as a key, too.
fn is_jwt(given: &str) -> bool {
    given.split('.').count() == 3
}

/// Whether the Function URL or the API says who calls. It is AWS that fills in this member, whatever the caller sends.
fn is_authenticated(context: &RequestContext) -> bool {
    let RequestContext::ApiGatewayV2(context) = context else { return false };
    context.authorizer.as_ref().is_some_and(|by| by.iam.is_some() || by.jwt.is_some() || !by.fields.is_empty())
}

fn given_key(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text(X_API_KEY).or_else(|| bearer(text(header::AUTHORIZATION)?))
}

/// The token of `Bearer TOKEN`; the scheme's case does not count (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then_some(token.trim())
}

impl Keyed {
    async fn admit(&self, given: &str) -> Result<(), Denied> {
        let given = blake3::hash(given.as_bytes());
        for key in KEYS {
            match self.secrets.expected(&self.secret, key).await {
                Ok(expected) if is_equal(given, &expected) => return Ok(()),
                Ok(_) | Err(SecretError::NoSuchKey { .. }) => {}
                Err(error) => {
                    tracing::error!(%error, "the key cannot be checked");
                    return Err(Denied::Unavailable);
                }
            }
        }
        Err(Denied::Unauthenticated)
    }
}

/// In constant time: `blake3` compares hashes so, and hashes hide how long the key is.
fn is_equal(given: Hash, expected: &Secret) -> bool {
    given == blake3::hash(expected.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().expect("a value"))])
    }

    #[test]
    fn a_key_is_a_header_or_a_bearer_token() {
        assert_eq!(given_key(&headers("x-api-key", "k")), Some("k"));
        assert_eq!(given_key(&headers("authorization", "Bearer k")), Some("k"));
        assert_eq!(given_key(&headers("authorization", "bEARER k")), Some("k"));
        for (name, value) in [("authorization", "Basic k"), ("authorization", "Bearer"), ("authorization", "é")] {
            assert_eq!(given_key(&headers(name, value)), None, "{value}");
        }
        assert_eq!(given_key(&HeaderMap::new()), None);
    }
}
