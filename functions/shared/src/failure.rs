//! A failed invocation with a name: the name becomes `errorType`, which a workflow's `Retry` and `Catch` match.

use lambda_runtime::Diagnostic;
use serde_json::error::Category;
use std::fmt;

/// The error of one invocation. Both parts leave the function (`errorType`, `errorMessage`), so neither may hold content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    name: &'static str,
    message: String,
}

impl Failure {
    /// A failure whose `errorType` is `name`, in the spelling of an exception class (`DocumentTooOld`).
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { name, message }
    }

    /// An event that is not what the function takes: `InvalidEvent`, naming the field that is missing or the type that was
    /// expected, but never the value that stood there.
    pub fn invalid_event(error: &serde_json::Error) -> Self {
        let reason = match error.classify() {
            Category::Data => without_value(&error.to_string()),
            Category::Io | Category::Syntax | Category::Eof => error.to_string(),
        };
        Self::new("InvalidEvent", format!("the event is not what this function takes: {reason}"))
    }

    /// What a workflow's `Catch` matches.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// Serde quotes the value it found (`invalid type: string "…", expected u64`), and that is content: only what was expected is kept.
fn without_value(message: &str) -> String {
    if message.starts_with("missing field") {
        return message.to_owned();
    }
    if let Some(field) = unknown_field(message) {
        return format!("unknown field `{field}`");
    }
    match message.rfind(", expected ") {
        Some(comma) => format!("wrong value{}", &message[comma..]),
        None => "wrong value".to_owned(),
    }
}

/// The name of a field that nobody knows, if it is short and a name: what is neither could be content.
fn unknown_field(message: &str) -> Option<&str> {
    let field = message.strip_prefix("unknown field `")?.split('`').next()?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    ((1..=40).contains(&field.len()) && field.bytes().all(is_name)).then_some(field)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.name.to_owned(), error_message: failure.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Event {
        #[serde(rename = "count")]
        _count: u64,
    }

    fn message_of(event: &str) -> String {
        let error = serde_json::from_str::<Event>(event).expect_err("not an event");
        Diagnostic::from(Failure::invalid_event(&error)).error_message
    }

    #[test]
    fn the_name_is_the_error_type() {
        let diagnostic = Diagnostic::from(Failure::new("TooOld", "it is from 1970"));
        assert_eq!((diagnostic.error_type.as_str(), diagnostic.error_message.as_str()), ("TooOld", "it is from 1970"));
    }

    #[test]
    fn a_missing_field_is_named() {
        assert!(message_of("{}").contains("missing field `count`"));
    }

    #[test]
    fn a_field_that_nobody_knows_is_named_if_it_is_a_name() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Strict {}
        let message = |event: &str| {
            let error = serde_json::from_str::<Strict>(event).expect_err("not an event");
            Diagnostic::from(Failure::invalid_event(&error)).error_message
        };
        assert!(message(r#"{"heat":1}"#).ends_with("unknown field `heat`"));
        let secret = message(r#"{"my secret words":1}"#);
        assert!(!secret.contains("secret"), "{secret}");
    }

    #[test]
    fn a_wrong_value_is_described_but_not_quoted() {
        let message = message_of(r#"{"count":"secret, expected by nobody"}"#);
        assert!(
            message.contains("expected u64") && !message.contains("secret") && !message.contains("nobody"),
            "{message}"
        );
    }
}
