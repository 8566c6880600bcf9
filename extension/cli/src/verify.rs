//! `lrap verify`: whether contents are there, whole, and in their time. Each is read and hashed, as hydrating would.
//!
//! A file without a reference is no success: nothing was verified, and the user expected otherwise.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

use bytes::Bytes;
use clap::{Args, ValueHint};
use long_content::locate;
use long_content::part::Absent;
use long_content::reference::{ContentRef, PREFIX, ParseRefError, Reference};
use long_content::store::GetError;
use lrap::error::quoted;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::answer::{Outcome, ToolError, print};
use crate::context::{Context, Table, narrowed, reference, wait};
use crate::document::Document;
use crate::options::Tenant;

const EXAMPLES: &str = "\
Examples:
  lrap verify event.json
  lrap verify @content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13
  aws logs tail /aws/lambda/reader | lrap verify

Needs dynamodb:BatchGetItem.";

/// Bytes of content that are held at once.
const BATCH: u64 = 64 << 20;

/// What is said of one reference.
#[derive(Debug, Serialize)]
struct Verdict {
    reference: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// A text that claims to be a reference.
type Claim = (String, Result<Reference, ParseRefError>);

/// Read contents and say of each whether it is ok, expired, missing, corrupt or refused
///
/// In a JSON document it checks the references that the extension would find, in any other text everything that begins like one. A file
/// without a reference is a negative result (exit code 1).
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Verify {
    /// References, or files that contain references; standard input for - or without an argument
    #[arg(value_name = "REFERENCE|FILE|-", value_hint = ValueHint::FilePath)]
    from: Vec<OsString>,
    #[command(flatten)]
    tenant: Tenant,
}

impl Verify {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome, ToolError> {
        let Claims { claims, empty } = claims(&self.from)?;
        let verdicts = if claims.is_empty() { vec![] } else { wait(verdicts(&context.open(&self.tenant)?, claims)) };
        let not_ok = verdicts.iter().filter(|verdict| !verdict.is_ok()).count();
        let document = json!({ "references": verdicts, "not_ok": not_ok, "without_references": empty });
        let mut text = verdicts.iter().fold(String::new(), |mut text, verdict| {
            let problem = verdict.problem.as_ref().map_or_else(String::new, |problem| format!("  ({problem})"));
            let _ = writeln!(text, "{:<11} {}{problem}", verdict.status, verdict.reference);
            text
        });
        for name in &empty {
            let _ = writeln!(text, "no references found in {name}");
        }
        print(context.as_json, &document, &text)?;
        let unavailable = verdicts.iter().find(|verdict| verdict.status == UNAVAILABLE);
        if let Some(problem) = unavailable.and_then(|verdict| verdict.problem.clone()) {
            return Err(ToolError::Unavailable(problem));
        }
        Ok(if not_ok == 0 && empty.is_empty() { Outcome::Yes } else { Outcome::No })
    }
}

const UNAVAILABLE: &str = "unavailable";

/// The content is there, and has no such part.
pub(crate) const ABSENT: &str = "no such part";

/// What became of reading a content, in one word.
pub(crate) fn status(error: &GetError) -> &'static str {
    match error {
        GetError::NotFound => "missing",
        GetError::Expired => "expired",
        GetError::Refused => "refused",
        GetError::Corrupt => "corrupt",
        GetError::Unavailable(_) => UNAVAILABLE,
    }
}

impl Verdict {
    fn is_ok(&self) -> bool {
        self.status == "ok"
    }

    fn of(reference: String, outcome: &Outcomes) -> Self {
        let (status, problem) = match outcome {
            Ok(()) => ("ok", None),
            Err(Problem::Get(error)) => (status(error), Some(error.to_string())),
            Err(Problem::Absent(absent)) => (ABSENT, Some(absent.to_string())),
        };
        Self { reference, status, problem }
    }
}

/// What became of one reference.
type Outcomes = Result<(), Problem>;

/// Why a reference is not ok.
enum Problem {
    Get(GetError),
    Absent(Absent),
}

