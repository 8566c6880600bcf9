//! The rules of hydrating and offloading as data: one JSON file per case, run through the pure library.
//!
//! A file says which payload goes in (`input`, JSON text as a string so that every byte counts, or `input_hex`) and what comes
//! out. In `stored`, contents get names; `{{name}}` in input and expectation is replaced by the reference of that content, so that
//! files read like the rule they hold. `UPDATE_CASES=1` writes what came out into the files; the diff is then a review.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use long_content::hydrate::{self, HydratePlan};
use long_content::keep::Pointer;
use long_content::offload::{self, Limits, MAX_LOOK_ALIKES};
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{Content, ContentRef, Kind, Reference, Scope, Ttl};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// One file of `cases/`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The rule, as a sentence.
    name: String,
    #[serde(default, skip_serializing_if = "Settings::is_default")]
    settings: Settings,
    /// Contents by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stored: BTreeMap<String, Stored>,
    /// The payload, as its text or in hexadecimal digits where it is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_hex: Option<String>,
    expect: Expectation,
}

#[derive(Deserialize, Serialize, Default, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_content_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    /// JSON Pointers of values that stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keep: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_payload_size: Option<usize>,
    /// How many values leave, at most, because they read like references.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_look_alikes: Option<usize>,
    /// Names of contents whose references the event held, and that were handed over as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept: Vec<String>,
    /// Names of contents that the store no longer has; their references stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

impl Settings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A content: its text, or the JSON text of another value.
#[derive(Deserialize, Serialize, PartialEq, Eq, Clone, Debug)]
#[serde(rename_all = "snake_case")]
enum Stored {
    String(String),
    Json(String),
    Verbatim(String),
}

impl Stored {
    fn content(&self) -> Content {
        match self {
            Self::String(text) => Content::string(text.clone()),
            Self::Json(text) => Content::json(text.clone()),
            Self::Verbatim(text) => Content::verbatim(text.clone()),
        }
    }
}

#[derive(Deserialize, Serialize, PartialEq, Eq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
struct Expectation {
    /// The payload that comes out; absent when it is the very bytes that went in.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// The contents that were stored, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stored: Vec<Stored>,
    /// The references that were read, by the names of their contents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    read: Vec<String>,
    /// Strings that claim to be references and are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
    /// Whether text that reads like a reference was among what was stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    look_alike: bool,
}

impl Case {
    fn reference(&self, stored: &Stored) -> ContentRef {
        let ttl = self.settings.ttl.map_or(Ttl::NONE, Ttl::seconds);
        Scope::new("content").reference(ttl, &stored.content())
    }

    /// `text` with the reference of each named content in the place of its name.
    fn fill(&self, text: &str) -> String {
        let fill = |text: String, (name, stored): (&String, &Stored)| {
            text.replace(&format!("{{{{{name}}}}}"), &self.reference(stored).to_string())
        };
        self.stored.iter().fold(text.to_owned(), fill)
    }

    /// The inverse of `fill`.
    fn blank(&self, text: &str) -> String {
        let blank = |text: String, (name, stored): (&String, &Stored)| {
            text.replace(&self.reference(stored).to_string(), &format!("{{{{{name}}}}}"))
        };
        self.stored.iter().fold(text.to_owned(), blank)
    }

    /// A stored content as files spell it.
    fn blanked(&self, stored: Stored) -> Stored {
        match stored {
            Stored::String(text) => Stored::String(self.blank(&text)),
            Stored::Json(text) => Stored::Json(self.blank(&text)),
            Stored::Verbatim(text) => Stored::Verbatim(self.blank(&text)),
        }
    }

    fn input(&self) -> Bytes {
        match (&self.input, &self.input_hex) {
            (Some(text), None) => self.fill(text).into(),
            (None, Some(digits)) => from_hex(digits).into(),
            _ => panic!("{}: either input or input_hex", self.name),
        }
    }

