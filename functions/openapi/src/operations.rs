//! Operations: what a gateway makes tools of.

use serde_json::Value;

use crate::input;
use crate::pointers::{followed, join};

/// A gateway takes so many tools of one target (its default quota).
pub(crate) const MAX_OPERATIONS: usize = 1000;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// One operation, as a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// `operationId`, by which a gateway names the tool.
    pub id: String,
    /// In capitals.
    pub method: String,
    /// `/forecast/{city}`
    pub path: String,
    /// Its description, or else its summary, or method and path.
    pub description: String,
    /// JSON Schema of an object: path, query and header parameters, and what a JSON body holds.
    pub input_schema: Value,
}

/// Where an operation is.
pub(crate) struct Place<'a> {
    /// JSON Pointer.
    pub(crate) path: String,
    pub(crate) method: &'static str,
    pub(crate) route: &'a str,
    pub(crate) item: &'a Value,
    pub(crate) operation: &'a Value,
}

/// Every operation of the document's paths.
pub(crate) fn places(document: &Value) -> Vec<Place<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(route, item)| places_of(document, route, item)).collect()
}

fn places_of<'a>(document: &'a Value, route: &'a str, item: &'a Value) -> impl Iterator<Item = Place<'a>> {
    let path = join("/paths", route);
    let item = followed(document, item).unwrap_or(item);
    METHODS.into_iter().filter_map(move |method| {
        let operation = item.get(method)?;
        Some(Place { path: join(&path, method), method, route, item, operation })
    })
}

pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    places(document).iter().map(|place| operation(document, place)).collect()
}

fn operation(document: &Value, place: &Place<'_>) -> Operation {
    let text = |name: &str| place.operation.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let method = place.method.to_ascii_uppercase();
    let described = text("description").or_else(|| text("summary")).map(str::to_owned);
    Operation {
        id: text("operationId").unwrap_or_default().to_owned(),
        description: described.unwrap_or_else(|| format!("{method} {}", place.route)),
        path: place.route.to_owned(),
        input_schema: input::schema(document, place.item, place.operation),
        method,
    }
}
