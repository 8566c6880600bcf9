//! Why a tool cannot be listed or called.

use openapi::NotCalled;

/// Why a tool cannot be listed or called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The gateway reaches nothing outside of itself.
    #[error("this stand-in calls no tools: it was started without an endpoint for other services")]
    Alone,
    /// A target cannot be used as it is configured.
    #[error("{0}")]
    Target(String),
    /// The arguments are no request.
    #[error(transparent)]
    NotCalled(#[from] NotCalled),
    /// What is called does not answer.
    #[error("the target does not answer: {0}")]
    Fetch(#[from] http_guard::FetchError),
}
