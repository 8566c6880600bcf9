//! Decides: what follows for a tool's row from what AgentCore says. Nothing here waits.

use super::row::{ProviderStep, ToolRow};
use crate::control::{ControlError, ErrorKind, TargetSeen};
use crate::rows::{Caller, Status};
use functions_shared::Refusal;

/// What is to be done with a row.
#[derive(Debug)]
pub(crate) enum Next {
    /// Write it, and go on.
    Write(ToolRow),
    /// Write it, and go on another time: AgentCore did not do what it was asked.
    Stop(ToolRow),
    /// Look again in a moment.
    Wait,
    /// Nothing is left to do.
    Settled,
}

/// A row whose next step AgentCore refused for good, or did not take this time.
pub(crate) fn refused(row: &ToolRow, error: ControlError, caller: &Caller) -> Next {
    let mut row = row.clone();
    if !error.kind.is_definite() {
        row.common.fail(error, caller);
        return Next::Stop(row);
    }
    row.common.last_error = Some(error);
    row.common.become_status(Status::Failed, caller);
    Next::Write(row)
}

/// A step of a row that is to go, which AgentCore did not take.
pub(crate) fn kept(row: &ToolRow, error: ControlError, caller: &Caller) -> Next {
    let mut row = row.clone();
    row.common.fail(error, caller);
    Next::Stop(row)
}

/// After `GetGatewayTarget` of a row that is to become active. `None` if it is ready, and its tools are to be offered.
pub(crate) fn after_look(row: &ToolRow, seen: Option<TargetSeen>, caller: &Caller) -> Option<Next> {
    let mut row = row.clone();
    match seen {
        Some(seen) if seen.is_ready() => None,
        Some(seen) if seen.has_failed() => {
            row.common.status_reasons.clone_from(&seen.status_reasons);
            row.see(seen);
            row.common.become_status(Status::Failed, caller);
            Some(Next::Write(row))
        }
        Some(_) => Some(Next::Wait),
        None => Some(Next::Write(gone(row, caller))),
    }
}

/// A row whose target is ready and whose tools are offered.
pub(crate) fn active(row: &ToolRow, seen: TargetSeen, caller: &Caller) -> ToolRow {
    let mut row = row.clone();
    row.see(seen);
    row.progress.is_offered = !row.operations.is_empty();
    row.common.become_status(Status::Active, caller);
    row
}

/// A row whose target AgentCore does not know. Its id stays until a second look, so that a target that is there after all is deleted.
pub(crate) fn gone(mut row: ToolRow, caller: &Caller) -> ToolRow {
    row.agentcore = None;
    row.common.status_reasons = vec!["AgentCore has no such target any more".to_owned()];
    row.common.synced();
    row.common.become_status(Status::Failed, caller);
    row
}

/// A row of which nothing is left but itself.
pub(crate) fn cleared(row: &ToolRow, caller: &Caller) -> Next {
    if row.status() == Status::Failed {
        return Next::Settled;
    }
    let mut row = row.clone();
    row.agentcore = None;
    row.common.synced();
    row.common.become_status(Status::Deleted, caller);
    Next::Write(row)
}

/// What only the request that was interrupted could have given.
pub(crate) fn lost(what: &str) -> ControlError {
    ControlError {
        operation: "CreateGatewayTarget".to_owned(),
        error: "RequestInterrupted".to_owned(),
        message: format!("the request was interrupted before {what}; send it again with another request_id"),
        kind: ErrorKind::Conflict,
    }
}

/// The names that agents would call the tools by are not to be had.
pub(crate) fn not_reserved(refusal: &Refusal) -> ControlError {
    ControlError {
        operation: "RegisterTool".to_owned(),
        error: refusal.name().to_owned(),
        message: refusal.to_string(),
        kind: if matches!(refusal, Refusal::Conflict(_)) { ErrorKind::Conflict } else { ErrorKind::Invalid },
    }
}

/// Somebody else's provider has the name.
pub(crate) fn taken(provider: &str) -> ControlError {
    ControlError {
        operation: "CreateApiKeyCredentialProvider".to_owned(),
        error: "ConflictException".to_owned(),
        message: format!("there is a provider {provider} already"),
        kind: ErrorKind::Conflict,
    }
}

/// The row with the provider that far.
pub(crate) fn with_provider(row: &ToolRow, step: ProviderStep) -> Next {
    let mut row = row.clone();
    row.progress.provider = step;
    Next::Write(row)
}
