//! Why there is no token, or why one is not believed.

use http::StatusCode;
use http_guard::FetchError;

/// Why there is no token, or why one is not believed. No text holds any part of a token or of credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The service that gives tokens was not asked, or its answer did not come.
    #[error("no token: {0}")]
    NotAsked(FetchError),
    /// The service that gives tokens answered something else than a token.
    #[error("no token: the service answered {0}")]
    Refused(StatusCode),
    /// The answer is none of RFC 6749, section 5.1.
    #[error("no token: the service's answer is not a token")]
    NotAToken,
    /// The issuer's keys are not known, and could not be fetched.
    #[error("the token cannot be verified: the issuer's keys cannot be fetched: {0}")]
    NoKeys(String),
    /// The token is not one that the issuer gave for this audience and this time.
    #[error("the token is refused: {0}")]
    Token(#[from] TokenProblem),
}

/// What is wrong with a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// It has not the form of a JWT, or names an algorithm that is none.
    #[error("it is not a signed JWT")]
    NotAJwt,
    /// Another algorithm than RS256: none of them is needed, and some can be abused.
    #[error("it is not signed by RS256")]
    Algorithm,
    /// It does not say by which key it is signed, and the issuer publishes several, or its tokens must say it.
    #[error("it names no key (`kid`)")]
    NoKeyId,
    /// Its key is not among those that the issuer publishes.
    #[error("the issuer publishes no such key")]
    UnknownKey,
    /// It is not signed by the key that it names.
    #[error("its signature is wrong")]
    Signature,
    /// `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// `nbf` has not come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// `aud` is somebody else.
    #[error("it is for another audience")]
    Audience,
    /// `iss` is somebody else.
    #[error("it is from another issuer")]
    Issuer,
    /// A claim that is needed is not there, or is not of its type.
    #[error("{0}")]
    Claims(String),
}

impl AuthError {
    /// Whether asking again later may help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NotAsked(error) => error.may_pass(),
            Self::Refused(status) => *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error(),
            Self::NotAToken | Self::NoKeys(_) => true,
            Self::Token(_) => false,
        }
    }
}
