//! `lrap`, the tool for operators: what is behind a reference, what is in the table, what would become of an event. Same settings and same
//! library as the extension, which is a program of its own. Adding a command is a file, a line in [`RUN`] and one in [`commands`].
//!
//! Exit codes: 0 all is well, 1 the answer is no, 2 wrong usage or settings, 3 the content table cannot be reached or does
//! not let us.

mod answer;
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
mod report;
mod settings;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use lrap::version::{COMMIT, VERSION, build};
use serde_json::json;

use self::answer::{Outcome, ToolError, print};
use self::arguments::Arguments;
use self::context::Context;

/// What a command does.
type Run = fn(&Context) -> Result<Outcome, ToolError>;

/// The command of each name in [`commands::COMMANDS`].
const RUN: &[(&str, Run)] = &[
    ("cat", cat::run),
    ("verify", verify::run),
    ("ls", ls::run),
    ("explain", explain::run),
    ("config", settings::run),
    ("completions", completions::run),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = lrap::config::arguments().collect();
    let as_json = arguments.iter().any(|argument| argument == "--json");
    match run(arguments, lrap::config::environment()) {
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
        return help::print(arguments.command, arguments.has("json"));
    }
    if arguments.has("version") {
        return print_version(&arguments);
    }
    let Some(command) = arguments.command else {
        return Err(ToolError::Usage(format!("no command\n\n{}", help::short())));
    };
    let (_, run) = RUN.iter().find(|(name, _)| *name == command.name).expect("BUG: every command can be run");
    run(&Context::new(arguments, environment)?)
}

fn print_version(arguments: &Arguments) -> Result<Outcome, ToolError> {
    let document = json!({ "version": VERSION, "build": COMMIT });
    print(arguments.has("json"), &document, &format!("lrap {VERSION} ({})\n", build()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_can_be_run() {
        let known: Vec<_> = commands::COMMANDS.iter().map(|command| command.name).collect();
        let run: Vec<_> = RUN.iter().map(|(name, _)| *name).collect();
        assert_eq!(known, run);
    }
}
