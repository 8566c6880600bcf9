//! Why a message was not published.

use functions_content::ContentError;
use functions_shared::Failure;

/// Why a message was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// SNS cannot be reached or refuses. If it cannot be reached, it may have the message nevertheless.
    #[error("SNS did not accept the message: {0}")]
    Refused(String),
    /// It is too long for SNS, and this function has no content table to store its payload in.
    #[error(
        "the message has {0} bytes and SNS takes 262,144; the function needs the variable AGENT_CONTEXT_TABLE to send it"
    )]
    TooLong(usize),
    /// It is too long for SNS, and its payload could not be stored.
    #[error("the payload of the message could not be stored: {0}")]
    NotStored(ContentError),
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        Self::new("NotPublished", error.to_string())
    }
}
