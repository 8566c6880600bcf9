//! The payload of a message must be one of its type.

use crate::{agent_payload, notification_payload, web_action_payload};
use functions_shared::Refusal;
use http_api::fields::Fields;
use http_guard::AllowedHosts;
use records::{MessageType, SCHEMA_VERSION};
use serde_json::{Map, Value};

/// Levels of objects and lists in a payload, itself included.
const MAX_DEPTH: usize = 100;

/// What a message says, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) payload: Value,
    pub(crate) arguments: Value,
}

/// Takes `payload` and `arguments` out of a body, and checks that they are of this type.
pub(crate) fn said(fields: &mut Fields, kind: MessageType, stage: &str, hosts: &AllowedHosts) -> Result<Said, Refusal> {
    let payload = fields.object("payload")?.ok_or_else(|| fields.refuse("payload", "is missing"))?;
    let arguments = fields.object("arguments")?.unwrap_or_default();
    check_depth(fields, "payload", &payload)?;
    check_depth(fields, "arguments", &arguments)?;
    let arguments = Value::Object(arguments);
    let payload = checked(kind, payload, &arguments, stage, hosts)?;
    Ok(Said { payload, arguments })
}

/// Refuses what could be stored and never be read again: parsers of JSON give up at 128 levels, and a message adds some.
fn check_depth(fields: &Fields, name: &str, object: &Map<String, Value>) -> Result<(), Refusal> {
    let is_shallow = object.values().all(|value| fits(value, MAX_DEPTH - 1));
    if is_shallow { Ok(()) } else { Err(fields.refuse(name, &format!("must have at most {MAX_DEPTH} levels"))) }
}

fn fits(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(list) => levels > 0 && list.iter().all(|entry| fits(entry, levels - 1)),
        Value::Object(members) => levels > 0 && members.values().all(|member| fits(member, levels - 1)),
        _ => true,
    }
}

fn checked(
    kind: MessageType,
    payload: Map<String, Value>,
    arguments: &Value,
    stage: &str,
    hosts: &AllowedHosts,
) -> Result<Value, Refusal> {
    let mut fields = Fields::at("payload", Value::Object(payload.clone()))?;
    if fields.text("version")?.is_some_and(|version| version != SCHEMA_VERSION) {
        return Err(fields.refuse("version", &format!("must be {SCHEMA_VERSION}")));
    }
    let mut payload = Value::Object(payload);
    match kind {
        MessageType::Notify | MessageType::Scheduled | MessageType::HelloWorld => {
            notification_payload::check(fields, &mut payload)?;
        }
        MessageType::AgentResponse => agent_payload::check(fields)?,
        MessageType::WebAction => web_action_payload::check(fields, &payload, arguments, stage, hosts)?,
        // Its payload is a request for `/api/schedules`, and checked as one.
        MessageType::ScheduleCreation => {}
    }
    Ok(payload)
}