    fn output(&self, input: &Bytes, output: &Bytes) -> Option<String> {
        if input == output {
            assert_eq!(input.as_ptr(), output.as_ptr(), "nothing to do: the very same bytes");
            return None;
        }
        Some(self.blank(std::str::from_utf8(output).expect("replacing keeps UTF-8")))
    }

    fn name_of(&self, reference: &Reference) -> String {
        let named = self.stored.iter().find(|(_, stored)| *reference == self.reference(stored));
        named.map_or_else(|| reference.to_string(), |(name, _)| name.clone())
    }

    fn hydrate(&self) -> Expectation {
        let input = self.input();
        let plan = hydrate::plan(&input);
        let contents: Vec<_> = plan.references().iter().map(|reference| self.content_of(reference)).collect();
        Expectation {
            output: self.output(&input, &hydrated(&plan, &input, &contents)),
            read: plan.references().iter().map(|reference| self.name_of(reference)).collect(),
            refused: plan.malformed().iter().map(|(text, _)| text.clone()).collect(),
            ..Expectation::default()
        }
    }

    fn content_of(&self, reference: &Reference) -> Option<Bytes> {
        let name = self.name_of(reference);
        let stored = self.stored.get(&name).filter(|_| !self.settings.missing.contains(&name))?;
        Some(stored.content().bytes)
    }

    fn keep(&self) -> Vec<Pointer> {
        self.settings.keep.iter().map(|pointer| pointer.parse().expect("a pointer")).collect()
    }

    fn kept(&self) -> Vec<Reference> {
        self.settings.kept.iter().map(|name| self.reference(&self.stored[name]).into()).collect()
    }

    /// The whole way out: what is too long leaves, and then what must leave for the rest to fit.
    fn fit(&self) -> Expectation {
        let input = self.input();
        let ttl = self.settings.ttl.map_or(Ttl::NONE, Ttl::seconds);
        let terms = Terms {
            max_content_size: self.settings.max_content_size.unwrap_or(5000),
            max_payload_size: self.settings.max_payload_size,
            keep: self.keep(),
            kept: self.kept(),
            max_look_alikes: self.settings.max_look_alikes.unwrap_or(MAX_LOOK_ALIKES),
            ..Terms::new(Scope::new("content"), ttl)
        };
        let outgoing = Outgoing::of(&input, &terms).expect("it fits");
        let numbered = outgoing.contents.iter().enumerate();
        let output = numbered.fold(self.output(&input, &outgoing.response), |output, (index, (reference, _))| {
            output.map(|output| output.replace(&reference.to_string(), &format!("<{index}>")))
        });
        let content = |(reference, bytes): (ContentRef, Bytes)| Content { kind: reference.kind, bytes };
        let stored = outgoing.contents.into_iter().map(|stored_one| self.blanked(stored(&content(stored_one))));
        Expectation { output, stored: stored.collect(), look_alike: outgoing.has_look_alike, ..Expectation::default() }
    }

    fn offload(&self) -> Expectation {
        let input = self.input();
        let (keep, kept) = (self.keep(), self.kept());
        let threshold = self.settings.max_content_size.unwrap_or(5000);
        let max_look_alikes = self.settings.max_look_alikes.unwrap_or(MAX_LOOK_ALIKES);
        let plan = offload::plan(&input, &Limits { threshold, keep: &keep, kept: &kept, max_look_alikes });
        let stored: Vec<_> = plan.contents().iter().map(stored).collect();
        let references: Vec<_> = stored.iter().map(|content| self.reference(content)).collect();
        let output = if plan.is_empty() { input.clone() } else { plan.apply(&references) };
        let numbered = references.iter().enumerate();
        let numbered = numbered.fold(self.output(&input, &output), |output, (index, reference)| {
            output.map(|output| output.replace(&reference.to_string(), &format!("<{index}>")))
        });
        let stored = stored.into_iter().map(|content| self.blanked(content)).collect();
        Expectation { output: numbered, stored, look_alike: plan.has_look_alike(), ..Expectation::default() }
    }
}

