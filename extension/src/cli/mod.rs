//! The same binary as a tool for operators: what is behind a reference, what is in the table, what would become of an event.
//!
//! Given arguments, `lrap` is this tool; without, it is the extension, whose start pays for nothing here but counting
//! its arguments. Same settings, same library. Adding a command is a file and a line in [`commands`].
//!
//! Exit codes: 0 all is well, 1 the answer is no, 2 wrong usage or settings, 3 the content table cannot be reached or does
//! not let us.

mod arguments;
mod cat;
mod commands;
mod completions;
mod context;
mod document;
mod explain;
mod figures;
mod help;
mod inspect_event;
mod inspect_response;
mod ls;
mod profile;
mod settings;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use self::arguments::Arguments;
use self::context::Context;

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All is well.
    Yes,
    /// The command did what it was asked to, and the answer is no.
    No,
}

/// Why a command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
enum ToolError {
    /// The answer is no, and there is nothing else to show.
    #[error("{0}")]
    No(String),
    /// Arguments, settings or files that make no sense.
    #[error("{0}")]
    Usage(String),
    /// The content table does not answer, or does not let us.
    #[error("{0}")]
    Unavailable(String),
    /// Standard output does not take what we say.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl ToolError {
    fn code(&self) -> u8 {
        match self {
            Self::No(_) => 1,
            Self::Usage(_) | Self::Output(_) => 2,
            Self::Unavailable(_) => 3,
        }
    }

    /// A pager that was closed, or `head` that has seen enough: nothing went wrong.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Runs the command that the arguments, behind the program's name, ask for.
pub fn main(arguments: impl Iterator<Item = OsString>, environment: Vec<(OsString, OsString)>) -> ExitCode {
    let arguments: Vec<_> = arguments.collect();
    let as_json = arguments.iter().any(|argument| argument == "--json");
    match run(arguments, environment) {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            say(&error, as_json);
            ExitCode::from(error.code())
        }
    }
}

fn run(arguments: Vec<OsString>, environment: Vec<(OsString, OsString)>) -> Result<Outcome, ToolError> {
    let arguments = Arguments::parse(arguments)?;
    if arguments.has("help") {
        return help::print(&arguments);
    }
    if arguments.has("version") {
        return print_version(&arguments);
    }
    let Some(command) = arguments.command else {
        return Err(ToolError::Usage(format!("no command\n\n{}", help::short())));
    };
    (command.run)(&Context::new(arguments, environment)?)
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this was built from, which only `layer/build` vouches for.
const BUILD: Option<&str> = option_env!("LRAP_BUILD_ID");

fn print_version(arguments: &Arguments) -> Result<Outcome, ToolError> {
    let document = json!({ "version": VERSION, "build": BUILD });
    print(arguments, &document, &format!("lrap {VERSION} ({})\n", BUILD.unwrap_or("local build")))
}

/// What a person sees who starts the extension by hand.
pub fn usage() -> ExitCode {
    let _ = write!(io::stderr(), "lrap: AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda\n\n{}", help::short());
    ExitCode::from(2)
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

/// Shows a result: the document for programs, the text for people.
fn print(arguments: &Arguments, document: &serde_json::Value, text: &str) -> Result<Outcome, ToolError> {
    let mut out = io::stdout().lock();
    if arguments.has("json") {
        writeln!(out, "{document}")?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(Outcome::Yes)
}
