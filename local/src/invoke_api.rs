//! Lambda's Invoke API, version 2015-03-31: what the AWS CLI and the SDKs call with `AWS_ENDPOINT_URL_LAMBDA`.
//!
//! Signatures are not checked: any client that reaches the port may invoke. <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use crate::answers::{ApiResponse, json_answer, not_found};
use crate::definition::LATEST;
use crate::function::{Function, InvokeError, InvokeRequest, Invoked};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes a synchronous event may have.
const MAX_EVENT: usize = 6 * 1024 * 1024;
/// Bytes an asynchronous event may have.
const MAX_ASYNC_EVENT: usize = 1024 * 1024;

/// The functions by name.
pub(crate) type Functions = Arc<BTreeMap<String, Arc<Function>>>;

/// Answers one request.
pub(crate) async fn answer(functions: Functions, request: Request<Incoming>) -> ApiResponse {
    let Some(named) = Named::by(&request) else {
        return not_found(request.uri().path());
    };
    match find(&functions, &named) {
        Ok(function) => invoke(&function, named.qualifier, request).await,
        Err(refused) => refused.answer(),
    }
}

/// A function as a caller names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// As it is in the path: a name, or an ARN, each with or without a qualifier.
    pub(crate) reference: String,
    pub(crate) name: String,
    pub(crate) qualifier: Option<String>,
}

impl Named {
    /// Of the request, if it invokes one.
    pub(crate) fn by<B>(request: &Request<B>) -> Option<Self> {
        let path = request.uri().path().strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")?;
        (request.method() == Method::POST).then(|| Self::of(&decode(path), request.uri().query().unwrap_or_default()))
    }

    fn of(reference: &str, query: &str) -> Self {
        let (name, own) = split_name(reference);
        let given = || query.split('&').find_map(|pair| pair.strip_prefix("Qualifier=")).map(decode);
        Self { reference: reference.to_owned(), name, qualifier: own.or_else(given) }
    }
}

/// Invokes a function as the request says.
pub(crate) async fn invoke(
    function: &Arc<Function>,
    qualifier: Option<String>,
    request: Request<Incoming>,
) -> ApiResponse {
    carry_out(function, qualifier, request).await.unwrap_or_else(|refused| refused.answer())
}

/// A request that is not carried out: Lambda's exception and its words.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    status: StatusCode,
    exception: String,
    message: String,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, exception: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, exception: exception.into(), message: message.into() }
    }

    /// The SDKs read the exception from the header; some messages are `Message`, others `message`, so both are there.
    pub(crate) fn answer(&self) -> ApiResponse {
        let mut body = json!({ "Type": "User", "Message": self.message, "message": self.message });
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            body["Reason"] = json!("ReservedFunctionConcurrentInvocationLimitExceeded");
        }
        let mut answer = json_answer(self.status, body.to_string());
        set(&mut answer, "x-amzn-errortype", &self.exception);
        // State machines take an error without it for one of their own, which nothing can catch.
        set(&mut answer, "x-amzn-requestid", &uuid::Uuid::new_v4().to_string());
        answer
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum InvocationType {
    RequestResponse,
    Event,
    DryRun,
}

async fn carry_out(
    function: &Arc<Function>,
    qualifier: Option<String>,
    request: Request<Incoming>,
) -> Result<ApiResponse, Refused> {
    let (head, body) = request.into_parts();
    let kind = invocation_type(&head.headers)?;
    let body = body.collect().await.map_err(|error| invalid_content(&error.to_string()))?.to_bytes();
    let payload = event(body, kind)?;
    let request = InvokeRequest {
        payload,
        client_context: client_context(&head.headers)?,
        trace_id: text(&head.headers, "x-amzn-trace-id").map(ToOwned::to_owned),
        qualifier,
    };
    let refusal = |error| refusal(error, &function.definition.arn);
    match kind {
        InvocationType::DryRun => Ok(empty(StatusCode::NO_CONTENT, &uuid::Uuid::new_v4().to_string())),
        InvocationType::Event => {
            let request_id = function.enqueue(request).map_err(refusal)?;
            Ok(empty(StatusCode::ACCEPTED, &request_id))
        }
        InvocationType::RequestResponse => {
            let wants_tail = text(&head.headers, "x-amz-log-type") == Some("Tail");
            let invoked = function.invoke(request).await.map_err(refusal)?;
            let mut answer = result(&invoked, &function.definition.version, wants_tail);
            // For code that keeps logs and metrics; it does not reach the wire.
            answer.extensions_mut().insert(invoked);
            Ok(answer)
        }
    }
}

fn result(invoked: &Invoked, version: &str, wants_tail: bool) -> ApiResponse {
    let mut answer = json_answer(StatusCode::OK, invoked.payload.clone());
    set(&mut answer, "x-amzn-requestid", &invoked.request_id);
    set(&mut answer, "x-amz-executed-version", version);
    if let Some(error) = invoked.function_error {
        set(&mut answer, "x-amz-function-error", error);
    }
    if wants_tail {
        set(&mut answer, "x-amz-log-result", &BASE64.encode(&invoked.log_tail));
    }
    answer
}

