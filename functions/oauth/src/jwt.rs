//! What a token must be, besides signed by a key that its issuer publishes.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth_error::TokenProblem;

/// Seconds by which the issuer's clock and ours may differ.
const LEEWAY: u64 = 30;

/// Claims without which no token is believed. The others of RFC 7519, section 4.1, are optional, and many issuers leave out `nbf`: it is
/// checked where it is there.
const REQUIRED: [&str; 3] = ["exp", "aud", "iss"];

/// Whose tokens are believed, and for whom they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Where its keys are published.
    pub jwks_url: String,
    /// `iss` of its tokens.
    pub name: String,
    /// `aud` of its tokens.
    pub audience: String,
    /// Whether its tokens must name their key. `kid` is optional (RFC 7515, section 4.1.4): without it, the issuer's only key is meant.
    pub must_name_key: bool,
}

/// The name of the key by which a token says that it is signed, if it says so. Nothing is asked for tokens that could not be believed
/// anyhow.
pub(crate) fn key_id(token: &str, issuer: &Issuer) -> Result<Option<String>, TokenProblem> {
    let header = decode_header(token).map_err(|_| TokenProblem::NotAJwt)?;
    if header.alg != Algorithm::RS256 {
        return Err(TokenProblem::Algorithm);
    }
    if issuer.must_name_key && header.kid.is_none() {
        return Err(TokenProblem::NoKeyId);
    }
    Ok(header.kid)
}

/// The claims of a token that is signed by this key, and is from this issuer, for its audience and for now.
pub(crate) fn claims<C: DeserializeOwned>(token: &str, key: &DecodingKey, issuer: &Issuer) -> Result<C, TokenProblem> {
    let decoded = decode::<Value>(token, key, &validation(issuer)).map_err(|error| problem(error.kind()))?;
    serde_json::from_value(decoded.claims).map_err(|error| TokenProblem::Claims(missing(&error)))
}

fn validation(issuer: &Issuer) -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_required_spec_claims(&REQUIRED);
    validation.set_audience(&[&issuer.audience]);
    validation.set_issuer(&[&issuer.name]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY;
    validation
}

fn problem(kind: &ErrorKind) -> TokenProblem {
    match kind {
        ErrorKind::InvalidSignature => TokenProblem::Signature,
        ErrorKind::ExpiredSignature => TokenProblem::Expired,
        ErrorKind::ImmatureSignature => TokenProblem::NotYetValid,
        ErrorKind::InvalidAudience => TokenProblem::Audience,
        ErrorKind::InvalidIssuer => TokenProblem::Issuer,
        ErrorKind::MissingRequiredClaim(name) => TokenProblem::Claims(format!("it has no claim `{name}`")),
        ErrorKind::InvalidClaimFormat(name) => TokenProblem::Claims(format!("its claim `{name}` is not of its type")),
        _ => TokenProblem::NotAJwt,
    }
}

/// Serde's text without a value: that is personal data.
fn missing(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let claim = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    claim.map_or_else(|| "a claim is not of its type".to_owned(), |claim| format!("it has no claim `{claim}`"))
}
