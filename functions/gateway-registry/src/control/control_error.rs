//! What AgentCore's errors mean here.

use aws_sdk_bedrockagentcorecontrol::error::{ProvideErrorMetadata, SdkError};
use functions_aws::sdk_errors;
use serde::{Deserialize, Serialize};

/// Why AgentCore did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ControlError {
    /// `CreateGateway`
    pub(crate) operation: String,
    /// The service's name for it, or what kept it from answering.
    pub(crate) error: String,
    /// The service's own text, where it cannot hold a key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    pub(crate) kind: ErrorKind,
}

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    /// The request is not one: 400.
    Invalid,
    /// The role may not: 403.
    Denied,
    /// There is nothing: 404.
    NotFound,
    /// Something else has the name, or is in the way: 409.
    Conflict,
    /// A quota: 429.
    Quota,
    /// AgentCore failed, perhaps after it did what it was asked: 502.
    Broken,
    /// It did not answer, or asks to come later: 503.
    Unavailable,
}

impl ErrorKind {
    /// Whether it is certain that nothing was done, and that asking again changes nothing.
    pub(crate) fn is_definite(self) -> bool {
        !matches!(self, Self::Broken | Self::Unavailable)
    }

    /// The status of the reply.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Denied => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Quota => 429,
            Self::Broken => 502,
            Self::Unavailable => 503,
        }
    }

    fn of(code: Option<&str>) -> Option<Self> {
        Some(match code? {
            "ValidationException" | "EncryptionFailure" | "DecryptionFailure" => Self::Invalid,
            "AccessDeniedException" | "UnauthorizedException" => Self::Denied,
            "ResourceNotFoundException" => Self::NotFound,
            "ConflictException" | "ConcurrentModificationException" => Self::Conflict,
            "ServiceQuotaExceededException" | "ResourceLimitExceededException" => Self::Quota,
            "ThrottlingException" | "ThrottledException" => Self::Unavailable,
            _ => return None,
        })
    }
}

impl ControlError {
    /// The error of a request that held no key.
    pub(super) fn of<E>(operation: &str, error: &SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let message = error.message().unwrap_or_default().chars().take(LONGEST_MESSAGE).collect();
        Self { message, ..Self::without_message(operation, error) }
    }

    /// The error of a request that held a key: the service quotes what it refuses.
    pub(super) fn without_message<E>(operation: &str, error: &SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let unnamed = match error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Broken,
        };
        let kind = ErrorKind::of(error.code()).unwrap_or(unnamed);
        let reason = sdk_errors::reason(error);
        tracing::warn!(operation, reason, "AgentCore did not complete an operation");
        Self { operation: operation.to_owned(), error: reason.to_owned(), message: String::new(), kind }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }
}

/// More of a message is not kept.
const LONGEST_MESSAGE: usize = 500;

/// What is there, of a read that may find nothing.
pub(crate) fn found<T>(read: Result<T, ControlError>) -> Result<Option<T>, ControlError> {
    match read {
        Err(error) if error.is_not_found() => Ok(None),
        other => other.map(Some),
    }
}