fn empty(status: StatusCode, request_id: &str) -> ApiResponse {
    let mut answer = json_answer(status, Bytes::new());
    set(&mut answer, "x-amzn-requestid", request_id);
    answer
}

fn set(answer: &mut ApiResponse, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn find(functions: &Functions, named: &Named) -> Result<Arc<Function>, Refused> {
    let Named { name, qualifier, .. } = named;
    let not_found = || {
        let asked = qualifier.as_ref().map_or_else(|| name.clone(), |qualifier| format!("{name}:{qualifier}"));
        Refused::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", format!("Function not found: {asked}"))
    };
    if qualifier.as_deref().is_some_and(|qualifier| qualifier != LATEST) {
        return Err(not_found());
    }
    functions.get(name).cloned().ok_or_else(not_found)
}

/// The name and the qualifier in `name`, `name:qualifier`, `account:function:name` or an ARN.
fn split_name(name: &str) -> (String, Option<String>) {
    let own = name.rsplit_once("function:").map_or(name, |(_, own)| own);
    match own.split_once(':') {
        Some((name, qualifier)) => (name.to_owned(), Some(qualifier.to_owned())),
        None => (own.to_owned(), None),
    }
}

/// Percent-decoding; what is not an escape stays.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|hex| byte == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        if let Some(value) = hex.and_then(hex_value) {
            decoded.push(value);
            rest = &after[2..];
        } else {
            decoded.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_value(hex: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

pub(crate) fn is_event(headers: &HeaderMap) -> bool {
    matches!(invocation_type(headers), Ok(InvocationType::Event))
}

fn invocation_type(headers: &HeaderMap) -> Result<InvocationType, Refused> {
    match text(headers, "x-amz-invocation-type") {
        None | Some("RequestResponse") => Ok(InvocationType::RequestResponse),
        Some("Event") => Ok(InvocationType::Event),
        Some("DryRun") => Ok(InvocationType::DryRun),
        Some(other) => Err(Refused::new(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            format!("InvocationType {other} is not one of RequestResponse, Event, DryRun"),
        )),
    }
}

/// The event as the runtime gets it: the caller's bytes, `{}` if there are none.
fn event(body: Bytes, kind: InvocationType) -> Result<Bytes, Refused> {
    let limit = if kind == InvocationType::Event { MAX_ASYNC_EVENT } else { MAX_EVENT };
    if body.len() > limit {
        let message = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message));
    }
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let syntax: Result<IgnoredAny, _> = serde_json::from_slice(&body);
    syntax.map_err(|error| invalid_content(&format!("Could not parse request body into json: {error}")))?;
    Ok(body)
}

fn client_context(headers: &HeaderMap) -> Result<Option<Vec<u8>>, Refused> {
    let Some(encoded) = headers.get("x-amz-client-context") else {
        return Ok(None);
    };
    let decoded = BASE64.decode(encoded.as_bytes()).ok();
    let json = decoded.filter(|json| serde_json::from_slice::<IgnoredAny>(json).is_ok());
    json.map(Some).ok_or_else(|| invalid_content("Client context must be a valid Base64-encoded JSON object."))
}

fn invalid_content(message: &str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
}

fn refusal(error: InvokeError, arn: &str) -> Refused {
    match error {
        InvokeError::Throttled => {
            Refused::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", error.to_string())
        }
        InvokeError::NotFound => {
            Refused::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", format!("Function not found: {arn}"))
        }
        InvokeError::Closing => Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", error.to_string()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_name_the_function() {
        let latest = Some("$LATEST".to_owned());
        assert_eq!(split_name("f"), ("f".into(), None));
        assert_eq!(split_name("f:$LATEST"), ("f".into(), latest.clone()));
        assert_eq!(split_name("123456789012:function:f"), ("f".into(), None));
        assert_eq!(split_name("arn:aws:lambda:eu-central-1:123456789012:function:f:$LATEST"), ("f".into(), latest));
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(decode("arn%3Aaws%3alambda"), "arn:aws:lambda");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%+1"), "%zz%+1");
    }

    #[test]
    fn events_keep_their_bytes_and_must_be_json() {
        let odd = Bytes::from_static(b" {\"a\":1e400,\"a\":\"\\ud800\"}\n");
        assert_eq!(event(odd.clone(), InvocationType::RequestResponse).unwrap(), odd);
        assert_eq!(event(Bytes::new(), InvocationType::RequestResponse).unwrap(), "{}");
        assert_eq!(
            event(Bytes::from_static(b"{"), InvocationType::Event).unwrap_err().exception,
            "InvalidRequestContentException"
        );
    }

    #[test]
    fn limits_depend_on_the_invocation_type() {
        let text = |bytes: usize| Bytes::from(format!("\"{}\"", "x".repeat(bytes - 2)));
        assert!(event(text(MAX_EVENT), InvocationType::RequestResponse).is_ok());
        assert_eq!(event(text(MAX_EVENT + 1), InvocationType::RequestResponse).unwrap_err().status, 413);
        assert!(event(text(MAX_ASYNC_EVENT), InvocationType::Event).is_ok());
        assert_eq!(event(text(MAX_ASYNC_EVENT + 1), InvocationType::Event).unwrap_err().status, 413);
    }
}
