//! What a call returns: text for a model, and the same as structured content. No reply holds a reference.

use functions_content::unmarked;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use crate::pages::Page;
use crate::resources::uri;

/// What every reference begins with, and what is written in its place.
const MARKER: &str = "@content:";
const BROKEN: &str = "@ content:";

/// A result that is returned whole.
pub(crate) fn whole(text: &str) -> CallToolResult {
    let text = readable(text);
    let structured = json!({ "text": text, "complete": true, "bytes": text.len() });
    both(text, structured)
}

/// The beginning of a result that `get_result` returns by `id`.
pub(crate) fn beginning(page: Page<'_>, id: &str) -> CallToolResult {
    let text = readable(page.text);
    let next = page.offset + page.text.len();
    let structured =
        json!({ "text": text, "complete": false, "bytes": page.bytes, "id": id, "uri": uri(id), "next_offset": next });
    let said = format!(
        "{text}\n\n[… {} bytes in all; get_result with id {id} and offset {next} returns the rest]",
        page.bytes
    );
    both(said, structured)
}

/// A later part of it.
pub(crate) fn page(page: Page<'_>) -> CallToolResult {
    let text = readable(page.text);
    let mut structured = json!({ "text": text, "offset": page.offset, "bytes": page.bytes });
    let ending = match page.next() {
        Some(next) => {
            structured["next_offset"] = json!(next);
            format!("\n\n[… bytes {} to {next} of {}; the next page has offset {next}]", page.offset, page.bytes)
        }
        None => String::new(),
    };
    both(format!("{text}{ending}"), structured)
}

/// A call that was queued, or is being worked off.
pub(crate) fn waiting(id: &str, status: &str) -> CallToolResult {
    let text = format!("The call is {status}. Give its id, {id}, to get_result for the result.");
    let structured = json!({ "text": text, "complete": false, "id": id, "uri": uri(id), "status": status });
    both(text, structured)
}

/// What went wrong with a call, in words for the model.
pub(crate) fn failure(error: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(readable(error))])
}

/// Text in which nothing reads like a reference, also where one is only mentioned: outside, no one can tell.
pub(crate) fn readable(text: &str) -> String {
    match unmarked(&Value::from(text)) {
        Value::String(text) => text.replace(MARKER, BROKEN),
        _ => unreachable!("BUG: a text stays one"),
    }
}

fn both(text: String, structured: Value) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(structured);
    result
}
