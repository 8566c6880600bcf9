//! What `--help` says.

use std::fmt::Write as _;

use serde_json::json;

use super::answer::{Outcome, ToolError};
use super::commands::{COMMANDS, Command, FLAGS, Flag};

const ABOUT: &str = "\
Looks at long content that travels as a reference: the tool beside the Lambda extension.
";

const ENVIRONMENT: &str = "\
Settings come from the environment, as in Lambda: AGENT_CONTEXT_TABLE, AWS_REGION, credentials (see lrap config).
Credentials of a profile that are not in ~/.aws/credentials: eval \"$(aws configure export-credentials --format env)\"
";

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  the answer is no: not ok, missing, expired, refused, no reference to verify, not JSON, a mistake in the settings, an
     invocation that would fail
  2  wrong usage, settings or files
  3  the content table cannot be reached, or does not let us
";

/// Prints the help of one command, or of all.
pub(super) fn print(command: Option<&Command>, as_json: bool) -> Result<Outcome, ToolError> {
    let text = match command {
        Some(command) => format!("{}.\n\n{}\n{EXIT_CODES}", command.help, usage_of(command)),
        None => long(),
    };
    super::answer::print(as_json, &json!({ "help": text }), &text)
}

/// The commands, for who gave none.
pub(super) fn short() -> String {
    let mut text = String::from("Usage: lrap COMMAND [OPTION]...\n\n");
    commands(&mut text);
    text.push_str("\nlrap --help says more.\n");
    text
}

/// How one command is used.
pub(super) fn usage_of(command: &Command) -> String {
    let mut text = format!("Usage: lrap {} [OPTION]... {}\n\nOptions:\n", command.name, command.operands);
    flags(&mut text, command.flags());
    text
}

fn long() -> String {
    let mut text = format!("{ABOUT}\nUsage: lrap COMMAND [OPTION]...\n\n");
    commands(&mut text);
    text.push_str("\nOptions:\n");
    flags(&mut text, FLAGS.iter());
    format!("{text}\n{ENVIRONMENT}\n{EXIT_CODES}")
}

fn commands(text: &mut String) {
    text.push_str("Commands:\n");
    for command in COMMANDS {
        let synopsis = format!("{} {}", command.name, command.operands);
        let _ = writeln!(text, "  {synopsis:<28} {}", command.help);
    }
}

fn flags<'a>(text: &mut String, flags: impl Iterator<Item = &'a Flag>) {
    for flag in flags {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
        let value = flag.value.map_or_else(String::new, |(value, _)| format!(" {value}"));
        let synopsis = format!("{short}--{}{value}", flag.name);
        let only = if flag.commands.is_empty() { String::new() } else { format!(" ({})", flag.commands.join(", ")) };
        let _ = writeln!(text, "  {synopsis:<28} {}{only}", flag.help);
    }
}
