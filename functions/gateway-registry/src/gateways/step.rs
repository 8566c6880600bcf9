//! Decides: what follows for a gateway's row from what AgentCore says. Nothing here waits.

use super::row::GatewayRow;
use crate::control::{ControlError, GatewaySeen};
use crate::rows::{Caller, Status};

/// What is to be done with a row.
#[derive(Debug)]
pub(crate) enum Next {
    /// Write it, and go on.
    Write(GatewayRow),
    /// Write it, and go on another time: AgentCore did not do what it was asked.
    Stop(GatewayRow),
    /// Look again in a moment.
    Wait,
    /// Ask AgentCore to delete it.
    Delete,
}

/// After `CreateGateway`.
pub(crate) fn after_creation(row: &GatewayRow, made: Result<GatewaySeen, ControlError>, caller: &Caller) -> Next {
    let mut row = row.clone();
    match made {
        Ok(seen) => {
            row.adopt(seen, caller);
            Next::Write(row)
        }
        Err(error) if error.kind.is_definite() => Next::Write(failed(row, error, caller)),
        Err(error) => Next::Stop(stopped(row, error, caller)),
    }
}

/// After `GetGateway` of a row that is to become active.
pub(crate) fn after_look(row: &GatewayRow, seen: Result<Option<GatewaySeen>, ControlError>, caller: &Caller) -> Next {
    let mut row = row.clone();
    match seen {
        Ok(Some(seen)) if seen.is_ready() => {
            row.see(seen);
            row.common.become_status(Status::Active, caller);
            Next::Write(row)
        }
        Ok(Some(seen)) if seen.has_failed() => {
            row.common.status_reasons.clone_from(&seen.status_reasons);
            row.see(seen);
            row.common.become_status(Status::Failed, caller);
            Next::Write(row)
        }
        Ok(Some(_)) => Next::Wait,
        Ok(None) => Next::Write(gone(row, caller)),
        Err(error) => Next::Stop(stopped(row, error, caller)),
    }
}

/// After `GetGateway` of a row that is to go.
pub(crate) fn after_look_at_deletion(
    row: &GatewayRow,
    seen: Result<Option<GatewaySeen>, ControlError>,
    caller: &Caller,
) -> Next {
    let mut row = row.clone();
    match seen {
        Ok(Some(seen)) if seen.status == "DELETING" => Next::Wait,
        Ok(Some(_)) => Next::Delete,
        Ok(None) => {
            row.agentcore = None;
            row.common.synced();
            row.common.become_status(Status::Deleted, caller);
            Next::Write(row)
        }
        Err(error) => Next::Stop(stopped(row, error, caller)),
    }
}

/// What AgentCore did not do may be tried again: the status stays.
pub(crate) fn stopped(mut row: GatewayRow, error: ControlError, caller: &Caller) -> GatewayRow {
    row.common.fail(error, caller);
    row
}

/// A row whose gateway somebody else deleted.
pub(crate) fn gone(mut row: GatewayRow, caller: &Caller) -> GatewayRow {
    row.agentcore = None;
    row.common.status_reasons = vec!["AgentCore has no such gateway any more".to_owned()];
    row.common.synced();
    row.common.become_status(Status::Failed, caller);
    row
}

fn failed(mut row: GatewayRow, error: ControlError, caller: &Caller) -> GatewayRow {
    row.common.last_error = Some(error);
    row.common.become_status(Status::Failed, caller);
    row
}
