//! Why a call gives no result.

use functions_content::ContentError;
use http_guard::FetchError;
use secrets::SecretError;

/// Why a call gives no result, in words for the model and for the person who runs the command.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The row cannot be used.
    #[error("the tool's row is not valid: `{0}`")]
    Row(&'static str),
    /// The secret that the row names cannot be read. Which one, and why, is in the log only.
    #[error("the credentials for the server cannot be read")]
    Credentials(#[from] SecretError),
    /// What the secret holds cannot be sent as a header.
    #[error("the credentials for the server are not valid as a header")]
    NotAHeader,
    /// The secret does not name this host among those that may get it.
    #[error(
        "the credentials for the server are not for the host `{0}`; an operator must add it to `hosts` of their secret"
    )]
    NotForHost(String),
    /// The server cannot be asked, or its response is not taken.
    #[error("the server cannot be used: {0}")]
    Fetch(#[from] FetchError),
    /// The server answers with this status of HTTP.
    #[error("the server answers {0}")]
    Status(http::StatusCode),
    /// The server does not speak the protocol.
    #[error("the server breaks the MCP protocol: {0}")]
    Protocol(String),
    /// The server refuses the call, in its own words.
    #[error("the server refuses the call: {0}")]
    Refused(String),
    /// The server has no such tool any more.
    #[error(
        "the server has no tool of this name any more; an operator must run `make mcp-tools` again, or let gateway-registry reconcile its gateway"
    )]
    Gone,
    /// The server says something else of the tool than the model was told.
    #[error(
        "the server describes this tool differently from the registry; the tool is not called until an operator runs `make mcp-tools` again, or lets gateway-registry reconcile its gateway"
    )]
    Changed,
    /// The server has more tools than are read.
    #[error("the server lists too many tools")]
    TooMany,
    /// The server says more of its tools than is kept in memory.
    #[error("the server lists its tools with more than {0} bytes")]
    TooLong(usize),
    /// There was no time left.
    #[error("the server did not answer in the time that this function has")]
    Late,
    /// A long result could not be stored.
    #[error(transparent)]
    Content(#[from] ContentError),
}

impl CallError {
    /// For the log: without a server's own words.
    pub(crate) fn logged(&self) -> String {
        match self {
            Self::Refused(_) => "the server refuses the call".to_owned(),
            Self::Protocol(_) => "the server does not speak MCP as it should".to_owned(),
            other => other.to_string(),
        }
    }
}
