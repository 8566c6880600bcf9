//! The body of `POST /api/messages`.

use crate::auth_config;
use crate::payload::{Said, said};
use crate::settings::Settings;
use functions_content::refuse_references;
use functions_shared::Refusal;
use http_api::fields::Fields;
use records::{MessageType, SCHEMA_VERSION};
use serde_json::Value;

/// A message that is wanted, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MessageRequest {
    pub(crate) message_type: MessageType,
    pub(crate) said: Said,
    pub(crate) auth_config: Option<Value>,
}

impl MessageRequest {
    pub(crate) fn read(body: Value, settings: &Settings) -> Result<Self, Refusal> {
        refuse_references("", &body)?;
        let mut fields = Fields::of_body(body)?;
        check_version(&mut fields)?;
        check_stage(&mut fields, &settings.stage)?;
        let message_type = message_type(&mut fields, "message_type")?;
        let said = said(&mut fields, message_type, &settings.stage, &settings.hosts)?;
        let auth_config = fields.object("auth_config")?.map(Value::Object);
        if let Some(config) = &auth_config {
            auth_config::check("auth_config", config.clone(), &settings.stage, &settings.hosts)?;
        }
        fields.finish()?;
        Ok(Self { message_type, said, auth_config })
    }
}

/// A message is of the deployment that it is sent to.
pub(crate) fn check_stage(fields: &mut Fields, stage: &str) -> Result<(), Refusal> {
    match fields.text("stage")? {
        Some(other) if other != stage => Err(fields.refuse("stage", &format!("must be {stage}"))),
        _ => Ok(()),
    }
}

/// The schema that the request follows.
pub(crate) fn check_version(fields: &mut Fields) -> Result<(), Refusal> {
    match fields.text("version")? {
        Some(other) if other != SCHEMA_VERSION => Err(fields.refuse("version", &format!("must be {SCHEMA_VERSION}"))),
        _ => Ok(()),
    }
}

/// The type of messages under `name`.
pub(crate) fn message_type(fields: &mut Fields, name: &str) -> Result<MessageType, Refusal> {
    let text = fields.required_text(name)?;
    let names: Vec<_> = MessageType::ALL.into_iter().map(MessageType::as_str).collect();
    MessageType::named(&text).ok_or_else(|| fields.refuse(name, &format!("must be one of {}", names.join(", "))))
}
