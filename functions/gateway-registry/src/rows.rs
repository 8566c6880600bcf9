//! What rows of gateways and of tools have in common.

use crate::control::ControlError;
use jiff::Timestamp;
use registries::moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    /// Asked for. AgentCore may have it, or not yet.
    Pending,
    /// Both sides have it.
    Active,
    /// To be deleted. AgentCore may still have it.
    Deleting,
    /// AgentCore refused it, failed to make it, or has it no more.
    Failed,
    /// AgentCore has it no more; the row stays for an audit.
    Deleted,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Deleting => "DELETING",
            Self::Failed => "FAILED",
            Self::Deleted => "DELETED",
        }
    }
}

/// Who asks, with which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The ARN or subject that the API authenticated, or what the request says.
    pub(crate) who: String,
    pub(crate) request_id: String,
}

impl Caller {
    /// A schedule, by the id of its invocation.
    pub(crate) fn schedule(request_id: &str) -> Self {
        Self { who: "schedule".to_owned(), request_id: request_id.to_owned() }
    }
}

/// One entry of a row's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) at: String,
    pub(crate) who: String,
    pub(crate) request_id: String,
    /// `none` before the first.
    pub(crate) before: String,
    pub(crate) after: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// The last ones are kept.
const MOST_CHANGES: usize = 50;

/// How long the row of something deleted stays: 90 days.
const AUDIT_SECONDS: i64 = 90 * 24 * 60 * 60;

/// The attributes that both kinds of rows have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Common {
    pub(crate) status: Status,
    /// Of the request that made it.
    pub(crate) request_id: String,
    /// A hash of that request, so that another one with the same id is known.
    pub(crate) request_digest: String,
    pub(crate) created_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) team: Option<String>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    /// When both sides were last compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) synced_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<ControlError>,
    /// AgentCore's reasons for a status that is a failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) status_reasons: Vec<String>,
    pub(crate) history: Vec<Change>,
    /// Epoch seconds, when the table may drop the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<i64>,
}

impl Common {
    /// Of something asked for just now.
    pub(crate) fn asked(caller: &Caller, digest: String, team: Option<String>) -> Self {
        let now = moment::now();
        let mut common = Self {
            status: Status::Pending,
            request_id: caller.request_id.clone(),
            request_digest: digest,
            created_by: caller.who.clone(),
            team,
            created_at: now.clone(),
            updated_at: now,
            synced_at: None,
            last_error: None,
            status_reasons: vec![],
            history: vec![],
            expires_at: None,
        };
        common.note(caller, "none");
        common
    }

    /// The next status, with who brought it about.
    pub(crate) fn become_status(&mut self, status: Status, caller: &Caller) {
        let before = self.status.as_str();
        self.status = status;
        self.updated_at = moment::now();
        self.expires_at = (status == Status::Deleted).then(|| Timestamp::now().as_second() + AUDIT_SECONDS);
        if matches!(status, Status::Active | Status::Deleted) {
            self.last_error = None;
        }
        self.note(caller, before);
    }

    /// What AgentCore said, without a change of the status.
    pub(crate) fn fail(&mut self, error: ControlError, caller: &Caller) {
        self.last_error = Some(error);
        self.updated_at = moment::now();
        let before = self.status.as_str();
        self.note(caller, before);
    }

    /// Whether the row was written less than so long ago.
    pub(crate) fn is_younger_than(&self, age: Duration) -> bool {
        let written = self.updated_at.parse::<Timestamp>();
        let since = written.map(|written| Timestamp::now().duration_since(written).unsigned_abs());
        since.is_ok_and(|since| since < age)
    }

    pub(crate) fn synced(&mut self) {
        self.synced_at = Some(moment::now());
    }

    fn note(&mut self, caller: &Caller, before: &str) {
        self.history.push(Change {
            at: self.updated_at.clone(),
            who: caller.who.clone(),
            request_id: caller.request_id.clone(),
            before: before.to_owned(),
            after: self.status.as_str().to_owned(),
            error: self.last_error.as_ref().map(|error| error.error.clone()),
        });
        let surplus = self.history.len().saturating_sub(MOST_CHANGES);
        self.history.drain(..surplus);
    }
}
