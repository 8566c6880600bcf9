//! Retries within the invocation's deadline, and what an error means. The SDK's own retries are off, because they do not
//! know the deadline; its classifiers decide which errors are worth a retry.

use std::error::Error;
use std::future::Future;
use std::time::{Duration, Instant};

use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, ModeledAsRetryableClassifier};
use aws_smithy_runtime_api::client::interceptors::context::{self, Input, InterceptorContext};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::{SdkError, ServiceError};
use aws_smithy_runtime_api::client::retries::classifiers::ClassifyRetry;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::ProvideErrorKind;
use tokio::time::timeout_at;

use super::protocol::client::SignedAtAnotherTime;
use super::protocol::connector::{CONNECT_TIMEOUT, ConnectorError, SILENCE};
use super::protocol::credentials::CredentialsError;

/// The longest that one attempt may take. After that, its connection is dropped for a new one.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(5);

/// One attempt is long enough to notice that a kept connection is dead, to open a new one, and then to wait two seconds for
/// an answer.
const _: () = assert!(ATTEMPT.as_secs() >= SILENCE.as_secs() + CONNECT_TIMEOUT.as_secs() + 2);

/// The first pause between attempts. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A retry may help.
    Transient(String),
    /// A retry is useless until something is changed by hand.
    Permanent(String),
}

/// The attempts at one thing, until its time is over.
#[derive(Debug)]
pub(crate) struct Attempts {
    until: Instant,
    pauses: u32,
    heard: String,
}

impl Attempts {
    pub(crate) fn until(until: Instant) -> Self {
        Self { until, pauses: 0, heard: "there was no time left for a request".to_owned() }
    }

    /// Makes one attempt. Returns `None` if it failed and another may be made now. The error is the last one that was
    /// received.
    pub(crate) async fn attempt<T>(
        &mut self,
        request: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, String> {
        let now = Instant::now();
        if now >= self.until {
            return Err(self.heard.clone());
        }
        let end = self.until.min(now + ATTEMPT);
        let outcome = timeout_at(end.into(), request).await;
        match outcome.unwrap_or_else(|_| Err(Failure::Transient("no answer in time".to_owned()))) {
            Ok(answer) => Ok(Some(answer)),
            Err(Failure::Permanent(reason)) => Err(reason),
            Err(Failure::Transient(reason)) => self.pause(reason).await.map(|()| None),
        }
    }

    /// Waits before the next attempt, with full jitter, so that many sandboxes do not retry at the same time.
    pub(super) async fn pause(&mut self, heard: impl Into<String>) -> Result<(), String> {
        self.heard = heard.into();
        tracing::debug!(pauses = self.pauses, heard = %self.heard, "asking the content store again");
        let pause = Instant::now() + longest_pause(self.pauses).mul_f64(fastrand::f64());
        self.pauses += 1;
        tokio::time::sleep_until(pause.min(self.until).into()).await;
        if Instant::now() < self.until { Ok(()) } else { Err(self.heard.clone()) }
    }

    /// Notes progress, so that the next pause is short again.
    pub(super) fn made_progress(&mut self) {
        self.pauses = 0;
    }
}

fn longest_pause(pauses: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << pauses.min(16)).min(LONGEST_PAUSE)
}

/// The longest name of an error that is passed on.
const MAX_CODE: usize = 64;

/// An error that the SDK knows of one operation.
pub(crate) trait OperationError:
    ProvideErrorMetadata + ProvideErrorKind + Error + Send + Sync + 'static
{
}

impl<E: ProvideErrorMetadata + ProvideErrorKind + Error + Send + Sync + 'static> OperationError for E {}

/// What an operator should check if `operation` failed with an error of this code.
pub(crate) type Hint = fn(operation: &str, code: &str) -> Option<String>;

