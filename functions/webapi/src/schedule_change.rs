//! A schedule is created or changed: the message is recorded, the row says what is wanted, then the message is published.
//!
//! The function `scheduler` does the rest. If SNS refuses the message, the row is again what it was before.

use crate::api::{Asked, WebApi};
use crate::creation::{NOT_PUBLISHED, Recorded, Reopened, Sent, created, refused};
use crate::idempotency::Named;
use crate::schedule_request::{Definition, ScheduleRequest};
use functions_shared::Refusal;
use http_api::Response;
use records::MessageStatus::{Created, Failed};
use records::{
    Change, Message, MessageType, SCHEMA_VERSION, Schedule, ScheduleAction, ScheduleStatus, Schedules, moment,
};
use serde_json::{Value, json};

impl WebApi {
    /// `POST /api/schedules`. Every reply says whether it was a success.
    pub(crate) async fn change_schedule(&self, asked: Asked<'_>) -> Response {
        let body = asked.request.limit_body(crate::MAX_BODY).and_then(|()| asked.request.json());
        let outcome = match body {
            Ok(body) => self.schedule_changed(body, asked).await,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok((Sent::Refused(message), _)) => refused(&message).with_member("success", false),
            Ok((sent, name)) => accepted(&sent, &name),
            Err(refusal) => Response::from(refusal).with_member("success", false),
        }
    }

    /// The same as a message of the type `schedule_creation`, whose payload is the request.
    pub(crate) async fn change_schedule_by_message(
        &self,
        payload: Value,
        asked: Asked<'_>,
    ) -> Result<Response, Refusal> {
        Ok(match self.schedule_changed(payload, asked).await?.0 {
            Sent::Queued(message) => created(&message),
            Sent::Before(message) => created(&message).with("idempotency-replayed", "true"),
            Sent::Refused(message) => refused(&message),
        })
    }

    async fn schedule_changed(&self, body: Value, asked: Asked<'_>) -> Result<(Sent, String), Refusal> {
        let request = ScheduleRequest::read(body, &self.settings.stage)?;
        let named = Named::of(asked.request)?;
        let before = match &named {
            Some(named) => self.before(named).await?,
            None => None,
        };
        let sent = match before {
            Some(before) => self.changed_again(&request, before, asked).await?,
            None => self.changed(&request, named.as_ref(), asked).await?,
        };
        Ok((sent, request.name))
    }

    async fn changed(
        &self,
        request: &ScheduleRequest,
        named: Option<&Named>,
        asked: Asked<'_>,
    ) -> Result<Sent, Refusal> {
        let there = self.schedules.get(&request.id).await?;
        let revision = revision_after(there.as_ref());
        let message = self.new_message(MessageType::ScheduleCreation, change_of(request, revision), asked);
        let next = self.next(request, there.as_ref(), &message)?;
        self.schedules.check_fits(&next)?;
        match self.recorded(message, named).await? {
            Recorded::New(message) => self.applied(next, there, message, asked).await,
            Recorded::Before(message) => self.changed_again(request, message, asked).await,
        }
    }

    /// A request that was sent before and was perhaps not finished.
    async fn changed_again(
        &self,
        request: &ScheduleRequest,
        before: Message,
        asked: Asked<'_>,
    ) -> Result<Sent, Refusal> {
        let message = match self.reopened(before).await? {
            Some(Reopened::Open(message)) => message,
            Some(Reopened::Sent(message)) => return Ok(Sent::Before(message)),
            None => return Err(Refusal::Unavailable("the message is gone".to_owned())),
        };
        let there = self.schedules.get(&request.id).await?;
        let revision = message.payload["revision"].as_u64();
        let is_wanted = |row: &Schedule| Some(row.revision) == revision && row.status == ScheduleStatus::Pending;
        if there.as_ref().is_some_and(is_wanted) {
            return self.published(message, asked.until).await;
        }
        if Some(revision_after(there.as_ref())) != revision {
            return Err(Refusal::Overtaken("the schedule".to_owned()));
        }
        let next = self.next(request, there.as_ref(), &message)?;
        self.applied(next, there, message, asked).await
    }

    /// Writes the row and publishes the message.
    async fn applied(
        &self,
        next: Schedule,
        there: Option<Schedule>,
        message: Message,
        asked: Asked<'_>,
    ) -> Result<Sent, Refusal> {
        let seen = there.as_ref().map(|there| there.revision);
        let saved = self.schedules.save(&next, seen).await;
        if saved != Ok(true) {
            let change = Change::to(Failed).from(&[Created]).because(NOT_PUBLISHED);
            self.marked(message, change).await;
            return Err(saved.err().map_or_else(|| Refusal::Overtaken("the schedule".to_owned()), Refusal::from));
        }
        let sent = self.published(message, asked.until).await?;
        if matches!(sent, Sent::Refused(_)) {
            self.restore(next, there).await;
        }
        Ok(sent)
    }

