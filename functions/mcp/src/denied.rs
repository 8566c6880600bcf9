//! Refused callers.

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// No key, a wrong one, or no authentication by AWS.
    #[error("authentication is required")]
    Unauthenticated,
    /// The key cannot be checked now.
    #[error("the key cannot be checked now; try again later")]
    Unavailable,
}