/// Judges an error of `operation`. The text names the error's code, never the request or the answer.
pub(crate) fn judge<E: OperationError>(operation: &str, hint: Hint, error: SdkError<E, HttpResponse>) -> Failure {
    match error {
        SdkError::ServiceError(answer) => judge_answer(operation, hint, answer),
        SdkError::ResponseError(answer) => unreadable(operation, answer.raw().status().as_u16()),
        error => judge_request(operation, &error),
    }
}

fn judge_answer<E: OperationError>(operation: &str, hint: Hint, answer: ServiceError<E, HttpResponse>) -> Failure {
    let status = answer.raw().status().as_u16();
    // A success that does not parse was cut off on its way.
    if answer.raw().status().is_success() {
        return unreadable(operation, status);
    }
    let code = error_name(ProvideErrorMetadata::code(answer.err()).unwrap_or_default());
    let heard = if code.is_empty() { format!("{operation}: status {status}") } else { format!("{operation}: {code}") };
    if is_skewed(&code, answer.raw()) || is_passing(status, answer.into_err()) {
        return Failure::Transient(heard);
    }
    Failure::Permanent(match hint(operation, &code) {
        Some(hint) => format!("{heard} ({hint})"),
        None => heard,
    })
}

fn unreadable(operation: &str, status: u16) -> Failure {
    Failure::Transient(format!("{operation}: unreadable answer with status {status}"))
}

/// An error's name. The rest of the answer is not passed on.
fn error_name(code: &str) -> String {
    code.chars().take_while(char::is_ascii_alphanumeric).take(MAX_CODE).collect()
}

/// Whether a request was refused because it was signed at a wrong time. The next request is signed with the server's time,
/// so if it is refused, too, the reason is another one. So there is only one retry. The SDK's own classifier compares our
/// clock with the server's instead, and would retry again and again.
fn is_skewed(code: &str, answer: &HttpResponse) -> bool {
    const SKEW_CODES: [&str; 5] = [
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "AuthFailure",
        "RequestTimeTooSkewed",
        "AccessDeniedException",
    ];
    SKEW_CODES.contains(&code) && answer.extension::<SignedAtAnotherTime>().is_some()
}

/// Whether an error is temporary, according to the SDK's classifiers or the status.
fn is_passing<E: OperationError>(status: u16, error: E) -> bool {
    if matches!(status, 429 | 500..) {
        return true;
    }
    let classifiers: [&dyn ClassifyRetry; 3] = [
        &HttpStatusCodeClassifier::default(),
        &ModeledAsRetryableClassifier::<E>::new(),
        &AwsErrorCodeClassifier::<E>::new(),
    ];
    let mut answered = InterceptorContext::new(Input::erase(()));
    answered.set_response(HttpResponse::new(status.try_into().expect("BUG: it was a status"), SdkBody::empty()));
    answered.set_output_or_error(Err(OrchestratorError::operation(context::Error::erase(error))));
    classifiers.iter().any(|classifier| classifier.classify_retry(&answered).should_retry())
}

/// What an operator should check when the content table refuses, for the usual mistakes.
pub(super) fn hint(operation: &str, code: &str) -> Option<String> {
    Some(match code {
        "AccessDeniedException" => {
            format!(
                "the function's role needs dynamodb:{operation} on the table in AGENT_CONTEXT_TABLE, and its KMS key"
            )
        }
        "ResourceNotFoundException" => "no such table: look at AGENT_CONTEXT_TABLE and AWS_REGION".to_owned(),
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException" => {
            "the credentials are not accepted: look at AWS_ACCESS_KEY_ID and AWS_REGION".to_owned()
        }
        "ValidationException" => {
            "the table in AGENT_CONTEXT_TABLE must have the partition key id (S) and no sort key".to_owned()
        }
        _ => return None,
    })
}

