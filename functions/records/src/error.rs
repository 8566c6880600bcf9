//! Why a table did not do what it was asked.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use functions_aws::sdk_errors;
use functions_shared::{Failure, Refusal};

/// Why a table did not do what it was asked. No variant holds what a row says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The table cannot be reached, is throttled or refuses. Asking again may help.
    #[error("the table {table} does not answer: {reason}")]
    Unavailable {
        /// The table.
        table: String,
        /// AWS's name for the error.
        reason: String,
    },
    /// Another program wrote the row, or it is damaged.
    #[error("a row of the table {table} cannot be read: {reason}")]
    Unreadable {
        /// The table.
        table: String,
        /// What kind of value is wrong. Not the value.
        reason: String,
    },
    /// A row may have 400 KiB (DynamoDB's quota for an item).
    #[error("the row would have {bytes} bytes; a table takes {limit}")]
    TooLarge {
        /// Of the row.
        bytes: usize,
        /// What is left for a row when it is made; later changes add a little.
        limit: usize,
    },
    /// The token of a page is none, or is of another list.
    #[error("the token is not one of this list")]
    ForeignToken,
}

impl RecordError {
    pub(crate) fn of<E, R>(table: &str, error: &SdkError<E, R>) -> Self
    where
        SdkError<E, R>: ProvideErrorMetadata,
    {
        let reason = sdk_errors::reason(error).to_owned();
        tracing::warn!(table, reason, "the table does not answer");
        Self::Unavailable { table: table.to_owned(), reason }
    }
}

/// For a caller over HTTP: which table it was stays in the log.
impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Unavailable { .. } => Self::Unavailable("a table does not answer, try again later".to_owned()),
            RecordError::Unreadable { .. } => Self::Unavailable("a row cannot be read".to_owned()),
            RecordError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            RecordError::ForeignToken => {
                Self::invalid("next_token", "must come from the previous page of a list with the same filter")
            }
        }
    }
}

/// For a function that a queue, a topic or a schedule invokes: Lambda then invokes it again.
impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        let name = match error {
            RecordError::Unavailable { .. } => "TableUnavailable",
            RecordError::Unreadable { .. } => "RowUnreadable",
            RecordError::TooLarge { .. } => "RowTooLarge",
            RecordError::ForeignToken => "InvalidToken",
        };
        Self::new(name, error.to_string())
    }
}
