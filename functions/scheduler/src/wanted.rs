//! The schedule in EventBridge Scheduler that a row wants.

use crate::event::Due;
use crate::settings::Settings;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types::{DeadLetterConfig, ScheduleState, Target};
use records::Schedule;

/// A schedule as it should be. What is not here is left as it is in EventBridge Scheduler.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) timezone: String,
    pub(crate) state: ScheduleState,
    function: String,
    role: String,
    dead_letters: Option<String>,
    input: String,
}

impl Wanted {
    /// What `row` wants of the function with this ARN, or why there can be no such schedule.
    pub(crate) fn of(
        row: &Schedule,
        state: ScheduleState,
        settings: &Settings,
        function: &str,
    ) -> Result<Self, String> {
        Ok(Self {
            name: row.id.clone(),
            expression: row.schedule_expression.clone(),
            timezone: row.timezone.clone(),
            state,
            function: function.to_owned(),
            role: checked_role(settings.execution_role.as_deref(), function)?.to_owned(),
            dead_letters: settings.dead_letters.clone(),
            input: input_of(&row.id),
        })
    }

    /// Whether `found` is as it should be.
    pub(crate) fn is(&self, found: &GetScheduleOutput) -> bool {
        let is = |given: Option<&str>, wanted: &str| given == Some(wanted);
        is(found.schedule_expression(), &self.expression)
            && is(found.schedule_expression_timezone(), &self.timezone)
            && found.state() == Some(&self.state)
            && found.target().is_some_and(|target| *target == self.target(Some(target)))
    }

    /// The target, with what `found` has besides.
    pub(crate) fn target(&self, found: Option<&Target>) -> Target {
        let dead_letters = self.dead_letters.as_ref().map(|arn| DeadLetterConfig::builder().arn(arn).build());
        let target = Target::builder().arn(&self.function).role_arn(&self.role).input(&self.input);
        let target = target.set_dead_letter_config(dead_letters);
        let target = target.set_retry_policy(found.and_then(|found| found.retry_policy().cloned()));
        target.build().expect("BUG: it has an ARN and a role")
    }
}

/// The input of the schedule of the row with this id.
fn input_of(id: &str) -> String {
    serde_json::to_string(&Due::of(id)).expect("BUG: texts are JSON")
}

/// Whether `found` invokes the function with this ARN for the row with this id.
pub(crate) fn is_of(found: &GetScheduleOutput, id: &str, function: &str) -> bool {
    let input = input_of(id);
    found.target().is_some_and(|target| target.arn() == function && target.input() == Some(&*input))
}

/// AWS only lets a schedule have a role of the schedule's account.
fn checked_role<'a>(role: Option<&'a str>, function: &str) -> Result<&'a str, String> {
    let role = role.ok_or("the execution role is missing: the variable EVENTBRIDGE_EXECUTION_ROLE_ARN is not set")?;
    match role.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "iam", "", account, resource] if resource.starts_with("role/") => {
            let own = function.split(':').nth(4).unwrap_or_default();
            if account == own {
                Ok(role)
            } else {
                Err(format!("the execution role is of account {account}, not of {own}"))
            }
        }
        _ => Err("EVENTBRIDGE_EXECUTION_ROLE_ARN is not the ARN of a role".to_owned()),
    }
}
