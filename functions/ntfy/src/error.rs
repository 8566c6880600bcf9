//! Why a notification did not get through. No text of ntfy's is kept: it may quote the topic.

use std::time::Duration;

/// What became of a notification instead of being sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NtfyError {
    /// 429: the server takes no more for a while.
    #[error("ntfy is rate-limited (429)")]
    RateLimited {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server does not take it, and would not take it again.
    #[error("ntfy refused the notification with status {status}{}", code.map(|code| format!(", code {code}")).unwrap_or_default())]
    Refused {
        /// Of the response.
        status: u16,
        /// ntfy's own number of the error.
        code: Option<u64>,
    },
    /// 5xx.
    #[error("ntfy failed with status {0}")]
    Failed(u16),
    /// The answer is not one of ntfy's, so nobody knows what answered.
    #[error("the answer of ntfy cannot be read")]
    Unreadable,
    /// No connection, or one that broke off.
    #[error("ntfy cannot be reached")]
    Unreachable,
    /// No answer in time.
    #[error("ntfy did not answer in {} seconds", .0.as_secs_f32())]
    Late(Duration),
}

impl NtfyError {
    /// Whether sending again may help.
    pub(crate) fn may_pass(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// What the server asks for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => *retry_after,
            _ => None,
        }
    }
}
