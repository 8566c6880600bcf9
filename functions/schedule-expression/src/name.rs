//! Names of schedules.

use crate::field::Field;
use crate::invalid::{InvalidSchedule, Problem};

/// The longest name of a schedule, in characters.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>
const LONGEST_NAME: usize = 64;

/// The name that a schedule has in EventBridge Scheduler: `{stage}-{name}`, so that stages live side by side in one account.
///
/// # Errors
/// When `name` is empty, has other characters than AWS allows, or is longer than 64 characters, alone or together with the stage.
pub fn full_name(stage: &str, name: &str) -> Result<String, InvalidSchedule> {
    let invalid = |problem| Err(Field::Name.invalid(problem));
    if name.is_empty() {
        return invalid(Problem::Empty);
    }
    if !name.bytes().all(is_allowed) {
        return invalid(Problem::Characters);
    }
    if name.len() > LONGEST_NAME {
        return invalid(Problem::TooLong { limit: LONGEST_NAME });
    }
    let full = format!("{stage}-{name}");
    if full.len() > LONGEST_NAME {
        return invalid(Problem::TooLongWithStage(full));
    }
    Ok(full)
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}
