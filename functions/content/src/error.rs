//! Why a long text cannot be kept or had, in words for a model.

use long_content::store::{GetError, PutError};

/// What went wrong, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A text was not stored.
    #[error("the result is too long to be given whole, and could not be stored: {0}")]
    NotStored(PutError),
    /// There are no keys to sign with or to check by.
    #[error("the content table cannot be used now; try again later")]
    NoKeys,
    /// A handle leads nowhere, or its content is damaged.
    #[error("{}", advice(.0))]
    NotRead(GetError),
}

impl ContentError {
    /// Whether trying again may help.
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Self::NotRead(error) if !matches!(error, GetError::Unavailable(_)))
    }
}

/// What can be done about a handle that leads nowhere.
fn advice(error: &GetError) -> &'static str {
    match error {
        GetError::NotFound => "nothing is stored under this handle; give it exactly as a result spelt it",
        GetError::Expired => "the content of this handle has expired; call again the tool that returned the handle",
        GetError::Refused => "this handle was altered, or is not of this system; give it exactly as a result spelt it",
        GetError::Corrupt => "the content of this handle is damaged; call again the tool that returned the handle",
        GetError::Unavailable(_) => "the content table does not answer now; try again later",
    }
}

impl From<GetError> for ContentError {
    fn from(error: GetError) -> Self {
        Self::NotRead(error)
    }
}
