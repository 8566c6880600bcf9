//! `lrap cat`: the content behind a reference.

use std::fs;
use std::io::{self, Write};

use bytes::Bytes;
use long_content::reference::{ContentRef, Kind};
use long_content::store::GetError;
use serde::de::IgnoredAny;
use serde_json::json;

use super::answer::{Outcome, ToolError, print};
use super::context::{Context, reference, wait};
use lrap::error::Failure;

pub(super) fn run(context: &Context) -> Result<Outcome, ToolError> {
    let text = context.arguments.operands[0].to_string_lossy();
    let reference = reference(&text).map_err(|error| ToolError::Usage(format!("{text}: {error}")))?;
    let bytes = get(context, &reference)?;
    match context.arguments.value("output") {
        Some(path) => {
            let wrong = |error| ToolError::Usage(format!("cannot write {}: {error}", path.display()));
            fs::write(path, &bytes).map_err(wrong)?;
            let said = json!({ "reference": text, "size": bytes.len(), "file": path.to_string_lossy() });
            print(context.arguments.has("json"), &said, "")
        }
        None if context.arguments.has("json") => print_document(&text, &reference, &bytes),
        None => {
            let mut out = io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()?;
            Ok(Outcome::Yes)
        }
    }
}

fn get(context: &Context, reference: &ContentRef) -> Result<Bytes, ToolError> {
    let table = context.open()?;
    table.scope.admits(reference).map_err(|refusal| ToolError::No(Failure::refused(reference, refusal).message))?;
    let got = wait(table.get(&[*reference])).remove(0);
    got.map_err(|error| {
        let said = Failure::get(reference, &error).message;
        if matches!(error, GetError::Unavailable(_)) { ToolError::Unavailable(said) } else { ToolError::No(said) }
    })
}

/// The content as the value that it is, spelt as it is stored.
fn print_document(text: &str, reference: &ContentRef, content: &Bytes) -> Result<Outcome, ToolError> {
    let damaged = |error: &dyn std::fmt::Display| ToolError::No(format!("{text}: {error}"));
    let value = match reference.kind {
        Kind::String => json!(std::str::from_utf8(content).map_err(|error| damaged(&error))?).to_string().into(),
        Kind::Json | Kind::Verbatim => {
            serde_json::from_slice::<IgnoredAny>(content).map(|_| content.clone()).map_err(|error| damaged(&error))?
        }
    };
    let (kind, size) = (reference.kind.as_str(), content.len());
    let mut out = io::stdout().lock();
    write!(out, r#"{{"reference":"{reference}","kind":"{kind}","size":{size},"content":"#)?;
    out.write_all(&value)?;
    out.write_all(b"}\n")?;
    out.flush()?;
    Ok(Outcome::Yes)
}
