//! Failures that end an invocation, as its caller sees them: `Retry` and `Catch` of Step Functions refer to them by their
//! types.

use std::fmt;

use long_content::fit::DoesNotFit;
use long_content::hydrate::TooLarge;
use long_content::part::{Absent, Part};
use long_content::reference::{ContentRef, MAX_LEN, ParseRefError, Reference, Refusal};
use long_content::store::{GetError, PutError};
use serde_json::json;

/// Why an invocation fails in the proxy. The error's type is `LongContent.` followed by the variant's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The content of a reference is not in the table.
    NotFound,
    /// The content of a reference has expired.
    Expired,
    /// A reference was altered, is of a newer version, or of another scope.
    Refused,
    /// The stored content is damaged.
    Corrupt,
    /// The hydrated event would not fit into the sandbox's memory.
    EventTooLarge,
    /// A response cannot be made to fit.
    PayloadTooLarge,
    /// A response is longer than the proxy buffers.
    ResponseTooLarge,
    /// The content table did not answer in time.
    StoreUnavailable,
    /// A response could be taken for a reference, and nothing is known of its event.
    UnknownInvocation,
}

impl FailureKind {
    /// `errorType` of the error document: what a state machine matches.
    pub fn error_type(self) -> String {
        format!("LongContent.{}", self.name())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::Expired => "Expired",
            Self::Refused => "Refused",
            Self::Corrupt => "Corrupt",
            Self::EventTooLarge => "EventTooLarge",
            Self::PayloadTooLarge => "PayloadTooLarge",
            Self::ResponseTooLarge => "ResponseTooLarge",
            Self::StoreUnavailable => "StoreUnavailable",
            Self::UnknownInvocation => "UnknownInvocation",
        }
    }
}

/// Why one invocation fails, for its caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", self.error_type())]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What happened, to which reference, and which variable to look at. Never content.
    pub message: String,
}

impl Failure {
    /// A failure with its message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A failure because of a reference. Its message does not begin with the reference: if a state machine catches the
    /// error, the next layer would take such a message for a reference (O11).
    fn of(kind: FailureKind, reference: impl fmt::Display, message: fmt::Arguments<'_>) -> Self {
        Self::new(kind, format!("the reference {reference}: {message}"))
    }

    /// A string that claims to be a reference and cannot be read as one.
    pub fn malformed(text: &str, error: &ParseRefError) -> Self {
        Self::of(FailureKind::Refused, quoted(text), format_args!("{error}"))
    }

    /// A reference whose content could not be read.
    pub fn get(reference: &ContentRef, error: &GetError) -> Self {
        let (kind, look_at) = match error {
            GetError::NotFound => (
                FailureKind::NotFound,
                "check that AGENT_CONTEXT_TABLE and AWS_REGION name the writer's table, that the writer's LRAP_CONTENT_TTL \
                 is long enough, and whether the reference was made for another tenant or with an LRAP_SIGNING_KEY",
            ),
            GetError::Expired => {
                (FailureKind::Expired, "the writer's LRAP_CONTENT_TTL sets how long contents are stored")
            }
            GetError::Refused => (
                FailureKind::Refused,
                "check whether it was altered, or made for another AGENT_CONTEXT_TABLE, LRAP_CONTENT_BUCKET or tenant",
            ),
            GetError::Corrupt => (
                FailureKind::Corrupt,
                "check whether something other than this layer changed the item in AGENT_CONTEXT_TABLE",
            ),
            GetError::Unavailable(_) => {
                (FailureKind::StoreUnavailable, "LRAP_STORE_TIMEOUT and the function's timeout limit the wait")
            }
        };
        Self::of(kind, reference, format_args!("{error}; {look_at}"))
    }

    /// A reference to a part that its content does not have.
    pub fn absent(reference: &Reference, absent: Absent) -> Self {
        let look_at = "check the pointer and the slice that the workflow added to the reference";
        let pointer = reference.part.as_ref().map(Part::pointer).unwrap_or_default();
        Self::of(FailureKind::NotFound, reference, format_args!("{absent}, at the pointer \"{pointer}\"; {look_at}"))
    }

    /// A reference that is not read at all.
    pub fn refused(reference: &ContentRef, refusal: Refusal) -> Self {
        let look_at = match refusal {
            Refusal::Unsigned => "give its writer the LRAP_SIGNING_KEY or LRAP_SIGNING_SECRET_ARN that is set here",
            Refusal::NoKey => "set LRAP_SIGNING_KEY or LRAP_SIGNING_SECRET_ARN to the value that its writer has",
            Refusal::UnknownKey(_) => "use the same LRAP_SIGNING_KEY or LRAP_SIGNING_SECRET_ARN here and at its writer",
            Refusal::Forged => {
                "check whether it was altered, or made for another AGENT_CONTEXT_TABLE, LRAP_CONTENT_BUCKET or tenant"
            }
            Refusal::NoBucket => "set LRAP_CONTENT_BUCKET to the bucket of its writer",
            Refusal::Legacy => {
                "LRAP_READ_LEGACY works only without LRAP_SIGNING_KEY, LRAP_SIGNING_SECRET_ARN and tenant isolation"
            }
        };
        Self::of(FailureKind::Refused, reference, format_args!("{refusal}; {look_at}"))
    }

    /// Signing keys that cannot be read.
    pub fn no_keys(error: &impl fmt::Display) -> Self {
        let look_at = "LRAP_SIGNING_SECRET_ARN names the secret, and LRAP_STORE_TIMEOUT limits the wait";
        Self::new(FailureKind::StoreUnavailable, format!("{error}; {look_at}"))
    }

