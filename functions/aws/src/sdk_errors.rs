//! Why AWS did not do what it was asked, in few words: the SDK's own text for an operator is pages long and quotes responses.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The service's own name for the error, or what kept the request from being answered.
pub fn reason<E, R>(error: &SdkError<E, R>) -> &str
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    error.code().unwrap_or(match error {
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "it cannot be reached",
        SdkError::ResponseError(_) => "its answer cannot be read",
        SdkError::ConstructionFailure(_) => "the request cannot be made",
        _ => "it refused and gives no reason",
    })
}
