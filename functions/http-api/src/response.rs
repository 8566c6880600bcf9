//! What goes back.

use data_encoding::BASE64;
use functions_shared::Refusal;
use serde_json::{Map, Value, json};

/// The media type of a problem (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// What goes back.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Of HTTP.
    pub status: u16,
    headers: Map<String, Value>,
    body: Body,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    None,
    Json(Value),
    Text(String),
    Bytes(Vec<u8>),
}

impl Response {
    /// Here it is.
    pub fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    /// It was made, and is at `location`.
    pub fn created(location: String, body: Value) -> Self {
        Self::json(201, body).with("location", location)
    }

    /// It will be done.
    pub fn accepted(body: Value) -> Self {
        Self::json(202, body)
    }

    /// It was done, and there is nothing to say.
    pub fn no_content() -> Self {
        Self { status: 204, headers: Map::new(), body: Body::None }
    }

    /// A text of another kind than JSON.
    pub fn text(content_type: &str, text: impl Into<String>) -> Self {
        let response = Self { status: 200, headers: Map::new(), body: Body::Text(text.into()) };
        response.with("content-type", content_type)
    }

    /// Bytes as they are; API Gateway decodes them from base64.
    pub fn bytes(content_type: &str, bytes: Vec<u8>) -> Self {
        let response = Self { status: 200, headers: Map::new(), body: Body::Bytes(bytes) };
        response.with("content-type", content_type)
    }

    /// There is nothing at this path.
    pub fn no_such_path() -> Self {
        Self::problem(404, "there is nothing at this path")
    }

    /// This path takes other methods: `GET, POST`.
    pub fn other_methods(allowed: &str) -> Self {
        Self::problem(405, &format!("this path takes {allowed}")).with("allow", allowed)
    }

    /// What went wrong, as a problem (RFC 9457). `error` repeats `detail`, for clients that know only this member.
    pub fn problem(status: u16, detail: &str) -> Self {
        let body =
            json!({"type": "about:blank", "title": title(status), "status": status, "detail": detail, "error": detail});
        Self::json(status, body).with("content-type", PROBLEM)
    }

    /// A JSON value with a status.
    pub fn json(status: u16, body: Value) -> Self {
        let response = Self { status, headers: Map::new(), body: Body::Json(body) };
        response.with("content-type", "application/json")
    }

    /// With a header, in lower case. Characters that would begin another header are left out.
    #[must_use]
    pub fn with(mut self, header: &str, value: impl Into<String>) -> Self {
        let value = value.into().replace(|character: char| character.is_control(), "");
        self.headers.insert(header.to_owned(), Value::String(value));
        self
    }

    /// With a member in a JSON body. Of another body, nothing changes.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Body::Json(Value::Object(members)) = &mut self.body {
            members.insert(name.to_owned(), value.into());
        }
        self
    }

    /// As API Gateway takes it.
    pub fn into_event(self) -> Value {
        let (body, is_base64) = match self.body {
            Body::None => (Value::Null, false),
            Body::Json(value) => (Value::String(value.to_string()), false),
            Body::Text(text) => (Value::String(text), false),
            Body::Bytes(bytes) => (Value::String(BASE64.encode(&bytes)), true),
        };
        json!({ "statusCode": self.status, "headers": self.headers, "body": body, "isBase64Encoded": is_base64 })
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::Invalid { .. } => 400,
            Refusal::NotFound(_) => 404,
            Refusal::Conflict(_) | Refusal::Overtaken(_) => 409,
            Refusal::TooLarge(_) => 413,
            Refusal::Unprocessable { .. } => 422,
            Refusal::Unavailable(_) => 503,
        };
        let mut response = Self::problem(status, &refusal.to_string());
        if let Some(field) = refusal.field() {
            response = response.with_member("field", field);
        }
        if status == 503 { response.with("retry-after", "1") } else { response }
    }
}

/// The reason phrase of a status (RFC 9110, section 15).
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_problem_that_names_its_field() {
        let event = Response::from(Refusal::invalid("status", "must be on")).into_event();
        assert_eq!((&event["statusCode"], &event["headers"]["content-type"]), (&json!(400), &json!(PROBLEM)));
        let body: Value = serde_json::from_str(event["body"].as_str().expect("text")).expect("JSON");
        let expected = json!({
            "type": "about:blank", "title": "Bad Request", "status": 400, "detail": "status: must be on",
            "error": "status: must be on", "field": "status",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn who_uses_another_method_learns_which_there_are() {
        let event = Response::other_methods("GET, POST").into_event();
        assert_eq!((&event["statusCode"], &event["headers"]["allow"]), (&json!(405), &json!("GET, POST")));
    }

    #[test]
    fn bytes_go_back_as_base64_and_text_as_it_is() {
        let event = Response::bytes("image/png", vec![0xff, 0]).into_event();
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
        let event = Response::text("text/html", "<p>").into_event();
        assert_eq!((&event["body"], &event["headers"]["content-type"]), (&json!("<p>"), &json!("text/html")));
    }

    #[test]
    fn a_header_cannot_begin_another_one() {
        let event = Response::created("/a\r\nset-cookie: b".to_owned(), json!({})).into_event();
        assert_eq!(event["headers"]["location"], "/aset-cookie: b");
    }
}