/// Judges a request that got no answer. The reason is in the chain of sources.
pub(crate) fn judge_request(operation: &str, error: &(dyn Error + 'static)) -> Failure {
    if let Some(error) = find::<CredentialsError>(error) {
        return judge_credentials(operation, *error);
    }
    match find::<ConnectorError>(error) {
        Some(ConnectorError::Late) => Failure::Transient(format!("{operation}: no connection in time")),
        Some(ConnectorError::BrokenOff(status)) => unreadable(operation, *status),
        Some(ConnectorError::TooLong) => Failure::Transient(format!("{operation}: the answer is too long")),
        Some(ConnectorError::Failed(reason)) => judge_connection(operation, &**reason),
        None => Failure::Permanent(format!("{operation}: the request cannot be made")),
    }
}

fn judge_connection(operation: &str, error: &(dyn Error + 'static)) -> Failure {
    if find::<rustls::Error>(error).is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_))) {
        let hint =
            "its certificate is not trusted: look at AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_S3 and AWS_CA_BUNDLE";
        return Failure::Permanent(format!("{operation}: {hint}"));
    }
    let kind = find::<std::io::Error>(error).map(|error| format!(" ({})", error.kind()));
    Failure::Transient(format!("{operation}: no connection{}", kind.unwrap_or_default()))
}

fn judge_credentials(operation: &str, error: CredentialsError) -> Failure {
    let heard = format!("{operation}: no credentials");
    match error {
        CredentialsError::Refused => Failure::Permanent(format!(
            "{heard} (look at AWS_CONTAINER_CREDENTIALS_FULL_URI and its authorization token)"
        )),
        CredentialsError::Unusable => Failure::Permanent(format!(
            "{operation}: the credentials cannot be sent in a header (look at AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN)"
        )),
        CredentialsError::Elsewhere => Failure::Permanent(format!(
            "{heard} (AWS_CONTAINER_CREDENTIALS_FULL_URI names another machine: without https it must be this one)"
        )),
        CredentialsError::Unavailable => Failure::Transient(heard),
    }
}

