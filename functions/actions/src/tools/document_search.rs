//! `document_search`: the passages of a long text that have to do with something, so that no model carries the text.

use functions_content::LONGEST;

use crate::action::{Action, Need, Running, Services};
use crate::parameters::{Arguments, Kind, Parameter};
use crate::passages::{Passage, Query};
use crate::tool_error::ToolError;

const DOCUMENT: &str = "document";
const QUERY: &str = "query";
const MAX_PASSAGES: &str = "max_passages";

pub(crate) static ACTION: Action = Action {
    name: "document_search",
    aliases: &[],
    description: "Finds the passages of a long text that have most to do with a query, best first, each with its offset in bytes, from which \
        document_read reads on. The text may be given as the handle of another tool's long result.",
    tags: &["document"],
    needs: Need::Nothing,
    changes: false,
    parameters: &[
        Parameter::required(DOCUMENT, Kind::Content, "The text, or its handle, exactly as a result gave it."),
        Parameter::required(
            QUERY,
            Kind::Text,
            "Words to look for. Rare ones count more, and those that are close together.",
        ),
        Parameter::optional(MAX_PASSAGES, Kind::Integer { min: 1, max: 8 }, "How many passages; 4 if left out."),
    ],
    run,
};

const DEFAULT_PASSAGES: usize = 4;

/// Bytes for the line above the passages, and for the line above each.
const HEADING: usize = 160;
const LABEL: usize = 24;

/// Bytes of one passage, however few there are.
const LONGEST_PASSAGE: usize = 480;

fn run(_: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let count = arguments.integer(MAX_PASSAGES).unwrap_or(DEFAULT_PASSAGES);
        let query = Query::of(arguments.text(QUERY));
        let query = query.ok_or_else(|| ToolError::new(format!("`{QUERY}` has no word to look for")))?;
        let document = arguments.text(DOCUMENT);
        let length = ((LONGEST - HEADING) / count - LABEL).min(LONGEST_PASSAGE);
        Ok(report(document, &query.search(document, count, length)))
    })
}

fn report(document: &str, passages: &[Passage<'_>]) -> String {
    let (count, length) = (passages.len(), document.len());
    if passages.is_empty() {
        return format!("No word of the query is in the document of {length} bytes.");
    }
    let noun = if count == 1 { "passage" } else { "passages" };
    let heading = format!("{count} {noun} of a document of {length} bytes, best first:");
    let passages = passages.iter().map(|passage| format!("\n\n[offset {}]\n{}", passage.offset, passage.text));
    [heading].into_iter().chain(passages).collect()
}
