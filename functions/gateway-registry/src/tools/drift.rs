//! Decides: what a row lacks of what AgentCore has.

use super::row::ToolRow;
use super::step;
use crate::control::TargetSeen;
use crate::rows::Caller;

/// What somebody else did to an active tool, and the row as it must be then. `None` if both sides say the same.
pub(crate) fn drift(row: &ToolRow, seen: Option<TargetSeen>, caller: &Caller) -> Option<(&'static str, ToolRow)> {
    let Some(seen) = seen else {
        return Some(("the target is gone: FAILED", step::gone(row.clone(), caller)));
    };
    if row.agentcore.as_ref().is_some_and(|last| *last == seen) {
        return None;
    }
    let mut row = row.clone();
    row.metadata.description.clone_from(&seen.description);
    row.progress.is_offered |= seen.is_ready() && !row.operations.is_empty();
    row.see(seen);
    Some(("the target was changed: update the row", row))
}
