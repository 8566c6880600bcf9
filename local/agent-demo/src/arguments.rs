//! The command line.

use clap::Parser;
use demo::Output;
use std::path::PathBuf;

/// Lets an agent answer a question about a document of megabytes, on this machine: the state machine, the functions and the layer are
/// those that run on AWS.
///
/// The model is a script unless a provider's key is set in the environment, or a server is given by its URL. Without the layer the tool's result is
/// longer than a state, and the model is told so.
///
/// Exit status: 0 if the run ends as expected (with an answer; without the layer, after a result that was too long), 1 if it does not,
/// 2 if the document does not exist.
#[derive(Debug, Parser)]
#[command(name = "agent-demo", version)]
pub(crate) struct Arguments {
    /// The layer's files as in /opt: the folder that contains `extensions`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) layer: PathBuf,
    /// The folder with the programs of the functions
    #[arg(long, value_name = "FOLDER")]
    pub(crate) programs: PathBuf,
    /// A Python with moto, which interprets the state machine
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) interpreter: PathBuf,
    /// The state machine's definition
    #[arg(long, value_name = "FILE")]
    pub(crate) state_machine: PathBuf,
    /// What to ask about the document
    #[arg(long, default_value = "How does a queue wait until an item is available?")]
    pub(crate) question: String,
    /// A text of up to 8 MiB [default: the beginning of the interpreter's standard library]
    #[arg(long, value_name = "FILE")]
    pub(crate) document: Option<PathBuf>,
    /// A TOML file that describes your own agent [default: an agent that answers questions about the document]
    #[arg(long, value_name = "FILE")]
    pub(crate) agent: Option<PathBuf>,
    /// The Python with `awslambdaric` that runs the agent's own tools
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) tool_python: Option<PathBuf>,
    /// The folder that holds the package `lrap_tools`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) tool_library: Option<PathBuf>,
    /// Run the functions without the layer
    #[arg(long)]
    pub(crate) detached: bool,
    /// A server of OpenAI's Chat Completions, such as <http://127.0.0.1:11434/v1>; `stand-in` starts a scripted one that sends thoughts and tool calls
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The model of the provider or server, in place of the one that this program chooses
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Show the run on a page, while it runs and until Enter is pressed
    #[arg(long)]
    pub(crate) page: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) keys: ProviderKeys,
}

/// Keys of providers. The first that is set chooses the model.
#[derive(Debug, clap::Args)]
pub(crate) struct ProviderKeys {
    /// Anthropic's
    #[arg(long = "anthropic-api-key", env = "ANTHROPIC_API_KEY", hide_env_values = true)]
    pub(crate) anthropic: Option<String>,
    /// OpenAI's
    #[arg(long = "openai-api-key", env = "OPENAI_API_KEY", hide_env_values = true)]
    pub(crate) openai: Option<String>,
    /// Google's
    #[arg(long = "gemini-api-key", env = "GEMINI_API_KEY", hide_env_values = true)]
    pub(crate) gemini: Option<String>,
    /// xAI's
    #[arg(long = "xai-api-key", env = "XAI_API_KEY", hide_env_values = true)]
    pub(crate) xai: Option<String>,
    /// DeepSeek's
    #[arg(long = "deepseek-api-key", env = "DEEPSEEK_API_KEY", hide_env_values = true)]
    pub(crate) deepseek: Option<String>,
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
