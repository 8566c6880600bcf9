//! The Extensions API, version 2020-01-01.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use crate::answers::{ApiResponse, accepted, json_answer, not_found};
use crate::control::Control;
use crate::error_type;
use crate::lifecycle::{Failure, Refusal};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// Prefix of the paths.
pub(crate) const PREFIX: &str = "/2020-01-01/extension/";

const NAME: &str = "lambda-extension-name";
const IDENTIFIER: &str = "lambda-extension-identifier";
const EVENT_IDENTIFIER: &str = "lambda-extension-event-identifier";
const ACCEPT_FEATURE: &str = "lambda-extension-accept-feature";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";

/// Answers one request; `path` is what follows [`PREFIX`].
pub(crate) async fn answer(control: &Control, path: &str, request: Request<Incoming>) -> ApiResponse {
    let result = match (request.method(), path) {
        (&Method::POST, "register") => register(control, request).await,
        (&Method::GET, "event/next") => next(control, request.headers()).await,
        (&Method::POST, "init/error") => failed(control, request, "Extension.InitError").await,
        (&Method::POST, "exit/error") => failed(control, request, "Extension.ExitError").await,
        _ => Ok(not_found(request.uri().path())),
    };
    result.unwrap_or_else(ApiResponse::from)
}

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

async fn register(control: &Control, request: Request<Incoming>) -> Result<ApiResponse, Refusal> {
    let (head, body) = request.into_parts();
    let empty = || Refusal::forbidden("Extension.InvalidExtensionName", "Empty extension name");
    let name = text(&head.headers, NAME).ok_or_else(empty)?;
    let malformed = |message: String| Refusal::forbidden("InvalidRequestFormat", message);
    let body = body.collect().await.map_err(|error| malformed(error.to_string()))?.to_bytes();
    let registration: Registration = serde_json::from_slice(&body).map_err(|error| malformed(error.to_string()))?;
    let id = control.update(|state| state.register(name, &registration.events))?;
    let wants_account =
        text(&head.headers, ACCEPT_FEATURE).is_some_and(|f| f.split(',').any(|f| f.trim() == "accountId"));
    Ok(registered(control, &id, wants_account))
}

fn registered(control: &Control, id: &str, with_account: bool) -> ApiResponse {
    let function = &control.function;
    let mut body = json!({
        "functionName": function.name,
        "functionVersion": "$LATEST",
        "handler": function.handler(),
    });
    if with_account {
        body["accountId"] = json!(crate::account::ACCOUNT);
    }
    let mut answer = json_answer(StatusCode::OK, body.to_string());
    insert(&mut answer, IDENTIFIER, id);
    answer
}

async fn next(control: &Control, headers: &HeaderMap) -> Result<ApiResponse, Refusal> {
    let id = identifier(headers)?;
    control.update(|state| state.extension_asks(&id))?;
    let event = control.take(|state| state.take_event(&id)).await;
    let mut answer = json_answer(StatusCode::OK, event);
    insert(&mut answer, EVENT_IDENTIFIER, &Uuid::new_v4().to_string());
    Ok(answer)
}

/// The invocation fails with the extension's own words, if it has any.
async fn failed(control: &Control, request: Request<Incoming>, kind: &str) -> Result<ApiResponse, Refusal> {
    let (head, body) = request.into_parts();
    let id = identifier(&head.headers)?;
    let missing = || Refusal::forbidden("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found");
    let given = text(&head.headers, ERROR_TYPE).ok_or_else(missing)?;
    // On demand, the type is the kind alone; the extension's own name for it is in its document.
    let error_type =
        if control.is_managed_instance() { error_type::of_extension(given, kind) } else { kind.to_owned() };
    let document = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let failure = if document.is_empty() { Failure::new(kind, given) } else { Failure { error_type, document } };
    control.update(|state| state.extension_failed(&id, failure))?;
    Ok(accepted())
}

fn identifier(headers: &HeaderMap) -> Result<String, Refusal> {
    let missing =
        || Refusal::forbidden("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header");
    let id = text(headers, IDENTIFIER).ok_or_else(missing)?;
    let invalid = |_| Refusal::forbidden("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier");
    Uuid::parse_str(id).map(|id| id.to_string()).map_err(invalid)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

fn insert(answer: &mut ApiResponse, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
