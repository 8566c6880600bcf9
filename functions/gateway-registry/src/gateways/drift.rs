//! Decides: what a row lacks of what AgentCore has.

use super::row::GatewayRow;
use super::step;
use crate::control::GatewaySeen;
use crate::rows::Caller;

/// What somebody else did to an active gateway, and the row as it must be then. `None` if both sides say the same.
pub(crate) fn drift(
    row: &GatewayRow,
    seen: Option<GatewaySeen>,
    caller: &Caller,
) -> Option<(&'static str, GatewayRow)> {
    let Some(seen) = seen else {
        return Some(("the gateway is gone: FAILED", step::gone(row.clone(), caller)));
    };
    let wanted = &row.metadata;
    let is_same = (&wanted.name, &wanted.description, &wanted.authorizer_type)
        == (&seen.name, &seen.description, &seen.authorizer_type);
    if is_same && row.agentcore.as_ref().is_some_and(|last| *last == seen) {
        return None;
    }
    let mut row = row.clone();
    row.metadata.name.clone_from(&seen.name);
    row.metadata.description.clone_from(&seen.description);
    row.metadata.authorizer_type.clone_from(&seen.authorizer_type);
    row.see(seen);
    Some(("the gateway was changed: update the row", row))
}
