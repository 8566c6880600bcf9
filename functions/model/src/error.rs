//! Why a call has no answer. The names are matched by `Retry` and `Catch` of state machines; the messages hold numbers and
//! identifiers, never content, a key, or what a provider said in its own words.

use crate::budget::BudgetError;
use crate::models::ModelsError;
use functions_shared::Failure;
use secrets::SecretError;
use std::time::Duration;

/// One variant for each remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The event asks for something that cannot be, or must not be. Nothing was sent to a provider.
    #[error("{0}")]
    InvalidRequest(String),
    /// No model has this name that may be called: none at all, none that is active, one that is retired, or one without prices
    /// where a budget is set.
    #[error("{0}")]
    UnknownModel(String),
    /// The provider's key is not there to be had.
    #[error("{0}")]
    SecretMissing(String),
    /// A service of AWS that the call needs did not answer, before the provider was asked. Trying again may help.
    #[error("{0}")]
    ServiceUnavailable(String),
    /// The day's money is spent.
    #[error("{0}")]
    BudgetExceeded(BudgetError),
    /// The provider wants fewer requests.
    #[error("`{provider_id}` rate-limits requests; {}", when_to_retry(*retry_after))]
    RateLimited {
        /// The provider's name.
        provider_id: String,
        /// When to come back, if the provider says so.
        retry_after: Option<Duration>,
    },
    /// No complete answer came in time. The provider may have done the work, and may ask money for it.
    #[error("no answer from `{provider_id}` within {} s", within.as_secs_f32())]
    Timeout {
        /// The provider's name.
        provider_id: String,
        /// How long was waited.
        within: Duration,
    },
    /// The conversation is longer than the model can read. It is refused before it costs anything.
    #[error("the conversation is longer than `{provider_id}` takes for this model")]
    ContextOverflow {
        /// The provider's name.
        provider_id: String,
    },
    /// The provider fails, or is not there. Trying again later may help.
    #[error("`{provider_id}` {reason}")]
    ProviderUnavailable {
        /// The provider's name.
        provider_id: String,
        /// The status and the provider's code, or what became of the connection.
        reason: String,
    },
    /// The provider refuses. Trying again would not help.
    #[error("`{provider_id}` {reason}")]
    ProviderError {
        /// The provider's name.
        provider_id: String,
        /// The status and the provider's code, such as `answers 400 (invalid_request_error)`.
        reason: String,
    },
    /// The provider's answer is none that can be read.
    #[error("the answer of `{provider_id}` cannot be read: {reason}")]
    BadResponse {
        /// The provider's name.
        provider_id: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl CallError {
    /// An invalid request, and why.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::InvalidRequest(reason.into())
    }

    /// What a state machine matches.
    pub fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::UnknownModel(_) => "UnknownModel",
            Self::SecretMissing(_) => "SecretMissing",
            Self::ServiceUnavailable(_) => "ServiceUnavailable",
            Self::BudgetExceeded(_) => "BudgetExceeded",
            Self::RateLimited { .. } => "RateLimited",
            Self::Timeout { .. } => "Timeout",
            Self::ContextOverflow { .. } => "ContextOverflow",
            Self::ProviderUnavailable { .. } => "ProviderUnavailable",
            Self::ProviderError { .. } => "ProviderError",
            Self::BadResponse { .. } => "BadResponse",
        }
    }
}

/// In whole seconds, rounded up: a caller that waits less is refused again.
fn when_to_retry(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(time) => format!("retry after {} s", time.as_millis().div_ceil(1000)),
        None => "it does not say when to retry".to_owned(),
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::new(error.name(), error.to_string())
    }
}

impl From<CallError> for functions_shared::Diagnostic {
    fn from(error: CallError) -> Self {
        Failure::from(error).into()
    }
}

impl From<SecretError> for CallError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unavailable { .. } => Self::ServiceUnavailable(error.to_string()),
            _ => Self::SecretMissing(error.to_string()),
        }
    }
}

impl From<BudgetError> for CallError {
    fn from(error: BudgetError) -> Self {
        match error {
            BudgetError::Exceeded { .. } => Self::BudgetExceeded(error),
            BudgetError::Unavailable(_) => Self::ServiceUnavailable(error.to_string()),
        }
    }
}

impl From<ModelsError> for CallError {
    fn from(error: ModelsError) -> Self {
        match error {
            ModelsError::Table(_) => Self::ServiceUnavailable(error.to_string()),
            ModelsError::Row { .. } => Self::InvalidRequest(error.to_string()),
        }
    }
}
