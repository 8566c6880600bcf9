//! A message is written, published and then `queued`, in this order.

use crate::api::{Asked, WebApi};
use crate::idempotency::Named;
use crate::message_request::MessageRequest;
use bus::PublishError;
use functions_shared::Refusal;
use http_api::Response;
use records::MessageStatus::{Created, Failed, Queued};
use records::{Change, Changed, Message, MessageType, Messages, RecordError, SCHEMA_VERSION, id, moment};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// Why a message that SNS did not take is `failed`. It has not been delivered to anyone who acts on it, so it may be sent again.
pub(crate) const NOT_PUBLISHED: &str = "SNS did not accept the message";
/// New ids that are tried until one is free; the first one always was so far.
const ATTEMPTS: usize = 3;

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sent {
    /// SNS has it.
    Queued(Message),
    /// It is what an earlier request of the same name has led to.
    Before(Message),
    /// SNS does not take it. The row is `failed`.
    Refused(Message),
}

impl WebApi {
    /// `POST /api/messages`
    pub(crate) async fn create_message(&self, asked: Asked<'_>) -> Result<Response, Refusal> {
        asked.request.limit_body(crate::MAX_BODY)?;
        let request = MessageRequest::read(asked.request.json()?, &self.settings)?;
        if request.message_type == MessageType::ScheduleCreation {
            return self.change_schedule_by_message(request.said.payload, asked).await;
        }
        let named = Named::of(asked.request)?;
        if let Some(named) = &named
            && let Some(before) = self.before(named).await?
        {
            return Ok(reply(self.sent_again(before, asked.until).await?));
        }
        let message = self.message(request, asked);
        Ok(reply(self.send(message, named.as_ref(), asked.until).await?))
    }

    fn message(&self, request: MessageRequest, asked: Asked<'_>) -> Message {
        let MessageRequest { message_type, said, auth_config } = request;
        let message = self.new_message(message_type, said.payload, asked);
        Message { arguments: said.arguments, auth_config, ..message }
    }

    /// A message that is made now.
    pub(crate) fn new_message(&self, message_type: MessageType, payload: Value, asked: Asked<'_>) -> Message {
        let now = self.now();
        Message {
            id: id::message(now),
            version: SCHEMA_VERSION.to_owned(),
            created_date: moment::text(now),
            created_by: asked.request.sender.name().unwrap_or("webapi").to_owned(),
            stage: self.settings.stage.clone(),
            message_type,
            status: Created,
            payload,
            arguments: json!({}),
            updated_date: moment::text(now),
            retry_count: 0,
            error_message: None,
            auth_config: None,
        }
    }

    /// The message that a request of this name has led to.
    pub(crate) async fn before(&self, named: &Named) -> Result<Option<Message>, Refusal> {
        let Some(first) = self.messages.claim(named.request(), self.now()).await? else { return Ok(None) };
        named.check(&first)?;
        Ok(self.messages.get(&first.message_id).await?)
    }

    async fn send(&self, message: Message, named: Option<&Named>, until: Instant) -> Result<Sent, Refusal> {
        let message = Box::pin(self.topics.fitted(message, until)).await.map_err(|error| not_fitted(&error))?;
        match self.recorded(message, named).await? {
            Recorded::New(message) => self.published(message, until).await,
            Recorded::Before(message) => self.sent_again(message, until).await,
        }
    }

    /// The row of a new message.
    pub(crate) async fn recorded(&self, mut message: Message, named: Option<&Named>) -> Result<Recorded, Refusal> {
        for _ in 0..ATTEMPTS {
            let Some(named) = named else {
                if self.messages.create(&message).await? {
                    return Ok(Recorded::New(message));
                }
                message.id = id::message(self.now());
                continue;
            };
            let claim = named.claim(&message.id, self.now());
            let Some(first) = self.messages.create_claimed(&message, &claim, self.now()).await? else {
                return Ok(Recorded::New(message));
            };
            named.check(&first)?;
            let there = self.messages.get(&first.message_id).await?;
            return there.map(Recorded::Before).ok_or_else(|| Refusal::Unavailable("the message is gone".to_owned()));
        }
        Err(Refusal::Unavailable("no id is free, try again".to_owned()))
    }

