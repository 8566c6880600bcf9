//! Does: the steps by which what was made for a tool goes: agents' tools, the target, the provider of its key.

use super::row::{ProviderStep, ToolRow};
use super::step::{self, Next};
use crate::control::{ControlError, found};
use crate::registry::Registry;
use crate::rows::{Caller, Status};
use functions_shared::Refusal;

impl Registry {
    /// The next step of a row that is to go, or that failed and must leave nothing.
    pub(super) async fn step_to_cleared(
        &self,
        row: &ToolRow,
        gateway: Option<&str>,
        caller: &Caller,
    ) -> Result<Next, Refusal> {
        if row.progress.is_offered {
            self.withdraw(row).await?;
            let mut row = row.clone();
            row.progress.is_offered = false;
            return Ok(Next::Write(row));
        }
        match self.step_of_target(row, gateway, caller).await {
            Err(error) => return Ok(step::kept(row, error, caller)),
            Ok(Some(next)) => return Ok(next),
            Ok(None) => {}
        }
        match self.step_of_its_provider(row).await {
            Err(error) => Ok(step::kept(row, error, caller)),
            Ok(Some(next)) => Ok(next),
            Ok(None) => {
                // A creation that was interrupted may have offered them without a trace in the row.
                self.withdraw(row).await?;
                Ok(step::cleared(row, caller))
            }
        }
    }

    /// `None` once there is no target.
    async fn step_of_target(
        &self,
        row: &ToolRow,
        gateway: Option<&str>,
        caller: &Caller,
    ) -> Result<Option<Next>, ControlError> {
        let Some(gateway) = gateway else { return Ok(None) };
        let Some(id) = &row.agentcore_target_id else { return self.forgotten_target(row, gateway, caller).await };
        match found(self.control.target(gateway, id).await)? {
            Some(seen) if seen.status == "DELETING" => Ok(Some(Next::Wait)),
            Some(_) => {
                let deleted = self.control.delete_target(gateway, id).await;
                found(deleted).map(|_| Some(Next::Wait))
            }
            None => {
                let mut row = row.clone();
                row.agentcore_target_id = None;
                Ok(Some(Next::Write(row)))
            }
        }
    }

    /// A creation was on its way, and had not written its id yet.
    async fn forgotten_target(
        &self,
        row: &ToolRow,
        gateway: &str,
        caller: &Caller,
    ) -> Result<Option<Next>, ControlError> {
        if row.status() == Status::Failed {
            return Ok(None);
        }
        let own = match self.control.own_target(gateway, &row.metadata).await {
            Err(error) if error.is_not_found() => None,
            own => own?,
        };
        Ok(own.map(|seen| {
            let mut row = row.clone();
            row.adopt(seen, caller);
            Next::Write(row)
        }))
    }

    /// `None` once there is no provider that was made for this row.
    async fn step_of_its_provider(&self, row: &ToolRow) -> Result<Option<Next>, ControlError> {
        if row.progress.provider == ProviderStep::None {
            return Ok(None);
        }
        let name = row.metadata.api_key.as_ref().map(|usage| usage.provider_name.as_str()).unwrap_or_default();
        if found(self.control.provider(name).await)?.is_none() {
            return Ok(Some(step::with_provider(row, ProviderStep::None)));
        }
        found(self.control.delete_provider(name).await)?;
        Ok(Some(Next::Wait))
    }
}
