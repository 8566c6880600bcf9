//! How a web action authenticates. The secrets themselves are in Secrets Manager; a message only names one.

use crate::texts::{header_value, is_name, line, url};
use functions_shared::Refusal;
use http_api::fields::Fields;
use http_guard::AllowedHosts;
use records::AuthConfig;
use serde_json::Value;

/// Headers that say who asks, whom, or how the body is framed (RFC 9110, RFC 9112).
const RESERVED: [&str; 10] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const MAX_HEADERS: usize = 10;
const LONGEST_HEADER: usize = 1024;
const LONGEST_NAME: usize = 128;

/// Checks the object at `place`.
pub(crate) fn check(place: &str, config: Value, stage: &str, hosts: &AllowedHosts) -> Result<(), Refusal> {
    let mut fields = Fields::at(place, config.clone())?;
    fields.required_text("type")?;
    if let Some(secret) = fields.text("secret_name")?
        && !is_secret(&secret, stage)
    {
        let reason = format!("must be the name of a secret of this stage, rez-agent/…-{stage}");
        return Err(fields.refuse("secret_name", &reason));
    }
    for name in ["token_url", "jwks_url"] {
        if let Some(target) = fields.text(name)? {
            url(&format!("{place}.{name}"), &target, hosts)?;
        }
    }
    if let Some(scope) = fields.text("scope")? {
        line(&format!("{place}.scope"), &scope, LONGEST_HEADER)?;
    }
    check_headers(&format!("{place}.headers"), fields.object("headers")?.unwrap_or_default())?;
    fields.finish()?;
    let kinds = "must be none, oauth_password, oauth_client_credentials, api_key or bearer";
    let read: Result<AuthConfig, _> = serde_json::from_value(config);
    read.map(|_| ()).map_err(|_| Refusal::invalid(format!("{place}.type"), kinds))
}

/// Names of secrets of this stage. The role of the function `webaction` decides which of them it may read: today those below `rez-agent/golf/`.
fn is_secret(name: &str, stage: &str) -> bool {
    let parts: Vec<_> = name.split('/').collect();
    let is_known = matches!(parts.as_slice(), ["rez-agent", rest @ ..] if !rest.is_empty());
    let is_part = |part: &&str| is_name(part, LONGEST_NAME) && !matches!(*part, "." | "..");
    is_known && name.ends_with(&format!("-{stage}")) && parts.iter().all(is_part)
}

fn check_headers(place: &str, headers: serde_json::Map<String, Value>) -> Result<(), Refusal> {
    if headers.len() > MAX_HEADERS {
        return Err(Refusal::invalid(place, format!("must be at most {MAX_HEADERS}")));
    }
    for (name, value) in headers {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_free = !RESERVED.contains(&name.to_ascii_lowercase().as_str());
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_token) || !is_free {
            return Err(Refusal::invalid(place, "has a name that is not a valid header, or that may not be set"));
        }
        let place = format!("{place}.{name}");
        let value = value.as_str().ok_or_else(|| Refusal::invalid(&place, "must be text"))?;
        header_value(&place, value, LONGEST_HEADER)?;
    }
    Ok(())
}