/// What the operands hold.
#[derive(Default)]
struct Claims {
    claims: Vec<Claim>,
    /// Files without any.
    empty: Vec<String>,
}

impl Claims {
    fn read(&mut self, path: &OsStr) -> Result<(), ToolError> {
        let document = Document::read(path)?;
        let found = claims_in(&document.text);
        if found.is_empty() && document.holds_references_in_base64() {
            let hint = "decode it first, for example by `base64 -d FILE | lrap verify`";
            return Err(ToolError::Usage(format!("{} holds references in base64: {hint}", document.name)));
        }
        if found.is_empty() {
            self.empty.push(document.name);
        }
        self.claims.extend(found);
        Ok(())
    }
}

/// What the operands hold: references, files, and standard input for `-` or for none.
fn claims(operands: &[OsString]) -> Result<Claims, ToolError> {
    let mut read = Claims::default();
    if operands.is_empty() {
        read.read(OsStr::new("-"))?;
    }
    for operand in operands {
        match operand.to_str().filter(|text| text.starts_with(PREFIX)) {
            Some(text) => read.claims.push((text.to_owned(), reference(text))),
            None => read.read(operand)?,
        }
    }
    Ok(read)
}

/// The references of a JSON document, as hydrating sees them; of any other text, such as a log, whatever begins like one.
fn claims_in(text: &[u8]) -> Vec<Claim> {
    let mut claims: Vec<Claim> = if serde_json::from_slice::<IgnoredAny>(text).is_ok() {
        locate::sightings(text).into_iter().map(|sighting| (sighting.text, sighting.reference)).collect()
    } else {
        let text = String::from_utf8_lossy(text);
        let spans = text.match_indices(PREFIX).map(|(at, _)| reference_at(&text[at..]).to_owned());
        spans.map(|claim| (claim.clone(), reference(&claim))).collect()
    };
    let mut seen = std::collections::HashSet::new();
    claims.retain(|(claim, _)| seen.insert(claim.clone()));
    claims
}

/// As much of a text as a reference can be; a full stop at its end closes the sentence.
fn reference_at(text: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._:-".contains(c);
    text.split(|c| !plain(c)).next().unwrap_or_default().trim_end_matches(['.', ':'])
}

/// Verdicts in the order of the claims.
async fn verdicts(table: &Table, claims: Vec<Claim>) -> Vec<Verdict> {
    let references: Vec<_> = claims.iter().filter_map(|(_, reference)| reference.as_ref().ok()).collect();
    let mut outcomes = std::collections::HashMap::new();
    for batch in batches(references.iter().map(|reference| reference.content)) {
        let read = table.get(&batch).await;
        let read: std::collections::HashMap<_, _> = batch.into_iter().zip(read).collect();
        for reference in &references {
            if let Some(content) = read.get(&reference.content) {
                outcomes.insert((*reference).clone(), outcome(reference, content));
            }
        }
    }
    let verdict = |(text, reference): Claim| match reference {
        Ok(reference) => Verdict::of(text, &outcomes[&reference]),
        Err(error) => Verdict { reference: quoted(&text), status: "refused", problem: Some(error.to_string()) },
    };
    claims.into_iter().map(verdict).collect()
}

fn outcome(reference: &Reference, content: &Result<Bytes, GetError>) -> Outcomes {
    let content = content.as_ref().map_err(|error| Problem::Get(error.clone()))?;
    narrowed(reference, content).map(drop).map_err(Problem::Absent)
}

/// Distinct references, as many together as may be held at once.
fn batches(references: impl Iterator<Item = ContentRef>) -> Vec<Vec<ContentRef>> {
    let mut batches: Vec<Vec<ContentRef>> = vec![];
    let mut seen = std::collections::HashSet::new();
    let mut held = 0;
    for reference in references.filter(|reference| seen.insert(*reference)) {
        held += reference.size;
        if let Some(batch) = batches.last_mut().filter(|_| held <= BATCH) {
            batch.push(reference);
        } else {
            held = reference.size;
            batches.push(vec![reference]);
        }
    }
    batches
}
