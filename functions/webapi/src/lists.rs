//! Messages and schedules, one by one and in pages.

use crate::api::{Asked, WebApi};
use functions_content::{Asking, ContentError};
use functions_shared::Refusal;
use http_api::{Request, Response};
use records::{Message, MessageFilter, MessageStatus, Messages, Page, ScheduleStatus, Schedules};
use serde_json::{Value, json};

const MAX_LIMIT: usize = 1000;
const DEFAULT_LIMIT: usize = 50;
/// The members of a message that may be references.
const LONG: [&str; 3] = ["payload", "arguments", "auth_config"];

impl WebApi {
    /// `GET /api/messages?stage=&status=&limit=&next_token=`
    pub(crate) async fn list_messages(&self, request: &Request) -> Result<Response, Refusal> {
        let stage = &self.settings.stage;
        if request.parameter("stage").is_some_and(|other| other != stage) {
            return Err(Refusal::invalid("stage", format!("must be {stage}")));
        }
        let status = status(request, MessageStatus::named, &MessageStatus::ALL.map(MessageStatus::as_str))?;
        let filter = status.map_or(MessageFilter::Stage(stage), MessageFilter::Status);
        let listed = self.messages.list(filter, page(request)?).await?;
        let messages: Vec<_> = listed.records.iter().map(without_references).collect();
        Ok(Response::ok(json!({ "messages": messages, "next_token": listed.next_token })))
    }

    /// `GET /api/messages/{id}`, with what is stored in place of references.
    pub(crate) async fn get_message(&self, asked: Asked<'_>) -> Result<Response, Refusal> {
        let id = asked.request.path.last().map(String::as_str).unwrap_or_default();
        let message = self.messages.get(id).await?;
        let message = message.ok_or_else(|| Refusal::NotFound(format!("there is no message {}", short(id))))?;
        Ok(Response::ok(self.whole(message, asked).await?))
    }

    async fn whole(&self, message: Message, asked: Asked<'_>) -> Result<Value, Refusal> {
        let mut shown = json!(message);
        for name in LONG {
            let Some(reference) = shown.get(name).and_then(Value::as_str) else { continue };
            let contents = self.contents.as_ref().ok_or_else(unreadable)?;
            let asking = Asking { tenant: None, until: asked.until };
            let value = contents.value(reference, asking).await.map_err(|error| not_read(&error))?;
            shown[name] = value;
        }
        Ok(shown)
    }

    /// `GET /api/schedules?status=&limit=&next_token=`
    pub(crate) async fn list_schedules(&self, request: &Request) -> Result<Response, Refusal> {
        let status = status(request, ScheduleStatus::named, &ScheduleStatus::ALL.map(ScheduleStatus::as_str))?;
        let listed = self.schedules.list(status, page(request)?).await?;
        Ok(Response::ok(json!({ "schedules": listed.records, "next_token": listed.next_token })))
    }
}

fn page(request: &Request) -> Result<Page, Refusal> {
    let invalid = || Refusal::invalid("limit", format!("must be a whole number from 1 to {MAX_LIMIT}"));
    let limit = request.parameter("limit").map_or(Ok(DEFAULT_LIMIT), |text| text.parse().map_err(|_| invalid()))?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(invalid());
    }
    Ok(Page { limit, token: request.parameter("next_token").map(str::to_owned) })
}

fn status<T>(request: &Request, read: impl Fn(&str) -> Option<T>, names: &[&str]) -> Result<Option<T>, Refusal> {
    let Some(text) = request.parameter("status") else { return Ok(None) };
    let invalid = || Refusal::invalid("status", format!("must be one of {}", names.join(", ")));
    read(text).map(Some).ok_or_else(invalid)
}

/// A message as lists show it: what is stored apart is left out.
pub(crate) fn without_references(message: &Message) -> Value {
    let mut shown = json!(message);
    for name in LONG {
        if shown.get(name).is_some_and(Value::is_string) {
            shown[name] = json!({ "omitted": format!("GET /api/messages/{} has it", message.id) });
        }
    }
    shown
}

/// What a client asked for, in an answer.
pub(crate) fn short(id: &str) -> String {
    id.chars().filter(|character| !character.is_control()).take(80).collect()
}

fn unreadable() -> Refusal {
    Refusal::Unavailable("this function has no content table, and the message is stored there".to_owned())
}

pub(crate) fn not_read(error: &ContentError) -> Refusal {
    tracing::warn!(%error, "a content was not read");
    Refusal::Unavailable("the content table cannot be read now, try again later".to_owned())
}
