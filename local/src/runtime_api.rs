//! The Runtime API, version 2018-06-01: what a runtime, or a proxy in front of it, talks to.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use crate::answers::{Answer as HttpAnswer, accepted, error_answer, json_answer, not_found};
use crate::control::Control;
use crate::lifecycle::{Answer, Failure, Invocation, Lifecycle, Refusal};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;

/// Prefix of the paths.
pub(crate) const PREFIX: &str = "/2018-06-01/runtime/";

/// Bytes a buffered response may have: 6 MiB and what Lambda adds for its envelope.
pub(crate) const MAX_RESPONSE: usize = 6 * 1024 * 1024 + 100;

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";
const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";

/// Answers one request; `path` is what follows [`PREFIX`].
pub(crate) async fn answer(control: &Control, path: &str, request: Request<Incoming>) -> HttpAnswer {
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
async fn next(control: &Control) -> HttpAnswer {
    if let Err(refusal) = control.update(Lifecycle::runtime_asks) {
        return refusal.into();
    }
    let invocation = control.take(Lifecycle::take_invocation).await;
    let mut answer = json_answer(StatusCode::OK, invocation.payload.clone());
    answer.headers_mut().extend(event_headers(&invocation));
    answer
}

fn event_headers(invocation: &Invocation) -> HeaderMap {
    let text = |value: &str| HeaderValue::from_str(value).ok();
    let bytes = |value: &Option<Vec<u8>>| value.as_ref().and_then(|value| HeaderValue::from_bytes(value).ok());
    let headers = [
        ("lambda-runtime-aws-request-id", text(&invocation.request_id)),
        ("lambda-runtime-deadline-ms", text(&invocation.deadline_ms.to_string())),
        ("lambda-runtime-invoked-function-arn", text(&invocation.arn)),
        ("lambda-runtime-trace-id", text(&invocation.trace_id)),
        ("lambda-runtime-client-context", bytes(&invocation.client_context)),
        ("lambda-runtime-cognito-identity", bytes(&invocation.cognito_identity)),
    ];
    let present = headers.into_iter().filter_map(|(name, value)| Some((HeaderName::from_static(name), value?)));
    present.collect()
}

async fn response(control: &Control, id: &str, request: Request<Incoming>) -> HttpAnswer {
    let mode = request.headers().get(RESPONSE_MODE).map(HeaderValue::as_bytes);
    if mode.is_some_and(|mode| !mode.eq_ignore_ascii_case(b"streaming")) {
        return Refusal::bad_request("InvalidFunctionResponseMode", "Invalid function response mode").into();
    }
    let Ok(body) = request.into_body().collect().await else {
        return truncated();
    };
    let failure = body.trailers().and_then(failure_in_trailers);
    let body = body.to_bytes();
    if body.len() > MAX_RESPONSE {
        return too_large(control, id, body.len());
    }
    let answer = failure.map_or(Answer::Response(body), Answer::Error);
    settled(control.update(|state| state.answer(id, answer)))
}

async fn invocation_error(control: &Control, id: &str, request: Request<Incoming>) -> HttpAnswer {
    match failure_in(request).await {
        Ok(failure) => settled(control.update(|state| state.answer(id, Answer::Error(failure)))),
        Err(refused) => refused,
    }
}

async fn init_error(control: &Control, request: Request<Incoming>) -> HttpAnswer {
    match failure_in(request).await {
        Ok(failure) => settled(control.update(|state| state.runtime_init_failed(failure))),
        Err(refused) => refused,
    }
}

fn settled(result: Result<(), Refusal>) -> HttpAnswer {
    result.map_or_else(HttpAnswer::from, |()| accepted())
}

/// The invocation fails, and the runtime learns why.
fn too_large(control: &Control, id: &str, size: usize) -> HttpAnswer {
    let message =
        format!("Response payload size ({size} bytes) exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
    let failure = Failure::new("Function.ResponseSizeTooLarge", &message);
    match control.update(|state| state.answer(id, Answer::Error(failure))) {
        Err(refusal) => refusal.into(),
        Ok(()) => error_answer(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."),
        ),
    }
}

fn truncated() -> HttpAnswer {
    Refusal::bad_request("TruncatedHTTPRequest", "HTTP request detected as truncated").into()
}

/// The error document as the runtime wrote it; one is made up only when there is none.
async fn failure_in(request: Request<Incoming>) -> Result<Failure, HttpAnswer> {
    let error_type = header(request.headers(), ERROR_TYPE).unwrap_or_else(|| "Runtime.Unknown".to_owned());
    let document = request.into_body().collect().await.map(Collected::to_bytes).map_err(|_| truncated())?;
    Ok(failure(error_type, document))
}

/// A response that failed half-way says so in its trailers; the error document is base64.
fn failure_in_trailers(trailers: &HeaderMap) -> Option<Failure> {
    let error_type = header(trailers, ERROR_TYPE)?;
    let document = trailers.get(ERROR_BODY).and_then(|body| BASE64.decode(body.as_bytes()).ok());
    Some(failure(error_type, document.unwrap_or_default().into()))
}

fn failure(error_type: String, document: Bytes) -> Failure {
    if document.is_empty() { Failure::new(&error_type, "") } else { Failure { error_type, document } }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}
