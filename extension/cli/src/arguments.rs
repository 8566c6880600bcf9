//! The command line: what can be asked for. Each command has a file; help and completions come from here and from there.

use clap::{Parser, Subcommand};

use crate::cat::Cat;
use crate::completions::Completions;
use crate::config::Config;
use crate::explain::Explain;
use crate::ls::Ls;
use crate::options::Common;
use crate::put::Put;
use crate::verify::Verify;

const AFTER: &str = "\
Exit codes:
  0  all is well
  1  a negative result: not ok, missing, expired, refused, no reference to verify, not JSON, a mistake in the settings, an
     invocation that would fail
  2  wrong usage, settings or files
  3  the content table cannot be reached, or denies access

Settings come from the environment, as in Lambda: AGENT_CONTEXT_TABLE, AWS_REGION, credentials. `lrap config` shows what is in force,
`lrap config --help` lists every variable. For credentials that are not in ~/.aws/credentials:
  eval \"$(aws configure export-credentials --format env)\"";

const EXAMPLES: &str = "\
Examples:
  lrap put report.txt                          store a file, print its reference
  lrap cat @content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13
  lrap verify event.json                       read everything that an event refers to
  lrap explain event.json                      say what the layer would do with an event
  lrap config                                  show the settings in force";

/// Stores, shows and checks long content that travels as a reference, and says what the layer does with a document.
#[derive(Debug, Parser)]
#[command(
    name = "lrap",
    version,
    after_help = "`lrap --help` says more, with examples; so does `lrap COMMAND --help`.",
    after_long_help = format!("{EXAMPLES}\n\n{AFTER}"),
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Put(Put),
    Cat(Cat),
    Verify(Verify),
    Ls(Ls),
    Explain(Explain),
    Config(Config),
    Completions(Completions),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Arguments, String> {
        let words = std::iter::once("lrap").chain(line.split_whitespace());
        Arguments::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn common_options_stand_before_and_behind_the_command() {
        let parsed = parse("--table=t cat -o file @content: --region eu-west-1 --json").unwrap();
        let Command::Cat(cat) = parsed.command else { panic!("another command") };
        assert_eq!((cat.reference.to_str(), cat.output.as_deref()), (Some("@content:"), Some("file".as_ref())));
        assert_eq!(parsed.common.table.as_deref(), Some("t"));
        assert_eq!(parsed.common.region.as_deref(), Some("eu-west-1"));
        assert!(parsed.common.json);
    }

    #[test]
    fn a_mistake_in_the_command_line_is_named() {
        let problem = |line| parse(line).err().unwrap();
        assert!(problem("explains x").contains("'explain'"), "{}", problem("explains x"));
        assert!(problem("frobnicate").contains("frobnicate"));
        assert!(problem("ls --fetch").contains("--fetch"));
        assert!(problem("cat").contains("<REFERENCE>"));
        assert!(problem("ls surplus").contains("surplus"));
        assert!(problem("put").contains("FILE"));
        assert!(problem("put a --text b").contains("cannot be used with"));
        assert!(problem("ls --json=yes").contains("--json"));
        assert!(problem("ls --table=").contains("--table"));
    }

    /// Every line of help that shows a command line shows one that is understood.
    #[test]
    fn the_examples_can_be_typed() {
        let mut count = 0;
        let mut commands = vec![Arguments::command()];
        commands.extend(Arguments::command().get_subcommands().cloned());
        for command in commands {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines().filter_map(|line| line.trim_start().strip_prefix("lrap ")) {
                let typed = line.split("  ").next().unwrap().split(" > ").next().unwrap().replace(['\'', '"'], "");
                parse(&typed).unwrap_or_else(|error| panic!("lrap {typed}: {error}"));
                count += 1;
            }
        }
        assert!(count >= 10, "{count} examples");
    }
}
