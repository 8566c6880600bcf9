//! The record of every operation: who, which request, what it changed. Rows keep the same in their history.

use crate::rows::Caller;

/// Writes one line of the log.
pub(crate) fn audit(operation: &str, id: &str, caller: &Caller, before: &str, after: &str) {
    let Caller { who, request_id } = caller;
    tracing::info!(audit = operation, id, who, caller_request_id = request_id, before, after, "audit");
}
