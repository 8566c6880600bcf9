//! `lrap put`: a file, a text or standard input becomes a content, as the extension would store it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{ArgGroup, Args, ValueHint};
use long_content::hydrate;
use long_content::reference::{Content, ContentRef};
use long_content::store::settings;
use long_content::store::{ContentStore, Expiry, MAX_CONTENT_LEN, PutError};
use lrap::error::{Failure, quoted};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::answer::{Outcome, ToolError, print};
use crate::context::{Context, wait};
use crate::options::Tenant;

const EXAMPLES: &str = "\
Examples:
  lrap put report.txt
  lrap put --text \"$TEXT\"
  lrap put --json-value items.json
  lrap put - --tenant blue
  aws stepfunctions start-execution --state-machine-arn \"$ARN\" --input \"{\\\"document\\\": \\\"$(lrap put report.txt)\\\"}\"

Needs dynamodb:PutItem, dynamodb:BatchWriteItem and dynamodb:BatchGetItem; with LRAP_CONTENT_BUCKET s3:PutObject too.";

/// Store a file, a text or standard input, and print its reference
///
/// Stores the text as the extension would store it: in the same table, for as long as LRAP_CONTENT_TTL says, signed with the same keys. Put
/// the reference in the place of the text, in the input of an execution or in any event: functions with the layer get the text.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES, group(ArgGroup::new("content").required(true).args(["file", "text"])))]
pub(crate) struct Put {
    /// A file of UTF-8 text, stored byte for byte; - is standard input
    #[arg(value_name = "FILE|-", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// A text instead of a file
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// The content is JSON: functions get its value, not a string. References in it are hydrated too
    #[arg(long)]
    json_value: bool,
    #[command(flatten)]
    tenant: Tenant,
}

impl Put {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome, ToolError> {
        let given = self.content()?;
        let table = context.open(&self.tenant)?;
        let placing = settings::placing(table.config.bucket.as_ref());
        let reference = placing.reference(&table.scope, table.config.ttl, &given);
        let stored = wait(table.store.put(&table.scope, &[(reference, given.bytes)], table.until()));
        let expiry = stored.map_err(|error| not_stored(&error))?.remove(0);
        print(context.as_json, &document(&reference, expiry), &format!("{reference}\n"))
    }

    /// What was given, if it can be a content.
    fn content(&self) -> Result<Content, ToolError> {
        let (name, bytes) = match (&self.text, &self.file) {
            (Some(text), _) => ("--text".to_owned(), text.clone().into_bytes()),
            (None, Some(path)) if path.as_os_str() != "-" => (path.display().to_string(), read(path)?),
            (None, _) => ("standard input".to_owned(), whole("standard input", io::stdin().lock())?),
        };
        let content = if self.json_value { json_value(&name, bytes) } else { text(&name, bytes) };
        content.map_err(ToolError::Usage)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ToolError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| ToolError::Usage(format!("cannot read {name}: {error}")))?;
    whole(&name, file)
}

/// Everything that comes, if a store takes so much.
fn whole(name: &str, from: impl Read) -> Result<Vec<u8>, ToolError> {
    let mut bytes = vec![];
    let read = from.take(MAX_CONTENT_LEN + 1).read_to_end(&mut bytes);
    read.map_err(|error| ToolError::Usage(format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > MAX_CONTENT_LEN {
        return Err(ToolError::Usage(format!(
            "{name} is larger than a content may be ({MAX_CONTENT_LEN} bytes); split it, and store the parts"
        )));
    }
    Ok(bytes)
}

fn text(name: &str, bytes: Vec<u8>) -> Result<Content, String> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Content::string(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let hint = "a content is text; convert it (`iconv -t UTF-8`), or encode it, for example by `base64`";
            Err(format!("{name} is not UTF-8: byte {:#04x} at {at}; {hint}", error.as_bytes()[at]))
        }
    }
}

/// The text of a value. Every text in it that reads like a reference must be one: another would fail the invocation that gets it.
fn json_value(name: &str, bytes: Vec<u8>) -> Result<Content, String> {
    let bytes = Bytes::from(bytes);
    serde_json::from_slice::<IgnoredAny>(&bytes).map_err(|error| format!("{name} is not JSON: {error}"))?;
    let plan = hydrate::plan(&bytes);
    if let Some((text, error)) = plan.malformed().first() {
        return Err(format!("{name} holds text that reads like a reference but is not one: {}: {error}", quoted(text)));
    }
    Ok(Content::json(bytes))
}

fn not_stored(error: &PutError) -> ToolError {
    let said = Failure::put(error).message;
    if matches!(error, PutError::Unavailable(_)) { ToolError::Unavailable(said) } else { ToolError::Usage(said) }
}

fn document(reference: &ContentRef, expiry: Expiry) -> serde_json::Value {
    json!({
        "reference": reference.to_string(),
        "handle": reference.handle(),
        "kind": reference.kind.as_str(),
        "size": reference.size,
        "expires_at": expiry.second(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use long_content::reference::Kind;

    #[test]
    fn text_is_stored_byte_for_byte() {
        let content = text("FILE", "\u{feff}ä\r\n".into()).unwrap();
        assert_eq!((content.kind, &*content.bytes), (Kind::String, "\u{feff}ä\r\n".as_bytes()));
        let value = json_value("FILE", b" [1e400, 1]\n".to_vec()).unwrap();
        assert_eq!((value.kind, &*value.bytes), (Kind::Json, &b" [1e400, 1]\n"[..]));
    }

    #[test]
    fn bytes_that_no_reference_can_hold_are_refused() {
        let said = text("FILE", b"ab\xff".to_vec()).unwrap_err();
        assert!(said.starts_with("FILE is not UTF-8: byte 0xff at 2; "), "{said}");
        let said = json_value("FILE", b"{\"a\": x}".to_vec()).unwrap_err();
        assert!(said.starts_with("FILE is not JSON: ") && said.ends_with("line 1 column 7"), "{said}");
        let said = json_value("FILE", br#"["@content:1:dynamodb:s:1:x"]"#.to_vec()).unwrap_err();
        assert!(said.contains("reads like a reference but is not one: @content:1"), "{said}");
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_sent() {
        let said = whole("FILE", io::repeat(b'a')).unwrap_err().to_string();
        assert!(said.starts_with("FILE is larger than a content may be (67108864 bytes)"), "{said}");
    }
}