/// Whether the connector stopped reading an answer because it was longer than expected.
pub(super) fn is_too_long(error: &(dyn Error + 'static)) -> bool {
    matches!(find::<ConnectorError>(error), Some(ConnectorError::TooLong))
}

/// Looks for an error in a chain of sources. `io::Error` does not return the error that it wraps from `source`, so `find`
/// also asks for that one.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = wrapped.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_sdk_dynamodb::types::error::ReplicatedWriteConflictException;
    use aws_smithy_types::error::ErrorMetadata;
    use std::cell::Cell;
    use std::io;

    fn in_ms(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_transient_failure_is_followed_by_another_attempt_until_the_end() {
        let until = in_ms(200);
        let (mut attempts, made) = (Attempts::until(until), Cell::new(0));
        let heard = loop {
            let request = async {
                made.set(made.get() + 1);
                Err::<(), _>(Failure::Transient("busy".to_owned()))
            };
            match attempts.attempt(request).await {
                Ok(None) => {}
                Ok(Some(())) => panic!("BUG: it never answers"),
                Err(heard) => break heard,
            }
        };
        assert_eq!(heard, "busy");
        assert!(made.get() > 2, "{}", made.get());
        assert!(Instant::now() < until + ATTEMPT / 2);
    }

    #[tokio::test]
    async fn a_permanent_failure_is_the_end() {
        let request = async { Err::<(), _>(Failure::Permanent("no".to_owned())) };
        assert_eq!(Attempts::until(in_ms(10_000)).attempt(request).await, Err("no".to_owned()));
    }

    #[tokio::test]
    async fn an_attempt_ends_with_the_time() {
        let until = in_ms(50);
        let outcome = Attempts::until(until).attempt(std::future::pending::<Result<(), Failure>>()).await;
        assert_eq!(outcome, Err("no answer in time".to_owned()));
        assert!(Instant::now() < until + ATTEMPT / 2);
    }

    #[test]
    fn pauses_double_up_to_a_second() {
        let pauses: Vec<_> = (0..8).map(|n| longest_pause(n).as_millis()).collect();
        assert_eq!(pauses, [25, 50, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(longest_pause(u32::MAX), LONGEST_PAUSE);
    }

    /// The judgement of an answer with this code and status.
    fn judged(code: &str, status: u16) -> Failure {
        let error = PutItemError::generic(ErrorMetadata::builder().code(code).build());
        let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        judge("Op", hint, SdkError::service_error(error, answer))
    }

    #[test]
    fn every_answer_is_judged_by_its_code_and_status() {
        let transient = [
            ("ProvisionedThroughputExceededException", 400),
            ("ThrottlingException", 400),
            ("RequestLimitExceeded", 400),
            ("InternalServerError", 500),
            ("", 503),
            ("", 507),
            ("", 429),
            ("", 200),
        ];
        for (code, status) in transient {
            assert!(matches!(judged(code, status), Failure::Transient(_)), "{code} {status}");
        }
        let permanent = [
            ("AccessDeniedException", "dynamodb:Op"),
            ("ResourceNotFoundException", "AGENT_CONTEXT_TABLE"),
            ("UnrecognizedClientException", "AWS_ACCESS_KEY_ID"),
            ("ExpiredTokenException", "credentials"),
            ("ValidationException", "partition key"),
            ("SomethingNew", "SomethingNew"),
        ];
        for (code, hint) in permanent {
            let Failure::Permanent(reason) = judged(code, 400) else { panic!("{code}") };
            assert!(reason.contains(code) && reason.contains(hint), "{reason}");
        }
    }

    #[test]
    fn an_error_modeled_as_retryable_is_asked_again() {
        let conflict = ReplicatedWriteConflictException::builder().build();
        let answer = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
        let error = SdkError::service_error(PutItemError::ReplicatedWriteConflictException(conflict), answer);
        assert!(matches!(judge("Op", hint, error), Failure::Transient(_)));
    }

    #[test]
    fn of_an_error_only_its_name_is_passed_on() {
        for (code, name) in [("Throttled:http://x/#y", "Throttled"), ("a b", "a"), ("", "status 418")] {
            let Failure::Permanent(heard) = judged(code, 418) else { panic!("{code}") };
            assert_eq!(heard, format!("Op: {name}"));
        }
    }

    #[test]
    fn what_came_before_an_answer_is_judged_too() {
        let connection = |error: ConnectorError| {
            let error = aws_smithy_runtime_api::client::result::ConnectorError::io(error.into());
            judge::<PutItemError>("Op", hint, SdkError::dispatch_failure(error))
        };
        let failed = |error: Box<dyn Error + Send + Sync>| {
            judge::<PutItemError>("Op", hint, SdkError::construction_failure(error))
        };
        for (failure, is_transient, told) in [
            (connection(ConnectorError::Late), true, "no connection in time"),
            (connection(ConnectorError::BrokenOff(200)), true, "unreadable answer with status 200"),
            (connection(ConnectorError::Failed("?".into())), true, "no connection"),
            (failed(CredentialsError::Unavailable.into()), true, "no credentials"),
            (failed(CredentialsError::Refused.into()), false, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            (failed(CredentialsError::Elsewhere.into()), false, "https"),
            (failed(CredentialsError::Unusable.into()), false, "AWS_SESSION_TOKEN"),
            (failed("?".into()), false, "cannot be made"),
        ] {
            let (Failure::Transient(heard) | Failure::Permanent(heard)) = &failure;
            assert!(heard.contains(told), "{heard}");
            assert_eq!(matches!(failure, Failure::Transient(_)), is_transient, "{heard}");
        }
    }

    /// As hyper and tokio-rustls wrap it: twice in `io::Error`, which hides it from `source`.
    #[test]
    fn an_untrusted_certificate_is_found_wherever_it_is_wrapped() {
        let certificate = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, certificate));
        let Failure::Permanent(reason) = judge_connection("Op", &wrapped) else { panic!("not final") };
        assert!(reason.contains("AWS_CA_BUNDLE"), "{reason}");
        let reset = io::Error::other(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(matches!(judge_connection("Op", &reset), Failure::Transient(_)));
    }
}
