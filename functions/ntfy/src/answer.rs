//! What a response of ntfy says.

use crate::error::NtfyError;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use std::time::Duration;

/// Of a message that was taken: <https://docs.ntfy.sh/subscribe/api/#json-message-format>.
#[derive(Deserialize)]
struct Taken {
    #[serde(rename = "id")]
    _id: String,
}

/// Of an error: `{"code":42901,"http":429,"error":"…","link":"…"}`.
#[derive(Default, Deserialize)]
struct Refusal {
    code: Option<u64>,
}

/// Whether the notification was taken.
pub(crate) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), NtfyError> {
    match status {
        200 => serde_json::from_slice::<Taken>(body).map(|_| ()).map_err(|_| NtfyError::Unreadable),
        429 => Err(NtfyError::RateLimited { retry_after: retry_after(headers) }),
        500.. => Err(NtfyError::Failed(status)),
        _ => Err(NtfyError::Refused { status, code: serde_json::from_slice::<Refusal>(body).unwrap_or_default().code }),
    }
}

/// In seconds, as ntfy and the proxies before it write it. A date is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(status: u16, retry_after: &str, body: &str) -> Result<(), NtfyError> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, retry_after.parse().unwrap())]);
        read(status, &headers, body.as_bytes())
    }

    #[test]
    fn only_a_message_with_an_id_was_taken() {
        assert_eq!(read_with(200, "", r#"{"id":"x","event":"message"}"#), Ok(()));
        for garbage in ["", "<html>", "{}", "[]"] {
            assert_eq!(read_with(200, "", garbage), Err(NtfyError::Unreadable), "{garbage}");
        }
    }

    #[test]
    fn a_limit_says_how_long_to_wait() {
        let limited = |retry_after| Err(NtfyError::RateLimited { retry_after });
        assert_eq!(read_with(429, "5", ""), limited(Some(Duration::from_secs(5))));
        assert_eq!(read_with(429, "Wed, 21 Oct 2026 07:28:00 GMT", ""), limited(None));
    }

    #[test]
    fn a_refusal_has_a_number_and_no_text() {
        let error = read_with(400, "", r#"{"code":40009,"error":"invalid topic my-secret"}"#).unwrap_err();
        assert_eq!(error.to_string(), "ntfy refused the notification with status 400, code 40009");
        assert_eq!(read_with(302, "", ""), Err(NtfyError::Refused { status: 302, code: None }));
        assert_eq!(read_with(503, "", ""), Err(NtfyError::Failed(503)));
    }
}
