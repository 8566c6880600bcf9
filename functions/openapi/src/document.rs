//! A document that was checked.

use serde_json::{Map, Value};

use crate::check;
use crate::mistake::Mistake;
use crate::operations::{self, Operation};
use crate::request::{self, NotCalled, Request};

/// Longer documents are not read: 5 MiB.
pub const MAX_BYTES: usize = 5 << 20;

/// Deeper ones neither: what follows goes through them by recursion.
const MAX_DEPTH: usize = 100;

/// An OpenAPI document of version 3.0 or 3.1 that a gateway can make tools of.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    value: Value,
}

impl Document {
    /// Reads JSON or YAML.
    pub fn read(text: &[u8]) -> Result<Self, Mistake> {
        if text.len() > MAX_BYTES {
            return Err(Mistake::new("", format!("is longer than {MAX_BYTES} bytes")));
        }
        Self::of(parsed(text)?)
    }

    /// Checks a document that was parsed elsewhere.
    pub fn of(value: Value) -> Result<Self, Mistake> {
        if !is_shallow(&value, MAX_DEPTH) {
            return Err(Mistake::new("", format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        check::check(&value)?;
        Ok(Self { value })
    }

    /// As JSON, in one line.
    pub fn to_json(&self) -> String {
        self.value.to_string()
    }

    /// The document itself.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// What a gateway makes tools of, in the document's order.
    pub fn operations(&self) -> Vec<Operation> {
        operations::operations(&self.value)
    }

    /// The request that calls an operation with these arguments, which its schema describes.
    pub fn request(&self, operation_id: &str, arguments: &Map<String, Value>) -> Result<Request, NotCalled> {
        request::request(&self.value, operation_id, arguments)
    }

    /// What a gateway may not understand, by its place; at most 20 of them.
    pub fn warnings(&self) -> Vec<Mistake> {
        check::warnings(&self.value)
    }
}

/// JSON if it begins like an object, YAML else. (JSON is YAML too, but this is faster, and says better what is wrong.)
fn parsed(text: &[u8]) -> Result<Value, Mistake> {
    let text = std::str::from_utf8(text).map_err(|_| Mistake::new("", "is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('<') {
        return Err(Mistake::new("", "is HTML or XML, and not an OpenAPI document"));
    }
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| not_parsed("JSON", error.line(), error.column()));
    }
    yaml(text)
}

/// Aliases are replaced by what they stand for. A few lines of them can stand for gigabytes, so what comes out is limited.
fn yaml(text: &str) -> Result<Value, Mistake> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: MAX_NODES, max_events: 4 * MAX_NODES, max_depth: MAX_DEPTH },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_NODES },
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Mistake::new("", format!("is not YAML: {}", error.to_string().replace('\n', " "))))
}

/// A document of 5 MiB has fewer.
const MAX_NODES: usize = 1_000_000;

fn not_parsed(format: &str, line: usize, column: usize) -> Mistake {
    Mistake::new("", format!("is not {format}: line {line}, column {column}"))
}

fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        _ if levels == 0 => false,
        Value::Array(entries) => entries.iter().all(|entry| is_shallow(entry, levels - 1)),
        Value::Object(members) => members.values().all(|member| is_shallow(member, levels - 1)),
        _ => true,
    }
}