    /// What is published already is not published again; what was not, is.
    async fn sent_again(&self, message: Message, until: Instant) -> Result<Sent, Refusal> {
        match self.reopened(message).await? {
            Some(Reopened::Open(message)) => self.published(message, until).await,
            Some(Reopened::Sent(message)) => Ok(Sent::Before(message)),
            None => Err(Refusal::Unavailable("the message is gone".to_owned())),
        }
    }

    /// Whether a message of an earlier request must still be published.
    pub(crate) async fn reopened(&self, message: Message) -> Result<Option<Reopened>, RecordError> {
        if message.status == Created {
            return Ok(Some(Reopened::Open(message)));
        }
        if message.status != Failed || message.error_message.as_deref() != Some(NOT_PUBLISHED) {
            return Ok(Some(Reopened::Sent(message)));
        }
        let change = Change::to(Created).from(&[Failed]);
        Ok(match self.messages.change(&message.id, change, self.now()).await? {
            Changed::Made(message) => Some(Reopened::Open(message)),
            Changed::Refused(message) => Some(Reopened::Sent(message)),
            Changed::Absent => None,
        })
    }

    /// Publishes a message whose row is there.
    pub(crate) async fn published(&self, message: Message, until: Instant) -> Result<Sent, Refusal> {
        let queued = Message { status: Queued, ..message.clone() };
        // On the heap: what the AWS SDK waits with is large.
        // A second is left for the row.
        let limit = until.checked_sub(Duration::from_secs(1)).unwrap_or(until);
        let published = timeout_at(limit.into(), Box::pin(self.topics.publish(&queued, until))).await;
        if matches!(published, Ok(Ok(()))) {
            return Ok(Sent::Queued(self.marked(message, Change::to(Queued).from(&[Created])).await));
        }
        let change = Change::to(Failed).from(&[Created]).because(NOT_PUBLISHED);
        Ok(Sent::Refused(self.marked(message, change).await))
    }

    /// The message with its new status. If the table does not answer, the message is told as it was: that its row is `created` says
    /// nothing wrong.
    pub(crate) async fn marked(&self, message: Message, change: Change) -> Message {
        match self.messages.change(&message.id, change, self.now()).await {
            Ok(Changed::Made(there) | Changed::Refused(there)) => there,
            Ok(Changed::Absent) => message,
            Err(error) => {
                tracing::warn!(message_id = message.id, %error, "the status of a message was not written");
                message
            }
        }
    }
}

/// A row that is there.
pub(crate) enum Recorded {
    /// It was written now.
    New(Message),
    /// An earlier request of the same name has written it.
    Before(Message),
}

/// A message of an earlier request.
pub(crate) enum Reopened {
    /// It was not published.
    Open(Message),
    /// It was.
    Sent(Message),
}

fn reply(sent: Sent) -> Response {
    match sent {
        Sent::Queued(message) => created(&message),
        Sent::Before(message) => created(&message).with("idempotency-replayed", "true"),
        Sent::Refused(message) => refused(&message),
    }
}

/// The message that was made.
pub(crate) fn created(message: &Message) -> Response {
    Response::created(format!("/api/messages/{}", message.id), json!(shown(message)))
}

/// The message as clients see it: they are outside, and get no references.
fn shown(message: &Message) -> Value {
    crate::lists::without_references(message)
}

/// SNS did not say that it has a message. It may have it nevertheless; sent again under its key, the message is the same one.
pub(crate) fn refused(message: &Message) -> Response {
    let response = Response::problem(
        502,
        "SNS did not confirm the message, and may have it: send the request again with the same Idempotency-Key, or first look up the status of the message",
    );
    response.with_member("message_id", message.id.clone()).with("retry-after", "1")
}

/// Nothing was stored yet.
pub(crate) fn not_fitted(error: &PublishError) -> Refusal {
    tracing::warn!(%error, "a long payload was not stored");
    match error {
        PublishError::TooLong(_) => Refusal::TooLarge("the message is too long for SNS".to_owned()),
        _ => Refusal::Unavailable("the content table does not answer, try again later".to_owned()),
    }
}
