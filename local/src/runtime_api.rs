//! The Runtime API, version 2018-06-01: what a runtime, or a proxy in front of it, talks to.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use crate::answers::{ApiResponse, accepted, error_answer, json_answer, not_found};
use crate::control::Control;
use crate::error_type;
use crate::lifecycle::{Failure, Invocation, Refusal, RuntimeOutcome};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// Prefix of the paths.
pub(crate) const PREFIX: &str = "/2018-06-01/runtime/";

/// Bytes a buffered response may have: 6 MiB and what Lambda adds for its envelope.
pub(crate) const MAX_RESPONSE: usize = 6 * 1024 * 1024 + 100;

/// Bytes an error document may have on managed instances.
const MAX_ERROR: usize = 1024 * 1024;

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";
const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// Answers one request; `path` is what follows [`PREFIX`].
pub(crate) async fn answer(control: &Control, path: &str, request: Request<Incoming>) -> ApiResponse {
    let segments: Vec<_> = path.split('/').collect();
    match (request.method(), segments.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(control).await,
        (&Method::POST, ["invocation", id, "response"]) => response(control, id, request).await,
        (&Method::POST, ["invocation", id, "error"]) => invocation_error(control, id, request).await,
        (&Method::POST, ["init", "error"]) => init_error(control, request).await,
        _ => not_found(request.uri().path()),
    }
}

/// Waits as long as it takes. A runtime that hangs up has taken no event.
async fn next(control: &Control) -> ApiResponse {
    let mut poll = match Poll::begin(control) {
        Ok(poll) => poll,
        Err(refusal) => return refusal.into(),
    };
    let invocation = control.take(|state| state.invocations().take()).await;
    poll.waits = false;
    let mut answer = json_answer(StatusCode::OK, invocation.payload.clone());
    answer.headers_mut().extend(event_headers(&invocation, control.function.config.empty_headers));
    answer
}

/// A poll that waits. Dropped while it does, because the runtime hung up, it no longer counts.
struct Poll<'a> {
    control: &'a Control,
    waits: bool,
}

impl<'a> Poll<'a> {
    fn begin(control: &'a Control) -> Result<Self, Refusal> {
        control.update(|state| state.invocations().poll())?;
        Ok(Self { control, waits: true })
    }
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.control.update(|state| state.invocations().hang_up());
        }
    }
}

/// `empty` also sends those that have no value and that some versions of Lambda's emulator then send empty.
fn event_headers(invocation: &Invocation, empty: bool) -> HeaderMap {
    let text = |value: &str| HeaderValue::from_str(value).ok();
    let bytes = |value: &Option<Vec<u8>>| {
        let value = value.as_deref().or(empty.then_some(b""));
        value.and_then(|value| HeaderValue::from_bytes(value).ok())
    };
    let headers = [
        ("lambda-runtime-aws-request-id", text(&invocation.request_id)),
        (INVOCATION_ID, invocation.attempt_id.as_deref().and_then(text)),
        ("lambda-runtime-deadline-ms", text(&invocation.deadline_ms.to_string())),
        ("lambda-runtime-invoked-function-arn", text(&invocation.arn)),
        ("lambda-runtime-trace-id", text(&invocation.trace_id)),
        ("lambda-runtime-client-context", bytes(&invocation.client_context)),
        ("lambda-runtime-cognito-identity", bytes(&invocation.cognito_identity)),
    ];
    let present = headers.into_iter().filter_map(|(name, value)| Some((HeaderName::from_static(name), value?)));
    present.collect()
}

/// A response or an error whose body is still on its way. Dropped before it is settled, because the connection ended, it is one
/// that broke off.
struct Arriving<'a> {
    control: &'a Control,
    request_id: &'a str,
    /// The attempt that it was begun for: another one may be under way when it is whole.
    invocation_id: Option<String>,
    settled: bool,
}

impl<'a> Arriving<'a> {
    fn begin(control: &'a Control, request_id: &'a str, headers: &HeaderMap) -> Result<Self, Refusal> {
        let invocation_id = header(headers, INVOCATION_ID).filter(|id| !id.is_empty());
        let begun = control.update(|state| state.invocations().begin_answer(request_id, invocation_id.as_deref()));
        Ok(Self { control, request_id, invocation_id: begun?, settled: false })
    }

    fn settle(mut self, answer: RuntimeOutcome) -> Result<(), Refusal> {
        self.end(answer)
    }

    fn end(&mut self, answer: RuntimeOutcome) -> Result<(), Refusal> {
        self.settled = true;
        let Self { control, request_id, invocation_id, .. } = self;
        control.update(|state| state.invocations().answer(request_id, invocation_id.as_deref(), answer))
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        if !self.settled {
            // A refusal would be for a runtime that is gone.
            drop(self.end(broken_off()));
        }
    }
}

fn broken_off() -> RuntimeOutcome {
    RuntimeOutcome::Error(Failure::new(
        "Runtime.TruncatedResponse",
        "The runtime's response ended before it was complete",
    ))
}

