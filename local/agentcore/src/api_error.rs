//! Errors as the model has them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What a call gives: a status and a body.
pub(crate) type Answer = Result<(u16, Value), ApiError>;

/// An error of the model: its name, and what is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    name: String,
    message: String,
}

impl ApiError {
    pub(crate) fn named(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), message: message.into() }
    }

    pub(crate) fn invalid(field: &str, rule: &str) -> Self {
        Self::named("ValidationException", format!("{field}: {rule}"))
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::named("ConflictException", message)
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::named("ResourceNotFoundException", format!("there is no {what} {id}"))
    }

    pub(crate) fn quota(message: impl Into<String>) -> Self {
        Self::named("ServiceQuotaExceededException", message)
    }

    /// `httpStatusCode` of the model.
    fn status(&self) -> StatusCode {
        match self.name.as_str() {
            "UnauthorizedException" => StatusCode::UNAUTHORIZED,
            "ServiceQuotaExceededException" => StatusCode::PAYMENT_REQUIRED,
            "AccessDeniedException" => StatusCode::FORBIDDEN,
            "ResourceNotFoundException" => StatusCode::NOT_FOUND,
            "ConflictException" => StatusCode::CONFLICT,
            "ThrottlingException" => StatusCode::TOO_MANY_REQUESTS,
            "InternalServerException" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = if self.name == "ValidationException" {
            json!({ "message": self.message, "reason": "FieldValidationFailed" })
        } else {
            json!({ "message": self.message })
        };
        (self.status(), [("x-amzn-errortype", self.name)], Json(body)).into_response()
    }
}
