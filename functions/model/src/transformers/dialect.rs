//! An API of JSON by HTTP, with a key: what it wants to be asked, and what its answers say.

use crate::attempt::{Answered, Billing, Failed, Question};
use crate::call::Said;
use crate::error::CallError;
use crate::http::{Post, Refusal};
use crate::listener::Listener;
use crate::prices::Tokens;
use crate::prompt::Prompt;
use crate::sse::Events;
use crate::target::Target;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde_json::{Map, Value};
use std::ops::ControlFlow;

/// An API of JSON by HTTP.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// The header that takes the key, and the text before it.
    pub(crate) auth: (&'static str, &'static str),
    /// What every request says besides.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// Whether a request can name texts at which the model ends.
    pub(crate) takes_stops: bool,
    /// The body of a request.
    pub(crate) request: fn(&Prompt<'_>, &Target) -> Value,
    /// The tokens that a successful response is billed for, if it says so. Read before anything else: an answer that cannot be read
    /// is billed all the same.
    pub(crate) usage: fn(&Value) -> Option<Tokens>,
    /// What the body of a successful response says.
    pub(crate) answer: fn(Value, &Prompt<'_>) -> Result<Said, Unreadable>,
    /// How it answers piece by piece.
    pub(crate) streaming: Streaming,
}

/// How an API answers piece by piece, in server-sent events. The events are put together to the body that the answer would have been.
#[derive(Debug)]
pub(crate) struct Streaming {
    /// Makes a request one for a stream.
    pub(crate) ask: fn(&mut Value, &mut Url),
    /// Adds an event to the body.
    pub(crate) add: fn(&mut Value, Value) -> Heard,
    /// Whether the body is complete. What ends before is billed, and nobody knows how much.
    pub(crate) is_whole: fn(&Value) -> bool,
}

/// What an event says to those who listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing.
    Nothing,
    /// A piece of the answer's text.
    Text(String),
    /// That no event follows.
    End,
}

/// What ends the streams of some providers, in place of an event.
const DONE: &str = "[DONE]";

/// Why a response says nothing. The text describes and never quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is of another shape.
    Shape(String),
    /// It says that something failed, though its status does not: what the status should have been, and the provider's code.
    Failed(u16, Option<String>),
}

impl Dialect {
    /// Asks the provider once.
    pub(crate) async fn ask(&self, client: &Client, question: Question<'_>) -> Result<Answered, Failed> {
        let provider_id = &question.target.provider_id;
        let post = self.post(question).map_err(Failed::unsent)?;
        let body = match question.listener {
            Some(listener) => self.streamed(post, client, listener).await?,
            None => read(&post.send(client).await?).map_err(|unreadable| unreadable.of(provider_id, None))?,
        };
        let tokens = (self.usage)(&body);
        let said = (self.answer)(body, question.prompt).map_err(|unreadable| unreadable.of(provider_id, tokens))?;
        Ok(Answered { said, tokens })
    }

    /// The body that the events of a stream make together, while their texts are heard.
    async fn streamed(&self, post: Post<'_>, client: &Client, listener: &Listener<'_>) -> Result<Value, Failed> {
        let provider_id = post.provider_id;
        let (mut events, mut body) = (Events::default(), Value::Null);
        let take = |bytes: &[u8]| events.push(bytes).iter().try_for_each(|data| self.hear(data, &mut body, listener));
        let sent = post.send_in_pieces(client, take).await;
        if (self.streaming.is_whole)(&body) {
            return Ok(body);
        }
        sent?;
        Err(Failed::unreadable(provider_id, "it ends too early", Billing::Unknown))
    }

    /// Takes the data of one event.
    fn hear(&self, data: &str, body: &mut Value, listener: &Listener<'_>) -> ControlFlow<()> {
        if data == DONE {
            return ControlFlow::Break(());
        }
        // What is no JSON says nothing; without it the body is not whole.
        let heard = serde_json::from_str(data).map_or(Heard::Nothing, |event| (self.streaming.add)(body, event));
        match heard {
            Heard::Nothing => ControlFlow::Continue(()),
            Heard::Text(text) => {
                listener.hear(&text);
                ControlFlow::Continue(())
            }
            Heard::End => ControlFlow::Break(()),
        }
    }

