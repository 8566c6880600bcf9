//! One request to a provider, one answer, no second try: who retries is the state machine, and retries multiply.

use crate::error::CallError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use secrets::Secret;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// More than any model writes. What is longer comes from somebody else.
const LONGEST_ANSWER: usize = 16 << 20;

/// A client for all providers.
///
/// It follows no redirect: the key would go along to wherever that points.
///
/// # Errors
/// When the system has no certificates to trust.
pub fn client() -> Result<Client, reqwest::Error> {
    // Only the first call in a process does something. reqwest brings no cryptography of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(redirect::Policy::none()).build()
}

/// A request, whole.
pub(crate) struct Post<'a> {
    pub(crate) provider_id: &'a str,
    pub(crate) endpoint: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Post<'_> {
    /// Puts the key into its header, marked as something that is not to be printed.
    pub(crate) fn authorise(&mut self, header: HeaderName, prefix: &str, key: &Secret) -> Result<(), CallError> {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose()))
            .map_err(|_| CallError::invalid("the key has characters that no header takes"))?;
        value.set_sensitive(true);
        self.headers.insert(header, value);
        Ok(())
    }

    /// Sends the request; the answer's bytes if it is a success.
    pub(crate) async fn send(self, client: &Client) -> Result<Vec<u8>, CallError> {
        let Self { provider_id, endpoint, headers, body } = self;
        let request = client.post(endpoint).headers(headers).header(CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(|error| unreachable(provider_id, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response).await;
        if status.is_success() {
            return body.map_err(|reason| bad_response(provider_id, reason));
        }
        // A refusal counts as one even if its text is cut.
        let body: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| retry_after_of(value.to_str().ok()?));
        Err(refusal(provider_id, status.as_u16(), retry_after.or_else(|| retry_delay(&body)), error_code(&body)))
    }
}

/// An answer that cannot be read, and why.
pub(crate) fn bad_response(provider_id: &str, reason: impl Into<String>) -> CallError {
    CallError::BadResponse { provider_id: provider_id.to_owned(), reason: reason.into() }
}

/// Without the URL: a query may hold a key.
fn unreachable(provider_id: &str, error: &reqwest::Error) -> CallError {
    let reason = if error.is_connect() { "cannot be reached" } else { "closes the connection without an answer" };
    CallError::ProviderError { provider_id: provider_id.to_owned(), reason: reason.to_owned() }
}

async fn read(mut response: Response) -> Result<Vec<u8>, &'static str> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|_| "it ends too early")? {
        if body.len() + bytes.len() > LONGEST_ANSWER {
            return Err("it is too long");
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// What a provider's refusal is called. `code` is repeated only if it can be nothing else.
pub(crate) fn refusal(provider_id: &str, status: u16, retry_after: Option<Duration>, code: Option<&str>) -> CallError {
    let provider_id = provider_id.to_owned();
    if is_a_limit(status, retry_after) {
        return CallError::RateLimited { provider_id, retry_after };
    }
    let code = code.filter(|code| is_code(code)).map_or_else(String::new, |code| format!(" ({code})"));
    CallError::ProviderError { provider_id, reason: format!("answers {status}{code}") }
}

/// Too many requests, of this caller or (529, and 503 if it names a time) of all: in both cases waiting helps.
fn is_a_limit(status: u16, retry_after: Option<Duration>) -> bool {
    matches!(status, 429 | 529) || (status == 503 && retry_after.is_some())
}

/// Seconds, or a date.
pub(crate) fn retry_after_of(text: &str) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.or_else(|| {
        let date = SystemTime::try_from(DateTime::from_str(text, Format::HttpDate).ok()?).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    })
}

/// Google says it in the error's details: `{"@type":"…RetryInfo","retryDelay":"17s"}`.
fn retry_delay(body: &Value) -> Option<Duration> {
    let details = body.pointer("/error/details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail["retryDelay"].as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

/// The provider's name for the error, where providers have it. Never its text, which may quote the conversation or the key.
fn error_code(body: &Value) -> Option<&str> {
    let places = ["/error/type", "/error/status", "/error/code", "/code"];
    places.iter().filter_map(|place| body.pointer(place)?.as_str()).find(|code| is_code(code))
}

/// Letters and underscores only: no key is without a digit.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wait(text: &str) -> Option<u64> {
        retry_after_of(text).map(|time| time.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(wait("17"), Some(17));
        assert_eq!(wait("0.5"), Some(0));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(0), "a date in the past: now");
        assert!(wait("Fri, 31 Dec 9999 23:59:59 GMT").is_some_and(|seconds| seconds > 1_000_000));
        assert_eq!((wait("soon"), wait("-1"), wait("inf")), (None, None, None));
    }

    #[test]
    fn google_says_in_the_body_when_to_come_back() {
        let body = json!({"error": {"code": 429, "details": [{"@type": "Help"}, {"@type": "RetryInfo", "retryDelay": "17.5s"}]}});
        assert_eq!(retry_delay(&body), Some(Duration::from_millis(17_500)));
    }

    #[test]
    fn only_codes_are_repeated() {
        for (body, code) in [
            (
                json!({"type": "error", "error": {"type": "invalid_request_error", "message": "secret"}}),
                Some("invalid_request_error"),
            ),
            (
                json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "secret"}}),
                Some("INVALID_ARGUMENT"),
            ),
            (json!({"error": {"type": null, "code": "model_not_found"}}), Some("model_not_found")),
            (json!({"code": "Client specified an invalid argument", "error": "secret"}), None),
            (json!({"error": {"type": "sk_live_51abc"}}), None),
            (json!(["html"]), None),
        ] {
            assert_eq!(error_code(&body), code, "{body}");
        }
    }
}