    /// A reference signed with an unknown key, which may be known when the event is delivered again.
    pub fn unknown_key(reference: &ContentRef, refusal: Refusal, why: &str) -> Self {
        let look_at = "LRAP_SIGNING_SECRET_ARN names the secret, which is read at most once a minute for unknown keys";
        let message = format_args!("{refusal}, which may be a new one: {why}; {look_at}");
        Self::of(FailureKind::StoreUnavailable, reference, message)
    }

    /// A response whose contents could not be stored.
    pub fn put(error: &PutError) -> Self {
        match error {
            PutError::TooLarge { .. } => {
                let look_at = "no variable raises this limit; return the text in several strings";
                Self::new(FailureKind::PayloadTooLarge, format!("{error}; {look_at}"))
            }
            PutError::Unavailable(_) => {
                let look_at = "LRAP_STORE_TIMEOUT and the function's timeout limit the wait";
                Self::new(FailureKind::StoreUnavailable, format!("{error}; {look_at}"))
            }
        }
    }

    /// An event that would not fit into the sandbox's memory.
    pub fn event_too_large(error: TooLarge, limit: u64) -> Self {
        let look_at = match error {
            TooLarge::References(most) => format!("LRAP_MAX_REFERENCES allows {most}"),
            TooLarge::Bytes(_) | TooLarge::TooDeep => format!("LRAP_MAX_EVENT_SIZE allows {limit}"),
        };
        Self::new(FailureKind::EventTooLarge, format!("{error}; {look_at}"))
    }

    /// An event for which other events left no room in time.
    pub fn no_room(limit: u64) -> Self {
        let message = format!(
            "no memory was free in time, because other events are being hydrated; LRAP_MAX_EVENT_SIZE allows {limit} \
             bytes for all of them"
        );
        Self::new(FailureKind::StoreUnavailable, message)
    }

    /// A response that is longer than `limit`, the most that the proxy buffers.
    pub fn response_too_large(limit: u64) -> Self {
        let message = format!(
            "the response is longer than the {limit} bytes that the extension buffers: a quarter of \
             AWS_LAMBDA_FUNCTION_MEMORY_SIZE, at most 96 MiB"
        );
        Self::new(FailureKind::ResponseTooLarge, message)
    }

    /// A response for which other responses left no room in time.
    pub fn no_room_for_response(limit: u64) -> Self {
        let message = format!(
            "no memory was free in time, because other responses are buffered; together they may have {limit} bytes, a \
             quarter of AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
        );
        Self::new(FailureKind::StoreUnavailable, message)
    }

    /// A response that could be taken for a reference, and whose invocation is unknown to the proxy.
    pub fn unknown_invocation() -> Self {
        let message = "the response holds text that reads like a reference, and its event did not come through this \
                       proxy, or came more than 16 minutes ago; LRAP_OFFLOAD=never forwards such text unchanged";
        Self::new(FailureKind::UnknownInvocation, message)
    }

    /// A response that cannot be made to fit its destination.
    pub fn does_not_fit(error: &DoesNotFit) -> Self {
        Self::new(FailureKind::PayloadTooLarge, format!("{error}; look at MAX_PAYLOAD_SIZE and LRAP_KEEP"))
    }

    /// `errorType` of the error document: what a state machine matches.
    pub fn error_type(&self) -> String {
        self.kind.error_type()
    }

    /// `Lambda-Runtime-Function-Error-Type`: Lambda keeps only families that it knows, `Function.` among them.
    pub fn function_error_type(&self) -> String {
        format!("Function.LongContent{}", self.kind.name())
    }

    /// The error document, in the Runtime API's own form.
    pub fn document(&self) -> Vec<u8> {
        error_document(&self.error_type(), &self.message)
    }
}

/// An error document in the form of the Runtime API.
pub fn error_document(error_type: &str, message: &str) -> Vec<u8> {
    json!({ "errorMessage": message, "errorType": error_type, "stackTrace": [] }).to_string().into_bytes()
}

/// Quotes a string that looks like a reference so that it is safe in a message: an outsider may have written it.
pub fn quoted(text: &str) -> String {
    text.chars().take(MAX_LEN).filter(char::is_ascii_graphic).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use long_content::offload::{self, Limits};
    use long_content::reference::{Content, Scope, Ttl};

    /// When a state machine catches one of our errors, the next function gets its message as text.
    #[test]
    fn o11_no_error_of_ours_holds_a_look_alike() {
        let reference = Scope::new("t").reference(Ttl::NONE, &Content::string("x"));
        let part = Reference::from(reference);
        let mut failures = vec![
            Failure::absent(&part, Absent::NoValue),
            Failure::unknown_key(&reference, Refusal::Forged, "the secret was read just now"),
            Failure::malformed("@content:1:x:y", &"@content:1:x:y".parse::<Reference>().unwrap_err()),
        ];
        let gets = [GetError::NotFound, GetError::Expired, GetError::Refused, GetError::Corrupt];
        failures.extend(gets.iter().map(|error| Failure::get(&reference, error)));
        let refusals = [Refusal::Unsigned, Refusal::NoKey, Refusal::Forged, Refusal::Legacy, Refusal::NoBucket];
        failures.extend(refusals.map(|refusal| Failure::refused(&reference, refusal)));
        for failure in failures {
            assert!(failure.message.contains("@content:1:"), "{failure}");
            let document = Bytes::from(failure.document());
            assert!(!offload::plan(&document, &Limits::default()).has_look_alike(), "{failure}");
        }
    }
}