    fn post<'a>(&self, question: Question<'a>) -> Result<Post<'a>, CallError> {
        let Question { target, prompt, key, within, listener } = question;
        let mut endpoint = target.endpoint.clone().ok_or_else(|| CallError::invalid("there is no `endpoint`"))?;
        if !self.takes_stops && !prompt.settings.stop_sequences.is_empty() {
            return Err(CallError::invalid("`stop_sequences`: this API has none"));
        }
        let mut headers: HeaderMap = self.headers.iter().map(|(name, value)| static_header(name, value)).collect();
        headers.extend(target.headers.clone());
        let mut request = (self.request)(prompt, target);
        if listener.is_some() {
            (self.streaming.ask)(&mut request, &mut endpoint);
        }
        let body = target.changes.applied(request).to_string().into_bytes();
        let mut post = Post { provider_id: &target.provider_id, endpoint, headers, body, within };
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
    /// Whose answer it was, and what it is billed for.
    pub(crate) fn of(self, provider_id: &str, tokens: Option<Tokens>) -> Failed {
        let billing = tokens.map_or(Billing::Unknown, Billing::Tokens);
        match self {
            Self::Shape(reason) => Failed::unreadable(provider_id, reason, billing),
            Self::Failed(status, code) => {
                let refusal = Refusal { status, retry_after: None };
                Failed { billing, ..refusal.failed(provider_id, code.as_deref(), false) }
            }
        }
    }

    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self::Shape(reason.into())
    }

    /// A response that holds an error.
    pub(super) fn failed(error: &Value) -> Self {
        let code = error["code"].as_str().or(error["type"].as_str()).map(str::to_owned);
        let status =
            error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
        let status = match code.as_deref() {
            Some("rate_limit_exceeded" | "rate_limit_error") => Some(429),
            Some("invalid_prompt" | "invalid_request_error") => Some(400),
            _ => status,
        };
        Self::Failed(status.unwrap_or(500), code)
    }
}

/// Reads a response's body. What serde says of it is not repeated: it quotes.
fn read(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "JSON that ends too early",
            _ => "no JSON",
        };
        Unreadable::new(format!("{} bytes that are {what}", body.len()))
    })
}

/// Reads a part of a response.
pub(super) fn part<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Unreadable> {
    serde_json::from_value(value).map_err(|_| Unreadable::new("it is JSON with another structure"))
}

/// `object` with a field more, if there is a value for it: providers refuse a `null`.
pub(super) fn set<T: Into<Value>>(object: &mut Value, field: &str, value: Option<T>) {
    if let Some(value) = value {
        object[field] = value.into();
    }
}

/// The fields of an object. Anything else becomes one: a stream may say anything.
pub(super) fn fields(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("BUG: it is an object")
}

/// Adds a text to the one that a field holds.
pub(super) fn append(object: &mut Value, field: &str, text: &str) {
    match fields(object).get_mut(field) {
        Some(Value::String(before)) => before.push_str(text),
        _ => drop(fields(object).insert(field.to_owned(), text.into())),
    }
}

/// Sets the fields of an object that are not null.
pub(super) fn update(object: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { return };
    fields(object).extend(changes.into_iter().filter(|(_, value)| !value.is_null()));
}

/// A count of tokens, wherever it is.
pub(super) fn count(usage: &Value, pointer: &str) -> Option<u64> {
    usage.pointer(pointer)?.as_u64()
}

/// What a block has that the one made of the unified message would not have, as the JSON text of an object; nothing if that is all.
pub(super) fn beside(native: &Value, rebuilt: &Value) -> Option<String> {
    let differs = |name: &String, value: &Value| match rebuilt.get(name) {
        Some(same) => same != value,
        None => !value.is_null(),
    };
    let fields = native.as_object()?.iter().filter(|(name, value)| differs(name, value));
    let fields: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!fields.is_empty()).then(|| Value::Object(fields).to_string())
}

/// The block with what the provider had beside it.
pub(super) fn with(mut rebuilt: Value, opaque: Option<&str>) -> Value {
    let fields = opaque.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    if let (Some(rebuilt), Some(fields)) = (rebuilt.as_object_mut(), fields) {
        rebuilt.extend(fields);
    }
    rebuilt
}

/// A block that the provider made, if its text is still JSON.
pub(super) fn verbatim(data: &str) -> Option<Value> {
    serde_json::from_str(data).ok()
}

/// The arguments of a call, if they are a JSON object. Some models write nothing at all for no arguments.
pub(super) fn arguments(given: &Value) -> Option<Value> {
    let parsed = match given {
        Value::String(text) if text.trim().is_empty() => Some(crate::message::empty_object()),
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null => Some(crate::message::empty_object()),
        other => Some(other.clone()),
    };
    parsed.filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_rebuilt_is_kept_beside_and_put_back() {
        let native = json!({"type": "text", "text": "t", "id": "m", "citations": null, "status": "completed"});
        let rebuilt = json!({"type": "text", "text": "t", "status": "done"});
        let opaque = beside(&native, &rebuilt).expect("two fields");
        assert_eq!(opaque, r#"{"id":"m","status":"completed"}"#);
        assert_eq!(
            with(rebuilt.clone(), Some(&opaque)),
            json!({"type": "text", "text": "t", "id": "m", "status": "completed"})
        );
        assert_eq!(beside(&rebuilt, &rebuilt), None);
        assert_eq!(with(rebuilt.clone(), Some("no JSON")), rebuilt);
    }

    #[test]
    fn arguments_are_an_object_or_the_text_of_one() {
        for (given, read) in [
            (json!(r#"{"a":1}"#), Some(json!({"a": 1}))),
            (json!(" "), Some(json!({}))),
            (Value::Null, Some(json!({}))),
            (json!({"a": 1}), Some(json!({"a": 1}))),
            (json!(r#"{"a":"#), None),
            (json!("[]"), None),
            (json!([1]), None),
        ] {
            assert_eq!(arguments(&given), read, "{given}");
        }
    }
}
