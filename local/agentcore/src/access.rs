//! Who may call a gateway, by its authorizer. As everywhere on this machine, signatures are not checked.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

/// Whether a request may pass: with a token that names an allowed audience, client and scope, or signed for AWS.
pub(crate) fn may_call(asked: &Map<String, Value>, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match asked.get("authorizerType").and_then(Value::as_str) {
        Some("NONE") => true,
        Some("CUSTOM_JWT") => claims(given).is_some_and(|claims| {
            asked.get("authorizerConfiguration").is_some_and(|all| fits(&all["customJWTAuthorizer"], &claims))
        }),
        _ => given.starts_with("AWS4-HMAC-SHA256 ") && given.contains("/bedrock-agentcore/"),
    }
}

fn claims(given: &str) -> Option<Value> {
    let payload = given.strip_prefix("Bearer ")?.split('.').nth(1)?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?).ok()
}

/// A list that is not given allows everything.
fn fits(authorizer: &Value, claims: &Value) -> bool {
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        all.iter().filter_map(Value::as_str).flat_map(str::split_whitespace).map(str::to_owned).collect()
    };
    let lists = [("allowedAudience", "aud"), ("allowedClients", "client_id"), ("allowedScopes", "scope")];
    lists.into_iter().all(|(list, claim)| {
        let (allowed, has) = (texts(&authorizer[list]), texts(&claims[claim]));
        allowed.is_empty() || has.iter().any(|one| allowed.contains(one))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn passes(gateway: &Value, authorization: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(AUTHORIZATION, text.parse().expect("a value"));
        }
        may_call(gateway.as_object().expect("a gateway"), &headers)
    }

    fn token(claims: &Value) -> String {
        format!("Bearer e30.{}.sig", BASE64URL_NOPAD.encode(claims.to_string().as_bytes()))
    }

    #[test]
    fn a_token_must_name_what_is_allowed() {
        let configuration = json!({ "allowedClients": ["golf"], "allowedScopes": ["read", "write"] });
        let gateway = json!({ "authorizerType": "CUSTOM_JWT", "authorizerConfiguration": { "customJWTAuthorizer": configuration } });
        let good = token(&json!({ "client_id": "golf", "scope": "openid read" }));
        assert!(passes(&gateway, Some(&good)));
        for bad in [json!({ "client_id": "other", "scope": "read" }), json!({ "client_id": "golf", "scope": "all" })] {
            assert!(!passes(&gateway, Some(&token(&bad))), "{bad}");
        }
        assert!(!passes(&gateway, None) && !passes(&gateway, Some("Bearer x")));
    }

    #[test]
    fn without_an_authorizer_everybody_passes_and_with_iam_what_is_signed() {
        assert!(passes(&json!({ "authorizerType": "NONE" }), None));
        let gateway = json!({ "authorizerType": "AWS_IAM" });
        let signed =
            "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/bedrock-agentcore/aws4_request, SignedHeaders=host";
        assert!(passes(&gateway, Some(signed)) && !passes(&gateway, None));
    }
}
