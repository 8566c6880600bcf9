//! How an API knows the gateway: the `auth` of a request.

use crate::control::{ApiKey, ApiKeyUse, OAuthUse};
use crate::names::{check_length, check_provider_name};
use functions_shared::Refusal;
use http_api::fields::Fields;
use serde_json::Value;

/// What a request says of how the API is to know the gateway.
#[derive(Debug)]
pub(crate) enum Auth {
    ApiKey {
        usage: ApiKeyUse,
        key: ApiKey,
    },
    /// By tokens of a provider that AgentCore has.
    OAuth {
        usage: OAuthUse,
    },
}

impl Auth {
    /// `{type, provider_name, config: {api_key, api_key_param_name, api_key_location}}`, or with `type` `oauth` and `config: {scopes}`.
    pub(crate) fn read(fields: &mut Fields) -> Result<Option<Self>, Refusal> {
        let Some(auth) = fields.object("auth")? else { return Ok(None) };
        let mut auth = Fields::at("auth", Value::Object(auth))?;
        let kind = auth.required_text("type")?;
        if !["api_key", "oauth"].contains(&kind.as_str()) {
            return Err(auth.refuse("type", "must be api_key or oauth"));
        }
        let provider_name = auth.required_text("provider_name")?;
        check_provider_name("auth.provider_name", &provider_name)?;
        let config = auth.object("config")?.ok_or_else(|| auth.refuse("config", "is missing"))?;
        auth.finish()?;
        let config = Fields::at("auth.config", Value::Object(config))?;
        let auth = if kind == "oauth" { Self::tokens(provider_name, config) } else { Self::key(provider_name, config) };
        auth.map(Some)
    }

    fn tokens(provider_name: String, mut config: Fields) -> Result<Self, Refusal> {
        let scopes = config.list("scopes")?.ok_or_else(|| config.refuse("scopes", "is missing"))?;
        let scopes: Option<Vec<_>> = scopes.iter().map(|scope| scope.as_str().map(str::to_owned)).collect();
        let is_one = |scope: &String| (1..=64).contains(&scope.len());
        let scopes = scopes.filter(|scopes| scopes.len() <= 100 && scopes.iter().all(is_one));
        let scopes =
            scopes.ok_or_else(|| config.refuse("scopes", "must be at most 100 texts of 1 to 64 characters"))?;
        config.finish()?;
        Ok(Self::OAuth { usage: OAuthUse { provider_name, provider_arn: None, scopes } })
    }

    fn key(provider_name: String, mut config: Fields) -> Result<Self, Refusal> {
        let key = config.required_text("api_key")?;
        check_length("auth.config.api_key", &key, 1..=65_536)?;
        let parameter = config.text("api_key_param_name")?.unwrap_or_else(|| "api_key".to_owned());
        check_length("auth.config.api_key_param_name", &parameter, 1..=64)?;
        let location = config.text("api_key_location")?.unwrap_or_else(|| "QUERY_PARAMETER".to_owned());
        if !["QUERY_PARAMETER", "HEADER"].contains(&location.as_str()) {
            return Err(config.refuse("api_key_location", "must be QUERY_PARAMETER or HEADER"));
        }
        config.finish()?;
        let usage = ApiKeyUse { provider_name, parameter, location, is_placeholder: false };
        Ok(Self::ApiKey { usage, key: ApiKey::new(key) })
    }

    /// Of an API that takes no key: a gateway asks for one.
    pub(crate) fn placeholder(tool_name: &str) -> ApiKeyUse {
        ApiKeyUse {
            provider_name: format!("{tool_name}-placeholder-apikey"),
            parameter: "X-Placeholder-Auth".to_owned(),
            location: "HEADER".to_owned(),
            is_placeholder: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(auth: &Value) -> Result<Option<Auth>, Refusal> {
        Auth::read(&mut Fields::of_body(json!({ "auth": auth })).expect("an object"))
    }

    #[test]
    fn key_and_provider_are_both_needed() {
        for (auth, field) in [
            (json!({"type": "api_key", "config": {"api_key": "k"}}), "auth.provider_name"),
            (json!({"type": "api_key", "provider_name": "p"}), "auth.config"),
            (json!({"type": "api_key", "provider_name": "p", "config": {}}), "auth.config.api_key"),
            (json!({"type": "api_key", "provider_name": "p.q", "config": {"api_key": "k"}}), "auth.provider_name"),
            (
                json!({"type": "api_key", "provider_name": "p", "config": {"api_key": "k", "api_key_location": "BODY"}}),
                "auth.config.api_key_location",
            ),
            (json!({"type": "password", "provider_name": "p", "config": {}}), "auth.type"),
            (json!({"type": "oauth", "provider_name": "p", "config": {}}), "auth.config.scopes"),
            (json!({"type": "oauth", "provider_name": "p", "config": {"scopes": [""]}}), "auth.config.scopes"),
            (
                json!({"type": "oauth", "provider_name": "p", "config": {"scopes": [], "api_key": "k"}}),
                "auth.config.api_key",
            ),
        ] {
            assert_eq!(read(&auth).expect_err(field).field(), Some(field));
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let auth =
            read(&json!({"type": "api_key", "provider_name": "p", "config": {"api_key": "hush"}})).expect("an auth");
        assert!(!format!("{auth:?}").contains("hush"));
    }
}
