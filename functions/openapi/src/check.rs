//! What a document must be.

use std::collections::HashMap;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::mistake::Mistake;
use crate::operations::{MAX_OPERATIONS, Place, places};
use crate::pointers::join;
use crate::schemas;

pub(crate) fn check(document: &Value) -> Result<(), Mistake> {
    if !document.is_object() {
        return Err(Mistake::new("", "is not an OpenAPI document, which is an object"));
    }
    check_schema(document)?;
    let places = places(document);
    match places.len() {
        0 => Err(Mistake::new("/paths", "has no operation")),
        count if count > MAX_OPERATIONS => Err(Mistake::new(
            "/paths",
            format!("has {count} operations, and a target may have at most {MAX_OPERATIONS}"),
        )),
        _ => check_ids(&places),
    }
}

fn check_schema(document: &Value) -> Result<(), Mistake> {
    if document.get("swagger").is_some() {
        return Err(Mistake::new("/swagger", "is of Swagger 2.0: a gateway takes OpenAPI 3.0 and 3.1"));
    }
    let version = match document.get("openapi") {
        Some(Value::String(version)) => version,
        Some(_) => return Err(Mistake::new("/openapi", "must be text: \"3.0.3\" in quotes")),
        None => return Err(Mistake::new("/openapi", "is missing: this is not an OpenAPI document")),
    };
    let validator = schemas::of_version(version)
        .ok_or_else(|| Mistake::new("/openapi", "must be a version that a gateway takes, 3.0.x or 3.1.x"))?;
    validator.validate(document).map_err(|error| mistake(&error))
}

/// Where alternatives are all wrong, the one that fits best is wrong at the deepest place.
fn mistake(error: &ValidationError<'_>) -> Mistake {
    let deepest = deepest(error, 0);
    Mistake::new(deepest.instance_path().to_string(), deepest.to_string())
}

/// Schemas have no more alternatives within alternatives.
const MAX_ALTERNATIVES: usize = 32;

fn deepest<'a, 'b>(error: &'a ValidationError<'b>, level: usize) -> &'a ValidationError<'b> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind() else {
        return error;
    };
    if level == MAX_ALTERNATIVES {
        return error;
    }
    let within = context.iter().flatten().map(|error| deepest(error, level + 1));
    within.max_by_key(|error| error.instance_path().to_string().matches('/').count()).unwrap_or(error)
}

fn check_ids(places: &[Place<'_>]) -> Result<(), Mistake> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for place in places {
        let path = join(&place.path, "operationId");
        let id = place.operation.get("operationId").and_then(Value::as_str).filter(|id| !id.trim().is_empty());
        let id = id.ok_or_else(|| Mistake::new(&path, "is missing: a gateway names its tools by it"))?;
        if let Some(first) = seen.insert(id, &place.path) {
            return Err(Mistake::new(path, format!("is already used by {first}")));
        }
    }
    Ok(())
}

const MOST_WARNINGS: usize = 20;
/// What a gateway does not take in the schema of a tool, as its guide says.
const NOT_TAKEN: [&str; 3] = ["oneOf", "anyOf", "allOf"];

pub(crate) fn warnings(document: &Value) -> Vec<Mistake> {
    let mut found = vec![];
    find(document, "", &mut found);
    found
}

fn find(value: &Value, path: &str, found: &mut Vec<Mistake>) {
    if found.len() == MOST_WARNINGS {
        return;
    }
    match value {
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                find(entry, &format!("{path}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let path = join(path, name);
                if NOT_TAKEN.contains(&name.as_str()) && member.is_array() && found.len() < MOST_WARNINGS {
                    found.push(Mistake::new(&path, "a gateway may not take it"));
                }
                find(member, &path, found);
            }
        }
        _ => {}
    }
}
