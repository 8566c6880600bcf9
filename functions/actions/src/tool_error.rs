//! Why a tool gives no result.

use functions_content::ContentError;

/// Why a tool gives no result, in words for the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ToolError(String);

impl ToolError {
    /// These words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<ContentError> for ToolError {
    fn from(error: ContentError) -> Self {
        Self(error.to_string())
    }
}
