//! An API of JSON by HTTP, with a key: what it wants to be asked, and what its answers say.

use crate::call::Answer;
use crate::error::CallError;
use crate::http::Post;
use crate::prompt::Prompt;
use crate::target::Target;
use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrets::Secret;
use serde_json::Value;

/// An API of JSON by HTTP.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// The header that takes the key, and what stands before it.
    pub(crate) auth: (&'static str, &'static str),
    /// What every request says besides.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The body of a request.
    pub(crate) request: fn(&Prompt<'_>, &Target) -> Value,
    /// What the body of a successful response says.
    pub(crate) answer: fn(&[u8], &Prompt<'_>) -> Result<Answer, Unreadable>,
}

/// Why a response says nothing. The text describes and never quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

impl Dialect {
    /// Asks the provider once.
    pub(crate) async fn ask(
        &self,
        client: &Client,
        target: &Target,
        prompt: &Prompt<'_>,
        key: Option<&Secret>,
    ) -> Result<Answer, CallError> {
        let body = self.post(target, prompt, key)?.send(client).await?;
        (self.answer)(&body, prompt).map_err(|unreadable| unreadable.of(&target.provider_id))
    }

    fn post<'a>(&self, target: &'a Target, prompt: &Prompt<'_>, key: Option<&Secret>) -> Result<Post<'a>, CallError> {
        let endpoint = target.endpoint.clone().ok_or_else(|| CallError::invalid("there is no `endpoint`"))?;
        let mut headers: HeaderMap = self.headers.iter().map(|(name, value)| static_header(name, value)).collect();
        headers.extend(target.headers.clone());
        let body = (self.request)(prompt, target).to_string().into_bytes();
        let mut post = Post { provider_id: &target.provider_id, endpoint, headers, body };
        if let Some(key) = key {
            let (header, prefix) = self.auth;
            let header = target.auth_header.clone().unwrap_or(HeaderName::from_static(header));
            post.authorise(header, target.auth_prefix.as_deref().unwrap_or(prefix), key)?;
        }
        Ok(post)
    }
}

fn static_header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

impl Unreadable {
    /// Whose answer it was.
    pub(crate) fn of(self, provider_id: &str) -> CallError {
        CallError::BadResponse { provider_id: provider_id.to_owned(), reason: self.0 }
    }

    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// What serde says without what it read.
    fn json(error: &serde_json::Error, body: &[u8]) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "JSON that ends too early",
            serde_json::error::Category::Data => "JSON of another shape",
            _ => "no JSON",
        };
        Self(format!("{} bytes that are {what}", body.len()))
    }
}

/// Reads a response's body.
pub(super) fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable::json(&error, body))
}

/// `object` with a field more, if there is a value for it: providers refuse a `null`.
pub(super) fn set<T: Into<Value>>(object: &mut Value, field: &str, value: Option<T>) {
    if let Some(value) = value {
        object[field] = value.into();
    }
}
