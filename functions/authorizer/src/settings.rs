//! What the variables say.

use functions_shared::{Failure, VariableError, Variables};
use oauth::Issuer;

const KEYS_SECRET: &str = "AUTHORIZER_KEYS_SECRET";
const JWKS_URL: &str = "JWT_JWKS_URL";

/// How callers may identify themselves; at least one way.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) keys_secret: Option<String>,
    pub(crate) issuer: Option<Issuer>,
}

impl Settings {
    pub(crate) fn read(variables: &Variables) -> Result<Self, Failure> {
        let keys_secret = variables.optional(KEYS_SECRET)?.map(str::to_owned);
        let issuer = variables.optional(JWKS_URL)?.map(|url| issuer(url, variables)).transpose()?;
        if keys_secret.is_none() && issuer.is_none() {
            let text = format!("set the variable {KEYS_SECRET} or {JWKS_URL}: without both, no request is authorized");
            return Err(Failure::new("InvalidVariable", text));
        }
        Ok(Self { keys_secret, issuer })
    }
}

/// A key set without an issuer and an audience would let in tokens that are for others.
fn issuer(jwks_url: &str, variables: &Variables) -> Result<Issuer, VariableError> {
    Ok(Issuer {
        jwks_url: jwks_url.to_owned(),
        name: variables.required("JWT_ISSUER")?.to_owned(),
        audience: variables.required("JWT_AUDIENCE")?.to_owned(),
        must_name_key: false,
    })
}
