//! What goes back.

use functions_shared::Refusal;
use serde_json::{Map, Value, json};

/// What goes back.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Of HTTP.
    pub status: u16,
    headers: Map<String, Value>,
    body: Option<Value>,
}

impl Response {
    /// Here it is.
    pub fn ok(body: Value) -> Self {
        Self::new(200, Some(body))
    }

    /// It was made, and stands at `location`.
    pub fn created(location: String, body: Value) -> Self {
        Self::new(201, Some(body)).with("location", location)
    }

    /// It was done, and there is nothing to say.
    pub fn no_content() -> Self {
        Self::new(204, None)
    }

    /// There is nothing at this path.
    pub fn no_such_path() -> Self {
        Self::new(404, Some(json!({ "error": "there is nothing at this path" })))
    }

    /// What stands at this path takes other methods: `GET, POST`.
    pub fn other_methods(allowed: &str) -> Self {
        let error = json!({ "error": format!("this path takes {allowed}") });
        Self::new(405, Some(error)).with("allow", allowed.to_owned())
    }

    fn new(status: u16, body: Option<Value>) -> Self {
        let response = Self { status, headers: Map::new(), body };
        if response.body.is_some() { response.with("content-type", "application/json".to_owned()) } else { response }
    }

    fn with(mut self, header: &str, value: String) -> Self {
        self.headers.insert(header.to_owned(), Value::String(value));
        self
    }

    /// As API Gateway takes it.
    pub fn into_event(self) -> Value {
        let body = self.body.map(|body| body.to_string());
        json!({ "statusCode": self.status, "headers": self.headers, "body": body, "isBase64Encoded": false })
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
        let mut body = json!({ "error": refusal.to_string() });
        if let Some(field) = refusal.field() {
            body["field"] = json!(field);
        }
        let response = Self::new(status, Some(body));
        if status == 503 { response.with("retry-after", "1".to_owned()) } else { response }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_field() {
        let event = Response::from(Refusal::invalid("status", "must be on")).into_event();
        assert_eq!(event["statusCode"], 400);
        assert_eq!(event["body"], r#"{"error":"status: must be on","field":"status"}"#);
    }
}
