//! Why a tool gives no result.

use functions_content::ContentError;
use http::StatusCode;
use http_guard::FetchError;
use oauth::AuthError;
use secrets::SecretError;

/// Why a tool gives no result, in words for the model, and whether it may be called again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ToolError {
    message: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Calling again gives the same.
    Definite,
    /// Nothing was done, and calling again may help.
    Passing,
    /// Nobody here knows whether it was done.
    Unknown,
}

impl ToolError {
    /// These words. Calling again gives the same.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Definite }
    }

    /// These words. Nothing was done that must not be done twice, and calling again later may help.
    pub fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Passing }
    }

    /// These words. It may have been done, so it must not be tried again.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Unknown }
    }

    /// The same error, of this parameter.
    pub(crate) fn named(self, parameter: &str) -> Self {
        Self { message: format!("`{parameter}`: {}", self.message), ..self }
    }

    /// Whether calling again later may help, and does no harm.
    pub fn may_pass(&self) -> bool {
        self.kind == Kind::Passing
    }

    /// Whether it may have been done.
    pub fn is_unknown(&self) -> bool {
        self.kind == Kind::Unknown
    }

    /// Of something that may be asked twice: `what` could not be asked.
    pub(crate) fn of_fetch(what: &str, error: &FetchError) -> Self {
        let message = format!("{what}: {error}");
        if error.may_pass() { Self::passing(message) } else { Self::new(message) }
    }

    /// Of something that may be asked twice: `what` answered this status.
    pub(crate) fn of_status(what: &str, status: StatusCode) -> Self {
        let message = format!("{what} answered {status}");
        let passes = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        if passes { Self::passing(format!("{message}; try again later")) } else { Self::new(message) }
    }
}

impl From<ContentError> for ToolError {
    fn from(error: ContentError) -> Self {
        Self::passing(error.to_string())
    }
}

impl From<AuthError> for ToolError {
    fn from(error: AuthError) -> Self {
        if error.may_pass() { Self::passing(error.to_string()) } else { Self::new(error.to_string()) }
    }
}

impl From<SecretError> for ToolError {
    fn from(error: SecretError) -> Self {
        let passes = matches!(error, SecretError::Unavailable { .. });
        if passes { Self::passing(error.to_string()) } else { Self::new(error.to_string()) }
    }
}
