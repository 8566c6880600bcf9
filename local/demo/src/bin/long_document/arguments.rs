//! The command line.

use clap::Parser;
use demo::Output;
use std::path::PathBuf;

/// Sends a document through two Lambda functions on this machine, the state of a workflow between them, and shows what crossed
/// the workflow, what the content table did, how long it took, and that what arrived is byte for byte what was sent.
///
/// The first function runs on Python's official runtime client, the second is a Rust program on an OS-only runtime. Both run
/// behind the real extension of the layer.
///
/// Exit status: 0 if what arrived is what was sent, 1 if it is not or a function failed, 2 if the document does not exist.
#[derive(Debug, Parser)]
#[command(name = "long_document", version)]
pub(crate) struct Arguments {
    /// The layer's files as in /opt: the folder that contains `extensions`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) layer: PathBuf,
    /// The folder of the function that reads the document
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reader: PathBuf,
    /// The Python with `awslambdaric` that runs the reader
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) reader_python: PathBuf,
    /// The program of the function that analyses what was read
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) analyser: PathBuf,
    /// Text of up to 64 MiB, or any other file of up to 48 MiB (it travels as base64) [default: the standard
    /// library of the reader's Python]
    #[arg(long, value_name = "FILE")]
    pub(crate) document: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
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
