//! Why a function does not do what it was asked: one line that names the field, and whose fault it is.

use crate::Failure;

/// A refused request. The text goes to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something in the request is not as it must be.
    #[error("{field}: {reason}")]
    Invalid {
        /// Where it is: `parameters.max_iterations`, `tools[0].tool_name`.
        field: String,
        /// What it must be.
        reason: String,
    },
    /// The request is well-formed, and what it refers to is not there or not in use.
    #[error("{field}: {reason}")]
    Unprocessable {
        /// Where the reference is.
        field: String,
        /// What is wrong with what it refers to.
        reason: String,
    },
    /// What is asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// It is there already, or it is in use.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else has changed it meanwhile: a conflict that reading it again may resolve.
    #[error("{0} was changed by another request in the meantime, read it again")]
    Overtaken(String),
    /// It is longer than a table holds.
    #[error("{0}")]
    TooLarge(String),
    /// The table does not answer as it should. The reason is in the log and not here.
    #[error("{0}")]
    Unavailable(String),
}

impl Refusal {
    /// The value at `field` is not what `reason` says it must be.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// What `field` refers to cannot be used.
    pub fn unprocessable(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unprocessable { field: field.into(), reason: reason.into() }
    }

    /// The field at fault, if it is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } | Self::Unprocessable { field, .. } => Some(field),
            _ => None,
        }
    }

    /// The name that a state machine matches.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "InvalidRequest",
            Self::Unprocessable { .. } => "Unprocessable",
            Self::NotFound(_) => "NotFound",
            Self::Conflict(_) | Self::Overtaken(_) => "Conflict",
            Self::TooLarge(_) => "TooLarge",
            Self::Unavailable(_) => "Unavailable",
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.name(), refusal.to_string())
    }
}