    /// The row as it was before a change that the function `scheduler` does not learn of. Its revision too: the message of the change
    /// has the next one, and may be sent again.
    async fn restore(&self, next: Schedule, there: Option<Schedule>) {
        let (id, revision) = (next.id.clone(), next.revision);
        let before = there.unwrap_or_else(|| {
            let error_message = Some(NOT_PUBLISHED.to_owned());
            Schedule { status: ScheduleStatus::Error, error_message, revision: revision - 1, ..next }
        });
        if let Err(error) = self.schedules.save(&before, Some(revision)).await {
            tracing::warn!(schedule_id = id, %error, "a schedule stays pending");
        }
    }

    /// The row as the request wants it.
    fn next(
        &self,
        request: &ScheduleRequest,
        there: Option<&Schedule>,
        message: &Message,
    ) -> Result<Schedule, Refusal> {
        let there = there.filter(|there| !is_deleted(there) || request.action == ScheduleAction::Create);
        match (request.action, there) {
            (ScheduleAction::Create, there) => {
                let definition = request.definition(None, &self.settings, self.now())?;
                check_free(there, &definition, &request.name)?;
                Ok(self.made(request, definition, there, message))
            }
            (_, None) => Err(Refusal::NotFound(format!("there is no schedule {}", request.name))),
            (ScheduleAction::Update, Some(there)) => {
                let definition = request.definition(Some(there), &self.settings, self.now())?;
                let made = self.made(request, definition, Some(there), message);
                let created_date = there.created_date.clone();
                let (schedule_arn, last_run) = (there.schedule_arn.clone(), there.last_run.clone());
                Ok(Schedule { created_date, schedule_arn, last_run, ..made })
            }
            (action, Some(there)) => Ok(Schedule {
                action,
                status: ScheduleStatus::Pending,
                revision: revision_after(Some(there)),
                updated_date: message.created_date.clone(),
                error_message: None,
                ..there.clone()
            }),
        }
    }

    fn made(
        &self,
        request: &ScheduleRequest,
        definition: Definition,
        there: Option<&Schedule>,
        message: &Message,
    ) -> Schedule {
        Schedule {
            id: request.id.clone(),
            name: request.name.clone(),
            stage: self.settings.stage.clone(),
            schedule_arn: None,
            schedule_expression: definition.expression,
            timezone: definition.timezone,
            target_type: definition.message_type.as_str().to_owned(),
            message_type: definition.message_type,
            payload: definition.said.payload,
            arguments: definition.said.arguments,
            created_date: moment::text(self.now()),
            updated_date: moment::text(self.now()),
            created_by: message.created_by.clone(),
            status: ScheduleStatus::Pending,
            action: request.action,
            revision: revision_after(there),
            last_run: None,
            error_message: None,
        }
    }
}

/// A name is free if there is no schedule of it in EventBridge Scheduler. A creation that is pending may be asked for again.
fn check_free(there: Option<&Schedule>, wanted: &Definition, name: &str) -> Result<(), Refusal> {
    let Some(there) = there else { return Ok(()) };
    let has_failed = there.status == ScheduleStatus::Error && there.schedule_arn.is_none();
    let is_pending = there.status == ScheduleStatus::Pending && there.action == ScheduleAction::Create;
    let is_same = there.schedule_expression == wanted.expression
        && there.timezone == wanted.timezone
        && there.message_type == wanted.message_type
        && there.payload == wanted.said.payload
        && there.arguments == wanted.said.arguments;
    if has_failed || is_deleted(there) || (is_pending && is_same) {
        return Ok(());
    }
    Err(Refusal::Conflict(format!("there is a schedule {name} already")))
}

fn is_deleted(schedule: &Schedule) -> bool {
    schedule.status == ScheduleStatus::Inactive && schedule.schedule_arn.is_none()
}

fn revision_after(there: Option<&Schedule>) -> u64 {
    there.map_or(0, |there| there.revision) + 1
}

fn change_of(request: &ScheduleRequest, revision: u64) -> Value {
    json!({
        "version": SCHEMA_VERSION, "action": request.action, "schedule_id": request.id, "revision": revision,
    })
}

fn accepted(sent: &Sent, name: &str) -> Response {
    let (message, is_repeat) = match sent {
        Sent::Before(message) => (message, true),
        Sent::Queued(message) | Sent::Refused(message) => (message, false),
    };
    let body = json!({ "success": true, "message_id": message.id, "schedule_name": name });
    let response = Response::created(format!("/api/messages/{}", message.id), body);
    if is_repeat { response.with("idempotency-replayed", "true") } else { response }
}
