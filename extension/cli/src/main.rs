//! `lrap`, the tool for operators: what is behind a reference, what is in the table, what would become of an event. Same settings and same
//! library as the extension, which is another program.
//!
//! Adding a command is a file, and its lines in [`arguments`] and here.
//!
//! Exit codes: 0 all is well, 1 the answer is no, 2 wrong usage or settings, 3 the content table cannot be reached or
//! denies access.

#![expect(clippy::doc_markdown, reason = "clap shows documentation as it is, and would show backquotes too")]

mod answer;
mod arguments;
mod cat;
mod completions;
mod config;
mod context;
mod document;
mod explain;
mod figures;
mod inspect_event;
mod inspect_response;
mod ls;
mod options;
mod profile;
mod put;
mod report;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lrap::version::{COMMIT, VERSION, build};
use serde_json::json;

use self::answer::{Outcome, ToolError, print};
use self::arguments::{Arguments, Command};
use self::context::Context;

fn main() -> ExitCode {
    let arguments: Vec<_> = lrap::config::arguments().collect();
    let as_json = arguments.iter().any(|argument| argument == "--json");
    match run(arguments, as_json) {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            say(&error, as_json);
            ExitCode::from(error.code())
        }
    }
}

fn run(words: Vec<OsString>, as_json: bool) -> Result<Outcome, ToolError> {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => return not_parsed(&error, as_json),
    };
    let context = Context::new(&arguments.common, lrap::config::environment());
    match &arguments.command {
        Command::Put(put) => put.run(&context),
        Command::Cat(cat) => cat.run(&context),
        Command::Verify(verify) => verify.run(&context),
        Command::Ls(ls) => ls.run(&context),
        Command::Explain(explain) => explain.run(&context),
        Command::Config(config) => config.run(&context),
        Command::Completions(completions) => completions.run(&context, Arguments::command()),
    }
}

/// What was asked for is help, the version, or makes no sense.
fn not_parsed(error: &clap::Error, as_json: bool) -> Result<Outcome, ToolError> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp => print(as_json, &json!({ "help": text }), &text),
        ErrorKind::DisplayVersion => {
            let document = json!({ "version": VERSION, "build": COMMIT });
            print(as_json, &document, &format!("lrap {VERSION} ({})\n", build()))
        }
        _ => Err(ToolError::Usage(text.trim_start_matches("error: ").trim_end().to_owned())),
    }
}

/// An error may not panic because standard error is closed.
fn say(error: &ToolError, as_json: bool) {
    let said = if as_json {
        json!({ "error": error.to_string(), "exit_code": error.code() }).to_string()
    } else {
        format!("lrap: {error}")
    };
    let _ = writeln!(io::stderr(), "{said}");
}
