//! Who asks. Sessions are a caller's, so that nobody is asked for who is not known.

use crate::error::TurnError;
use http_api::Request;
use secrets::{SecretError, Secrets};

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
    /// The caller of a request: whom an authorizer, a JWT or a signature has shown it to be, or whose key it has.
    pub(crate) async fn of(&self, request: &Request) -> Result<String, TurnError> {
        if let Some(name) = request.sender.name() {
            return Ok(name.to_owned());
        }
        match (&self.keys, key(request)) {
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

/// The key of a request: `x-api-key`, or `Authorization: Bearer`.
fn key(request: &Request) -> Option<&str> {
    let bearer = || request.header("authorization")?.strip_prefix("Bearer ");
    request.header("x-api-key").or_else(bearer).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_in_either_header() {
        for (headers, found) in [
            (json!({"X-Api-Key": "k"}), Some("k")),
            (json!({"authorization": "Bearer k"}), Some("k")),
            (json!({"authorization": "Basic k", "x-api-key": ""}), None),
            (json!({}), None),
        ] {
            let context = json!({ "stage": "$default", "http": { "method": "GET" } });
            let event = json!({ "rawPath": "/agent/card", "headers": headers, "requestContext": context });
            let request = Request::read(event).expect("an event").expect("a request");
            assert_eq!(key(&request), found, "{headers}");
        }
    }
}
