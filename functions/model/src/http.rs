//! One request to a provider and one answer.

use crate::attempt::{Billing, Failed};
use crate::error::CallError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use secrets::Secret;
use serde_json::Value;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout_at};

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
    /// How long the whole answer may take.
    pub(crate) within: Duration,
}

impl Post<'_> {
    /// Puts the key into its header, marked as something that is not to be printed.
    pub(crate) fn authorise(&mut self, header: HeaderName, prefix: &str, key: &Secret) -> Result<(), CallError> {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose()))
            .map_err(|_| CallError::invalid("the key has characters that a header cannot have"))?;
        value.set_sensitive(true);
        self.headers.insert(header, value);
        Ok(())
    }

    /// Sends the request; the answer's bytes if it is a success.
    pub(crate) async fn send(self, client: &Client) -> Result<Vec<u8>, Failed> {
        let mut body = Vec::new();
        let take = |bytes: &[u8]| {
            body.extend_from_slice(bytes);
            ControlFlow::Continue(())
        };
        self.send_in_pieces(client, take).await?;
        Ok(body)
    }

    /// Sends the request, and hands over the answer's bytes as they come if it is a success, until there is no need of more.
    pub(crate) async fn send_in_pieces(
        self,
        client: &Client,
        take: impl FnMut(&[u8]) -> ControlFlow<()> + Send,
    ) -> Result<(), Failed> {
        let Self { provider_id, endpoint, headers, body, within } = self;
        let until = Instant::now() + within;
        let late = |is_silent| Failed::late(provider_id, within, is_silent);
        let request = client.post(endpoint).headers(headers).header(CONTENT_TYPE, "application/json").body(body);
        let response = timeout_at(until, request.send()).await.map_err(|_| late(true))?;
        let response = response.map_err(|error| unreachable(provider_id, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            let read = timeout_at(until, read(response, take)).await.map_err(|_| late(false))?;
            return read.map_err(|reason| Failed::unreadable(provider_id, reason, Billing::Unknown));
        }
        let body = reasons(response, until).await;
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| retry_after_of(value.to_str().ok()?));
        let refusal = Refusal { status: status.as_u16(), retry_after: retry_after.or_else(|| retry_delay(&body)) };
        Err(refusal.failed(provider_id, error_code(&body), is_overflow(&body)))
    }
}

/// A provider's refusal, without its words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
}

/// What providers say of a conversation that is too long, where they have no code for it. It is looked for and never repeated.
const OVERFLOWS: [&str; 6] = [
    "context_length_exceeded",
    "context length",
    "context window",
    "prompt is too long",
    "input is too long",
    "input token count",
];

/// Whether a refusal is about the conversation's length.
pub(crate) fn is_overflow(body: &Value) -> bool {
    let places = ["/error/message", "/error/code", "/message", "/error"];
    let texts = places.iter().filter_map(|place| body.pointer(place)?.as_str());
    texts.map(str::to_ascii_lowercase).any(|text| OVERFLOWS.iter().any(|words| text.contains(words)))
}

impl Refusal {
    /// What it is called, whether trying again may help, and whether it can have cost anything. `code` is repeated only if it can be
    /// nothing else.
    pub(crate) fn failed(self, provider_id: &str, code: Option<&str>, is_overflow: bool) -> Failed {
        let Self { status, retry_after } = self;
        let provider_id = provider_id.to_owned();
        let is_definite = (400..500).contains(&status) && !matches!(status, 408 | 409 | 429);
        let code = code.filter(|code| is_code(code)).map_or_else(String::new, |code| format!(" ({code})"));
        let reason = format!("answers {status}{code}");
        let error = match status {
            400 | 413 | 422 if is_overflow => CallError::ContextOverflow { provider_id },
            429 | 529 => CallError::RateLimited { provider_id, retry_after },
            503 if retry_after.is_some() => CallError::RateLimited { provider_id, retry_after },
            408 | 409 | 500.. => CallError::ProviderUnavailable { provider_id, reason },
            _ => CallError::ProviderError { provider_id, reason },
        };
        // A refusal costs nothing. A failure may have come after the work was done.
        let billing = if status < 500 { Billing::Nothing } else { Billing::Unknown };
        Failed { error, billing, may_be_retried: !is_definite && status >= 400, retry_after }
    }
}

/// Without the URL: a query may hold a key.
fn unreachable(provider_id: &str, error: &reqwest::Error) -> Failed {
    let is_connect = error.is_connect();
    let reason = if is_connect { "cannot be reached" } else { "closes the connection without an answer" };
    let error = CallError::ProviderUnavailable { provider_id: provider_id.to_owned(), reason: reason.to_owned() };
    let billing = if is_connect { Billing::Nothing } else { Billing::Unknown };
    Failed { error, billing, may_be_retried: true, retry_after: None }
}

/// What a refusal says. It counts as one even if its text is cut.
async fn reasons(response: Response, until: Instant) -> Value {
    let mut body = Vec::new();
    let take = |bytes: &[u8]| {
        body.extend_from_slice(bytes);
        ControlFlow::Continue(())
    };
    let is_whole = timeout_at(until, read(response, take)).await.is_ok_and(|read| read.is_ok());
    Some(body).filter(|_| is_whole).and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default()
}

async fn read(
    mut response: Response,
    mut take: impl FnMut(&[u8]) -> ControlFlow<()> + Send,
) -> Result<(), &'static str> {
    let mut length = 0;
    while let Some(bytes) = response.chunk().await.map_err(|_| "it ends too early")? {
        length += bytes.len();
        if length > LONGEST_ANSWER {
            return Err("it is too long");
        }
        if take(&bytes).is_break() {
            break;
        }
    }
    Ok(())
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
    fn a_conversation_that_is_too_long_is_known_by_code_or_words() {
        for body in [
            json!({"error": {"code": "context_length_exceeded", "message": ""}}),
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 208310 tokens > 200000 maximum"}}),
            json!({"error": {"code": 400, "message": "The input token count (1200000) exceeds the maximum"}}),
            json!({"error": {"message": "This model's maximum context length is 131072 tokens."}}),
            json!({"message": "Input is too long for requested model."}),
        ] {
            assert!(is_overflow(&body), "{body}");
        }
        assert!(!is_overflow(&json!({"error": {"message": "max_tokens is too large"}})));
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
