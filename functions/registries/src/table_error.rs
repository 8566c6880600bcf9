//! What the table's errors mean to a registry's caller.

use crate::pages::foreign_token;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use functions_aws::sdk_errors;
use functions_shared::Refusal;
use std::error::Error;

/// Why a conditional write was not done: somebody else was there first.
const LOST: [&str; 2] = ["ConditionalCheckFailedException", "TransactionConflictException"];
const LOST_IN_A_TRANSACTION: [&str; 2] = ["ConditionalCheckFailed", "TransactionConflict"];

/// The refusal that an error of the table amounts to; `lost` is what a lost race means here.
pub(crate) fn refusal<E>(error: &SdkError<E>, lost: Refusal) -> Refusal
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if error.code().is_some_and(|code| LOST.contains(&code)) { lost } else { unavailable(error) }
}

/// The same of an error that no condition can cause.
pub fn unavailable<E>(error: &SdkError<E>) -> Refusal
where
    E: Error + ProvideErrorMetadata + 'static,
{
    tracing::error!(reason = sdk_errors::reason(error), "the registry's table does not answer");
    Refusal::Unavailable("the registry's table does not answer, try again later".to_owned())
}

/// The same of a list. One that was continued with a key that is none of its own was given another list's token.
pub(crate) fn not_listed<E>(error: &SdkError<E>, is_continued: bool) -> Refusal
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if is_continued && error.code() == Some("ValidationException") { foreign_token() } else { unavailable(error) }
}

/// Whether one of a cancelled transaction's reasons is that somebody else was there first.
pub(crate) fn lost_in_a_transaction<'a>(mut codes: impl Iterator<Item = Option<&'a str>>) -> bool {
    codes.any(|code| code.is_some_and(|code| LOST_IN_A_TRANSACTION.contains(&code)))
}
