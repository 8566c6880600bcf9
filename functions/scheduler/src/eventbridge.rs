//! EventBridge Scheduler, asked for one schedule at a time.

use crate::wanted::Wanted;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types::{FlexibleTimeWindow, FlexibleTimeWindowMode};
use functions_aws::sdk_errors;

/// Errors that the same request would meet again.
const DEFINITE: [&str; 3] = ["ValidationException", "AccessDeniedException", "ServiceQuotaExceededException"];
const CONFLICT: &str = "ConflictException";
const NOT_FOUND: &str = "ResourceNotFoundException";

/// Why a schedule was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A schedule has the name already.
    Conflict,
    /// AWS refuses what was asked, and says why.
    Definitely(String),
    /// Asking again may help.
    Unavailable(String),
}

#[derive(Debug, Clone)]
pub(crate) struct EventBridge {
    client: Client,
}

impl EventBridge {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The schedule with this name, if there is one.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<GetScheduleOutput>, Refused> {
        match self.client.get_schedule().name(name).send().await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.code() == Some(NOT_FOUND) => Ok(None),
            Err(error) => Err(refused(&error)),
        }
    }

    /// Creates a schedule; its ARN. The same token makes one.
    pub(crate) async fn create(&self, wanted: &Wanted, token: &str) -> Result<String, Refused> {
        let create = self.client.create_schedule().name(&wanted.name).client_token(token);
        let create = create.schedule_expression(&wanted.expression).schedule_expression_timezone(&wanted.timezone);
        let create = create.state(wanted.state.clone()).target(wanted.target(None)).flexible_time_window(exactly());
        create.send().await.map(|created| created.schedule_arn).map_err(|error| refused(&error))
    }

    /// Changes a schedule; its ARN. `UpdateSchedule` sets every field that it is not given to its default, so it is given all
    /// that `found` has.
    pub(crate) async fn update(
        &self,
        found: GetScheduleOutput,
        wanted: &Wanted,
        token: &str,
    ) -> Result<String, Refused> {
        let target = wanted.target(found.target());
        let update = self.client.update_schedule().name(&wanted.name).client_token(token);
        let update = update.schedule_expression(&wanted.expression).schedule_expression_timezone(&wanted.timezone);
        let update = update.state(wanted.state.clone()).target(target);
        let update = update.flexible_time_window(found.flexible_time_window.unwrap_or_else(exactly));
        let update = update.set_description(found.description).set_kms_key_arn(found.kms_key_arn);
        let update = update.set_start_date(found.start_date).set_end_date(found.end_date);
        let update = update.set_action_after_completion(found.action_after_completion);
        update.send().await.map(|updated| updated.schedule_arn).map_err(|error| refused(&error))
    }

    /// Deletes a schedule, if it is there.
    pub(crate) async fn delete(&self, name: &str, token: &str) -> Result<(), Refused> {
        match self.client.delete_schedule().name(name).client_token(token).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(NOT_FOUND) => Ok(()),
            Err(error) => Err(refused(&error)),
        }
    }
}

/// Without a flexible window.
fn exactly() -> FlexibleTimeWindow {
    FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().expect("BUG: it has a mode")
}

fn refused<E, R>(error: &SdkError<E, R>) -> Refused
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    let reason = sdk_errors::reason(error);
    match error.code() {
        Some(CONFLICT) => Refused::Conflict,
        Some(code) if DEFINITE.contains(&code) => Refused::Definitely(format!(
            "{reason}: {}",
            error.message().unwrap_or("EventBridge Scheduler gives no reason")
        )),
        _ => Refused::Unavailable(reason.to_owned()),
    }
}
