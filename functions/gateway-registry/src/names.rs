//! Names as the service's model has them, checked before anything is written.

use functions_shared::Refusal;
use std::ops::RangeInclusive;

/// `([0-9a-zA-Z][-]?){1,48}`
pub(crate) fn check_gateway_name(field: &str, name: &str) -> Result<(), Refusal> {
    check_name(field, name, 48)
}

/// `([0-9a-zA-Z][-]?){1,100}`
pub(crate) fn check_target_name(field: &str, name: &str) -> Result<(), Refusal> {
    check_name(field, name, 100)
}

fn check_name(field: &str, name: &str, max: usize) -> Result<(), Refusal> {
    let letters = name.bytes().filter(u8::is_ascii_alphanumeric).count();
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits && (1..=max).contains(&letters) && !name.starts_with('-') && !name.contains("--") {
        return Ok(());
    }
    Err(Refusal::invalid(field, format!("must be 1 to {max} letters and digits, with single hyphens between them")))
}

/// Characters of a provider's name.
const LONGEST_PROVIDER: usize = 128;

/// `[a-zA-Z0-9\-_]{1,128}`
pub(crate) fn check_provider_name(field: &str, name: &str) -> Result<(), Refusal> {
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if fits && (1..=LONGEST_PROVIDER).contains(&name.len()) {
        return Ok(());
    }
    Err(Refusal::invalid(field, "must be 1 to 128 letters, digits, hyphens and underscores"))
}

/// What AgentCore calls the provider of a tool's key. Names of providers are the account's: the stage in front is for roles, and the
/// tool's id keeps one tool from another's provider, whatever people call both.
pub(crate) fn provider_of_tool(stage: &str, name: &str, tool_id: &str) -> String {
    let id = tool_id.strip_prefix("tool-").unwrap_or(tool_id);
    let room = LONGEST_PROVIDER.saturating_sub(stage.len() + id.len() + 2);
    let name: String = name.chars().take(room).collect();
    format!("{stage}-{name}-{id}")
}

/// A text of so many characters.
pub(crate) fn check_length(field: &str, text: &str, range: RangeInclusive<usize>) -> Result<(), Refusal> {
    if range.contains(&text.chars().count()) {
        return Ok(());
    }
    Err(Refusal::invalid(field, format!("must have {} to {} characters", range.start(), range.end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_model() {
        for name in ["golf", "G-1", "a-", &"a-".repeat(48)] {
            assert!(check_gateway_name("name", name).is_ok(), "{name}");
        }
        for name in ["", "-a", "a--b", "a_b", "a b", "ä", &"a".repeat(49)] {
            assert!(check_gateway_name("name", name).is_err(), "{name}");
        }
        assert!(check_target_name("name", &"a".repeat(100)).is_ok());
        assert!(check_provider_name("name", "a_b-1").is_ok() && check_provider_name("name", "a.b").is_err());
    }

    #[test]
    fn a_provider_of_a_tool_has_its_stage_its_id_and_as_much_of_its_name_as_fits() {
        let id = format!("tool-{}", "0".repeat(32));
        assert_eq!(provider_of_tool("dev", "stripe", &id), format!("dev-stripe-{}", "0".repeat(32)));
        let long = provider_of_tool(&"s".repeat(20), &"n".repeat(128), &id);
        assert!(check_provider_name("name", &long).is_ok() && long.ends_with(&id["tool".len()..]), "{long}");
    }
}
