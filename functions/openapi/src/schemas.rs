//! OpenAPI's own schemas of its documents.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static V3_0: LazyLock<Validator> = LazyLock::new(|| compiled(include_str!("../schemas/3.0.json")));
static V3_1: LazyLock<Validator> = LazyLock::new(|| compiled(include_str!("../schemas/3.1.json")));

fn compiled(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).expect("BUG: a file of this crate is JSON");
    jsonschema::validator_for(&schema).expect("BUG: a file of this crate is a schema")
}

/// The schema of documents with this `openapi`.
pub(crate) fn of_version(openapi: &str) -> Option<&'static Validator> {
    match openapi.split('.').collect::<Vec<_>>().as_slice() {
        ["3", "0", _] => Some(&V3_0),
        ["3", "1", _] => Some(&V3_1),
        _ => None,
    }
}
