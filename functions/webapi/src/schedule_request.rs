//! The body of `POST /api/schedules`.

use crate::message_request::{check_stage, check_version, message_type};
use crate::payload::{Said, said};
use crate::settings::Settings;
use functions_content::refuse_references;
use functions_shared::Refusal;
use http_api::fields::Fields;
use jiff::Timestamp;
use records::{MessageType, Schedule, ScheduleAction};
use schedule_expression::{InvalidSchedule, ScheduleExpression, full_name};
use serde_json::{Map, Value, json};

/// The members of a request that a schedule has too; an update replaces those that it has.
const DEFINITION: [&str; 6] =
    ["schedule_expression", "timezone", "target_type", "message_type", "payload", "arguments"];

/// A change of a schedule that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScheduleRequest {
    pub(crate) action: ScheduleAction,
    pub(crate) name: String,
    /// In EventBridge Scheduler and in the table.
    pub(crate) id: String,
    rest: Map<String, Value>,
}

/// What a schedule does, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) expression: String,
    pub(crate) timezone: String,
    pub(crate) message_type: MessageType,
    pub(crate) said: Said,
}

impl ScheduleRequest {
    pub(crate) fn read(body: Value, stage: &str) -> Result<Self, Refusal> {
        refuse_references("", &body)?;
        let mut fields = Fields::of_body(body)?;
        check_version(&mut fields)?;
        check_stage(&mut fields, stage)?;
        let action = fields.required_text("action")?;
        let action = ScheduleAction::named(&action)
            .ok_or_else(|| fields.refuse("action", "must be create, update, pause, resume or delete"))?;
        let name = fields.required_text("name")?;
        let id = full_name(stage, &name).map_err(|error| invalid(&error))?;
        let rest = fields.rest();
        if !matches!(action, ScheduleAction::Create | ScheduleAction::Update) {
            Fields::of_body(Value::Object(rest.clone()))?.finish()?;
        }
        Ok(Self { action, name, id, rest })
    }

    /// What the schedule does, with what the request leaves out from the one that is there.
    pub(crate) fn definition(
        &self,
        there: Option<&Schedule>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Definition, Refusal> {
        let mut members = there.map(definition_of).unwrap_or_default();
        members.extend(self.rest.clone());
        let mut fields = Fields::of_body(Value::Object(members))?;
        let expression = fields.required_text("schedule_expression")?;
        let timezone = fields.text("timezone")?.unwrap_or_else(|| "UTC".to_owned());
        check_times(&expression, &timezone, now)?;
        let message_type = target(&mut fields)?;
        let said = said(&mut fields, message_type, &settings.stage, &settings.hosts)?;
        fields.finish()?;
        Ok(Definition { expression, timezone, message_type, said })
    }
}

fn definition_of(schedule: &Schedule) -> Map<String, Value> {
    let Value::Object(mut members) = json!(schedule) else { return Map::new() };
    members.retain(|name, _| DEFINITION.contains(&name.as_str()));
    members
}

fn check_times(expression: &str, timezone: &str, now: Timestamp) -> Result<(), Refusal> {
    let parsed = ScheduleExpression::parse(expression, timezone);
    parsed.and_then(|times| times.check_runs_after(now)).map_err(|error| invalid(&error))
}

/// The type of the messages. `target_type` says the same, for clients that know it by this name.
fn target(fields: &mut Fields) -> Result<MessageType, Refusal> {
    let kind = message_type(fields, "message_type")?;
    if fields.text("target_type")?.is_some_and(|target| target != kind.as_str()) {
        return Err(fields.refuse("target_type", "must be the same as message_type"));
    }
    if kind == MessageType::ScheduleCreation {
        return Err(fields.refuse("message_type", "must not be schedule_creation: schedules do not make schedules"));
    }
    Ok(kind)
}

fn invalid(error: &InvalidSchedule) -> Refusal {
    Refusal::invalid(error.field.to_string(), error.problem.to_string())
}
