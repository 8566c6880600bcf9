//! What goes back over HTTP.

use serde_json::{Map, Value, json};

/// What goes back over HTTP: JSON, or a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    body: Body,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    Json(Value),
    Page(String),
    Empty,
}

impl Reply {
    /// What was asked for.
    pub(crate) fn json_of(status: u16, body: Value) -> Self {
        Self::of(status, Body::Json(body), "application/json").with("cache-control", "no-store")
    }

    /// Why it is not there.
    pub(crate) fn error(status: u16, reason: impl Into<String>) -> Self {
        Self::json_of(status, json!({ "error": reason.into() }))
    }

    /// An HTML page.
    pub(crate) fn page(text: String) -> Self {
        Self::of(200, Body::Page(text), "text/html; charset=utf-8")
    }

    /// It was done, and there is nothing to say.
    pub(crate) fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: Body::Empty }
    }

    fn of(status: u16, body: Body, kind: &str) -> Self {
        let headers = vec![("content-type", kind.to_owned()), ("x-content-type-options", "nosniff".to_owned())];
        Self { status, headers, body }
    }

    /// The same with a header.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status < 300
    }

    /// The body of a reply in JSON.
    pub(crate) fn json(&self) -> Value {
        if let Body::Json(body) = &self.body { body.clone() } else { Value::Null }
    }

    /// The body as it is sent.
    pub(crate) fn text(&self) -> String {
        match &self.body {
            Body::Json(body) => body.to_string(),
            Body::Page(text) => text.clone(),
            Body::Empty => String::new(),
        }
    }

    /// As an HTTP API takes it.
    pub(crate) fn into_event(self) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
        json!({ "statusCode": self.status, "headers": headers, "body": self.text(), "isBase64Encoded": false })
    }
}
