//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// Deploys the platform of messages to AWS on this machine, and shows what becomes of a notification, a web action, a schedule, a failure and a
/// conversation with an agent.
///
/// Exit status: 0 if each ends as it should, else 1.
#[derive(Debug, Parser)]
#[command(name = "platform", version)]
pub(crate) struct Arguments {
    /// A Python with the engine of AWS on one machine
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) engine: PathBuf,
    /// A Python with what `make deploy` runs on
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) delivery: PathBuf,
    /// The folder with the package `delivery`
    #[arg(long, value_name = "FOLDER", default_value = "layer")]
    pub(crate) layer: PathBuf,
    /// The folder with the zips that link to the programs of this build
    #[arg(long, value_name = "FOLDER")]
    pub(crate) zips: PathBuf,
    /// Stay open afterwards, until Enter is pressed
    #[arg(long)]
    pub(crate) page: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
