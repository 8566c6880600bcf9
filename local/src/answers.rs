//! JSON answers of the APIs.

use crate::lifecycle::Refusal;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

/// What every API here answers with.
pub(crate) type ApiResponse = Response<Full<Bytes>>;

pub(crate) fn json_answer(status: StatusCode, body: impl Into<Bytes>) -> ApiResponse {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 202 `{"status":"OK"}`.
pub(crate) fn accepted() -> ApiResponse {
    json_answer(StatusCode::ACCEPTED, json!({ "status": "OK" }).to_string())
}

/// The Runtime and the Extensions API's form of an error.
pub(crate) fn error_answer(status: StatusCode, error_type: &str, message: &str) -> ApiResponse {
    let body: Value = json!({ "errorMessage": message, "errorType": error_type });
    json_answer(status, body.to_string())
}

impl From<Refusal> for ApiResponse {
    fn from(refusal: Refusal) -> Self {
        error_answer(refusal.status, refusal.error_type, &refusal.message)
    }
}

/// For paths that no API here has.
pub(crate) fn not_found(path: &str) -> ApiResponse {
    error_answer(StatusCode::NOT_FOUND, "NotFound", &format!("{path} is not part of this API"))
}
