//! What the variables say.

use functions_shared::{VariableError, Variables};

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The deployment. Schedules and messages of others are refused.
    pub(crate) stage: String,
    /// With which EventBridge Scheduler invokes this function. A schedule is not created without one, and its row says why.
    pub(crate) execution_role: Option<String>,
    /// The queue for events that EventBridge Scheduler could not deliver.
    pub(crate) dead_letters: Option<String>,
}

impl Settings {
    pub(crate) fn read(variables: &Variables) -> Result<Self, VariableError> {
        let optional = |name| variables.optional(name).map(|value| value.map(str::to_owned));
        Ok(Self {
            stage: variables.required("STAGE")?.to_owned(),
            execution_role: optional("EVENTBRIDGE_EXECUTION_ROLE_ARN")?,
            dead_letters: optional("SCHEDULER_DEAD_LETTERS_ARN")?,
        })
    }
}
