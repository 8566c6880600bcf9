//! The tools as clients are told about them: those of the table, and `get_result`.

use actions::{Action, Kind, Parameter, schema};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use crate::pages::LONGEST_PAGE;

/// The tool that returns a long result in pages. It is this server's, not of the table.
pub(crate) const GET_RESULT: &str = "get_result";
pub(crate) const ID: &str = "id";
pub(crate) const OFFSET: &str = "offset";
pub(crate) const LENGTH: &str = "length";
pub(crate) const ASYNC: &str = "async";

/// What `get_result` takes.
pub(crate) static PAGE_PARAMETERS: [Parameter; 3] = [
    Parameter::required(ID, Kind::Text, "The id that another tool's result gave."),
    Parameter::optional(OFFSET, Kind::Integer { min: 0, max: u32::MAX }, "Where to begin, in bytes; 0 if left out."),
    Parameter::optional(
        LENGTH,
        Kind::Integer { min: 1, max: LONGEST_PAGE as u32 },
        "How many bytes; 16384 if left out.",
    ),
];

const PAGE_DESCRIPTION: &str = "Returns a long result of another tool, page by page. Give the id, and then each page's next_offset as offset \
    until there is none.";

const ASYNC_DESCRIPTION: &str =
    "Whether the call is queued. The result is then an id, which get_result takes a little later.";

/// A tool of the table; one whose calls may be queued has a parameter more.
pub(crate) fn tool(action: &Action, is_queued: bool) -> Tool {
    let hints = ToolAnnotations::new().read_only(!action.changes).destructive(false).open_world(true);
    let mut input = schema(action.parameters);
    if is_queued {
        input["properties"][ASYNC] = json!({ "type": "boolean", "description": ASYNC_DESCRIPTION });
    }
    described(action.name, action.description, input, result_schema()).annotate(hints)
}

/// The tool that reads long results.
pub(crate) fn get_result() -> Tool {
    let hints = ToolAnnotations::new().read_only(true).open_world(false);
    described(GET_RESULT, PAGE_DESCRIPTION, schema(&PAGE_PARAMETERS), page_schema()).annotate(hints)
}

fn described(name: &'static str, description: &'static str, input: Value, output: Value) -> Tool {
    Tool::new(name, description, object(input)).with_raw_output_schema(object(output).into())
}

fn object(schema: Value) -> JsonObject {
    let Value::Object(schema) = schema else { panic!("BUG: a schema is an object") };
    schema
}

/// What every tool of the table returns as structured content.
fn result_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "text": { "type": "string", "description": "The result, or its beginning." },
            "complete": { "type": "boolean", "description": "Whether text is the whole result." },
            "bytes": { "type": "integer", "description": "Of the whole result." },
            "id": { "type": "string", "description": "What get_result takes, if the result is not complete." },
            "uri": { "type": "string", "description": "The same result as a resource." },
            "next_offset": { "type": "integer", "description": "Where the rest begins, in bytes." },
            "status": { "type": "string", "description": "Of a call that was queued." },
        },
        "required": ["text", "complete"],
    })
}

fn page_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "text": { "type": "string" },
            "offset": { "type": "integer", "description": "Where text begins, in bytes." },
            "next_offset": { "type": "integer", "description": "Where the next page begins, if there is one." },
            "bytes": { "type": "integer", "description": "Of the whole result." },
            "complete": { "type": "boolean", "description": "False while a queued call is not done." },
            "id": { "type": "string" },
            "uri": { "type": "string", "description": "The same result as a resource." },
            "status": { "type": "string", "description": "Of a queued call that is not done." },
        },
        "required": ["text"],
    })
}
