//! The names of errors, as the agent's state machine takes them.

use serde_json::Value;
use std::collections::BTreeSet;
use std::{fs, path::Path};

/// What this function's errors are called.
const NAMES: [&str; 11] = [
    "InvalidRequest",
    "UnknownModel",
    "SecretMissing",
    "ServiceUnavailable",
    "BudgetExceeded",
    "RateLimited",
    "Timeout",
    "ContextOverflow",
    "ProviderUnavailable",
    "ProviderError",
    "BadResponse",
];

fn call_llm() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../statemachines/agent.asl.json");
    let machine: Value = serde_json::from_slice(&fs::read(file).expect("the state machine")).expect("JSON");
    machine["States"]["Call LLM"].clone()
}

/// The names in `Retry` or `Catch` that are neither Step Functions', nor Lambda's, nor the layer's.
fn matched(state: &Value, field: &str) -> BTreeSet<String> {
    let matchers = state[field].as_array().expect("a list").iter();
    let names = matchers.flat_map(|matcher| matcher["ErrorEquals"].as_array().expect("names"));
    names.map(|name| name.as_str().expect("a name").to_owned()).filter(|name| !name.contains('.')).collect()
}

#[test]
fn the_state_machine_matches_names_that_there_are() {
    let state = call_llm();
    let (retried, caught) = (matched(&state, "Retry"), matched(&state, "Catch"));
    assert!(retried.iter().chain(&caught).all(|name| NAMES.contains(&name.as_str())), "{retried:?} {caught:?}");
    assert!(retried.contains("RateLimited") && caught.contains("BudgetExceeded"), "{retried:?} {caught:?}");
}

#[test]
fn what_would_fail_again_is_not_retried() {
    let retried = matched(&call_llm(), "Retry");
    for name in ["InvalidRequest", "UnknownModel", "SecretMissing", "BudgetExceeded"] {
        assert!(!retried.contains(name), "{name}");
    }
}