fn hydrated(plan: &HydratePlan, input: &Bytes, contents: &[Option<Bytes>]) -> Bytes {
    if plan.references().is_empty() { input.clone() } else { plan.apply(contents) }
}

fn stored(content: &Content) -> Stored {
    let text = String::from_utf8(content.bytes.to_vec()).expect("contents are UTF-8");
    match content.kind {
        Kind::String => Stored::String(text),
        Kind::Json => Stored::Json(text),
        Kind::Verbatim => Stored::Verbatim(text),
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases").join(folder);
    let entries = std::fs::read_dir(&folder).expect("a folder of cases");
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn read(path: &Path) -> Case {
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs every case of a folder and names each that came out otherwise.
fn walk(folder: &str, least: usize, run: fn(&Case) -> Expectation) {
    let files = files(folder);
    assert!(files.len() >= least, "only {} cases in {folder}", files.len());
    let failures: Vec<_> = files.iter().filter_map(|path| check(path, run)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(path: &Path, run: fn(&Case) -> Expectation) -> Option<String> {
    let mut case = read(path);
    let outcome = run(&case);
    if outcome == case.expect {
        return None;
    }
    if !is_update() {
        let Case { name, expect, .. } = case;
        return Some(format!("{} ({name}):\n  expected {expect:?}\n  came out {outcome:?}", path.display()));
    }
    case.expect = outcome;
    let text = serde_json::to_string_pretty(&case).expect("BUG: a case is JSON") + "\n";
    std::fs::write(path, text).unwrap();
    None
}

#[expect(clippy::disallowed_methods, reason = "a switch of the test run, not a setting of the extension")]
fn is_update() -> bool {
    std::env::var_os("UPDATE_CASES").is_some()
}

#[test]
fn hydrate_cases() {
    walk("hydrate", 15, Case::hydrate);
}

#[test]
fn fit_cases() {
    walk("fit", 4, Case::fit);
}

/// The values that the stack of `llm` sets, on an answer of it.
#[test]
fn o1_the_llm_stack_keeps_the_answer_and_sends_long_arguments_away() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../layer/tests/expected/shared-llm.dev.json");
    let stack: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let functions = stack["Resources"].as_object().unwrap().values();
    let variables = functions.map(|resource| &resource["Properties"]["Environment"]["Variables"]);
    let llm = variables.filter(|variables| !variables["LRAP_KEEP"].is_null()).collect::<Vec<_>>();
    let [llm] = llm[..] else { panic!("one function keeps something") };
    let number = |name: &str| usize::try_from(llm[name].as_u64().unwrap()).unwrap();
    let (text, input) = ("x".repeat(2_200), "y".repeat(60_000));
    let calls: Vec<_> = (0..5).map(|id| json!({"id": id, "name": "save", "input": {"sql": input}})).collect();
    let response = Bytes::from(json!({"text": text, "function_calls": calls, "messages": []}).to_string());
    let terms = Terms {
        max_content_size: number("MAX_CONTENT_SIZE"),
        max_payload_size: Some(number("MAX_PAYLOAD_SIZE")),
        keep: llm["LRAP_KEEP"].as_str().unwrap().split(' ').map(|pointer| pointer.parse().unwrap()).collect(),
        ..Terms::new(Scope::new("content"), Ttl::NONE)
    };
    let outgoing = Outgoing::of(&response, &terms).unwrap();
    let left: serde_json::Value = serde_json::from_slice(&outgoing.response).unwrap();
    assert_eq!(left["text"], json!(text));
    for call in left["function_calls"].as_array().unwrap() {
        assert_eq!(call["name"], "save");
        assert!(call["input"]["sql"].as_str().unwrap().parse::<ContentRef>().is_ok());
    }
}

#[test]
fn offload_cases() {
    walk("offload", 15, Case::offload);
}
