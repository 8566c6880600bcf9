//! What is asked for.

use crate::sender::{Context, Sender};
use data_encoding::BASE64;
use functions_shared::Refusal;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// The path's parts as API Gateway gives them, without the API's stage.
    pub path: Vec<String>,
    /// The query string, without its question mark.
    pub query: HashMap<String, String>,
    /// Where it came from, and who sent it.
    pub sender: Sender,
    /// By name in lower case.
    headers: HashMap<String, String>,
    body: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    query_string_parameters: Option<HashMap<String, String>>,
    #[serde(default)]
    headers: Option<HashMap<String, String>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: Context,
}

impl Request {
    /// Reads an event. The refusal is of the body; an event of another kind is a [`serde_json::Error`].
    pub fn read(event: Value) -> Result<Result<Self, Refusal>, serde_json::Error> {
        let event: Event = serde_json::from_value(event)?;
        let body = event.body.map(|text| decoded(text, event.is_base64_encoded)).transpose();
        let headers = event.headers.unwrap_or_default();
        let request = Self {
            method: event.request_context.http.method.to_ascii_uppercase(),
            path: parts(&event.raw_path, &event.request_context.stage),
            query: event.query_string_parameters.unwrap_or_default(),
            headers: headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
            sender: Sender::of(event.request_context),
            body: None,
        };
        Ok(body.map(|body| Self { body, ..request }))
    }

    /// A header, by its name in lower case. API Gateway joins several of one name by commas.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body as it came.
    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// Refuses a body of more than `limit` bytes.
    pub fn limit_body(&self, limit: usize) -> Result<(), Refusal> {
        if self.body().len() <= limit {
            return Ok(());
        }
        Err(Refusal::TooLarge(format!("the body has {} bytes; at most {limit} are taken", self.body().len())))
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

fn parts(path: &str, stage: &str) -> Vec<String> {
    let mut parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    // An API's named stage comes before every path.
    if parts.first().is_some_and(|first| first == stage) {
        parts.remove(0);
    }
    parts
}

fn decoded(body: String, is_base64: bool) -> Result<Vec<u8>, Refusal> {
    if !is_base64 {
        return Ok(body.into_bytes());
    }
    BASE64.decode(body.as_bytes()).map_err(|_| Refusal::invalid("body", "is not base64, although the event says so"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
    fn headers_are_found_whatever_their_case() {
        let event = event(json!({"headers": {"Idempotency-Key": "a", "x-one": "b,c"}}));
        let request = Request::read(event).expect("an event").expect("a request");
        assert_eq!((request.header("idempotency-key"), request.header("x-one")), (Some("a"), Some("b,c")));
        assert_eq!(request.header("x-two"), None);
    }

    #[test]
    fn a_body_has_a_limit() {
        let request = Request::read(event(json!({"body": "12345"}))).expect("an event").expect("a request");
        assert_eq!((request.body(), request.limit_body(5)), (b"12345".as_slice(), Ok(())));
        assert_eq!(request.limit_body(4).unwrap_err().to_string(), "the body has 5 bytes; at most 4 are taken");
    }

    #[test]
    fn another_event_is_none() {
        assert!(Request::read(json!({"Records": []})).is_err());
    }
}
