//! `lrap completions`: scripts that complete the command line in a shell.

use clap::{Args, Command, ValueEnum};
use serde_json::json;

use crate::answer::{Outcome, ToolError, print};
use crate::context::Context;

const EXAMPLES: &str = "\
Examples:
  source <(lrap completions bash)                                     in ~/.bashrc
  lrap completions zsh > \"${fpath[1]}/_lrap\"                          once; zsh finds it at its next start
  lrap completions fish > ~/.config/fish/completions/lrap.fish        once";

/// Print a script that completes this command line in a shell
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(crate) fn run(&self, context: &Context, mut program: Command) -> Result<Outcome, ToolError> {
        let mut script = vec![];
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        clap_complete::generate(shell, &mut program, "lrap", &mut script);
        let script = String::from_utf8(script).expect("BUG: a script is text");
        print(context.as_json, &json!({ "shell": shell.to_string(), "script": script }), &script)
    }
}
