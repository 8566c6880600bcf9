//! What came of an action, and the row that keeps it for three days.

use std::time::{Duration, Instant};

use bytes::Bytes;
use functions_content::{Asking, ContentError, ContentTable, Life};
use jiff::Timestamp;
use records::{ActionResult, Message, RESULT_LIFE, ResultStatus, id, moment};
use url::{Position, Url};

/// Bytes of a body that a row holds; the whole is in the content table.
const LONGEST_INLINE: usize = 50 << 10;

/// A content lives a little longer than the row that names it.
const CONTENT_LIFE: Duration = RESULT_LIFE.saturating_add(Duration::from_hours(1));

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What was requested.
    pub(crate) url: Option<String>,
    /// The status code of HTTP.
    pub(crate) code: Option<u16>,
    /// The answer, whole.
    pub(crate) body: String,
    /// Why it is no success.
    pub(crate) error: Option<String>,
}

/// When an action began, and of which message it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun<'a> {
    pub(crate) message: &'a Message,
    pub(crate) action: &'a str,
    pub(crate) at: Instant,
    pub(crate) now: Timestamp,
}

impl Outcome {
    /// An answer.
    pub(crate) fn success(body: String, url: Option<String>) -> Self {
        Self { url, code: None, body, error: None }
    }

    /// A reason.
    pub(crate) fn failure(reason: impl Into<String>) -> Self {
        Self { url: None, code: None, body: String::new(), error: Some(reason.into()) }
    }

    /// The row, with a long body's handle once the body is stored.
    pub(crate) async fn row(
        self,
        begun: Begun<'_>,
        contents: &ContentTable,
        until: Instant,
    ) -> Result<ActionResult, ContentError> {
        let is_long = self.body.len() > LONGEST_INLINE;
        let handle = if is_long { Some(self.stored(contents, until).await?) } else { None };
        Ok(ActionResult { response_body_ref: handle, ..self.short(begun) })
    }

    /// The handle of the body, which is kept as long as the row.
    async fn stored(&self, contents: &ContentTable, until: Instant) -> Result<String, ContentError> {
        let (body, asking) = (Bytes::from(self.body.clone()), Asking { tenant: None, until });
        Ok(contents.put_for(Life::Limited(CONTENT_LIFE), body, asking).await?.to_string())
    }

    /// The row without the handle of a long body.
    pub(crate) fn short(self, begun: Begun<'_>) -> ActionResult {
        let status = if self.error.is_none() { ResultStatus::Completed } else { ResultStatus::Failed };
        let mut body = self.body;
        body.truncate(body.floor_char_boundary(LONGEST_INLINE));
        ActionResult {
            url: self.url.as_deref().and_then(without_query),
            response_code: self.code,
            response_body: (!body.is_empty()).then_some(body),
            error_message: self.error,
            ..begun.row(status)
        }
    }
}

impl Begun<'_> {
    /// The row of an intent: `body` says what was about to be done.
    pub(crate) fn intent(self, body: String) -> ActionResult {
        ActionResult { response_body: Some(body), ..self.row(ResultStatus::Started) }
    }

    fn row(self, status: ResultStatus) -> ActionResult {
        ActionResult {
            id: id::result_of(&self.message.id),
            message_id: self.message.id.clone(),
            action: self.action.to_owned(),
            url: None,
            status,
            response_code: None,
            response_body: None,
            response_body_ref: None,
            error_message: None,
            execution_time_ms: self.at.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            created_date: moment::text(self.now),
            ttl: moment::expiry(self.now, RESULT_LIFE),
        }
    }
}

/// A query may hold a key, and user info a password.
fn without_query(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.set_username("").and_then(|()| url.set_password(None)).ok()?;
    Some(url[..Position::AfterPath].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_kept_without_what_may_be_secret() {
        let kept = without_query("https://me:hush@api.example/a/b?key=hush#c");
        assert_eq!(kept.as_deref(), Some("https://api.example/a/b"));
        assert_eq!(without_query("no url"), None);
    }
}
