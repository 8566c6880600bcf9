//! What goes back: both sides, and a status that says whose fault it was.

use crate::rows::{Common, Status};
use serde_json::{Value, json};

/// A status of HTTP and a body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    /// Of a row that was to become active: 201 if it is, 202 if AgentCore is still at it, and else what it failed by.
    pub(crate) fn created(common: &Common, body: Value) -> Self {
        let status = match (common.status, &common.last_error) {
            (Status::Active, _) => 201,
            (Status::Pending, None) => 202,
            (Status::Pending, Some(error)) if !error.kind.is_definite() => error.kind.status(),
            (Status::Failed | Status::Pending, Some(error)) => error.kind.status(),
            (Status::Failed, None) => 502,
            (Status::Deleting | Status::Deleted, _) => 409,
        };
        Self::new(status, body)
    }

    /// Of a row that was to go: 202 if it is gone or going, else what kept it.
    pub(crate) fn deleted(common: &Common, body: Value) -> Self {
        let status = common.last_error.as_ref().map_or(202, |error| error.kind.status());
        Self::new(status, body)
    }
}

/// What rows of both kinds say.
pub(crate) fn add_common(reply: &mut Value, common: &Common) {
    let shown = json!({
        "team": common.team, "created_by": common.created_by, "request_id": common.request_id,
        "created_at": common.created_at, "updated_at": common.updated_at, "synced_at": common.synced_at,
        "last_error": common.last_error, "status_reasons": common.status_reasons,
    });
    if let (Some(reply), Value::Object(shown)) = (reply.as_object_mut(), shown) {
        reply.extend(shown.into_iter().filter(|(_, value)| !value.is_null() && *value != json!([])));
    }
}
