//! Who asks. Sessions are a caller's, so that nobody is asked for who is not known.

use crate::error::TurnError;
use secrets::{SecretError, Secrets};
use serde_json::Value;

/// Knows callers by what came before this function, or by their key.
#[derive(Debug)]
pub(crate) struct Callers {
    pub(crate) keys: Option<Keys>,
}

/// A secret of keys: a JSON object with a key for each caller's name.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) secrets: Secrets,
    pub(crate) secret: String,
}

impl Callers {
    /// The caller of an event of HTTP.
    pub(crate) async fn of(&self, event: &Value) -> Result<String, TurnError> {
        if let Some(caller) = authorized(&event["requestContext"]["authorizer"]) {
            return Ok(caller);
        }
        match (&self.keys, key(&event["headers"])) {
            (Some(keys), Some(key)) => keys.caller_with(key).await,
            _ => Err(TurnError::Unauthenticated),
        }
    }
}

impl Keys {
    async fn caller_with(&self, key: &str) -> Result<String, TurnError> {
        let named = self.secrets.name_of(&self.secret, key).await.map_err(|error| match error {
            SecretError::NoSuchKey { .. } => TurnError::Unauthenticated,
            error => TurnError::Unavailable(error.to_string()),
        })?;
        Ok(format!("key:{named}"))
    }
}

/// Whom an authorizer, a JWT or a signature has shown the caller to be.
fn authorized(authorizer: &Value) -> Option<String> {
    let found = [("/lambda/caller", "caller"), ("/jwt/claims/sub", "jwt"), ("/iam/userArn", "iam")];
    found.iter().find_map(|(place, kind)| {
        let name = authorizer.pointer(place)?.as_str().filter(|name| !name.is_empty())?;
        Some(format!("{kind}:{name}"))
    })
}

/// The key of a request: `x-api-key`, or `Authorization: Bearer`.
fn key(headers: &Value) -> Option<&str> {
    let bearer = || headers["authorization"].as_str()?.strip_prefix("Bearer ");
    headers["x-api-key"].as_str().or_else(bearer).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_caller_is_whom_somebody_has_shown_it_to_be() {
        for (authorizer, caller) in [
            (json!({"lambda": {"caller": "key:golf"}}), Some("caller:key:golf")),
            (json!({"jwt": {"claims": {"sub": "u1"}}}), Some("jwt:u1")),
            (json!({"iam": {"userArn": "arn:aws:iam::1:user/a"}}), Some("iam:arn:aws:iam::1:user/a")),
            (json!({"iam": {"userArn": ""}}), None),
            (json!({"lambda": {}}), None),
            (json!(null), None),
        ] {
            assert_eq!(authorized(&authorizer).as_deref(), caller, "{authorizer}");
        }
    }

    #[test]
    fn a_key_is_in_either_header() {
        assert_eq!(key(&json!({"x-api-key": "k"})), Some("k"));
        assert_eq!(key(&json!({"authorization": "Bearer k"})), Some("k"));
        assert_eq!(key(&json!({"authorization": "Basic k", "x-api-key": ""})), None);
    }
}
