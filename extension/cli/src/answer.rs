//! What a command answers: a result, or why there is none.

use std::io::{self, Write};

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Yes,
    /// The command did what it was asked to, and the answer is no.
    No,
}

/// Why a command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    /// The answer is no, and there is nothing else to show.
    #[error("{0}")]
    No(String),
    /// Arguments, settings or files that make no sense.
    #[error("{0}")]
    Usage(String),
    /// The content table does not answer, or denies access.
    #[error("{0}")]
    Unavailable(String),
    /// Standard output does not take what we say.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl ToolError {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::No(_) => 1,
            Self::Usage(_) | Self::Output(_) => 2,
            Self::Unavailable(_) => 3,
        }
    }

    /// A pager that was closed, or `head` that has seen enough: nothing went wrong.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Shows a result: the document for programs, the text for people.
pub(crate) fn print(as_json: bool, document: &serde_json::Value, text: &str) -> Result<Outcome, ToolError> {
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{document}")?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(Outcome::Yes)
}
