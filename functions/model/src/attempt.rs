//! One attempt at an answer: what came of it, whether another may follow, and what it may have cost.

use crate::call::Said;
use crate::error::CallError;
use crate::listener::Listener;
use crate::prices::Tokens;
use crate::prompt::Prompt;
use crate::target::Target;
use secrets::Secret;
use std::time::Duration;

/// What is asked, of whom, and how long the answer may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) target: &'a Target,
    pub(crate) prompt: &'a Prompt<'a>,
    pub(crate) key: Option<&'a Secret>,
    pub(crate) within: Duration,
    /// Who hears the answer while it is made.
    pub(crate) listener: Option<&'a Listener<'a>>,
}

/// An answer, and the tokens that are billed for it if the provider counts them.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) said: Said,
    pub(crate) tokens: Option<Tokens>,
}

/// No answer.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: CallError,
    pub(crate) billing: Billing,
    pub(crate) may_be_retried: bool,
    /// When the provider wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
}

/// What a provider may bill for an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Billing {
    /// Nothing was sent, or it was refused.
    Nothing,
    /// It was sent, and nobody knows.
    Unknown,
    /// These.
    Tokens(Tokens),
}

impl Failed {
    /// Nothing was sent, and nothing would be another time.
    pub(crate) fn unsent(error: CallError) -> Self {
        Self { error, billing: Billing::Nothing, may_be_retried: false, retry_after: None }
    }

    /// No whole answer in time. `is_silent`: not even its beginning.
    pub(crate) fn late(provider_id: &str, within: Duration, is_silent: bool) -> Self {
        let error = CallError::Timeout { provider_id: provider_id.to_owned(), within };
        Self { error, billing: Billing::Unknown, may_be_retried: is_silent, retry_after: None }
    }

    /// An answer that cannot be read. Another would cost as much and read no better.
    pub(crate) fn unreadable(provider_id: &str, reason: impl Into<String>, billing: Billing) -> Self {
        let error = CallError::BadResponse { provider_id: provider_id.to_owned(), reason: reason.into() };
        Self { error, billing, may_be_retried: false, retry_after: None }
    }
}
