//! `lrap explain`: what would become of a document on its way through the extension, and why. The decisions are the
//! library's; this only tells them.

use std::fmt::Write as _;

use serde::de::IgnoredAny;

use super::answer::{Outcome, ToolError, print};
use super::context::Context;
use super::document::Document;
use super::report::{Place, Report};
use super::{figures, inspect_event, inspect_response};

pub(super) fn run(context: &Context) -> Result<Outcome, ToolError> {
    let Document { name, text: document, was } = Document::read(&context.arguments.operands[0])?;
    let problem = serde_json::from_slice::<IgnoredAny>(&document).err();
    let mut report = match context.arguments.text("as")? {
        None | Some("event") => inspect_event::report(context, &document)?,
        Some("response") if context.arguments.has("fetch") => {
            return Err(ToolError::Usage("a response has nothing to --fetch".to_owned()));
        }
        Some("response") => inspect_response::report(context, &document)?,
        Some(form) => return Err(ToolError::Usage(format!("--as is {form:?}, not event or response"))),
    };
    if let Some(was) = was {
        report.because.insert(0, format!("{name} is {was}, and read as the text that it says"));
    }
    if let Some(problem) = &problem {
        report.because.push(format!("{name} is not JSON, so nothing in it is replaced: {problem}"));
    }
    let json = serde_json::to_value(&report).expect("BUG: a report is a JSON document");
    print(context.arguments.has("json"), &json, &text(&report))?;
    Ok(if report.outcome == "fails" || problem.is_some() { Outcome::No } else { Outcome::Yes })
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for statement in &report.because {
        let _ = writeln!(text, "- {statement}");
    }
    for Place { pointers, reference, size, status, why } in &report.places {
        let size = size.map_or_else(String::new, |size| format!("{}, ", figures::bytes(size)));
        let reference = reference.as_ref().map_or_else(String::new, |reference| format!("\n    {reference}"));
        let _ = writeln!(text, "{}\n    {status}: {size}{why}{reference}", place(pointers));
    }
    let about = if report.exact { "" } else { "about " };
    let after = report.bytes_after.map_or_else(String::new, |bytes| format!(" -> {about}{bytes} bytes"));
    let limit = report.limit.map_or_else(String::new, |(name, bytes)| format!(" ({name} allows {bytes})"));
    let error = report.error.as_ref().map_or_else(String::new, |error| format!(" with {error}"));
    let _ = writeln!(text, "{} {}{error}: {} bytes{after}{limit}", report.form, report.outcome, report.bytes_before);
    text
}

fn place(pointers: &[String]) -> String {
    let named = |pointer: &String| if pointer.is_empty() { "(the whole document)".to_owned() } else { pointer.clone() };
    pointers.iter().map(named).collect::<Vec<_>>().join(" -> ")
}
