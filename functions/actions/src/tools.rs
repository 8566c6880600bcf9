//! The table of tools.

mod document_read;
mod document_search;
mod golf_book;
mod golf_fetch;
mod golf_search;
mod http_get;
mod http_request;
mod list_handles;
mod send_notification;
mod weather;

use std::time::Duration;

use functions_shared::VariableError;
use http_guard::{AllowedHosts, Guard, Limits, Network};
use serde_json::Value;

pub use self::weather::forecast_at;
use crate::action::{Action, Need, Services};
use crate::golf::Golf;
use crate::notifier::Notifier;

/// Every tool there is.
pub static TABLE: &[&Action] = &[
    // Made by make tools-sync from the modules above: do not edit from here.
    &http_get::ACTION,
    &http_request::ACTION,
    &document_search::ACTION,
    &document_read::ACTION,
    &list_handles::ACTION,
    &weather::ACTION,
    &golf_search::ACTION,
    &golf_book::ACTION,
    &golf_fetch::ACTION,
    &send_notification::ACTION,
    // To here.
];

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
            requests: None,
            golf: None,
            notifier: None,
        }
    }

    /// The same, where `allowed` is also about the hosts that tools choose by themselves, such as the weather service, and an answer
    /// may take so much time.
    pub fn restricted(network: &Network, allowed: AllowedHosts, time: Duration) -> Self {
        let limits = Limits { time, ..weather::LIMITS };
        let weather = Guard::new(network.clone(), weather::hosts().among(&allowed), limits);
        Self { weather, ..Self::new(network, allowed) }
    }

    /// With a golf provider at which somebody signs in.
    #[must_use]
    pub fn with_golf(self, golf: Golf) -> Self {
        Self { golf: Some(golf), ..self }
    }

    /// With a way to notify people.
    #[must_use]
    pub fn with_notifier(self, notifier: impl Notifier + 'static) -> Self {
        Self { notifier: Some(Box::new(notifier)), ..self }
    }
}

/// The tool of this name, or of which it is an alias.
pub fn named(name: &str) -> Option<&'static Action> {
    TABLE.iter().find(|action| action.is_called(name)).copied()
}

fn unknown(name: &str) -> VariableError {
    let known: Vec<_> = TABLE.iter().map(|action| action.name).collect();
    VariableError::malformed(TOOL_NAMES, format!("there is no tool `{name}`; the tools are {}", known.join(", ")))
}

/// `name`, `description`, `input_schema` and `output_schema` of each tool that needs nothing but the web, as a registry of tools wants
/// them.
pub fn description() -> Value {
    TABLE.iter().filter(|action| action.needs == Need::Nothing).map(|action| action.description()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_tool_that_changes_something_is_not_said_to_have_done_nothing() {
        for tool in TABLE {
            let error = tool.unfinished();
            assert_eq!(error.is_unknown(), tool.changes, "{error}");
            assert_eq!(error.to_string().contains("before you call it again"), tool.changes, "{error}");
        }
        let changing: Vec<_> = TABLE.iter().filter(|tool| tool.changes).map(|tool| tool.name).collect();
        assert_eq!(changing, ["http_request", "golf_book_tee_time", "send_notification"]);
    }

    #[test]
    fn names_are_in_snake_case_and_differ() {
        let is_snake = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(TABLE.iter().all(|action| is_snake(action.name)));
        assert_eq!(TABLE.iter().map(|action| action.name).collect::<HashSet<_>>().len(), TABLE.len());
    }

    #[test]
    fn an_alias_calls_the_tool_and_is_listed_nowhere() {
        let aliases = [
            ("get_weather", "get_weather_forecast"),
            ("golf_get_reservations", "golf_fetch_reservations"),
            ("send_push_notification", "send_notification"),
        ];
        for (alias, name) in aliases {
            assert_eq!(named(alias).map(|action| action.name), Some(name));
            assert!(TABLE.iter().all(|action| action.name != alias), "{alias}");
        }
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
