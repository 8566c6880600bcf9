//! `lrap cat`: the content behind a reference or a handle.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use bytes::Bytes;
use clap::{Args, ValueHint};
use long_content::reference::{Kind, Reference};
use long_content::store::GetError;
use lrap::error::Failure;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::answer::{Outcome, ToolError, print};
use crate::context::{Context, named, narrowed, wait};
use crate::options::Tenant;

const EXAMPLES: &str = "\
Examples:
  lrap cat @content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13
  lrap cat 1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13      a handle, as an agent's tools print it
  lrap cat \"$REFERENCE\" -o text.txt

Needs dynamodb:BatchGetItem.";

/// Write the content of a reference to standard output, byte for byte
///
/// A handle is a reference without its `@content:`, so that no function hydrates it: the tools of an agent use handles. A content is
/// written as it is stored: the decoded text of a string, the JSON text of any other value. For a reference to a part, only that part is written.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Cat {
    /// A reference, or a handle
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: OsString,
    /// Write to FILE instead
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    tenant: Tenant,
}

impl Cat {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome, ToolError> {
        let text = self.reference.to_string_lossy();
        let reference = named(&text).map_err(|error| ToolError::Usage(format!("{text}: {error}")))?;
        let bytes = self.get(context, &reference)?;
        match &self.output {
            Some(path) => {
                let wrong = |error| ToolError::Usage(format!("cannot write {}: {error}", path.display()));
                fs::write(path, &bytes).map_err(wrong)?;
                let said = json!({ "reference": text, "size": bytes.len(), "file": path.to_string_lossy() });
                print(context.as_json, &said, "")
            }
            None if context.as_json => print_document(&text, &reference, &bytes),
            None => {
                let mut out = io::stdout().lock();
                out.write_all(&bytes)?;
                out.flush()?;
                Ok(Outcome::Yes)
            }
        }
    }

    fn get(&self, context: &Context, reference: &Reference) -> Result<Bytes, ToolError> {
        let (table, whole) = (context.open(&self.tenant)?, &reference.content);
        table.scope.admits(whole).map_err(|refusal| ToolError::No(Failure::refused(whole, refusal).message))?;
        let got = wait(table.get(&[*whole])).remove(0).map_err(|error| {
            let said = Failure::get(whole, &error).message;
            if matches!(error, GetError::Unavailable(_)) { ToolError::Unavailable(said) } else { ToolError::No(said) }
        })?;
        narrowed(reference, &got).map_err(|absent| ToolError::No(Failure::absent(reference, absent).message))
    }
}

/// The content as the value that it is, spelt as it is stored.
fn print_document(text: &str, reference: &Reference, content: &Bytes) -> Result<Outcome, ToolError> {
    let damaged = |error: &dyn std::fmt::Display| ToolError::No(format!("{text}: {error}"));
    let value = match reference.content.kind {
        Kind::String => json!(std::str::from_utf8(content).map_err(|error| damaged(&error))?).to_string().into(),
        Kind::Json | Kind::Verbatim => {
            serde_json::from_slice::<IgnoredAny>(content).map(|_| content.clone()).map_err(|error| damaged(&error))?
        }
    };
    let (kind, size) = (reference.content.kind.as_str(), content.len());
    let mut out = io::stdout().lock();
    write!(out, r#"{{"reference":"{reference}","kind":"{kind}","size":{size},"content":"#)?;
    out.write_all(&value)?;
    out.write_all(b"}\n")?;
    out.flush()?;
    Ok(Outcome::Yes)
}
