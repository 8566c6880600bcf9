//! The command line, parsed by the lists in [`commands`](super::commands).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use lexopt::Arg;

use super::answer::ToolError;
use super::commands::{COMMANDS, Command, Flag};
use super::help;

/// What was asked for.
pub(super) struct Arguments {
    pub(super) command: Option<&'static Command>,
    pub(super) operands: Vec<OsString>,
    flags: BTreeMap<&'static str, OsString>,
}

impl Arguments {
    /// Parses a command line, the program's name first.
    pub(super) fn parse(words: Vec<OsString>) -> Result<Self, ToolError> {
        let mut parser = lexopt::Parser::from_iter(words);
        let mut parsed = Self { command: None, operands: vec![], flags: BTreeMap::new() };
        while let Some(argument) = parser.next().map_err(wrong)? {
            let flag = match argument {
                Arg::Value(operand) => {
                    parsed.operand(operand)?;
                    continue;
                }
                Arg::Long(name) => Flag::spelt(name),
                Arg::Short(letter) => Flag::spelt(&letter.to_string()),
            };
            let Some(flag) = flag else { return Err(wrong(argument.unexpected())) };
            let value = if flag.value.is_some() { parser.value().map_err(wrong)? } else { OsString::new() };
            parsed.flags.insert(flag.name, value);
        }
        parsed.check()?;
        Ok(parsed)
    }

    /// The first operand is the command.
    fn operand(&mut self, operand: OsString) -> Result<(), ToolError> {
        if self.command.is_some() {
            self.operands.push(operand);
            return Ok(());
        }
        let name = operand.to_string_lossy();
        self.command = Command::named(&name);
        if self.command.is_some() { Ok(()) } else { Err(unknown_command(&name)) }
    }

    /// Whether the command takes what it was given.
    fn check(&self) -> Result<(), ToolError> {
        let Some(command) = self.command.filter(|_| !self.has("help")) else { return Ok(()) };
        let known: Vec<_> = command.flags().map(|flag| flag.name).collect();
        if let Some(flag) = self.flags.keys().find(|flag| !known.contains(flag)) {
            return Err(wrong(format!("{} does not know --{flag}", command.name)));
        }
        let (least, greatest) = command.count;
        let problem = match self.operands.get(greatest) {
            Some(surplus) => format!("does not take {}", surplus.display()),
            None if self.operands.len() < least => format!("is missing {}", command.operands),
            None => return Ok(()),
        };
        Err(ToolError::Usage(format!("{} {problem}\n\n{}", command.name, help::usage_of(command))))
    }

    /// Whether an option was given.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.contains_key(flag)
    }

    /// The value of an option that was given.
    pub(super) fn value(&self, flag: &str) -> Option<&OsStr> {
        self.flags.get(flag).map(OsString::as_os_str)
    }

    /// The same, as text.
    pub(super) fn text(&self, flag: &str) -> Result<Option<&str>, ToolError> {
        let text = self.value(flag).map(|value| value.to_str().ok_or_else(|| wrong(format!("--{flag} is not UTF-8"))));
        text.transpose()
    }
}

fn wrong(problem: impl std::fmt::Display) -> ToolError {
    ToolError::Usage(format!("{problem}\nlrap --help lists what there is"))
}

fn unknown_command(name: &str) -> ToolError {
    let nearest = COMMANDS.iter().map(|command| (strsim::damerau_levenshtein(command.name, name), command.name)).min();
    match nearest {
        Some((..=2, meant)) => wrong(format!("there is no command {name:?}; did you mean {meant}?")),
        _ => wrong(format!("there is no command {name:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        let words = std::iter::once("lrap").chain(line.split_whitespace());
        Arguments::parse(words.map(OsString::from).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn options_stand_before_and_behind_the_command() {
        let parsed = parse("--table=t cat -o file @content: --region eu-west-1 --json").unwrap();
        assert_eq!(parsed.command.unwrap().name, "cat");
        assert_eq!(parsed.operands, ["@content:"]);
        assert_eq!(parsed.text("table").unwrap(), Some("t"));
        assert_eq!(parsed.text("region").unwrap(), Some("eu-west-1"));
        assert_eq!(parsed.value("output"), Some(OsStr::new("file")));
        assert!(parsed.has("json") && !parsed.has("fetch"));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let problem = |line| parse(line).err().unwrap();
        assert!(problem("cta x").contains("did you mean cat?"));
        assert!(problem("frobnicate").starts_with("there is no command \"frobnicate\"\n"));
        assert!(problem("ls --fetch").contains("ls does not know --fetch"));
        assert!(problem("cat").contains("cat is missing REFERENCE"));
        assert!(problem("ls surplus").contains("ls does not take surplus"));
        assert!(problem("cat --frob x").contains("--frob"));
        assert!(problem("cat x -o").contains("-o"));
        assert!(problem("ls --json=yes").contains("--json"));
    }

    #[test]
    fn help_needs_no_operands() {
        assert!(parse("cat --help").unwrap().has("help"));
        assert!(parse("-h").unwrap().command.is_none());
    }
}
