//! The payload of a turn for the function `agent`.

use functions_shared::Refusal;
use http_api::fields::Fields;

const LONGEST_SESSION: usize = 128;

pub(crate) fn check(mut fields: Fields) -> Result<(), Refusal> {
    fields.required_text("message")?;
    if let Some(session) = fields.text("session_id")?
        && !is_session(&session)
    {
        return Err(fields.refuse("session_id", "must be 1 to 128 letters, digits, hyphens and underscores"));
    }
    if let Some(agent) = fields.text("agent_name")?
        && !crate::texts::is_name(&agent, LONGEST_SESSION)
    {
        return Err(fields.refuse("agent_name", "must be a name of letters, digits, hyphens and underscores"));
    }
    fields.finish()
}

fn is_session(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=LONGEST_SESSION).contains(&text.len()) && text.bytes().all(is_safe)
}
