//! The table of tools.

mod document_read;
mod document_search;
mod http_get;
mod list_handles;
mod weather;

use functions_shared::VariableError;
use http_guard::{AllowedHosts, Guard, Network};
use serde_json::Value;

use crate::action::{Action, Services};

/// Every tool there is: one line each.
pub static TABLE: &[&Action] =
    &[&http_get::ACTION, &document_search::ACTION, &document_read::ACTION, &list_handles::ACTION, &weather::ACTION];

/// The variable that says which of them may be called.
pub const TOOL_NAMES: &str = "TOOL_NAMES";

/// The tools named in a list, or all of them without one.
pub fn chosen(names: Option<&str>) -> Result<Vec<&'static Action>, VariableError> {
    let Some(names) = names else { return Ok(TABLE.to_vec()) };
    let names = names.split([',', ' ']).filter(|name| !name.is_empty());
    names.map(|name| named(name).ok_or_else(|| unknown(name))).collect()
}

impl Services {
    /// What the tools need: hosts that a model may choose are those that are `allowed`.
    pub fn new(network: &Network, allowed: AllowedHosts) -> Self {
        Self {
            web: Guard::new(network.clone(), allowed, http_get::LIMITS),
            weather: Guard::new(network.clone(), weather::hosts(), weather::LIMITS),
            pdf: None,
        }
    }
}

fn named(name: &str) -> Option<&'static Action> {
    TABLE.iter().find(|action| action.name == name).copied()
}

fn unknown(name: &str) -> VariableError {
    let known: Vec<_> = TABLE.iter().map(|action| action.name).collect();
    VariableError::malformed(TOOL_NAMES, format!("there is no tool `{name}`, but {}", known.join(", ")))
}

/// Every tool's `name`, `description`, `input_schema` and `output_schema`, as a registry of tools wants them.
pub fn description() -> Value {
    TABLE.iter().map(|action| action.description()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_in_snake_case_and_differ() {
        let is_snake = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(TABLE.iter().all(|action| is_snake(action.name)));
        assert_eq!(TABLE.iter().map(|action| action.name).collect::<HashSet<_>>().len(), TABLE.len());
    }

    #[test]
    fn a_list_chooses() {
        let names = |list| chosen(list).map(|tools| tools.iter().map(|action| action.name).collect::<Vec<_>>());
        assert_eq!(names(None).map(|names| names.len()), Ok(TABLE.len()));
        assert_eq!(names(Some("http_get, document_search")), Ok(vec!["http_get", "document_search"]));
        let error = names(Some("http_gte")).expect_err("unknown").to_string();
        assert!(error.contains("TOOL_NAMES") && error.contains("http_gte"), "{error}");
    }

    #[test]
    fn a_registry_finds_what_it_needs() {
        let tools = description();
        let search = &tools[1];
        assert_eq!((&search["name"], &search["input_schema"]["type"]), (&"document_search".into(), &"object".into()));
        assert_eq!(search["input_schema"]["properties"]["document"]["format"], "content");
        assert!(search["description"].as_str().is_some_and(|text| text.len() > 20));
    }
}
