//! `lrap explain`: what would become of a document on its way through the extension, and why. The decisions are the
//! library's; this only tells them.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::{Args, ValueEnum, ValueHint};
use serde::de::IgnoredAny;

use crate::answer::{Outcome, ToolError, print};
use crate::context::Context;
use crate::document::Document;
use crate::options::Tenant;
use crate::report::{Place, Report};
use crate::{figures, inspect_event, inspect_response};

const EXAMPLES: &str = "\
Examples:
  lrap explain event.json
  lrap explain event.json --fetch
  lrap explain response.json --as response

Asks the table only with --fetch, which needs dynamodb:BatchGetItem.";

/// Say what would be hydrated in an event, or offloaded from a response, and why
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Explain {
    /// The document; - is standard input
    #[arg(value_name = "FILE|-", value_hint = ValueHint::FilePath)]
    document: OsString,
    /// What the document is
    #[arg(long = "as", value_name = "FORM", default_value = "event")]
    form: Form,
    /// Read the contents of an event too, and print the exact result
    #[arg(long)]
    fetch: bool,
    #[command(flatten)]
    tenant: Tenant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Event,
    Response,
}

impl Explain {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome, ToolError> {
        if self.form == Form::Response && self.fetch {
            return Err(ToolError::Usage("--fetch is only for events, not for a response".to_owned()));
        }
        let Document { name, text: document, was } = Document::read(&self.document)?;
        let problem = serde_json::from_slice::<IgnoredAny>(&document).err();
        let mut report = match self.form {
            Form::Event => inspect_event::report(context, &document, self.fetch, &self.tenant)?,
            Form::Response => inspect_response::report(context, &document, &self.tenant)?,
        };
        if let Some(was) = was {
            report.because.insert(0, format!("{name} is {was}; it is read as the text that it encodes"));
        }
        if let Some(problem) = &problem {
            report.because.push(format!("{name} is not JSON, so nothing in it is replaced: {problem}"));
        }
        let json = serde_json::to_value(&report).expect("BUG: a report is a JSON document");
        print(context.as_json, &json, &text(&report))?;
        Ok(if report.outcome == "fails" || problem.is_some() { Outcome::No } else { Outcome::Yes })
    }
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