async fn response(control: &Control, id: &str, request: Request<Incoming>) -> ApiResponse {
    let (head, body) = request.into_parts();
    let arriving = match Arriving::begin(control, id, &head.headers) {
        Ok(arriving) => arriving,
        Err(refusal) => return refused(refusal, body).await,
    };
    if !has_known_mode(&head.headers) {
        let failure = Failure::new("Runtime.InvalidResponseModeHeader", "Invalid function response mode");
        let refusal = Refusal::bad_request("InvalidFunctionResponseMode", "Invalid function response mode");
        return refused(arriving.settle(RuntimeOutcome::Error(failure)).err().unwrap_or(refusal), body).await;
    }
    let Ok(body) = body.collect().await else {
        return arriving.settle(broken_off()).map_or_else(ApiResponse::from, |()| truncated());
    };
    let failure = body.trailers().and_then(failure_in_trailers);
    let body = body.to_bytes();
    if body.len() > MAX_RESPONSE {
        return too_large(arriving, body.len());
    }
    settled(arriving.settle(failure.map_or(RuntimeOutcome::Response(body), RuntimeOutcome::Error)))
}

/// Only `streaming`, spelt so, is a mode. An empty header is none.
fn has_known_mode(headers: &HeaderMap) -> bool {
    headers.get(RESPONSE_MODE).is_none_or(|mode| mode.is_empty() || mode == "streaming")
}

async fn invocation_error(control: &Control, id: &str, request: Request<Incoming>) -> ApiResponse {
    let (head, body) = request.into_parts();
    if control.is_managed_instance() {
        return match at_most(body, MAX_ERROR).await {
            Ok(document) => {
                let failure = failure(&head.headers, document);
                let arriving = Arriving::begin(control, id, &head.headers);
                settled(arriving.and_then(|arriving| arriving.settle(RuntimeOutcome::Error(failure))))
            }
            Err(_) => entity_too_large(),
        };
    }
    let arriving = match Arriving::begin(control, id, &head.headers) {
        Ok(arriving) => arriving,
        Err(refusal) => return refused(refusal, body).await,
    };
    // The invocation has failed, even if not all of the reason arrives.
    let document = at_most(body, usize::MAX).await.unwrap_or_default();
    settled(arriving.settle(RuntimeOutcome::Error(failure(&head.headers, document))))
}

async fn init_error(control: &Control, request: Request<Incoming>) -> ApiResponse {
    let (head, body) = request.into_parts();
    let limit = if control.is_managed_instance() { MAX_ERROR } else { usize::MAX };
    match at_most(body, limit).await {
        Ok(document) => settled(control.update(|state| state.runtime_init_failed(failure(&head.headers, document)))),
        Err(Unread::TooLong) => entity_too_large(),
        Err(Unread::BrokenOff) => truncated(),
    }
}

/// Why a body is not there.
enum Unread {
    TooLong,
    BrokenOff,
}

/// A body, if it is no longer than `limit`. It is read to its end in any case: an answer to a request that is still being sent
/// may not be read.
async fn at_most(mut body: Incoming, limit: usize) -> Result<Bytes, Unread> {
    let (mut bytes, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unread::BrokenOff)?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        length += data.len();
        if length <= limit {
            bytes.extend_from_slice(data);
        }
    }
    if length <= limit { Ok(bytes.into()) } else { Err(Unread::TooLong) }
}

async fn refused(refusal: Refusal, body: Incoming) -> ApiResponse {
    // Whatever it is.
    drop(at_most(body, 0).await);
    refusal.into()
}

fn settled(result: Result<(), Refusal>) -> ApiResponse {
    result.map_or_else(ApiResponse::from, |()| accepted())
}

/// The invocation fails, and the runtime learns why.
fn too_large(arriving: Arriving, size: usize) -> ApiResponse {
    let message =
        format!("Response payload size ({size} bytes) exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
    let failure = Failure::new("Function.ResponseSizeTooLarge", &message);
    arriving.settle(RuntimeOutcome::Error(failure)).map_or_else(ApiResponse::from, |()| entity_too_large())
}

/// Names the limit of responses for errors too, as Lambda's emulator does.
fn entity_too_large() -> ApiResponse {
    let message = format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
    error_answer(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}

fn truncated() -> ApiResponse {
    Refusal::bad_request("TruncatedHTTPRequest", "HTTP request detected as truncated").into()
}

/// A response that failed half-way says so in its trailers; the error document is base64.
fn failure_in_trailers(trailers: &HeaderMap) -> Option<Failure> {
    trailers.get(ERROR_TYPE)?;
    let document = trailers.get(ERROR_BODY).and_then(|body| BASE64.decode(body.as_bytes()).ok());
    Some(failure(trailers, document.unwrap_or_default().into()))
}

/// The error document as the runtime wrote it; one is made up only when there is none.
fn failure(fields: &HeaderMap, document: Bytes) -> Failure {
    let error_type = error_type::of_runtime(&header(fields, ERROR_TYPE).unwrap_or_default());
    if document.is_empty() { Failure::new(&error_type, "") } else { Failure { error_type, document } }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}
