//! An event of an API Gateway HTTP API (payload 2.0), and what goes back.
//!
//! By hand: of the event's thirty members six are needed here, and a router for a dozen paths is a `match`.

use data_encoding::BASE64;
use functions_shared::Refusal;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// The path's parts, without the API's stage.
    pub path: Vec<String>,
    /// What stands behind the question mark.
    pub query: HashMap<String, String>,
    body: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    query_string_parameters: Option<HashMap<String, String>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: Context,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    stage: String,
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

impl Request {
    /// Reads an event. The refusal is of the body; an event of another kind is a [`serde_json::Error`].
    pub fn read(event: Value) -> Result<Result<Self, Refusal>, serde_json::Error> {
        let event: Event = serde_json::from_value(event)?;
        let mut path: Vec<_> = event.raw_path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        // An API's named stage stands in front of every path.
        if path.first() == Some(&event.request_context.stage) {
            path.remove(0);
        }
        let method = event.request_context.http.method.to_ascii_uppercase();
        let query = event.query_string_parameters.unwrap_or_default();
        let body = event.body.map(|text| decoded(text, event.is_base64_encoded)).transpose();
        Ok(body.map(|body| Self { method, path, query, body }))
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Result<Value, Refusal> {
        let body = self.body.as_deref().ok_or_else(|| Refusal::invalid("body", "is missing"))?;
        let invalid = |error: serde_json::Error| {
            Refusal::invalid("body", format!("is not JSON: line {}, column {}", error.line(), error.column()))
        };
        serde_json::from_slice(body).map_err(invalid)
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

fn decoded(body: String, is_base64: bool) -> Result<Vec<u8>, Refusal> {
    if !is_base64 {
        return Ok(body.into_bytes());
    }
    BASE64.decode(body.as_bytes()).map_err(|_| Refusal::invalid("body", "is not the base64 it says it is"))
}

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

    fn event(change: Value) -> Value {
        let mut event = json!({
            "version": "2.0", "rawPath": "/dev/agents/golf-agent", "isBase64Encoded": false,
            "requestContext": { "stage": "dev", "http": { "method": "get", "path": "/dev/agents/golf-agent" } },
        });
        let (Some(event_members), Value::Object(change)) = (event.as_object_mut(), change) else { panic!("objects") };
        event_members.extend(change);
        event
    }

    #[test]
    fn a_named_stage_is_no_part_of_the_path() {
        let request = Request::read(event(json!({}))).expect("an event").expect("a request");
        assert_eq!(
            (request.method.as_str(), request.path),
            ("GET", vec!["agents".to_owned(), "golf-agent".to_owned()])
        );
    }

    #[test]
    fn a_body_may_be_base64() {
        for event in [json!({"body": "{\"a\":1}"}), json!({"body": "eyJhIjoxfQ==", "isBase64Encoded": true})].map(event)
        {
            let request = Request::read(event).expect("an event").expect("a request");
            assert_eq!(request.json(), Ok(json!({"a": 1})));
        }
        let wrong = event(json!({"body": "{}", "isBase64Encoded": true}));
        assert!(Request::read(wrong).expect("an event").is_err());
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said() {
        for (body, reason) in [(json!(null), "body: is missing"), (json!("{"), "body: is not JSON: line 1, column 1")] {
            let request = Request::read(event(json!({ "body": body }))).expect("an event").expect("a request");
            assert_eq!(request.json().unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn another_event_is_none() {
        assert!(Request::read(json!({"Records": []})).is_err());
    }

    #[test]
    fn a_refusal_names_its_field() {
        let event = Response::from(Refusal::invalid("status", "must be on")).into_event();
        assert_eq!(event["statusCode"], 400);
        assert_eq!(event["body"], r#"{"error":"status: must be on","field":"status"}"#);
    }
}
